/**
 * GRE (RFC 2784, RFC 2890; version 1 for PPTP: RFC 2637) and what mirrors deliver in it, ERSPAN
 * (draft-foschiano-erspan-03):
 *
 *     C(1) R(1) K(1) S(1) s(1) recursion(3) A(1) flags(4) version(3) | protocol (2)
 *     [checksum and offset (4)] [key (4)] [sequence (4)] [v1: acknowledgment (4)]
 */
import { ipAt } from "./ip-at.ts";
import {
  LAYER_TUNNEL,
  MALFORMED,
  NEXT_ETHERNET,
  NEXT_ETHERTYPE,
  NEXT_IP,
  NEXT_LINK,
  NEXT_PPP,
  type Packet,
  TRUNCATED,
  TUNNEL_ERSPAN,
  TUNNEL_GRE,
  u16,
  u32,
} from "./packet.ts";

export function decodeGre(p: Packet, start: number): void {
  if (start + 4 > p.end) {
    p.fail(TRUNCATED, LAYER_TUNNEL, start);
    return;
  }
  const flags = u16(p.data, start);
  const protocol = u16(p.data, start + 2);
  const version = flags & 7;
  let offset = start + 4;
  if (version > 1) {
    p.fail(MALFORMED, LAYER_TUNNEL, start);
    return;
  }
  if ((flags & 0xc000) !== 0) offset += 4;
  const key = (flags & 0x2000) !== 0 && offset + 4 <= p.end ? u32(p.data, offset) : -1;
  if ((flags & 0x2000) !== 0) offset += 4;
  const sequenced = (flags & 0x1000) !== 0;
  if (sequenced) offset += 4;
  if (version === 1 && (flags & 0x0080) !== 0) offset += 4;
  if (offset > p.end) {
    p.fail(TRUNCATED, LAYER_TUNNEL, start);
    return;
  }
  if (version === 1) {
    // The key's low half is the call id; without a sequence number the packet is a bare acknowledgment.
    if (protocol === 0x880b && sequenced) p.carries(NEXT_PPP, TUNNEL_GRE, key & 0xffff, offset);
    return;
  }
  switch (protocol) {
    case 0x0800:
    case 0x86dd:
      if (ipAt(p.data, offset, p.end, p.wireEnd) !== 0) p.carries(NEXT_IP, TUNNEL_GRE, key, offset);
      return;
    case 0x6558:
      p.carries(NEXT_ETHERNET, TUNNEL_GRE, key, offset);
      return;
    case 0x880b:
      p.carries(NEXT_PPP, TUNNEL_GRE, key, offset);
      return;
    // ERSPAN type I has no header and no sequence number, type II 8 bytes.
    case 0x88be:
      if (!sequenced) p.carries(NEXT_ETHERNET, TUNNEL_ERSPAN, -1, offset);
      else if (offset + 8 <= p.end) {
        p.carries(NEXT_ETHERNET, TUNNEL_ERSPAN, u16(p.data, offset + 2) & 0x03ff, offset + 8);
      }
      return;
    // Type III: 12 bytes, and 8 more when the O bit is set.
    case 0x22eb:
      if (offset + 12 <= p.end) {
        const extra = (p.data[offset + 11]! & 1) === 1 ? 8 : 0;
        p.carries(NEXT_ETHERNET, TUNNEL_ERSPAN, u16(p.data, offset + 2) & 0x03ff, offset + 12 + extra);
      }
      return;
    case 0x8847:
    case 0x8848:
      p.carries(NEXT_ETHERTYPE, TUNNEL_GRE, key, offset, protocol);
      return;
    // WCCP redirects put 4 bytes before the packet.
    case 0x883e:
      if (ipAt(p.data, offset + 4, p.end, p.wireEnd) !== 0) p.carries(NEXT_IP, TUNNEL_GRE, key, offset + 4);
      else if (ipAt(p.data, offset, p.end, p.wireEnd) !== 0) p.carries(NEXT_IP, TUNNEL_GRE, key, offset);
      return;
    default:
      // Aruba access points send the 802.11 frames of their clients.
      if ((protocol >= 0x8200 && protocol <= 0x83ff) || protocol === 0x9000) {
        p.carries(NEXT_LINK, TUNNEL_GRE, key, offset, 105);
      }
  }
}
