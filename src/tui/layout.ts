/** How the screen's lines are shared out: one function for the views and for scrolling. */
import type { Model, Size } from "./model.ts";

/** Below this nothing sensible fits. */
export const MIN_SIZE: Size = { cols: 60, rows: 15 };

export interface Layout {
  readonly tooSmall: boolean;
  /** Lines of the strip below the tabs: 3, or 1 on a short or narrow screen. */
  readonly stripRows: 1 | 3;
  /** Lines between the strip's rule and the rule above the status line. */
  readonly bodyRows: number;
  /** Flows: rows of the table, without its heading. */
  readonly tableRows: number;
  /** Flows: lines of the detail pane with its heading, 0 when closed. */
  readonly detailRows: number;
  /** Packets: rows of the list, without its heading, and lines of the panes below it. */
  readonly listRows: number;
  readonly paneRows: number;
}

/** Title, tabs, rule, rule, status, footer. */
const FIXED_ROWS = 6;

export function layoutOf({ size, flows }: Pick<Model, "size" | "flows">): Layout {
  const tooSmall = size.cols < MIN_SIZE.cols || size.rows < MIN_SIZE.rows;
  const stripRows = size.rows >= 24 && size.cols >= 100 ? 3 : 1;
  const bodyRows = Math.max(2, size.rows - FIXED_ROWS - stripRows);
  const detailRows = flows.pin === null ? 0 : size.rows >= 30 ? 12 : size.rows >= 24 ? 8 : 4;
  // The pane's own heading is one of its lines.
  const paneRows = Math.max(3, Math.floor((bodyRows - 1) * 0.55));
  return {
    tooSmall,
    stripRows,
    bodyRows,
    detailRows,
    tableRows: Math.max(1, bodyRows - 1 - detailRows),
    listRows: Math.max(1, bodyRows - 1 - paneRows),
    paneRows,
  };
}
