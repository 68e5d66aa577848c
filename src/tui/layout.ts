/** How the screen's lines are shared out: one function for the views and for scrolling. */
import type { Model, Size } from "./model.ts";

/** Below this nothing sensible fits. */
export const MIN_SIZE: Size = { cols: 60, rows: 15 };

export interface Layout {
  readonly tooSmall: boolean;
  /** Lines of the strip between title and table: 3, or 1 on a short or narrow screen. */
  readonly stripRows: 1 | 3;
  readonly tableRows: number;
  /** Lines of the detail pane with its heading, 0 when closed. */
  readonly detailRows: number;
}

/** Title, rule, table head, rule, and two lines of footer. */
const FIXED_ROWS = 6;

export function layoutOf({ size, detail }: Pick<Model, "size" | "detail">): Layout {
  const tooSmall = size.cols < MIN_SIZE.cols || size.rows < MIN_SIZE.rows;
  const stripRows = size.rows >= 24 && size.cols >= 100 ? 3 : 1;
  const detailRows = detail ? (size.rows >= 24 ? 7 : 5) : 0;
  return {
    tooSmall,
    stripRows,
    detailRows,
    tableRows: Math.max(1, size.rows - FIXED_ROWS - stripRows - detailRows),
  };
}
