/**
 * The byte streams of TCP connections: what has come, what is missing, and when a side is done. The rules are those of Zeek's reassembler
 * (facts, not code).
 */
import { Endpoint, Row } from "../generated/layouts";
import { addLetter, isPowerOfTen, LETTER_G } from "../table/history";
import {
  CLOSE_DEFERRED,
  CLOSED,
  DID_CLOSE,
  DID_EOF,
  ESTABLISHED,
  HAS_FIN,
  INACTIVE,
  IS_PARTIAL,
  notesOfEndpoint,
  nothingAcked,
  peerOf,
  RESET,
  SKIP,
  sizeOf,
  unwrapped,
} from "./endpoint";
import { dropFirst, dropRanges, fromOf, insertRange, NO_NODE, nextOf, toOf } from "./intervals";

/** Unacknowledged bytes above a hole after which Zeek gives up on a stream, and buffered bytes of any kind. */
const MAX_ABOVE_HOLE: i64 = 16384;
const MAX_BUFFERED: i64 = 10 * 1024 * 1024;

/** Asks the table to end the connection after the close delay: both sides are done. */
export const TCP_COMPLETE: i32 = 2;

/** The stream of `e` was acknowledged up to `position`: what is missing below is a gap. */
export function ackReceived(row: Row, e: Endpoint, position: i64, isOrig: bool): i32 {
  const finAt = e.finAt;
  const upTo = (e.flags & HAS_FIN) !== 0 && position >= finAt ? finAt - 1 : position;
  if (upTo <= e.trimmed) return 0;
  if (upTo > e.delivered) undelivered(row, e, upTo, isOrig);
  e.trimmed = upTo;
  if (e.holes !== NO_NODE) deliver(e);
  return checkEof(row, e);
}

/** `length` bytes came, beginning at `position`. */
export function dataSent(row: Row, e: Endpoint, position: i64, length: i64): void {
  if ((e.flags & SKIP) !== 0) return;
  const acked = unwrapped(e.acked, e.ackWraps) - <i64>e.start;
  const from = max(max(position, acked), e.trimmed);
  const to = position + length;
  if (to <= from) return;
  if (from <= e.delivered) {
    if (to > e.delivered) {
      e.delivered = to;
      if (e.holes !== NO_NODE) deliver(e);
    }
  } else {
    e.outOfOrder++;
    e.holes = insertRange(e.holes, from, to);
  }
  const unacked = nothingAcked(e);
  if (unacked && sizeOf(row, e) > MAX_ABOVE_HOLE) {
    // Nobody acknowledges: the other direction is probably not in the capture.
    e.trimmed = max(e.trimmed, e.delivered);
  }
  if (e.holes === NO_NODE) return;
  let buffered: i64 = 0;
  let top: i64 = 0;
  for (let node = e.holes; node !== NO_NODE; node = nextOf(node)) {
    buffered += toOf(node) - fromOf(node);
    top = toOf(node);
  }
  if ((unacked && top - e.delivered > MAX_ABOVE_HOLE) || buffered > MAX_BUFFERED) {
    dropHoles(e);
    e.flags |= SKIP;
  }
}

/** Whether a side that has said it is done has nothing more to come. @returns TCP_COMPLETE or 0 */
export function checkEof(row: Row, e: Endpoint): i32 {
  const state = e.state;
  if ((e.flags & DID_EOF) !== 0) return 0;
  if ((e.flags & HAS_FIN) === 0 && state !== CLOSED && state !== RESET) return 0;
  if (dataPending(row, e)) return 0;
  e.flags |= DID_EOF;
  if ((row.tcp & CLOSE_DEFERRED) === 0) return 0;
  const result = connectionClosed(row, e);
  row.tcp &= ~CLOSE_DEFERRED;
  return result;
}

/** The side has closed. @returns TCP_COMPLETE or 0 */
export function connectionClosed(row: Row, e: Endpoint): i32 {
  if (dataPending(row, e)) {
    row.tcp |= CLOSE_DEFERRED;
    return 0;
  }
  row.tcp &= ~CLOSE_DEFERRED;
  if ((e.flags & DID_CLOSE) !== 0) return 0;
  e.flags |= DID_CLOSE;
  const peer = peerOf(row, e);
  const complete = e.state === RESET || (peer.flags & DID_CLOSE) !== 0 || peer.state === INACTIVE;
  return complete ? TCP_COMPLETE : 0;
}

/** The row is free: its lists are too. */
export function releaseStreams(row: Row): void {
  dropHoles(row.endpointA);
  dropHoles(row.endpointB);
}

function undelivered(row: Row, e: Endpoint, upTo: i64, isOrig: bool): void {
  // The made-up beginning of a stream that was joined in the middle.
  if (upTo <= 2 && (row.tcp & IS_PARTIAL) !== 0) return;
  if ((e.flags & SKIP) === 0) {
    let head = e.holes;
    while (head !== NO_NODE && fromOf(head) < upTo) {
      noteGap(row, e, fromOf(head) - e.delivered, isOrig);
      e.delivered = toOf(head);
      head = dropFirst(head);
    }
    e.holes = head;
    if (upTo > e.delivered) noteGap(row, e, upTo - e.delivered, isOrig);
  }
  if (upTo > e.delivered) e.delivered = upTo;
}

function noteGap(row: Row, e: Endpoint, length: i64, isOrig: bool): void {
  if (length <= 0 || !isClean(e) || !isClean(peerOf(row, e))) return;
  e.missed += length;
  const notes = notesOfEndpoint(row, e);
  notes.gaps++;
  if (isPowerOfTen(notes.gaps)) addLetter(row, LETTER_G, isOrig);
}

/** Established, or closed from there: elsewhere gaps are artefacts of numbers that cannot be trusted. */
function isClean(e: Endpoint): bool {
  return e.state === ESTABLISHED || (e.state === CLOSED && e.previous === ESTABLISHED);
}

/** Moves on over ranges that have become contiguous. */
function deliver(e: Endpoint): void {
  let head = e.holes;
  while (head !== NO_NODE && fromOf(head) <= e.delivered) {
    e.delivered = max(e.delivered, toOf(head));
    head = dropFirst(head);
  }
  e.holes = head;
}

function dropHoles(e: Endpoint): void {
  if (e.holes === NO_NODE) return;
  dropRanges(e.holes);
  e.holes = NO_NODE;
}

/** Bytes are still to come (or to be acknowledged) on a side that has said it is done. */
function dataPending(row: Row, e: Endpoint): bool {
  if ((e.flags & SKIP) !== 0) return false;
  const delivered = <i64>e.start + e.delivered;
  const last = unwrapped(e.last, e.lastWraps);
  if (last < delivered) return false;
  if (delivered !== last - 1 && delivered !== last) return true;
  return e.state !== RESET && hasBlocks(peerOf(row, e));
}

function hasBlocks(e: Endpoint): bool {
  return e.holes !== NO_NODE || e.delivered > e.trimmed;
}
