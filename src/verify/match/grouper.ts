/** Puts numbers (slots of frames) into groups of equal 64-bit keys; each group keeps the order in which they came. */

export class Grouper {
  readonly #table: Int32Array;
  readonly #mask: number;
  readonly #slot: Int32Array;
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  /** Of a group's first entry: its last, and how many there are. */
  readonly #last: Int32Array;
  readonly #size: Int32Array;
  readonly #next: Int32Array;
  readonly #members: Int32Array;
  #count = 0;

  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.#table = new Int32Array(size).fill(-1);
    this.#mask = size - 1;
    this.#slot = new Int32Array(capacity);
    this.#a = new Int32Array(capacity);
    this.#b = new Int32Array(capacity);
    this.#last = new Int32Array(capacity);
    this.#size = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#members = new Int32Array(capacity);
  }

  add(slot: number, a: number, b: number): void {
    const entry = this.#count++;
    this.#slot[entry] = slot;
    this.#a[entry] = a;
    this.#b[entry] = b;
    this.#next[entry] = -1;
    let bucket = (a ^ (b >>> 16)) & this.#mask;
    for (let first = this.#table[bucket]!; first !== -1; first = this.#table[bucket]!) {
      if (this.#a[first] === a && this.#b[first] === b) {
        this.#next[this.#last[first]!] = entry;
        this.#last[first] = entry;
        this.#size[first]!++;
        this.#size[entry] = 0;
        return;
      }
      bucket = (bucket + 1) & this.#mask;
    }
    this.#table[bucket] = entry;
    this.#last[entry] = entry;
    this.#size[entry] = 1;
  }

  /** Calls `visit` for each group of at least two, in the order of their first members. `members` is reused. */
  visit(visit: (members: Int32Array, count: number) => void): void {
    const members = this.#members;
    for (let first = 0; first < this.#count; first++) {
      if (this.#size[first]! < 2) continue;
      let count = 0;
      for (let entry = first; entry !== -1; entry = this.#next[entry]!) members[count++] = this.#slot[entry]!;
      visit(members, count);
    }
  }

  /** As `visit`, and empties the grouper. */
  drain(visit: (members: Int32Array, count: number) => void): void {
    this.visit(visit);
    this.#table.fill(-1);
    this.#count = 0;
  }
}
