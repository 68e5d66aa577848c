/**
 * Names that were seen on the wire, each kept for as long as its row: in blocks of four sizes, taken from a bounded region and used again.
 * Bytes are as they were in the packet; who writes them escapes them.
 */
import { get32, put32 } from "../bytes";
import { counters } from "../counters";
import { Row } from "../generated/layouts";
import { NAMES, NAMES_END } from "../generated/memory";

/** The longest name that is kept: one of DNS has no more. */
export const MAX_NAME: i32 = 255;
const SMALLEST: i32 = 32;

/** The first free block of each size; each holds the address of the next, 0 at the end. */
const FREE: i32 = <i32>memory.data(4 * 4);
/** What has never been used. */
let unused: i32 = NAMES;

/** Keeps a name for the row, unless it has one. @returns whether it has one now */
export function keepName(row: Row, from: i32, length: i32): bool {
  if (row.name !== 0) return true;
  const size = min(length, MAX_NAME);
  const block = takeBlock(sizeClass(size));
  if (block === 0) {
    counters.lostNames++;
    return false;
  }
  memory.copy(block, from, size);
  row.name = block;
  row.nameLength = <u8>size;
  return true;
}

/** The row is used no more: its name's block is free. */
export function releaseName(row: Row): void {
  const block = row.name;
  if (block === 0) return;
  const list = FREE + (sizeClass(row.nameLength) << 2);
  put32(block, get32(list));
  put32(list, block);
  row.name = 0;
}

/** 0 for up to 32 bytes, 1 for up to 64, and so on. */
function sizeClass(length: i32): i32 {
  return length <= SMALLEST ? 0 : 32 - clz<i32>((length - 1) >> 5);
}

function takeBlock(size: i32): i32 {
  const list = FREE + (size << 2);
  const block = get32(list);
  if (block !== 0) {
    put32(list, get32(block));
    return block;
  }
  const bytes = SMALLEST << size;
  if (unused + bytes > NAMES_END) return 0;
  unused += bytes;
  return unused - bytes;
}
