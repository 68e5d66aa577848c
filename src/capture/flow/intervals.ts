/**
 * Byte ranges of TCP streams that arrived ahead of a hole, as sorted linked lists in one pool of typed arrays. Only streams
 * with holes have a list; the pool is bounded, and what finds no room is treated as not seen.
 */

const NONE = -1;
/** At 24 bytes each: 12 MB at the most. */
const MAX_NODES = 512 * 1024;

export class IntervalPool {
  #from = new Float64Array(256);
  #to = new Float64Array(256);
  #next = new Int32Array(256);
  #used = 0;
  #free = NONE;

  from(node: number): number {
    return this.#from[node]!;
  }

  to(node: number): number {
    return this.#to[node]!;
  }

  next(node: number): number {
    return this.#next[node]!;
  }

  /** Adds [from, to) to the list at `head`, merging what it touches. @returns the new head. */
  insert(head: number, from: number, to: number): number {
    let low = from;
    let high = to;
    let previous = NONE;
    let node = head;
    while (node !== NONE && this.#to[node]! < low) {
      previous = node;
      node = this.#next[node]!;
    }
    while (node !== NONE && this.#from[node]! <= high) {
      low = Math.min(low, this.#from[node]!);
      high = Math.max(high, this.#to[node]!);
      const next = this.#next[node]!;
      this.#release(node);
      node = next;
    }
    const added = this.#take();
    if (added === NONE) return this.#link(head, previous, node);
    this.#from[added] = low;
    this.#to[added] = high;
    this.#next[added] = node;
    return this.#link(head, previous, added);
  }

  #link(head: number, previous: number, node: number): number {
    if (previous === NONE) return node;
    this.#next[previous] = node;
    return head;
  }

  /** Frees the first node. @returns the new head. */
  shift(head: number): number {
    const next = this.#next[head]!;
    this.#release(head);
    return next;
  }

  /** Frees a whole list. */
  clear(head: number): void {
    let node = head;
    while (node !== NONE) node = this.shift(node);
  }

  #take(): number {
    if (this.#free !== NONE) {
      const node = this.#free;
      this.#free = this.#next[node]!;
      return node;
    }
    if (this.#used === this.#from.length) {
      if (this.#used >= MAX_NODES) return NONE;
      const size = this.#used * 2;
      const from = new Float64Array(size);
      from.set(this.#from);
      this.#from = from;
      const to = new Float64Array(size);
      to.set(this.#to);
      this.#to = to;
      const next = new Int32Array(size);
      next.set(this.#next);
      this.#next = next;
    }
    return this.#used++;
  }

  #release(node: number): void {
    this.#next[node] = this.#free;
    this.#free = node;
  }
}
