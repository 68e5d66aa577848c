/** The largest of many rows without sorting them all: one pass with a heap of as many as are wanted. */

/** Which of two rows comes first where their weights are the same: negative for the first. */
export type TopOrder = (a: number, b: number) => number;

/** Whether (weight, row) is to stand below (otherWeight, other). */
function isBelow(weight: number, row: number, otherWeight: number, other: number, order: TopOrder): boolean {
  return weight < otherWeight || (weight === otherWeight && order(row, other) > 0);
}

/**
 * A heap of the rows with the largest weights, the smallest of them on top; of equal weights the one that comes first in
 * `order` counts as larger.
 */
export class TopRows {
  readonly #weights: Float64Array;
  readonly #rows: Float64Array;
  readonly #order: TopOrder;
  #count = 0;

  /** @param size how many rows are wanted at the most */
  constructor(size: number, order: TopOrder) {
    this.#weights = new Float64Array(size);
    this.#rows = new Float64Array(size);
    this.#order = order;
  }

  /** Takes a row, unless there is no room and all are larger. */
  offer(weight: number, row: number): void {
    if (this.#count < this.#rows.length) this.#siftUp(this.#count++, weight, row);
    else if (this.#count > 0 && isBelow(this.#weights[0]!, this.#rows[0]!, weight, row, this.#order)) {
      this.#siftDown(this.#count, weight, row);
    }
  }

  /** The rows, largest first; the heap is used up. */
  finish(): number[] {
    const count = this.#count;
    // The smallest of what is left goes to the end, again and again.
    for (let end = count - 1; end > 0; end--) {
      const weight = this.#weights[end]!;
      const row = this.#rows[end]!;
      const smallest = this.#rows[0]!;
      this.#siftDown(end, weight, row);
      this.#rows[end] = smallest;
    }
    return Array.from(this.#rows.subarray(0, count));
  }

  #siftUp(from: number, weight: number, row: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBelow(weight, row, this.#weights[parent]!, this.#rows[parent]!, this.#order)) break;
      this.#weights[at] = this.#weights[parent]!;
      this.#rows[at] = this.#rows[parent]!;
      at = parent;
    }
    this.#weights[at] = weight;
    this.#rows[at] = row;
  }

  /** Puts a row in the place of the smallest of the first `count`. */
  #siftDown(count: number, weight: number, row: number): void {
    const weights = this.#weights;
    const rows = this.#rows;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= count) break;
      const sibling = child + 1;
      if (sibling < count && isBelow(weights[sibling]!, rows[sibling]!, weights[child]!, rows[child]!, this.#order)) {
        child = sibling;
      }
      if (!isBelow(weights[child]!, rows[child]!, weight, row, this.#order)) break;
      weights[at] = weights[child]!;
      rows[at] = rows[child]!;
      at = child;
    }
    weights[at] = weight;
    rows[at] = row;
  }
}
