/** Finds rows by the hash of their key: open addressing with linear probing, pairs of (row, hash), in one stretch of memory that grows. */
import { get32, put32, put64 } from "../bytes";
import { counters } from "../counters";
import { ROW_BYTES, Row } from "../generated/layouts";
import { indexStart, rowAt, rowsStart } from "../memory";
import { LIVE } from "./row";

const FIRST_SLOTS: u32 = 4096;

let mask: u32 = 0;
let mostSlots: u32 = 0;
let count: u32 = 0;

/** Slots that suffice for so many rows. */
export function slotsFor(maxRows: u32): u32 {
  let slots = FIRST_SLOTS;
  while (slots < maxRows * 2 + 2) slots *= 2;
  return slots;
}

export function beginIndex(slots: u32): void {
  mostSlots = slots;
  mask = FIRST_SLOTS - 1;
}

/** Where to begin a search. */
export function startOf(hash: i32): u32 {
  return <u32>hash & mask;
}

/** The next slot at or after `from` that holds a row with this hash, -1 when there is none; the search goes on at the slot after. */
export function findSlot(hash: i32, from: u32): i32 {
  let slot = from & mask;
  while (get32(placeOf(slot)) !== 0) {
    if (<i32>get32(placeOf(slot) + 4) === hash) return <i32>slot;
    slot = (slot + 1) & mask;
  }
  return -1;
}

export function rowIn(slot: i32): Row {
  return rowAt(<usize>get32(placeOf(<u32>slot)));
}

/** The row must be LIVE: growing takes the live rows over. */
export function addToIndex(row: Row): void {
  if (++count * 2 > mask && mask + 1 < mostSlots) grow();
  else put(row);
}

/** Removes a row, and moves back what its place had pushed away. */
export function removeFromIndex(row: Row): void {
  let hole = <u32>row.hash & mask;
  while (<usize>get32(placeOf(hole)) !== row.at) hole = (hole + 1) & mask;
  for (let slot = (hole + 1) & mask; get32(placeOf(slot)) !== 0; slot = (slot + 1) & mask) {
    const home = get32(placeOf(slot) + 4) & mask;
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    put32(placeOf(hole), get32(placeOf(slot)));
    put32(placeOf(hole) + 4, get32(placeOf(slot) + 4));
    hole = slot;
  }
  put64(placeOf(hole), 0);
  count--;
}

function placeOf(slot: u32): usize {
  return indexStart + ((<usize>slot) << 3);
}

function put(row: Row): void {
  const hash = row.hash;
  let slot = <u32>hash & mask;
  while (get32(placeOf(slot)) !== 0) slot = (slot + 1) & mask;
  put32(placeOf(slot), <u32>row.at);
  put32(placeOf(slot) + 4, hash);
}

function grow(): void {
  const slots = min<u32>((mask + 1) * 4, mostSlots);
  memory.fill(indexStart, 0, (<usize>mask + 1) << 3);
  mask = slots - 1;
  const end = rowsStart + <usize>counters.used * <usize>ROW_BYTES;
  for (let at = rowsStart; at < end; at += <usize>ROW_BYTES) {
    const row = rowAt(at);
    if (row.state === LIVE) put(row);
  }
}
