/**
 * Byte ranges of TCP streams that arrived ahead of a hole, as sorted linked lists in one bounded pool. Only streams with holes have a
 * list; what finds no room is treated as not seen.
 *
 *     from (8) | to (8) | next node (4) | 4 unused
 */
import { get32, get64, put32, put64 } from "../bytes";
import { counters } from "../counters";
import { NODES, NODES_END } from "../generated/memory";

const NODE: i32 = 24;
/** No node: the end of a list. */
export const NO_NODE: i32 = 0;

let free: i32 = NO_NODE;
let unused: i32 = NODES;

export function fromOf(node: i32): i64 {
  return <i64>get64(<usize>node);
}

export function toOf(node: i32): i64 {
  return <i64>get64(<usize>node + 8);
}

export function nextOf(node: i32): i32 {
  return <i32>get32(<usize>node + 16);
}

/** Adds [from, to) to the list at `head`, merging what it touches. @returns the new head */
export function insertRange(head: i32, from: i64, to: i64): i32 {
  let low = from;
  let high = to;
  let previous = NO_NODE;
  let node = head;
  while (node !== NO_NODE && toOf(node) < low) {
    previous = node;
    node = nextOf(node);
  }
  while (node !== NO_NODE && fromOf(node) <= high) {
    low = min(low, fromOf(node));
    high = max(high, toOf(node));
    node = dropFirst(node);
  }
  const added = take();
  if (added === NO_NODE) {
    counters.lostRanges++;
    return link(head, previous, node);
  }
  put64(<usize>added, low);
  put64(<usize>added + 8, high);
  put32(<usize>added + 16, node);
  return link(head, previous, added);
}

function link(head: i32, previous: i32, node: i32): i32 {
  if (previous === NO_NODE) return node;
  put32(<usize>previous + 16, node);
  return head;
}

/** Frees the first node. @returns the new head */
export function dropFirst(head: i32): i32 {
  const next = nextOf(head);
  put32(<usize>head + 16, free);
  free = head;
  return next;
}

/** Frees a whole list. */
export function dropRanges(head: i32): void {
  let node = head;
  while (node !== NO_NODE) node = dropFirst(node);
}

function take(): i32 {
  if (free !== NO_NODE) {
    const node = free;
    free = nextOf(node);
    return node;
  }
  if (unused + NODE > NODES_END) return NO_NODE;
  unused += NODE;
  return unused - NODE;
}
