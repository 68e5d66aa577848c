/** The columns of the flow table: what each shows, how wide it is, and which go first when the screen is narrow. */
import type { FlowRow, SortKey } from "../capture/live/snapshot.ts";
import { formatBitRate } from "../core/units.ts";
import { cells, count, endpoint, type Glyphs, latency, shortDuration, sparkline, timeOfDay } from "./format.ts";
import type { Style } from "./styled.ts";

/** What flows can be sorted by, and what they cannot. */
export type ColumnId = SortKey | "trend" | "history";

/** What a cell is drawn with. */
export interface CellContext {
  readonly glyphs: Glyphs;
  readonly learnedNames: boolean;
}

export interface Column {
  readonly id: ColumnId;
  readonly title: string;
  readonly about: string;
  readonly sort: SortKey | null;
  /** Numbers stand right, and sort from the greatest down at first. */
  readonly numeric: boolean;
  readonly min: number;
  /** The width beyond which it takes no more. */
  readonly max: number;
  /** Columns with the greatest number are left out first. */
  readonly priority: number;
  /** Cut in the middle, not at the end. */
  readonly middle?: boolean;
  readonly cell: (row: FlowRow, width: number, context: CellContext) => string;
  readonly style?: (row: FlowRow) => Style;
}

const text =
  (pick: (row: FlowRow) => string): Column["cell"] =>
  (row, _width, { glyphs }) =>
    cells(pick(row), glyphs);

/** States of connections that did not go well: refused, unanswered, reset, half seen. */
const STATE_STYLES: Readonly<Record<string, Style>> = {
  S0: "warn",
  REJ: "bad",
  RSTO: "warn",
  RSTR: "warn",
  RSTOS0: "warn",
  RSTRH: "warn",
  SH: "warn",
  SHR: "warn",
  SF: "good",
};

export const COLUMNS: readonly Column[] = [
  {
    ...{ id: "proto", title: "PROTO", about: "transport protocol", sort: "proto", numeric: false },
    ...{ min: 5, max: 7, priority: 0, cell: text((row) => row.proto) },
  },
  {
    ...{ id: "orig", title: "ORIG", about: "originator: who opened the connection", sort: "orig", numeric: false },
    ...{ min: 15, max: 47, priority: 0, middle: true },
    cell: text((row) => endpoint(row.origAddress, row.origPort)),
  },
  {
    ...{ id: "resp", title: "RESP", about: "responder", sort: "resp", numeric: false },
    ...{ min: 15, max: 47, priority: 0, middle: true },
    cell: text((row) => endpoint(row.respAddress, row.respPort)),
  },
  {
    ...{ id: "vlan", title: "VLAN", about: "VLAN ids, outermost first", sort: "vlan", numeric: true },
    ...{ min: 4, max: 9, priority: 6, cell: text((row) => row.vlans.join(".") || "-") },
  },
  {
    ...{ id: "app", title: "APP", about: "application; ? is a guess from the port", sort: "app", numeric: false },
    ...{ min: 5, max: 11, priority: 2 },
    cell: text((row) => (row.app === "" ? "-" : row.appGuessed ? `${row.app}?` : row.app)),
  },
  {
    ...{
      id: "name",
      title: "NAME",
      about: "server name, query or host; ~ learned from DNS",
      sort: "name",
      numeric: false,
    },
    ...{ min: 18, max: 40, priority: 7 },
    cell: (row, _width, { glyphs, learnedNames }) => {
      if (row.serverName !== "") return cells(row.serverName, glyphs);
      return learnedNames && row.learnedName !== "" ? cells(`~${row.learnedName}`, glyphs) : "-";
    },
  },
  {
    ...{ id: "state", title: "STATE", about: "Zeek's conn_state", sort: "state", numeric: false },
    ...{ min: 6, max: 6, priority: 4, cell: text((row) => row.state) },
    style: (row) => STATE_STYLES[row.state] ?? "plain",
  },
  {
    ...{ id: "packets", title: "PKTS", about: "packets of both sides", sort: "packets", numeric: true },
    ...{ min: 6, max: 10, priority: 1 },
    cell: (row, width) => count(row.origPackets + row.respPackets, width),
  },
  {
    ...{ id: "bytes", title: "BYTES", about: "IP bytes of both sides", sort: "bytes", numeric: true },
    ...{ min: 7, max: 13, priority: 0 },
    cell: (row, width) => count(row.origBytes + row.respBytes, width),
  },
  {
    ...{ id: "rate", title: "RATE", about: "bits per second, mean of the last 5 s", sort: "rate", numeric: true },
    ...{ min: 7, max: 7, priority: 0 },
    cell: (row) => formatBitRate(Math.round(row.rateBps)),
  },
  {
    ...{ id: "trend", title: "TREND", about: "bits per second of the last seconds", sort: null, numeric: false },
    ...{ min: 10, max: 10, priority: 8 },
    cell: (row, width, { glyphs }) => sparkline(row.trend, width, glyphs),
  },
  {
    ...{ id: "rtt", title: "RTT", about: "round trip: h handshake, d DNS, n NTP, e echo", sort: "rtt", numeric: true },
    ...{ min: 7, max: 7, priority: 5 },
    cell: (row) => (row.rttMs === null ? "-" : `${latency(row.rttMs)}${RTT_MARKS[row.rttKind!]}`),
  },
  {
    ...{ id: "retrans", title: "RETR", about: "TCP segments sent again", sort: "retrans", numeric: true },
    ...{ min: 5, max: 7, priority: 9 },
    cell: (row, width) => (row.retransmits === null ? "-" : count(row.retransmits, width)),
    style: (row) => ((row.retransmits ?? 0) > 0 ? "warn" : "plain"),
  },
  {
    ...{ id: "ooo", title: "OOO", about: "TCP segments that came ahead of a hole", sort: "ooo", numeric: true },
    ...{ min: 5, max: 7, priority: 10 },
    cell: (row, width) => (row.outOfOrder === null ? "-" : count(row.outOfOrder, width)),
  },
  {
    ...{ id: "zero", title: "ZWIN", about: "TCP segments that closed the window", sort: "zero", numeric: true },
    ...{ min: 5, max: 7, priority: 10 },
    cell: (row, width) => (row.zeroWindows === null ? "-" : count(row.zeroWindows, width)),
    style: (row) => ((row.zeroWindows ?? 0) > 0 ? "warn" : "plain"),
  },
  {
    ...{ id: "missed", title: "MISSED", about: "bytes acknowledged but never seen", sort: "missed", numeric: true },
    ...{ min: 7, max: 9, priority: 10 },
    cell: (row, width) => (row.missed === 0 ? "-" : count(row.missed, width)),
    style: (row) => (row.missed > 0 ? "bad" : "plain"),
  },
  {
    ...{ id: "duration", title: "DUR", about: "duration", sort: "duration", numeric: true },
    ...{ min: 6, max: 6, priority: 3, cell: (row) => shortDuration(row.durationMs) },
  },
  {
    ...{ id: "start", title: "START", about: "local time of the first packet", sort: "start", numeric: true },
    ...{ min: 8, max: 8, priority: 11, cell: (row) => timeOfDay(row.firstMs) },
  },
  {
    ...{ id: "history", title: "HISTORY", about: "Zeek's history letters", sort: null, numeric: false },
    ...{ min: 8, max: 16, priority: 12, cell: text((row) => row.history || "-") },
  },
];

const RTT_MARKS = { tcp: "h", dns: "d", ntp: "n", echo: "e" } as const;

const RARELY_SHOWN: ReadonlySet<ColumnId> = new Set(["ooo", "zero", "missed", "history"]);

/** All but those that few people look at. */
export const DEFAULT_COLUMNS: readonly ColumnId[] = COLUMNS.map(({ id }) => id).filter((id) => !RARELY_SHOWN.has(id));

/** Columns by their ids; what is no column is left out. */
export function columnsOf(ids: readonly string[]): readonly Column[] {
  return COLUMNS.filter(({ id }) => ids.includes(id));
}

/** The columns that `s`, `<` and `>` go through. */
export const SORTABLE = COLUMNS.filter((column): column is Column & { sort: SortKey } => column.sort !== null);

/** The title of the column the table is sorted by. */
export function sortTitle(sort: SortKey): string {
  return SORTABLE.find((column) => column.sort === sort)!.title;
}

/** A column and the cells it gets. */
export interface Placed {
  readonly column: Column;
  readonly width: number;
}

export type Widths = Readonly<Partial<Record<ColumnId, number>>>;

/** `widths` grown to what `rows` would like: a width never shrinks, so that columns do not jump. */
export function grownWidths(widths: Widths, rows: readonly FlowRow[], context: CellContext): Widths {
  let grown: Partial<Record<ColumnId, number>> | null = null;
  for (const column of COLUMNS) {
    const before = widths[column.id] ?? column.min;
    if (before >= column.max) continue;
    let wanted = before;
    for (const row of rows) wanted = Math.max(wanted, column.cell(row, column.max, context).length);
    if (wanted > before) (grown ??= { ...widths })[column.id] = Math.min(wanted, column.max);
  }
  return grown ?? widths;
}

/** The columns that fit into `cols` cells with one cell between them, widened up to `widths` as far as there is room. */
export function placeColumns(cols: number, ids: readonly ColumnId[], widths: Widths): Placed[] {
  let shown = columnsOf(ids);
  const needed = (): number => shown.reduce((sum, column) => sum + column.min + 1, -1);
  while (needed() > cols && shown.length > 1) {
    const least = Math.max(...shown.map((column) => column.priority));
    const without = shown.filter((column) => column.priority !== least);
    if (without.length === 0) break;
    shown = without;
  }
  let room = Math.max(0, cols - needed());
  const given = new Map(shown.map((column) => [column, column.min]));
  // Numbers first: a count that is scaled says less than an address that is cut.
  for (const column of [...shown].sort((a, b) => Number(b.numeric) - Number(a.numeric) || a.priority - b.priority)) {
    const wanted = Math.min(widths[column.id] ?? column.min, column.max);
    const more = Math.min(room, Math.max(0, wanted - column.min));
    given.set(column, column.min + more);
    room -= more;
  }
  return shown.map((column) => ({ column, width: given.get(column)! }));
}
