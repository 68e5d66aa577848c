/** PPP (RFC 1661, RFC 1662), PPPoE sessions (RFC 2516) and Cisco HDLC. */

import { u8At, u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_LINK, leaveTo, NEXT_ETHERTYPE } from "../packet";
import { decodeIpv4 } from "./ipv4";
import { decodeIpv6 } from "./ipv6";
import { decodeMpls } from "./mpls";

/** PPP with or without address and control bytes (FF 03), the protocol in two bytes or compressed to one. */
export function decodePpp(p: Packet, start: i32): void {
  let at = start;
  if (at + 2 <= p.end && u8At(at) === 0xff && u8At(at + 1) === 0x03) at += 2;
  if (at + 2 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  const compressed = (u8At(at) & 1) === 1;
  const protocol = compressed ? u8At(at) : u16At(at);
  at += compressed ? 1 : 2;
  if (protocol === 0x0021) decodeIpv4(p, at);
  else if (protocol === 0x0057) decodeIpv6(p, at);
  else if (protocol === 0x0281 || protocol === 0x0283) decodeMpls(p, at);
}

/**
 * A PPPoE session packet, after its EtherType:
 *
 *     version(4) type(4) | code (0: data) | session (2) | length (2) | PPP
 */
export function decodePppoe(p: Packet, at: i32): void {
  if (at + 8 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
  } else if (u8At(at) !== 0x11 || u8At(at + 1) !== 0) {
    fail(p, ERROR_MALFORMED, LAYER_LINK, at);
  } else {
    decodePpp(p, at + 6);
  }
}

/** Cisco HDLC: address, control, then an EtherType. */
export function decodeCiscoHdlc(p: Packet, at: i32): void {
  if (at + 4 > p.end) fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
  else leaveTo(p, NEXT_ETHERTYPE, at + 4, u16At(at + 2));
}

/** PPP in HDLC-like framing as serial links are captured: Cisco HDLC where the address says so (LINKTYPE_PPP_HDLC). */
export function decodePppHdlc(p: Packet, at: i32): void {
  if (at < p.end && (u8At(at) === 0x0f || u8At(at) === 0x8f)) decodeCiscoHdlc(p, at);
  else decodePpp(p, at);
}
