/**
 * GRE (RFC 2784, RFC 2890; version 1 for PPTP: RFC 2637) and what mirrors deliver in it, ERSPAN
 * (draft-foschiano-erspan-03):
 *
 *     C(1) R(1) K(1) S(1) s(1) recursion(3) A(1) flags(4) version(3) | protocol (2)
 *     [checksum and at (4)] [key (4)] [sequence (4)] [v1: acknowledgment (4)]
 */

import { u8At, u16At, u32At } from "../bytes";
import { Packet } from "../generated/layouts";
import { TUNNEL_ERSPAN, TUNNEL_GRE } from "../generated/tunnels";
import {
  carries,
  ERROR_MALFORMED,
  ERROR_TRUNCATED,
  fail,
  LAYER_TUNNEL,
  NEXT_ETHERNET,
  NEXT_ETHERTYPE,
  NEXT_IP,
  NEXT_LINK,
  NEXT_PPP,
} from "../packet";
import { ipAt } from "./ip-at";

export function decodeGre(p: Packet, start: i32): void {
  if (start + 4 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_TUNNEL, start);
    return;
  }
  const flags = u16At(start);
  const protocol = u16At(start + 2);
  const version = flags & 7;
  let at = start + 4;
  if (version > 1) {
    fail(p, ERROR_MALFORMED, LAYER_TUNNEL, start);
    return;
  }
  if ((flags & 0xc000) !== 0) at += 4;
  const key: i64 = (flags & 0x2000) !== 0 && at + 4 <= p.end ? <i64>u32At(at) : -1;
  if ((flags & 0x2000) !== 0) at += 4;
  const sequenced = (flags & 0x1000) !== 0;
  if (sequenced) at += 4;
  if (version === 1 && (flags & 0x0080) !== 0) at += 4;
  if (at > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_TUNNEL, start);
    return;
  }
  if (version === 1) {
    // The key's low half is the call id; without a sequence number the packet is a bare acknowledgment.
    if (protocol === 0x880b && sequenced) carries(p, NEXT_PPP, TUNNEL_GRE, key & 0xffff, at);
    return;
  }
  switch (protocol) {
    case 0x0800:
    case 0x86dd:
      if (ipAt(at, p.end, p.wireEnd) !== 0) carries(p, NEXT_IP, TUNNEL_GRE, key, at);
      return;
    case 0x6558:
      carries(p, NEXT_ETHERNET, TUNNEL_GRE, key, at);
      return;
    case 0x880b:
      carries(p, NEXT_PPP, TUNNEL_GRE, key, at);
      return;
    // ERSPAN type I has no header and no sequence number, type II 8 bytes.
    case 0x88be:
      if (!sequenced) carries(p, NEXT_ETHERNET, TUNNEL_ERSPAN, -1, at);
      else if (at + 8 <= p.end) {
        carries(p, NEXT_ETHERNET, TUNNEL_ERSPAN, u16At(at + 2) & 0x03ff, at + 8);
      }
      return;
    // Type III: 12 bytes, and 8 more when the O bit is set.
    case 0x22eb:
      if (at + 12 <= p.end) {
        const extra = (u8At(at + 11) & 1) === 1 ? 8 : 0;
        carries(p, NEXT_ETHERNET, TUNNEL_ERSPAN, u16At(at + 2) & 0x03ff, at + 12 + extra);
      }
      return;
    case 0x8847:
    case 0x8848:
      carries(p, NEXT_ETHERTYPE, TUNNEL_GRE, key, at, protocol);
      return;
    // WCCP redirects put 4 bytes before the packet.
    case 0x883e:
      if (ipAt(at + 4, p.end, p.wireEnd) !== 0) carries(p, NEXT_IP, TUNNEL_GRE, key, at + 4);
      else if (ipAt(at, p.end, p.wireEnd) !== 0) carries(p, NEXT_IP, TUNNEL_GRE, key, at);
      return;
    default:
      // Aruba access points send the 802.11 frames of their clients.
      if ((protocol >= 0x8200 && protocol <= 0x83ff) || protocol === 0x9000) {
        carries(p, NEXT_LINK, TUNNEL_GRE, key, at, 105);
      }
  }
}
