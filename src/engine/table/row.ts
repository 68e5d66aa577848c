/** What the numbers in a row mean. */
import { Row, Side } from "../generated/layouts";

/** Bits of `meta` above the protocol number. */
export const META_V6: u32 = 1 << 8;
/** The flow has one direction. */
export const META_ONE_WAY: u32 = 1 << 9;

/** What `state` is: free, a connection, one that ended and waits for its turn to be told, one that ended and is kept. */
export const FREE: i32 = 0;
export const LIVE: i32 = 1;
export const ENDING: i32 = 2;
export const ENDED: i32 = 3;

/** Bits of `role`: packets of the row carried others; it is not to be shown. */
export const ROLE_CARRIER: i32 = 1;
export const ROLE_HIDDEN: i32 = 2;

/** Why a connection ended: index into CLOSE_REASONS (tables/close-reasons.ts). */
export const REASON_OPEN: i32 = 0;
export const REASON_FIN: i32 = 1;
export const REASON_RST: i32 = 2;
export const REASON_IDLE: i32 = 3;
export const REASON_ATTEMPT: i32 = 4;
export const REASON_REUSE: i32 = 5;
export const REASON_EOF: i32 = 6;
export const REASON_EVICTED: i32 = 7;

/** What happens at a row's deadline. */
export const DEADLINE_NONE: i32 = 0;
export const DEADLINE_ATTEMPT: i32 = 1;
export const DEADLINE_CLOSED: i32 = 2;
export const DEADLINE_RESET: i32 = 3;

/** IANA protocol number. */
export function protocolOf(row: Row): i32 {
  return <i32>(row.meta & 0xff);
}

export function isV6(row: Row): bool {
  return (row.meta & META_V6) !== 0;
}

/** An ICMP message without a counterpart. */
export function isOneWay(row: Row): bool {
  return (row.meta & META_ONE_WAY) !== 0;
}

/** What one side sent. */
export function sideOf(row: Row, orig: bool): Side {
  return orig ? row.orig : row.resp;
}

/** Whether the row is to be shown: not free, and not a mere carrier of tunnels. */
export function isShown(row: Row): bool {
  return row.state !== FREE && (row.role & ROLE_HIDDEN) === 0;
}
