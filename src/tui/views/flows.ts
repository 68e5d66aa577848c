/** The flows screen: a table of flows with a cursor that stays on its line, and the detail of one. */
import type { FlowRow, FlowsAnswer, SortKey } from "../../capture/live/snapshot.ts";
import { type CellContext, type Placed, placeColumns, SORTABLE, sortTitle } from "../columns.ts";
import { bpfOf, combine, filterLike, filterOf } from "../filters.ts";
import { cells, commas, endpoint, type Glyphs, toWidth, toWidthMiddle } from "../format.ts";
import type { Action } from "../keys.ts";
import { layoutOf } from "../layout.ts";
import type { FlowsState, Model } from "../model.ts";
import { ask, type Step, say, stay } from "../step.ts";
import { type Line, lineOf, type Span, span } from "../styled.ts";
import { renderDetail } from "./detail.ts";
import { moved, moveOf, type ScreenView } from "./view.ts";

/** Cells before the first column: a mark and a space. */
const MARGIN = 2;

export const FLOWS: ScreenView = {
  title: "Flows",
  query: (model) => ({ flows: queryOf(model) }),
  render: (model, glyphs) => [...renderTable(model, glyphs), ...renderDetail(model, glyphs)],
  status: statusOf,
  act,
};

function queryOf(model: Model) {
  const { sort, descending, offset, line, pin, frozen, showEnded } = model.flows;
  return {
    ...{ sort, descending, offset, frozen, ended: showEnded, records: false },
    rows: layoutOf(model).tableRows,
    pin: pin?.id == null ? null : { id: pin.id, line },
  };
}

/** The flow under the cursor. */
export function flowAtCursor({ snapshot, flows }: Model): FlowRow | undefined {
  return snapshot?.flows?.rows[flows.line];
}

function renderTable(model: Model, glyphs: Glyphs): Line[] {
  const { cols } = model.size;
  const { tableRows } = layoutOf(model);
  const { sort, descending, columns, widths, line, learnedNames } = model.flows;
  const rows = model.snapshot?.flows?.rows ?? [];
  const placed = placeColumns(cols - MARGIN, shownColumns(model, columns), widths);
  const context: CellContext = { glyphs, learnedNames };
  const heading = span(" ".repeat(MARGIN) + headingOf(placed, sort, descending, glyphs), "heading");
  const lines: Line[] = [lineOf(cols, [heading], [], "heading")];
  for (let index = 0; index < tableRows; index++) {
    const row = rows[index];
    if (!row) lines.push(lineOf(cols, index === 0 ? [span(`  ${emptyReason(model)}`, "dim")] : []));
    else if (index === line) {
      lines.push(lineOf(cols, [span(`> ${cellsOf(row, placed, context)}`, "selected")], [], "selected"));
    } else lines.push(lineOf(cols, styledCells(row, placed, context)));
  }
  return lines;
}

/** A file that is read at once has no rates of the moment, and no trend. */
function shownColumns({ subject }: Model, columns: FlowsState["columns"]): FlowsState["columns"] {
  return subject.live || subject.played ? columns : columns.filter((id) => id !== "rate" && id !== "trend");
}

/** The titles, the one that is sorted by marked with the direction. The mark takes the place of blanks, never of letters. */
export function headingOf(placed: readonly Placed[], sort: SortKey, descending: boolean, glyphs: Glyphs): string {
  return placed
    .map(({ column, width }) => {
      const mark = column.sort === sort ? (descending ? glyphs.down : glyphs.up) : "";
      const spaced = column.title.length + 1 < width ? ` ${mark}` : mark;
      // A number's title may reach into the blank before its column.
      const title = `${column.title}${mark === "" ? "" : spaced}`;
      return toWidth(title.length > width ? column.title : title, width, glyphs, column.numeric ? "right" : "left");
    })
    .join(" ");
}

/** One flow in the placed columns. */
export function cellsOf(row: FlowRow, placed: readonly Placed[], context: CellContext): string {
  return placed.map((place) => cellOf(row, place, context)).join(" ");
}

function cellOf(row: FlowRow, { column, width }: Placed, context: CellContext): string {
  const cell = column.cell(row, width, context);
  return column.middle
    ? toWidthMiddle(cell, width, context.glyphs)
    : toWidth(cell, width, context.glyphs, column.numeric ? "right" : "left");
}

/** Marks in column one: x ended, ! something is wrong. */
function styledCells(row: FlowRow, placed: readonly Placed[], context: CellContext): Span[] {
  if (row.ended) return [span(`x ${cellsOf(row, placed, context)}`, "dim")];
  const wrong = row.missed > 0;
  return [
    span(wrong ? "! " : "  ", wrong ? "bad" : "plain"),
    ...placed.flatMap((place, index) => [
      span(index === 0 ? "" : " "),
      span(cellOf(row, place, context), place.column.style?.(row) ?? "plain"),
    ]),
  ];
}

function emptyReason({ snapshot, subject, flows }: Model): string {
  if (!snapshot || snapshot.state === "starting") return subject.live ? "starting the capture ..." : "reading ...";
  if (snapshot.filter !== "" && snapshot.held > 0) return "no flow matches the filter";
  if (!flows.showEnded && snapshot.held > 0) return "all flows have ended (m shows them)";
  if (snapshot.packets > 0) return "no IP flows yet";
  if (snapshot.state === "ended") return "no packets";
  return snapshot.bpf === null ? "waiting for packets ..." : "waiting for packets that match the capture filter ...";
}

function statusOf(model: Model, glyphs: Glyphs): { left: Span[]; right: Span[] } {
  const { snapshot, flows } = model;
  const right = [
    ...(flows.frozen ? [span("order kept  ", "warn")] : []),
    ...(flows.showEnded ? [] : [span("ended hidden  ", "warn")]),
    span("sort ", "label"),
    span(`${sortTitle(flows.sort)} ${flows.descending ? glyphs.down : glyphs.up} `),
  ];
  const filter = snapshot?.filter ? [span("  filter ", "label"), span(cells(snapshot.filter, glyphs))] : [];
  const answer = snapshot?.flows;
  if (!answer || answer.rows.length === 0) return { left: filter, right };
  const rows = Math.min(answer.rows.length, layoutOf(model).tableRows);
  const range = `${commas(answer.offset + 1)}-${commas(answer.offset + rows)}`;
  const some = answer.scrollable < snapshot.held;
  const word = snapshot.filter === "" ? "shown" : "match";
  const matching = some || snapshot.filter !== "" ? ` (${commas(answer.scrollable)} ${word})` : "";
  return { left: [span(` flows ${range} of ${commas(snapshot.held)}${matching}`), ...filter], right };
}

function act(model: Model, action: Action): Step | null {
  const { flows } = model;
  const { tableRows } = layoutOf(model);
  const by = moveOf(action, tableRows);
  if (by !== null) return move(model, by);
  const row = flowAtCursor(model);
  const change = (part: Partial<FlowsState>): Step => ask(resized({ ...model, flows: { ...flows, ...part } }));
  switch (action) {
    case "open":
      if (flows.pin) return change({ pin: null });
      return row ? change({ pin: { id: row.id } }) : stay(model);
    case "back":
      if (flows.pin) return change({ pin: null });
      if (model.filter !== "") return ask({ ...model, filter: "", flows: { ...flows, offset: 0 } });
      return change({ offset: 0, line: 0 });
    case "sort-next":
      return change(sortBy(flows, 1));
    case "sort-previous":
      return change(sortBy(flows, -1));
    case "sort-reverse":
      return change({ descending: !flows.descending });
    case "freeze-order":
      return change({ frozen: !flows.frozen });
    case "toggle-ended":
      return change({ showEnded: !flows.showEnded, offset: 0 });
    case "toggle-names":
      return stay({ ...model, flows: { ...flows, learnedNames: !flows.learnedNames } });
    case "columns":
      return stay({ ...model, chooser: 0 });
    case "packets-of-flow":
      return row ? ask(packetsOf(model, row)) : stay(model);
    case "copy-filter":
      return row ? copy(model, filterOf(row)) : stay(model);
    case "copy-bpf":
      return row ? copy(model, bpfOf(row)) : stay(model);
    case "filter-add":
      return row ? refilter(model, combine(model.filter, filterLike(row), false)) : stay(model);
    case "filter-exclude":
      return row ? refilter(model, combine(model.filter, filterLike(row), true)) : stay(model);
    case "filter-replace":
      return row ? refilter(model, filterLike(row)) : stay(model);
    default:
      return null;
  }
}

/** Another filter, taken at once. */
export function refilter(model: Model, filter: string): Step {
  const flows = { ...model.flows, offset: 0 };
  return ask({ ...model, flows, filterBefore: model.filter, filter });
}

function copy(model: Model, text: string): Step {
  return { model: say(model, `copied: ${text}`), effects: [{ type: "copy", text }] };
}

function packetsOf(model: Model, row: FlowRow): Model {
  const name = `${row.proto} ${endpoint(row.origAddress, row.origPort)} - ${endpoint(row.respAddress, row.respPort)}`;
  const packets = {
    ...{ ...model.packets, scope: { of: "flow", id: row.id } as const, scopeName: name },
    ...{ following: model.subject.live || model.subject.played, top: 0, selected: null, move: 0 },
  };
  return { ...model, screen: "packets", packets };
}

/** Moves the cursor. With the detail open, the flow it comes to is shown and pinned in its stead. */
function move(model: Model, by: number): Step {
  const { flows, snapshot } = model;
  const answer = snapshot?.flows;
  if (!answer || answer.scrollable === 0) return stay(model);
  const { tableRows } = layoutOf(model);
  const to = moved(flows, by, answer.scrollable, tableRows);
  const known = to.offset === answer.offset ? answer.rows[to.line] : undefined;
  const pin = flows.pin === null ? null : { id: known?.id ?? null };
  return ask({ ...model, flows: { ...flows, ...to, pin } });
}

function sortBy({ sort }: FlowsState, step: 1 | -1): Partial<FlowsState> {
  const at = SORTABLE.findIndex((column) => column.sort === sort);
  const next = SORTABLE[(at + step + SORTABLE.length) % SORTABLE.length]!;
  return { sort: next.sort, descending: next.numeric, offset: 0, frozen: false };
}

/** The cursor's line must be one of the table, which a pane or a resize may have made shorter. */
export function resized(model: Model): Model {
  const { tableRows } = layoutOf(model);
  const { line, offset } = model.flows;
  if (line < tableRows) return model;
  return { ...model, flows: { ...model.flows, line: tableRows - 1, offset: offset + line - tableRows + 1 } };
}

/** After an answer: the cursor is on a row there is, and a pin that waited for its flow has it. */
export function settled(model: Model, answer: FlowsAnswer): Model {
  const { flows } = model;
  const line = Math.max(0, Math.min(flows.line, answer.rows.length - 1));
  const pin = flows.pin && flows.pin.id === null ? { id: answer.rows[line]?.id ?? null } : flows.pin;
  if (line === flows.line && pin === flows.pin && answer.offset === flows.offset) return model;
  return { ...model, flows: { ...flows, line, pin, offset: answer.offset } };
}
