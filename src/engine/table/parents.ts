/** The connections around this one, where it was carried by tunnels: their uids, pairs of 32-bit numbers among the row's extras. */
import { get32, put32 } from "../bytes";
import { Row } from "../generated/layouts";
import { addExtra, EXTRA_PARENTS, extraContent, extraLength, firstExtra, nextExtra } from "./extras";

/** Parents that are kept of a connection whose tunnel changes. */
const MOST: i32 = 17;
const PAIR: i32 = 8;

/** Notes a parent, unless it is known or there are very many. */
export function noteParent(row: Row, high: u32, low: u32): void {
  let count = 0;
  for (let block = firstExtra(row, EXTRA_PARENTS); block !== 0; block = nextExtra(block)) {
    const start = extraContent(block);
    const end = start + <usize>extraLength(block);
    for (let at = start; at < end; at += PAIR) {
      if (get32(at) === high && get32(at + 4) === low) return;
      count++;
    }
  }
  if (count >= MOST) return;
  const place = addExtra(row, EXTRA_PARENTS, PAIR);
  if (place === 0) return;
  put32(place, high);
  put32(place + 4, low);
}

export function parentCount(row: Row): i32 {
  let bytes = 0;
  for (let block = firstExtra(row, EXTRA_PARENTS); block !== 0; block = nextExtra(block)) bytes += extraLength(block);
  return bytes / PAIR;
}

/** The first number of the uid of parent `index`, which there must be. */
export function parentHigh(row: Row, index: i32): u32 {
  return get32(parentAt(row, index));
}

export function parentLow(row: Row, index: i32): u32 {
  return get32(parentAt(row, index) + 4);
}

function parentAt(row: Row, index: i32): usize {
  let bytes = index * PAIR;
  let block = firstExtra(row, EXTRA_PARENTS);
  for (; bytes >= extraLength(block); block = nextExtra(block)) bytes -= extraLength(block);
  return extraContent(block) + <usize>bytes;
}
