/**
 * RTP and RTCP (RFC 3550): their first bytes say too little of themselves, so they are only looked for where SIP has announced them, or
 * behind STUN on the same flow.
 */
import { u8At } from "../bytes";
import { RTCP, RTP } from "../generated/apps";
import { at, captured } from "./payload";

const HEADER: i32 = 12;
const VERSION_2: i32 = 2;
/** Packet types of RTCP (RFC 5761 §4): RTP with a marker does not use them. */
const FIRST_RTCP: i32 = 192;
const LAST_RTCP: i32 = 223;

/** RTP or RTCP, if this datagram may be one of them, else 0. */
export function rtpApp(): i32 {
  if (captured() < HEADER || u8At(at) >> 6 !== VERSION_2) return 0;
  const type = u8At(at + 1);
  return type >= FIRST_RTCP && type <= LAST_RTCP ? RTCP : RTP;
}
