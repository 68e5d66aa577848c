/** Finds rows by the hash of their key: open addressing with linear probing, pairs of (row + 1, hash) in one typed array. */
export class RowIndex {
  #slots = new Int32Array(8192);
  #mask = 4095;
  #count = 0;

  /** The place to begin a search for a hash. */
  start(hash: number): number {
    return hash & this.#mask;
  }

  /**
   * The next place at or after `from` that holds a row with this hash, -1 when there is none. `row` tells the row; the search goes on
   * at the place after.
   */
  find(hash: number, from: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = from & mask; slots[slot * 2] !== 0; slot = (slot + 1) & mask) {
      if (slots[slot * 2 + 1] === hash) return slot;
    }
    return -1;
  }

  row(place: number): number {
    return this.#slots[place * 2]! - 1;
  }

  add(row: number, hash: number): void {
    if (++this.#count * 2 > this.#mask) this.#grow();
    put(this.#slots, this.#mask, row + 1, hash);
  }

  /** Removes a row, and moves back what its place had pushed away. */
  remove(row: number, hash: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = hash & mask;
    while (slots[hole * 2] !== row + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; slots[slot * 2] !== 0; slot = (slot + 1) & mask) {
      const home = slots[slot * 2 + 1]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole * 2] = slots[slot * 2]!;
      slots[hole * 2 + 1] = slots[slot * 2 + 1]!;
      hole = slot;
    }
    slots[hole * 2] = 0;
    this.#count--;
  }

  #grow(): void {
    const mask = this.#mask * 4 + 3;
    const slots = new Int32Array((mask + 1) * 2);
    for (let i = 0; i < this.#slots.length; i += 2) {
      if (this.#slots[i] !== 0) put(slots, mask, this.#slots[i]!, this.#slots[i + 1]!);
    }
    this.#slots = slots;
    this.#mask = mask;
  }
}

function put(slots: Int32Array, mask: number, entry: number, hash: number): void {
  let slot = hash & mask;
  while (slots[slot * 2] !== 0) slot = (slot + 1) & mask;
  slots[slot * 2] = entry;
  slots[slot * 2 + 1] = hash;
}
