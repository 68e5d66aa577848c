/**
 * Rates from counts that only grow. The clock is the packets' own: a second is over when a packet of the next one has come, so that a
 * backlog (after Ctrl-Z, a slow disk) is counted into the seconds it belongs to.
 */
import type { Rows } from "../../engine/host/rows.ts";

/** Seconds that are kept of the whole capture. */
const HISTORY = 3000;
/** Seconds that are kept of a flow that is on screen. */
const TREND = 60;
/** A flow's rate is the mean of so many seconds: rows that are sorted by it do not jump. */
export const MEAN_SECONDS = 5;
/** A trend is given up when its flow has not been on screen for so long, seconds. */
const UNSEEN = 30;

/** Packets and bits per second of the whole capture, second by second. */
export class TotalRate {
  packetsPerSec = 0;
  bitsPerSec = 0;
  peakBitsPerSec = 0;
  /** Bits per second, oldest first. */
  readonly history: number[] = [];
  /** The same of what originators and what responders sent; empty for a file that is read at once. */
  readonly up: number[] = [];
  readonly down: number[] = [];
  #packets = 0;
  #bytes = 0;

  /** A second is over. @param gap how many seconds without a packet follow it */
  tick(packets: number, bytes: number, gap: number): void {
    this.packetsPerSec = gap > 0 ? 0 : packets - this.#packets;
    const bits = (bytes - this.#bytes) * 8;
    this.bitsPerSec = gap > 0 ? 0 : bits;
    this.peakBitsPerSec = Math.max(this.peakBitsPerSec, bits);
    append(this.history, bits, gap);
    this.#packets = packets;
    this.#bytes = bytes;
  }

  /** The second that `tick` was called for, by direction. */
  directions(upBytes: number, downBytes: number, gap: number): void {
    append(this.up, upBytes * 8, gap);
    append(this.down, downBytes * 8, gap);
  }
}

function append(history: number[], value: number, gap: number): void {
  history.push(value);
  for (let second = Math.min(gap, HISTORY); second > 0; second--) history.push(0);
  if (history.length > HISTORY) history.splice(0, history.length - HISTORY);
}

interface Trend {
  readonly orig: number[];
  readonly resp: number[];
  unseen: number;
}

/** Rates of each row of the flow table, second by second. */
export class RowRates {
  readonly #table: Rows;
  #ids = new Float64Array(1024);
  #origBefore = new Float64Array(1024);
  #respBefore = new Float64Array(1024);
  /** Bytes of the last MEAN_SECONDS seconds of each row. */
  #seconds = new Float32Array(1024 * MEAN_SECONDS);
  #slot = 0;
  readonly #trends = new Map<number, Trend>();
  /** What all rows gained in the last second: bytes of originators and of responders. */
  upBytes = 0;
  downBytes = 0;

  constructor(table: Rows) {
    this.#table = table;
  }

  /** Bits per second over the last seconds; of a flow that is younger, over its life. 0 for one that began after the last tick. */
  of(row: number): number {
    if (this.#ids[row] !== this.#table.id(row)) return 0;
    let bytes = 0;
    let seconds = 0;
    for (let slot = 0; slot < MEAN_SECONDS; slot++) {
      const value = this.#seconds[row * MEAN_SECONDS + slot]!;
      if (value < 0) continue;
      bytes += value;
      seconds++;
    }
    return seconds === 0 ? 0 : (bytes * 8) / seconds;
  }

  /** Bits per second of both sides of a flow, oldest first; from now on it is kept as long as it is asked for. */
  trend(row: number): Pick<Trend, "orig" | "resp"> {
    const id = this.#table.id(row);
    let trend = this.#trends.get(id);
    if (!trend) {
      trend = { orig: [], resp: [], unseen: 0 };
      this.#trends.set(id, trend);
    }
    trend.unseen = 0;
    return trend;
  }

  /** A second is over. @param gap how many seconds without a packet follow it */
  tick(gap: number): void {
    const table = this.#table;
    if (table.rows > this.#ids.length) this.#grow(table.rows * 2);
    this.upBytes = 0;
    this.downBytes = 0;
    this.#slot = (this.#slot + 1) % MEAN_SECONDS;
    for (let row = 0; row < table.rows; row++) {
      if (!table.shown(row)) continue;
      const id = table.id(row);
      const fresh = this.#ids[row] !== id;
      if (fresh) {
        this.#ids[row] = id;
        this.#origBefore[row] = 0;
        this.#respBefore[row] = 0;
        // -1: the flow was not there yet.
        this.#seconds.fill(-1, row * MEAN_SECONDS, (row + 1) * MEAN_SECONDS);
      }
      const orig = table.wireBytes(row, true);
      const resp = table.wireBytes(row, false);
      // Negative when the roles were swapped meanwhile.
      const up = Math.max(0, orig - this.#origBefore[row]!);
      const down = Math.max(0, resp - this.#respBefore[row]!);
      this.#origBefore[row] = orig;
      this.#respBefore[row] = resp;
      this.upBytes += up;
      this.downBytes += down;
      this.#seconds[row * MEAN_SECONDS + this.#slot] = up + down;
      const trend = this.#trends.get(id);
      if (trend) this.#follow(trend, up * 8, down * 8, gap);
    }
    for (const [id, trend] of this.#trends) if (++trend.unseen > UNSEEN) this.#trends.delete(id);
    for (let second = Math.min(gap, MEAN_SECONDS); second > 0; second--) this.#silence();
  }

  #follow({ orig, resp }: Trend, up: number, down: number, gap: number): void {
    for (const [values, value] of [
      [orig, up],
      [resp, down],
    ] as const) {
      values.push(value);
      for (let second = Math.min(gap, TREND); second > 0; second--) values.push(0);
      if (values.length > TREND) values.splice(0, values.length - TREND);
    }
  }

  /** A second in which nothing came. */
  #silence(): void {
    this.#slot = (this.#slot + 1) % MEAN_SECONDS;
    for (let row = 0; row < this.#table.rows; row++) this.#seconds[row * MEAN_SECONDS + this.#slot] = 0;
  }

  #grow(length: number): void {
    const grown = (column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(length);
      larger.set(column);
      return larger;
    };
    this.#ids = grown(this.#ids);
    this.#origBefore = grown(this.#origBefore);
    this.#respBefore = grown(this.#respBefore);
    const seconds = new Float32Array(length * MEAN_SECONDS);
    seconds.set(this.#seconds);
    this.#seconds = seconds;
  }
}
