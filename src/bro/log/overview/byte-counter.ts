/** Counts by keys of bytes, without making a string of a key: an open hash table over an arena. */

/** Distinct keys kept; what comes after them is counted together. */
const MAX_KEYS = 1_000_000;
const EMPTY = 0;

/** A key's sums. */
export interface Counted {
  readonly key: string;
  readonly rows: number;
  readonly sent: number;
  readonly received: number;
}

/** The same as plain data, to be handed to another thread. */
export interface PlainCounter {
  readonly keys: Uint8Array;
  /** Where each key ends in `keys`. */
  readonly ends: Float64Array;
  readonly rows: Float64Array;
  readonly sent: Float64Array;
  readonly received: Float64Array;
  readonly others: number;
}

export class ByteCounter {
  /** Entries of rows whose keys were too many to be kept. */
  others = 0;
  #slots = new Int32Array(1024);
  #size = 0;
  #arena: Buffer = Buffer.allocUnsafeSlow(16 * 1024);
  #used = 0;
  #ends = new Float64Array(512);
  #hashes = new Int32Array(512);
  #rows = new Float64Array(512);
  #sent = new Float64Array(512);
  #received = new Float64Array(512);

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
    this.#rows[index]! += rows;
    this.#sent[index]! += sent;
    this.#received[index]! += received;
  }

  #find(buffer: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5 | 0;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buffer[i]!, 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#slots.length - 1;
    const length = end - start;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]! - 1;
      if (index === EMPTY - 1) return this.#insert(slot, hash, buffer, start, end);
      if (this.#hashes[index] !== hash) continue;
      const from = index === 0 ? 0 : this.#ends[index - 1]!;
      if (this.#ends[index]! - from !== length) continue;
      let i = 0;
      while (i < length && this.#arena[from + i] === buffer[start + i]) i++;
      if (i === length) return index;
    }
  }

  #insert(slot: number, hash: number, buffer: Uint8Array, start: number, end: number): number {
    if (this.#size === MAX_KEYS) return -1;
    const index = this.#size++;
    if (index === this.#ends.length) this.#grow();
    if (this.#used + end - start > this.#arena.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#arena.length * 2, this.#used + end - start));
      this.#arena.copy(larger, 0, 0, this.#used);
      this.#arena = larger;
    }
    this.#arena.set(buffer.subarray(start, end), this.#used);
    this.#used += end - start;
    this.#ends[index] = this.#used;
    this.#hashes[index] = hash;
    this.#slots[slot] = index + 1;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return index;
  }

  #grow(): void {
    const length = this.#ends.length * 2;
    const floats = (old: Float64Array) => {
      const larger = new Float64Array(length);
      larger.set(old);
      return larger;
    };
    this.#ends = floats(this.#ends);
    this.#rows = floats(this.#rows);
    this.#sent = floats(this.#sent);
    this.#received = floats(this.#received);
    const hashes = new Int32Array(length);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let index = 0; index < this.#size; index++) {
      let slot = this.#hashes[index]! & mask;
      while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      this.#slots[slot] = index + 1;
    }
  }

  /** The `count` keys with the largest sums: of bytes, else of rows. */
  top(count: number, by: "rows" | "bytes"): Counted[] {
    const value = (index: number) => (by === "rows" ? this.#rows[index]! : this.#sent[index]! + this.#received[index]!);
    const comesBefore = (a: number, b: number) =>
      value(a) !== value(b)
        ? value(a) > value(b)
        : this.#rows[a] !== this.#rows[b]
          ? this.#rows[a]! > this.#rows[b]!
          : a < b;
    const order: number[] = [];
    for (let index = 0; index < this.#size; index++) {
      if (order.length === count && !comesBefore(index, order.at(-1)!)) continue;
      let place = order.length;
      while (place > 0 && comesBefore(index, order[place - 1]!)) place--;
      order.splice(place, 0, index);
      if (order.length > count) order.pop();
    }
    return order.map((index) => ({
      key: this.#arena.toString("latin1", index === 0 ? 0 : this.#ends[index - 1]!, this.#ends[index]!),
      rows: this.#rows[index]!,
      sent: this.#sent[index]!,
      received: this.#received[index]!,
    }));
  }

  plain(): PlainCounter {
    return {
      keys: new Uint8Array(this.#arena.subarray(0, this.#used)),
      ends: this.#ends.slice(0, this.#size),
      rows: this.#rows.slice(0, this.#size),
      sent: this.#sent.slice(0, this.#size),
      received: this.#received.slice(0, this.#size),
      others: this.others,
    };
  }

  merge({ keys, ends, rows, sent, received, others }: PlainCounter): void {
    for (let i = 0, start = 0; i < ends.length; i++) {
      this.add(keys, start, ends[i]!, sent[i]!, received[i]!, rows[i]!);
      start = ends[i]!;
    }
    this.others += others;
  }
}
