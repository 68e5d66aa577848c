/** Room for the rows and what is as large as their limit: the one place that asks for more memory. */
import { counters } from "./counters";
import { ROW_BYTES, Row } from "./generated/layouts";
import { MAP_END } from "./generated/memory";

const PAGE_BITS: u32 = 16;
/** Bytes that memory grows by at a time: pages that are not touched cost nothing. */
const STEP: usize = 16 * 1024 * 1024;

/** Slots of the index, 8 bytes each, at the largest; the list of ended rows and the room to sort it; the rows. */
export let indexStart: usize = 0;
export let endingStart: usize = 0;
export let sortStart: usize = 0;
export let rowsStart: usize = 0;
/** Where the last row that may be used ends. */
export let rowsLimit: usize = 0;
/** Where memory ends. */
let memoryEnd: usize = 0;

/** Lays out what depends on the largest number of rows. @returns false when 4 GB do not suffice for the tables alone */
export function layOut(maxRows: u32, indexSlots: u32): bool {
  indexStart = <usize>MAP_END;
  endingStart = indexStart + <usize>indexSlots * 8;
  sortStart = endingStart + <usize>maxRows * 4;
  rowsStart = (sortStart + <usize>maxRows * 4 + 63) & ~63;
  const limit = <u64>rowsStart + <u64>maxRows * <u64>ROW_BYTES;
  rowsLimit = limit > 0xffff0000 ? 0xffff0000 : <usize>limit;
  memoryEnd = (<usize>memory.size()) << PAGE_BITS;
  return reserve(rowsStart);
}

/** Makes sure that memory reaches to `end`. @returns false when there is no more */
export function reserve(end: usize): bool {
  if (end <= memoryEnd) return true;
  const wanted = <u64>end + <u64>STEP;
  const target: u64 = wanted > 0xffff0000 ? 0xffff0000 : wanted;
  if (<u64>end > target) return false;
  const pages = <i32>((target - <u64>memoryEnd + 0xffff) >> PAGE_BITS);
  if (memory.grow(pages) < 0) return false;
  memoryEnd = (<usize>memory.size()) << PAGE_BITS;
  return true;
}

/** Bytes of the shortest packet that can open a row: an IPv4 header, all that a layer of a tunnel needs. */
const SHORTEST: usize = 20;

/**
 * Makes sure that counting `bytes` of packets will not ask for more memory: the host's views of memory, its chunk of bytes among them,
 * stay valid meanwhile.
 */
export function makeRoom(bytes: usize): void {
  const rows = <u64>counters.used + <u64>(bytes / SHORTEST);
  const end = <u64>rowsStart + rows * <u64>ROW_BYTES;
  reserve(end > <u64>rowsLimit ? rowsLimit : <usize>end);
}

/** The row at an address, which must be one. */
export function rowAt(at: usize): Row {
  assert(at >= rowsStart && at < rowsLimit && (at - rowsStart) % <usize>ROW_BYTES === 0, "not a row");
  return changetype<Row>(at);
}
