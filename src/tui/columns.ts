/** The columns of the flow table: what each shows, how wide it is, and which go first when the screen is narrow. */
import type { FlowRow, SortKey } from "../capture/live/snapshot.ts";
import { formatBitRate } from "../core/units.ts";
import { cells, count, endpoint, type Glyphs, shortDuration } from "./format.ts";

export interface Column {
  readonly title: string;
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
  readonly cell: (row: FlowRow, width: number, glyphs: Glyphs) => string;
}

const text =
  (pick: (row: FlowRow) => string): Column["cell"] =>
  (row, _width, glyphs) =>
    cells(pick(row), glyphs);

const COLUMNS: readonly Column[] = [
  { title: "PROTO", sort: "proto", numeric: false, min: 5, max: 7, priority: 0, cell: text((row) => row.proto) },
  {
    title: "ORIG",
    sort: "orig",
    numeric: false,
    min: 15,
    max: 47,
    priority: 0,
    middle: true,
    cell: text((row) => endpoint(row.origAddress, row.origPort)),
  },
  {
    title: "RESP",
    sort: "resp",
    numeric: false,
    min: 15,
    max: 47,
    priority: 0,
    middle: true,
    cell: text((row) => endpoint(row.respAddress, row.respPort)),
  },
  { title: "VLAN", sort: null, numeric: true, min: 4, max: 4, priority: 5, cell: (row) => vlan(row) },
  { title: "APP", sort: "app", numeric: false, min: 5, max: 8, priority: 2, cell: text((row) => row.app || "-") },
  { title: "STATE", sort: "state", numeric: false, min: 6, max: 6, priority: 4, cell: text((row) => row.state) },
  {
    title: "PKTS",
    sort: "packets",
    numeric: true,
    min: 5,
    max: 9,
    priority: 1,
    cell: (row, width) => count(row.origPackets + row.respPackets, width),
  },
  {
    title: "BYTES",
    sort: "bytes",
    numeric: true,
    min: 7,
    max: 11,
    priority: 0,
    cell: (row, width) => count(row.origBytes + row.respBytes, width),
  },
  {
    title: "RATE",
    sort: "rate",
    numeric: true,
    min: 7,
    max: 7,
    priority: 0,
    cell: (row) => formatBitRate(Math.round(row.rateBps)),
  },
  {
    title: "DUR",
    sort: "duration",
    numeric: true,
    min: 6,
    max: 6,
    priority: 3,
    cell: (row) => shortDuration(row.durationMs),
  },
];

function vlan({ vlans }: FlowRow): string {
  if (vlans.length === 0) return "-";
  return vlans.length === 1 ? String(vlans[0]) : `${vlans[0]}+`;
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

/** The columns that fit into `cols` cells with one cell between them, widened to what `rows` would like as far as there is room. */
export function placeColumns(cols: number, rows: readonly FlowRow[], glyphs: Glyphs): Placed[] {
  let shown = COLUMNS;
  const needed = (): number => shown.reduce((sum, column) => sum + column.min + 1, -1);
  while (needed() > cols) {
    const least = Math.max(...shown.map((column) => column.priority));
    if (least === 0) break;
    shown = shown.filter((column) => column.priority !== least);
  }
  let room = Math.max(0, cols - needed());
  const widths = new Map(shown.map((column) => [column, column.min]));
  // Numbers first: an address that is cut still tells, a count that is scaled tells less.
  for (const column of [...shown].sort((a, b) => Number(b.numeric) - Number(a.numeric))) {
    const wanted = rows.reduce((most, row) => Math.max(most, column.cell(row, column.max, glyphs).length), column.min);
    const more = Math.min(room, Math.min(wanted, column.max) - column.min);
    widths.set(column, column.min + more);
    room -= more;
  }
  return shown.map((column) => ({ column, width: widths.get(column)! }));
}
