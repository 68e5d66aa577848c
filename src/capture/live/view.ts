/** The flow table's answers to view requests, live or held. Runs in the capture worker. */
import { messageOf } from "../../core/errors.ts";
import { flowFilter } from "../filter/display-flows.ts";
import { FlowMeter } from "../flow/meter.ts";
import type { Frame } from "../frame.ts";
import { durationMs, FlowRows } from "./flow-rows.ts";
import { rowsAtRanks } from "./ranking.ts";
import { RowRates, TotalRate } from "./rates.ts";
import type { CaptureState, Drops, FlowRow, Snapshot, SortKey, ViewRequest } from "./snapshot.ts";

/** Rows kept for a screen that is held. */
const HELD_ROWS = 10_000;
const SORT_KEYS: readonly SortKey[] = ["proto", "orig", "resp", "app", "state", "packets", "bytes", "rate", "duration"];

/** Rows as they were when the screen was held, and their order by every key, ascending. */
interface Held {
  readonly rows: readonly FlowRow[];
  readonly orders: ReadonlyMap<SortKey, readonly number[]>;
}

type Selection = Snapshot["selected"];
type Visible = Pick<Snapshot, "scrollable" | "offset" | "rows" | "records" | "selected">;

export class FlowView {
  readonly meter = new FlowMeter({ keepEnded: true });
  readonly #live: boolean;
  readonly #total = new TotalRate();
  readonly #rates: RowRates;
  readonly #rows: FlowRows;
  readonly #startMs: number;
  #tickMs: number;
  #held: Held | null = null;
  /** The display filter in force, the one asked for last, and what is wrong with that. */
  #filter = "";
  #asked = "";
  #filterError: string | null = null;
  #matches: (row: number) => boolean = () => true;
  // Time of the first and last frame, seconds, for captures that are read from files.
  #first = Number.NaN;
  #last = Number.NaN;

  /** @param live rates are those of the last tick; else means over the capture and the flows' lives */
  constructor(live: boolean, nowMs: number) {
    this.#live = live;
    this.#startMs = nowMs;
    this.#tickMs = nowMs;
    const { table, labels } = this.meter;
    this.#rates = new RowRates(table);
    const mean = (row: number): number => {
      const ms = durationMs(table, row);
      return ms > 0 ? ((table.frameBytes(row, true) + table.frameBytes(row, false)) * 8000) / ms : 0;
    };
    this.#rows = new FlowRows(table, live ? (row) => this.#rates.of(row) : mean, labels);
  }

  /** Counts a frame. */
  add(frame: Frame): void {
    if (!this.#live && frame.hasTime) {
      const time = frame.sec + frame.nsec / 1e9;
      if (!(time >= this.#first)) this.#first = time;
      if (!(time <= this.#last)) this.#last = time;
    }
    this.meter.add(frame);
  }

  /** To be called about once a second while live. */
  tick(nowMs: number): void {
    const seconds = (nowMs - this.#tickMs) / 1000;
    if (seconds <= 0) return;
    this.#tickMs = nowMs;
    this.meter.table.advance(nowMs / 1000);
    this.#total.tick(this.meter.packets, this.meter.bytes, seconds);
    this.#rates.tick(seconds);
  }

  answer(request: ViewRequest, state: CaptureState, drops: Drops | null, nowMs: number): Snapshot {
    this.#useFilter(request.filter);
    if (!request.hold) this.#held = null;
    else this.#held ??= this.#hold(request.sort, request.descending);
    const { meter } = this;
    const span = this.#last - this.#first;
    const mean = (count: number): number => (span > 0 ? count / span : 0);
    let notIp = 0;
    for (const count of meter.notIp) notIp += count;
    return {
      seq: request.seq,
      state,
      atMs: nowMs,
      elapsedMs: this.#live ? nowMs - this.#startMs : span > 0 ? span * 1000 : 0,
      packets: meter.packets,
      bytes: meter.bytes,
      drops,
      packetsPerSec: this.#live ? this.#total.packetsPerSec : mean(meter.packets),
      bitsPerSec: this.#live ? this.#total.bitsPerSec : mean(meter.bytes * 8),
      peakBitsPerSec: this.#total.peakBitsPerSec,
      rateHistory: this.#total.history,
      notIp,
      malformed: meter.malformed,
      flows: meter.table.size,
      filter: this.#filter,
      filterError: this.#filterError,
      ...(this.#held ? heldRows(this.#held, request) : this.#liveRows(request)),
    };
  }

  /** A wrong filter changes nothing but `#filterError`. A held screen is held anew: its flows are others. */
  #useFilter(text: string): void {
    if (text === this.#asked) return;
    this.#asked = text;
    try {
      this.#matches = flowFilter(text, this.meter.table, this.meter.labels);
      this.#filter = text;
      this.#filterError = null;
      this.#held = null;
    } catch (error) {
      this.#filterError = messageOf(error);
    }
  }

  #each = (visit: (row: number) => void): void => {
    const { table } = this.meter;
    for (let row = 0; row < table.rows; row++) if (table.shown(row) && this.#matches(row)) visit(row);
  };

  #count(): number {
    let total = 0;
    this.#each(() => total++);
    return total;
  }

  #liveRows({ sort, descending, offset, rows, selected, records }: ViewRequest): Visible {
    const total = this.#count();
    const compare = this.#rows.compare(sort, descending);
    const from = Math.max(0, Math.min(offset, total - rows));
    const visible = rowsAtRanks(this.#each, total, compare, from, rows);
    return {
      scrollable: total,
      offset: from,
      rows: visible.map((row) => this.#rows.row(row)),
      records: records ? this.#rows.records(visible) : [],
      selected: this.#select(selected, total, compare),
    };
  }

  #select(selected: ViewRequest["selected"], total: number, compare: (a: number, b: number) => number): Selection {
    if (selected === null) return null;
    if ("rank" in selected) {
      const rank = Math.min(selected.rank, total - 1);
      const [row] = rowsAtRanks(this.#each, total, compare, rank, 1);
      return row === undefined ? null : { rank, row: this.#rows.row(row) };
    }
    const row = this.meter.table.rowOf(selected.id);
    if (row < 0 || !this.#matches(row)) return null;
    let rank = 0;
    this.#each((other) => {
      if (compare(other, row) < 0) rank++;
    });
    return { rank, row: this.#rows.row(row) };
  }

  #hold(sort: SortKey, descending: boolean): Held {
    const compare = this.#rows.compare(sort, descending);
    const chosen = rowsAtRanks(this.#each, this.#count(), compare, 0, HELD_ROWS);
    const place = new Map(chosen.map((row, index) => [row, index]));
    const orders = SORT_KEYS.map((key) => {
      const order = [...chosen].sort(this.#rows.compare(key, false)).map((row) => place.get(row)!);
      return [key, order] as const;
    });
    return { rows: chosen.map((row) => this.#rows.row(row)), orders: new Map(orders) };
  }
}

function heldRows(held: Held, { sort, descending, offset, rows, selected }: ViewRequest): Visible {
  const ascending = held.orders.get(sort)!;
  const order = descending ? ascending.toReversed() : ascending;
  const from = Math.max(0, Math.min(offset, order.length - rows));
  const rank =
    selected === null
      ? -1
      : "rank" in selected
        ? Math.min(selected.rank, order.length - 1)
        : order.findIndex((index) => held.rows[index]!.id === selected.id);
  return {
    scrollable: order.length,
    offset: from,
    rows: order.slice(from, from + rows).map((index) => held.rows[index]!),
    records: [],
    selected: rank < 0 ? null : { rank, row: held.rows[order[rank]!]! },
  };
}
