/**
 * Every load and store of the engine goes through an accessor, and every accessor through one of these. The checked build, which the
 * tests use, stops at a wrong address; in the release build the assertions are gone and the functions dissolve.
 */
import { COUNTERS } from "./generated/memory";

/** The place of a record of `size` bytes. */
export function checkPlace(at: usize, size: usize): usize {
  assert(
    at >= <usize>COUNTERS && (at & 3) === 0 && at + size <= (<usize>memory.size()) << 16,
    "a record outside of memory",
  );
  return at;
}

/** The bytes that may be read as those of a packet. */
let windowStart: i32 = 0;
let windowEnd: i32 = 0;

/** From here on `u8At` and its kind may read from `start` up to `end`: a packet's captured bytes, or a message put together. */
export function openWindow(start: i32, end: i32): void {
  windowStart = start;
  windowEnd = end;
}

let borrowedStart: i32 = 0;
let borrowedEnd: i32 = 0;

/** For a while other bytes are read, until `returnWindow`. */
export function borrowWindow(start: i32, end: i32): void {
  borrowedStart = windowStart;
  borrowedEnd = windowEnd;
  openWindow(start, end);
}

export function returnWindow(): void {
  openWindow(borrowedStart, borrowedEnd);
}

/** `size` bytes of the packet at hand. */
export function checkBytes(at: i32, size: i32): usize {
  assert(at >= windowStart && at + size <= windowEnd, "a read outside of the packet");
  return <usize>at;
}

/** Where the compiler's own constants begin: below is nothing. */
const FIRST: usize = 1024;

/** `size` bytes of the engine's own memory, the compiler's tables included. */
export function checkOwn(at: usize, size: usize): usize {
  assert(at >= FIRST && at + size <= (<usize>memory.size()) << 16, "a place outside of memory");
  return at;
}
