/**
 * A timer wheel for connections: each row stands in the bucket of the second in which it may end. Arming, moving and
 * disarming cost a few array writes; nothing is scanned but the buckets whose second has come.
 */

/** Seconds the wheel can look ahead (a power of two above the longest timeout); what is due later is looked at again then. */
export const HORIZON = 512;
const NONE = -1;

export class Wheel {
  /** The second up to which buckets have been emptied; -Infinity before the first `advance`. */
  now = Number.NEGATIVE_INFINITY;
  readonly #heads = new Int32Array(HORIZON).fill(NONE);
  #next: Int32Array;
  #previous: Int32Array;
  /** The bucket each row stands in, -1 for none. */
  #bucket: Int16Array;

  constructor(rows: number) {
    this.#next = new Int32Array(rows);
    this.#previous = new Int32Array(rows);
    this.#bucket = new Int16Array(rows).fill(NONE);
  }

  grow(rows: number): void {
    this.#next = grown(this.#next, rows);
    this.#previous = grown(this.#previous, rows);
    const bucket = new Int16Array(rows).fill(NONE);
    bucket.set(this.#bucket);
    this.#bucket = bucket;
  }

  /** Puts (or moves) a row to the bucket of `due`, in seconds; at the earliest the one that comes next. */
  arm(row: number, due: number): void {
    const ahead = Math.min(Math.max(Math.ceil(due - this.now), 1), HORIZON - 1);
    const bucket = (this.now + ahead) & (HORIZON - 1);
    const current = this.#bucket[row]!;
    if (current === bucket) return;
    if (current !== NONE) this.#unlink(row, current);
    const head = this.#heads[bucket]!;
    this.#next[row] = head;
    this.#previous[row] = NONE;
    if (head !== NONE) this.#previous[head] = row;
    this.#heads[bucket] = row;
    this.#bucket[row] = bucket;
  }

  disarm(row: number): void {
    const bucket = this.#bucket[row]!;
    if (bucket !== NONE) this.#unlink(row, bucket);
  }

  /**
   * Moves on to `second` and hands every row of the buckets passed to `visit`, disarmed; it may be armed again there.
   * The clock never goes back: an earlier `second` does nothing.
   */
  advance(second: number, visit: (row: number) => void): void {
    if (this.now === Number.NEGATIVE_INFINITY) this.now = second;
    const steps = Math.min(second - this.now, HORIZON);
    const first = second - steps;
    for (let step = 1; step <= steps; step++) {
      this.now = first + step;
      const bucket = this.now & (HORIZON - 1);
      let row = this.#heads[bucket]!;
      this.#heads[bucket] = NONE;
      while (row !== NONE) {
        const next = this.#next[row]!;
        this.#bucket[row] = NONE;
        visit(row);
        row = next;
      }
    }
  }

  /** The row that is due first (or one of them), -1 when none is armed. */
  first(): number {
    for (let step = 1; step <= HORIZON; step++) {
      const row = this.#heads[(this.now + step) & (HORIZON - 1)]!;
      if (row !== NONE) return row;
    }
    return NONE;
  }

  #unlink(row: number, bucket: number): void {
    const next = this.#next[row]!;
    const previous = this.#previous[row]!;
    if (next !== NONE) this.#previous[next] = previous;
    if (previous !== NONE) this.#next[previous] = next;
    else this.#heads[bucket] = next;
    this.#bucket[row] = NONE;
  }
}

function grown(column: Int32Array, rows: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(rows);
  larger.set(column);
  return larger;
}
