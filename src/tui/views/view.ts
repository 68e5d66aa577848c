/** What a screen is made of: one file of this folder each, and one row in `screens.ts`. */
import type { ViewRequest } from "../../capture/live/snapshot.ts";
import type { Glyphs } from "../format.ts";
import type { Action } from "../keys.ts";
import type { Model } from "../model.ts";
import type { Step } from "../step.ts";
import type { Line, Span } from "../styled.ts";

export type QueryParts = Partial<Pick<ViewRequest, "flows" | "packets" | "talkers" | "overview">>;

export interface ScreenView {
  readonly title: string;
  /** What it needs of the worker. */
  readonly query: (model: Model) => QueryParts;
  /** The lines between the strip and the status line; frame.ts fills up and cuts. */
  readonly render: (model: Model, glyphs: Glyphs) => Line[];
  /** What the status line says on the left and on the right. */
  readonly status: (model: Model, glyphs: Glyphs) => { readonly left: Span[]; readonly right: Span[] };
  /** What an action does on this screen; null: nothing of its own. */
  readonly act: (model: Model, action: Action) => Step | null;
}

/** Moves of the cursor that every list has, in rows of `page`; null for other actions. */
export function moveOf(action: Action, page: number): number | null {
  switch (action) {
    case "down":
      return 1;
    case "up":
      return -1;
    case "page-down":
      return page;
    case "page-up":
      return -page;
    case "half-page-down":
      return Math.ceil(page / 2);
    case "half-page-up":
      return -Math.ceil(page / 2);
    case "first":
      return Number.NEGATIVE_INFINITY;
    case "last":
      return Number.POSITIVE_INFINITY;
    default:
      return null;
  }
}

/** Where the cursor of a list is after a move: the list scrolls only when it would leave the screen. */
export function moved(
  { offset, line }: { readonly offset: number; readonly line: number },
  by: number,
  total: number,
  page: number,
): { offset: number; line: number } {
  const rank = Math.max(0, Math.min(total - 1, offset + line + by));
  let from = Math.max(0, Math.min(offset, total - page));
  if (rank < from) from = rank;
  else if (rank >= from + page) from = rank - page + 1;
  return { offset: from, line: rank - from };
}
