/** Rates from counts that only grow: of the whole capture, and of each row of the flow table. */
import type { FlowTable } from "../flow/table.ts";

const HISTORY = 60;

/** Packets and bits per second, over the last tick and the minute before. */
export class TotalRate {
  packetsPerSec = 0;
  bitsPerSec = 0;
  peakBitsPerSec = 0;
  /** Bits per second of the last 60 ticks, oldest first. */
  readonly history: number[] = [];
  #packets = 0;
  #bytes = 0;

  tick(packets: number, bytes: number, seconds: number): void {
    this.packetsPerSec = (packets - this.#packets) / seconds;
    this.bitsPerSec = ((bytes - this.#bytes) * 8) / seconds;
    this.peakBitsPerSec = Math.max(this.peakBitsPerSec, this.bitsPerSec);
    this.history.push(this.bitsPerSec);
    if (this.history.length > HISTORY) this.history.shift();
    this.#packets = packets;
    this.#bytes = bytes;
  }
}

/** Bits per second of each row over the last tick. */
export class RowRates {
  readonly #table: FlowTable;
  #ids = new Float64Array(1024);
  #before = new Float64Array(1024);
  #rates = new Float64Array(1024);

  constructor(table: FlowTable) {
    this.#table = table;
  }

  /** 0 for a row whose connection began after the last tick. */
  of(row: number): number {
    return this.#ids[row] === this.#table.id(row) ? this.#rates[row]! : 0;
  }

  tick(seconds: number): void {
    const table = this.#table;
    if (table.rows > this.#ids.length) this.#grow(table.rows * 2);
    for (let row = 0; row < table.rows; row++) {
      if (!table.shown(row)) continue;
      const id = table.id(row);
      const bytes = table.frameBytes(row, true) + table.frameBytes(row, false);
      const before = this.#ids[row] === id ? this.#before[row]! : 0;
      this.#ids[row] = id;
      this.#before[row] = bytes;
      this.#rates[row] = ((bytes - before) * 8) / seconds;
    }
  }

  #grow(length: number): void {
    const grown = (column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(length);
      larger.set(column);
      return larger;
    };
    this.#ids = grown(this.#ids);
    this.#before = grown(this.#before);
    this.#rates = grown(this.#rates);
  }
}
