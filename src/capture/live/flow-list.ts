/** The flows screen's answers: the rows at the ranks it shows, live, with their order frozen, or held as they were. */
import type { Rows } from "../../engine/host/rows.ts";
import type { FlowRows } from "./flow-rows.ts";
import { type Compare, rowsAtRanks, rowsOfScreen } from "./ranking.ts";
import type { FlowDetail, FlowRow, FlowsAnswer, FlowsQuery, SortKey } from "./snapshot.ts";

/** Rows kept for a screen that is held, and those whose order is kept when it is frozen. */
const KEPT_ROWS = 10_000;
const SORT_KEYS: readonly SortKey[] = [
  "proto",
  "orig",
  "resp",
  "vlan",
  "app",
  "name",
  "state",
  "packets",
  "bytes",
  "rate",
  "rtt",
  "retrans",
  "ooo",
  "zero",
  "missed",
  "duration",
  "start",
];

/** Rows as they were when the screen was held, and their order by every key, ascending. */
interface Held {
  readonly rows: readonly FlowRow[];
  readonly orders: ReadonlyMap<SortKey, readonly number[]>;
}

export class FlowList {
  readonly #table: Rows;
  readonly #rows: FlowRows;
  #held: Held | null = null;
  /** Places of flows in the frozen order, by id. */
  #frozen: Map<number, number> | null = null;

  constructor(table: Rows, rows: FlowRows) {
    this.#table = table;
    this.#rows = rows;
  }

  /** What was held is no longer what is wanted: another filter. */
  forget(): void {
    this.#held = null;
    this.#frozen = null;
  }

  answer(query: FlowsQuery, hold: boolean, matches: (row: number) => boolean): FlowsAnswer {
    const table = this.#table;
    const wanted = (row: number): boolean =>
      table.shown(row) && (query.ended || !this.#rows.ended(row)) && matches(row);
    const each = (visit: (row: number) => void): void => {
      for (let row = 0; row < table.rows; row++) if (wanted(row)) visit(row);
    };
    if (!hold) this.#held = null;
    else this.#held ??= this.#hold(query, each);
    if (this.#held) return heldAnswer(this.#held, query, (id) => this.#detail(id));
    if (!query.frozen) this.#frozen = null;
    else this.#frozen ??= this.#freeze(query, each);
    return this.#live(query, each);
  }

  #live(
    { sort, descending, offset, rows, pin, records }: FlowsQuery,
    each: (visit: (row: number) => void) => void,
  ): FlowsAnswer {
    const pinned = pin === null ? -1 : this.#table.rowOf(pin.id);
    const others = (visit: (row: number) => void): void =>
      each((row) => {
        if (row !== pinned) visit(row);
      });
    const compare = this.#frozen ? this.#asFrozen(this.#frozen) : this.#rows.compare(sort, descending);
    const held = pinned >= 0 ? 1 : 0;
    const found = rowsOfScreen(pinned < 0 ? each : others, compare, offset, rows - held);
    const { offset: from, rows: visible } = found;
    const scrollable = found.total + held;
    if (pinned >= 0) visible.splice(Math.min(pin!.line, visible.length), 0, pinned);
    return {
      scrollable,
      offset: from,
      rows: visible.map((row) => this.#rows.row(row)),
      records: records ? this.#rows.records(visible) : [],
      pinned: pinned < 0 ? null : { row: this.#rows.row(pinned), detail: this.#rows.detail(pinned) },
    };
  }

  /** Of a flow that is held, as it is now. */
  #detail(id: number): FlowDetail | null {
    const row = this.#table.rowOf(id);
    return row < 0 ? null : this.#rows.detail(row);
  }

  #freeze({ sort, descending }: FlowsQuery, each: (visit: (row: number) => void) => void): Map<number, number> {
    const compare = this.#rows.compare(sort, descending);
    const first = rowsAtRanks(each, countOf(each), compare, 0, KEPT_ROWS);
    return new Map(first.map((row, place) => [this.#table.id(row), place]));
  }

  /** The kept order; flows that are not in it follow as they came. */
  #asFrozen(places: ReadonlyMap<number, number>): Compare {
    const place = (row: number): number => places.get(this.#table.id(row)) ?? KEPT_ROWS;
    return (a, b) => place(a) - place(b) || a - b;
  }

  #hold({ sort, descending }: FlowsQuery, each: (visit: (row: number) => void) => void): Held {
    const compare = this.#rows.compare(sort, descending);
    const chosen = rowsAtRanks(each, countOf(each), compare, 0, KEPT_ROWS);
    const place = new Map(chosen.map((row, index) => [row, index]));
    const orders = SORT_KEYS.map((key) => {
      const order = [...chosen].sort(this.#rows.compare(key, false)).map((row) => place.get(row)!);
      return [key, order] as const;
    });
    return { rows: chosen.map((row) => this.#rows.row(row, false)), orders: new Map(orders) };
  }
}

function countOf(each: (visit: (row: number) => void) => void): number {
  let total = 0;
  each(() => total++);
  return total;
}

function heldAnswer(
  held: Held,
  { sort, descending, offset, rows, pin }: FlowsQuery,
  detail: (id: number) => FlowDetail | null,
): FlowsAnswer {
  const ascending = held.orders.get(sort)!;
  const order = descending ? ascending.toReversed() : [...ascending];
  const pinned = pin === null ? -1 : held.rows.findIndex(({ id }) => id === pin.id);
  const from = Math.max(0, Math.min(offset, order.length - rows));
  const visible = (pinned < 0 ? order : order.filter((index) => index !== pinned)).slice(
    from,
    from + rows - (pinned < 0 ? 0 : 1),
  );
  if (pinned >= 0) visible.splice(Math.min(pin!.line, visible.length), 0, pinned);
  return {
    scrollable: order.length,
    offset: from,
    rows: visible.map((index) => held.rows[index]!),
    records: [],
    pinned: pinned < 0 ? null : { row: held.rows[pinned]!, detail: detail(held.rows[pinned]!.id) },
  };
}
