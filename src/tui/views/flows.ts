/** The flow table: a heading with the sort mark, and one line a flow. */
import type { FlowRow, SortKey } from "../../capture/live/snapshot.ts";
import { type Placed, placeColumns } from "../columns.ts";
import { type Glyphs, toWidth, toWidthMiddle } from "../format.ts";
import { layoutOf } from "../layout.ts";
import { cursorRank, type Model } from "../model.ts";
import { type Line, lineOf, span } from "../styled.ts";

/** Cells before the first column: the cursor's mark and a space. */
const MARGIN = 2;

/** Heading and `tableRows` lines. */
export function renderFlows(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const { tableRows } = layoutOf(model);
  const rows = model.snapshot?.rows.slice(0, tableRows) ?? [];
  const placed = placeColumns(cols - MARGIN, rows, glyphs);
  const heading = " ".repeat(MARGIN) + headingOf(placed, model.sort, model.descending, glyphs);
  const lines: Line[] = [lineOf(cols, [span(heading, "heading")], [], "heading")];
  const cursor = cursorRank(model) - (model.snapshot?.offset ?? 0);
  for (let index = 0; index < tableRows; index++) {
    const row = rows[index];
    if (!row) lines.push(lineOf(cols, index === 0 ? [span(`  ${emptyReason(model)}`, "dim")] : []));
    else if (index === cursor)
      lines.push(lineOf(cols, [span(`> ${cellsOf(row, placed, glyphs)}`, "selected")], [], "selected"));
    else lines.push(lineOf(cols, [span(`  ${cellsOf(row, placed, glyphs)}`)]));
  }
  return lines;
}

/** The titles, the one that is sorted by marked with the direction. */
export function headingOf(placed: readonly Placed[], sort: SortKey, descending: boolean, glyphs: Glyphs): string {
  return placed
    .map(({ column, width }) => {
      const mark = column.sort === sort ? ` ${descending ? glyphs.down : glyphs.up}` : "";
      const room = width - mark.length;
      const title = column.title.length > room ? column.title.slice(0, room) : column.title;
      return toWidth(title + mark, width, glyphs, column.numeric ? "right" : "left");
    })
    .join(" ");
}

/** One flow in the placed columns. */
export function cellsOf(row: FlowRow, placed: readonly Placed[], glyphs: Glyphs): string {
  return placed
    .map(({ column, width }) => {
      const cell = column.cell(row, width, glyphs);
      return column.middle
        ? toWidthMiddle(cell, width, glyphs)
        : toWidth(cell, width, glyphs, column.numeric ? "right" : "left");
    })
    .join(" ");
}

function emptyReason({ snapshot, subject }: Model): string {
  if (!snapshot || snapshot.state === "starting") return subject.live ? "starting the capture ..." : "reading ...";
  if (snapshot.filter !== "" && snapshot.flows > 0) return "no flow matches the filter";
  if (snapshot.packets > 0) return "no IP flows yet";
  if (snapshot.state === "ended") return "no packets";
  return subject.bpf === null ? "waiting for packets ..." : "waiting for packets that match the capture filter ...";
}
