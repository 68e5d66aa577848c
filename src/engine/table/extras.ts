/**
 * What is rare or long about a row: the rest of a long history, parents, more than two VLAN tags. Kept in blocks of 64 bytes from one
 * bounded pool, a chain for each row that needs any.
 *
 *     next block (4) | kind (2) | bytes used (2) | 56 bytes of content
 */
import { get16, get32, put16, put32 } from "../bytes";
import { counters } from "../counters";
import { Row } from "../generated/layouts";
import { BLOCKS, BLOCKS_END } from "../generated/memory";

export const EXTRA_LETTERS: i32 = 1;
export const EXTRA_PARENTS: i32 = 2;
export const EXTRA_VLANS: i32 = 3;

const BLOCK: i32 = 64;
const NEXT: usize = 0;
const KIND: usize = 4;
const USED: usize = 6;
const CONTENT: usize = 8;
const ROOM: i32 = BLOCK - 8;

let free: i32 = 0;
let unused: i32 = BLOCKS;

/** The first block of a kind, 0 for none. */
export function firstExtra(row: Row, kind: i32): i32 {
  return seek(row.extras, kind);
}

/** The block of the same kind after this one, 0 for none. */
export function nextExtra(block: i32): i32 {
  return seek(<i32>get32(<usize>block + NEXT), get16(<usize>block + KIND));
}

/** Where a block's content is, and how many bytes of it there are. */
export function extraContent(block: i32): usize {
  return <usize>block + CONTENT;
}

export function extraLength(block: i32): i32 {
  return get16(<usize>block + USED);
}

/** Room for `bytes` more of a kind. @returns its address, 0 when the pool is exhausted, which is counted */
export function addExtra(row: Row, kind: i32, bytes: i32): usize {
  let last = 0;
  for (let block = firstExtra(row, kind); block !== 0; block = nextExtra(block)) last = block;
  if (last === 0 || extraLength(last) + bytes > ROOM) {
    const block = take();
    if (block === 0) {
      counters.lostExtras++;
      return 0;
    }
    put32(<usize>block + NEXT, 0);
    put16(<usize>block + KIND, kind);
    put16(<usize>block + USED, 0);
    append(row, block);
    last = block;
  }
  const used = extraLength(last);
  put16(<usize>last + USED, used + bytes);
  return extraContent(last) + <usize>used;
}

/** Gives back all blocks of a row. */
export function releaseExtras(row: Row): void {
  let block = row.extras;
  while (block !== 0) {
    const next = <i32>get32(<usize>block + NEXT);
    put32(<usize>block + NEXT, free);
    free = block;
    block = next;
  }
  row.extras = 0;
}

function seek(from: i32, kind: i32): i32 {
  let block = from;
  while (block !== 0 && get16(<usize>block + KIND) !== kind) block = <i32>get32(<usize>block + NEXT);
  return block;
}

/** Blocks of a kind stay in the order in which they came. */
function append(row: Row, block: i32): void {
  let last = row.extras;
  if (last === 0) {
    row.extras = block;
    return;
  }
  for (let next = <i32>get32(<usize>last + NEXT); next !== 0; next = <i32>get32(<usize>last + NEXT)) last = next;
  put32(<usize>last + NEXT, block);
}

function take(): i32 {
  if (free !== 0) {
    const block = free;
    free = <i32>get32(<usize>block + NEXT);
    return block;
  }
  if (unused + BLOCK > BLOCKS_END) return 0;
  unused += BLOCK;
  return unused - BLOCK;
}
