/**
 * Counts by keys of bytes, without making a string of a key: an open hash table over an arena. What belongs to a key lies
 * together, so that a row costs few cache misses.
 */

/** Distinct keys kept; what comes after them is counted together. */
const MAX_KEYS = 1_000_000;
/** Words of a key in `#keys`: its hash, where it begins in the arena, and its length. */
const KEY = 4;
/** Numbers of a key in `#sums`: rows, sent, received. */
const SUM = 4;

/** A key's sums. */
export interface Counted {
  readonly key: string;
  readonly rows: number;
  readonly sent: number;
  readonly received: number;
}

/** The same as plain data, to be handed to another thread. */
export interface PlainCounter {
  readonly arena: Uint8Array;
  readonly keys: Int32Array;
  readonly sums: Float64Array;
  readonly others: number;
}

export class ByteCounter {
  /** Rows whose keys were too many to be kept. */
  others = 0;
  #slots = new Int32Array(1024);
  #size = 0;
  #arena: Buffer = Buffer.allocUnsafeSlow(16 * 1024);
  #used = 0;
  #keys = new Int32Array(512 * KEY);
  #sums = new Float64Array(512 * SUM);

  get size(): number {
    return this.#size;
  }

  /** Adds a row with the key at [start, end), and what was sent and received. */
  add(buffer: Uint8Array, start: number, end: number, sent = 0, received = 0, rows = 1): void {
    const index = this.#find(buffer, start, end);
    if (index < 0) {
      this.others += rows;
      return;
    }
    const at = index * SUM;
    const sums = this.#sums;
    sums[at]! += rows;
    sums[at + 1]! += sent;
    sums[at + 2]! += received;
  }

  #find(buffer: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5 | 0;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buffer[i]!, 0x01000193);
    hash ^= hash >>> 15;
    const slots = this.#slots;
    const keys = this.#keys;
    const arena = this.#arena;
    const mask = slots.length - 1;
    const length = end - start;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = slots[slot]! - 1;
      if (index < 0) return this.#insert(slot, hash, buffer, start, end);
      const at = index * KEY;
      if (keys[at] !== hash || keys[at + 2] !== length) continue;
      const from = keys[at + 1]!;
      let i = 0;
      while (i < length && arena[from + i] === buffer[start + i]) i++;
      if (i === length) return index;
    }
  }

  #insert(slot: number, hash: number, buffer: Uint8Array, start: number, end: number): number {
    const length = end - start;
    // An arena of 2 GB could not be addressed.
    if (this.#size === MAX_KEYS || this.#used + length > 2 ** 31 - 1) return -1;
    const index = this.#size++;
    if ((index + 1) * KEY > this.#keys.length) this.#grow();
    if (this.#used + length > this.#arena.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#arena.length * 2, this.#used + length));
      this.#arena.copy(larger, 0, 0, this.#used);
      this.#arena = larger;
    }
    this.#arena.set(buffer.subarray(start, end), this.#used);
    const at = index * KEY;
    this.#keys[at] = hash;
    this.#keys[at + 1] = this.#used;
    this.#keys[at + 2] = length;
    this.#used += length;
    this.#slots[slot] = index + 1;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return index;
  }

  #grow(): void {
    const keys = new Int32Array(this.#keys.length * 2);
    keys.set(this.#keys);
    this.#keys = keys;
    const sums = new Float64Array(this.#sums.length * 2);
    sums.set(this.#sums);
    this.#sums = sums;
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let index = 0; index < this.#size; index++) {
      let slot = this.#keys[index * KEY]! & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = index + 1;
    }
  }

  /** The `count` keys with the largest sums: of bytes, else of rows. */
  top(count: number, by: "rows" | "bytes"): Counted[] {
    const sums = this.#sums;
    const rows = (index: number) => sums[index * SUM]!;
    const value = (index: number) => (by === "rows" ? rows(index) : sums[index * SUM + 1]! + sums[index * SUM + 2]!);
    const comesBefore = (a: number, b: number) =>
      value(a) !== value(b) ? value(a) > value(b) : rows(a) !== rows(b) ? rows(a) > rows(b) : a < b;
    const order: number[] = [];
    for (let index = 0; index < this.#size; index++) {
      if (order.length === count && !comesBefore(index, order.at(-1)!)) continue;
      let place = order.length;
      while (place > 0 && comesBefore(index, order[place - 1]!)) place--;
      order.splice(place, 0, index);
      if (order.length > count) order.pop();
    }
    return order.map((index) => {
      const start = this.#keys[index * KEY + 1]!;
      return {
        key: this.#arena.toString("latin1", start, start + this.#keys[index * KEY + 2]!),
        rows: rows(index),
        sent: sums[index * SUM + 1]!,
        received: sums[index * SUM + 2]!,
      };
    });
  }

  plain(): PlainCounter {
    return {
      arena: new Uint8Array(this.#arena.subarray(0, this.#used)),
      keys: this.#keys.slice(0, this.#size * KEY),
      sums: this.#sums.slice(0, this.#size * SUM),
      others: this.others,
    };
  }

  merge({ arena, keys, sums, others }: PlainCounter): void {
    for (let at = 0; at < keys.length; at += KEY) {
      const start = keys[at + 1]!;
      this.add(arena, start, start + keys[at + 2]!, sums[at + 1]!, sums[at + 2]!, sums[at]!);
    }
    this.others += others;
  }
}
