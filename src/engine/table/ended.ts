/**
 * Connections that have ended wait until their second is over, and are then reported in the order in which they ended; ties by first time,
 * then uid. So the order is the same however they are spread over workers.
 */
import { get32, put32 } from "../bytes";
import { Row } from "../generated/layouts";
import { endingStart, rowAt, sortStart } from "../memory";

let count: i32 = 0;

export function endedCount(): i32 {
  return count;
}

export function addEnded(row: Row): void {
  put32(placeOf(endingStart, count), <u32>row.at);
  count++;
}

/** The ended row at an index. */
export function endedRow(index: i32): Row {
  return rowIn(endingStart, index);
}

export function forgetEnded(): void {
  count = 0;
}

/** Puts the ended rows in order: merging runs of 1, 2, 4, …, which keeps equal ones as they were. */
export function sortEnded(): void {
  let from = endingStart;
  let to = sortStart;
  for (let width = 1; width < count; width *= 2) {
    for (let start = 0; start < count; start += width * 2) {
      merge(from, to, start, min(start + width, count), min(start + width * 2, count));
    }
    const other = from;
    from = to;
    to = other;
  }
  if (from !== endingStart) memory.copy(endingStart, from, (<usize>count) << 2);
}

function merge(from: usize, to: usize, start: i32, middle: i32, end: i32): void {
  let left = start;
  let right = middle;
  for (let i = start; i < end; i++) {
    const takesLeft = right === end || (left < middle && compareEnds(rowIn(from, left), rowIn(from, right)) <= 0);
    put32(placeOf(to, i), get32(placeOf(from, takesLeft ? left++ : right++)));
  }
}

function compareEnds(a: Row, b: Row): i32 {
  return a.deadline === b.deadline ? compareBeginnings(a, b) : a.deadline < b.deadline ? -1 : 1;
}

/** Which of two connections began first: negative for `a`; of the same time that with the smaller uid. */
export function compareBeginnings(a: Row, b: Row): i32 {
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  if (a.uidHigh !== b.uidHigh) return a.uidHigh < b.uidHigh ? -1 : 1;
  return a.uidLow === b.uidLow ? 0 : a.uidLow < b.uidLow ? -1 : 1;
}

function rowIn(list: usize, index: i32): Row {
  return rowAt(<usize>get32(placeOf(list, index)));
}

function placeOf(list: usize, index: i32): usize {
  return list + ((<usize>index) << 2);
}
