/** The two sides of a TCP connection: what their numbers mean, and what follows from them. */
import { Endpoint, EndpointNotes, Row } from "../generated/layouts";

/** States, with Zeek's numbers (RFC 9293 §3.3.2 names them differently). */
export const INACTIVE: i32 = 0;
export const SYN_SENT: i32 = 1;
export const SYN_ACK_SENT: i32 = 2;
export const PARTIAL: i32 = 3;
export const ESTABLISHED: i32 = 4;
export const CLOSED: i32 = 5;
export const RESET: i32 = 6;

/** Bits of an endpoint's `flags`. */
export const DID_CLOSE: i32 = 1;
export const DID_EOF: i32 = 2;
export const SKIP: i32 = 4;
export const HAS_FIN: i32 = 8;

/** Bits of a row's `tcp`. */
export const FLIPPED: i32 = 1;
export const IS_PARTIAL: i32 = 2;
export const ORIG_SEEN: i32 = 4;
export const RESP_SEEN: i32 = 8;
export const CLOSE_DEFERRED: i32 = 16;

/** One side of a TCP connection. */
export function endpointOf(row: Row, orig: bool): Endpoint {
  return ((row.tcp & FLIPPED) === 0) === orig ? row.endpointA : row.endpointB;
}

/** What is seldom needed of it; of other protocols too. */
export function notesOf(row: Row, orig: bool): EndpointNotes {
  return ((row.tcp & FLIPPED) === 0) === orig ? row.notesA : row.notesB;
}

export function stateOf(row: Row, orig: bool): i32 {
  return endpointOf(row, orig).state;
}

/** Bytes a side sent by its sequence numbers: what was acknowledged counts even when it was not seen. */
export function streamSize(row: Row, orig: bool): i64 {
  return sizeOf(row, endpointOf(row, orig));
}

/** Bytes of both sides that were acknowledged and never seen. */
export function missed(row: Row): i64 {
  return row.endpointA.missed + row.endpointB.missed;
}

/** Begins both sides: streams begin at 1. The row is all zeros. */
export function openEndpoints(row: Row): void {
  row.endpointA.delivered = 1;
  row.endpointB.delivered = 1;
  row.endpointA.trimmed = 1;
  row.endpointB.trimmed = 1;
  row.synTime = -1;
}

export function peerOf(row: Row, e: Endpoint): Endpoint {
  return e.at === row.endpointA.at ? row.endpointB : row.endpointA;
}

export function notesOfEndpoint(row: Row, e: Endpoint): EndpointNotes {
  return e.at === row.endpointA.at ? row.notesA : row.notesB;
}

export function setState(e: Endpoint, state: i32): void {
  if (e.state === state) return;
  e.previous = e.state;
  e.state = state;
}

/** Exchanges the roles. */
export function flipRoles(row: Row): void {
  const flags = row.tcp;
  const seen = ((flags & ORIG_SEEN) !== 0 ? RESP_SEEN : 0) | ((flags & RESP_SEEN) !== 0 ? ORIG_SEEN : 0);
  row.tcp = ((flags & (FLIPPED | CLOSE_DEFERRED)) ^ FLIPPED) | seen;
}

/** A number of the sequence space with its count of wraps. */
export function unwrapped(number: u32, wraps: i32): i64 {
  return ((<i64>wraps) << 32) + <i64>number;
}

export function nothingAcked(e: Endpoint): bool {
  return e.acked - e.start <= 1 && e.ackWraps === 0;
}

export function sizeOf(row: Row, e: Endpoint): i64 {
  const halfOpen = e.previous === SYN_SENT && e.state === RESET && peerOf(row, e).state === INACTIVE;
  if (halfOpen && !nothingAcked(e)) return 0;
  let size = max(unwrapped(e.last, e.lastWraps), unwrapped(e.acked, e.ackWraps)) - <i64>e.start;
  if (size > 0) size--;
  if ((e.flags & HAS_FIN) !== 0 && size > 0) size--;
  return max<i64>(size, 0);
}
