/** Small operations on columns of typed arrays: growing, swapping, and the heap behind a top-k selection. */

type Column = Float64Array | Uint32Array | Int32Array | Uint8Array;

/** A copy with room for `length` numbers. */
export function grownF64(column: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(column);
  return larger;
}

export function grownU32(column: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length);
  larger.set(column);
  return larger;
}

export function grownI32(column: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(column);
  return larger;
}

export function grownU8(column: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(column);
  return larger;
}

export function swap(column: Column, a: number, b: number): void {
  const value = column[a]!;
  column[a] = column[b]!;
  column[b] = value;
}

/** Adds (weight, row) to a min-heap of `count` entries. @returns the new count. */
export function heapPush(weights: Float64Array, rows: Int32Array, count: number, weight: number, row: number): number {
  let at = count;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (weights[parent]! <= weight) break;
    weights[at] = weights[parent]!;
    rows[at] = rows[parent]!;
    at = parent;
  }
  weights[at] = weight;
  rows[at] = row;
  return count + 1;
}

/** Replaces the smallest of the first `count` entries of a min-heap by (weight, row). */
export function heapReplace(weights: Float64Array, rows: Int32Array, count: number, weight: number, row: number): void {
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= count) break;
    if (child + 1 < count && weights[child + 1]! < weights[child]!) child++;
    if (weights[child]! >= weight) break;
    weights[at] = weights[child]!;
    rows[at] = rows[child]!;
    at = child;
  }
  weights[at] = weight;
  rows[at] = row;
}
