/** What an EtherType announces: VLAN tags and other shims are peeled off until a network layer or something else is left. */

import { put16, u8At, u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import {
  ERROR_MALFORMED,
  ERROR_TRUNCATED,
  fail,
  LAYER_LINK,
  leaveTo,
  MAX_HEADERS,
  MAX_VLANS,
  NEXT_ETHERNET,
  NEXT_IP,
  NEXT_LLC,
} from "../packet";
import { decodeIpv4 } from "./ipv4";
import { decodeIpv6 } from "./ipv6";
import { decodeMpls } from "./mpls";
import { decodePppoe } from "./ppp";

export function decodeEtherType(p: Packet, first: i32, start: i32): void {
  let type = first;
  let at = start;
  for (let headers = 0; headers < MAX_HEADERS; headers++) {
    switch (type) {
      case 0x0800:
        p.etherType = type;
        decodeIpv4(p, at);
        return;
      case 0x86dd:
        p.etherType = type;
        decodeIpv6(p, at);
        return;
      // 802.1Q, 802.1ad, and the two numbers vendors used before it: PCP(3) DEI(1) VID(12), then a type.
      case 0x8100:
      case 0x88a8:
      case 0x9100:
      case 0x9200: {
        if (at + 4 > p.end) {
          truncated(p, type, at);
          return;
        }
        const vid = u16At(at) & 0x0fff;
        if (vid !== 0 && p.vlanCount < MAX_VLANS) addVlan(p, vid);
        type = u16At(at + 2);
        at += 4;
        break;
      }
      // 802.1ah (provider backbone bridges): I-TAG(4), then the customer's addresses and type.
      case 0x88e7:
        if (at + 18 > p.end) {
          truncated(p, type, at);
          return;
        }
        p.l2Dst = at + 4;
        p.l2Src = at + 10;
        type = u16At(at + 16);
        at += 18;
        break;
      // VNTAG (Cisco, 802.1BR's predecessor): 4 bytes, then a type.
      case 0x8926:
        if (at + 6 > p.end) {
          truncated(p, type, at);
          return;
        }
        type = u16At(at + 4);
        at += 6;
        break;
      // Cisco metadata (security group tags): 6 bytes, then a type.
      case 0x8909:
        if (at + 8 > p.end) {
          truncated(p, type, at);
          return;
        }
        type = u16At(at + 6);
        at += 8;
        break;
      case 0x894f:
        p.etherType = type;
        decodeNsh(p, at);
        return;
      // FabricPath carries a whole frame behind a 2-byte tag.
      case 0x8903:
        p.etherType = type;
        leaveTo(p, NEXT_ETHERNET, at + 2);
        return;
      case 0x8847:
      case 0x8848:
        p.etherType = type;
        decodeMpls(p, at);
        return;
      case 0x8864:
        p.etherType = type;
        decodePppoe(p, at);
        return;
      default:
        if (type >= 0x0600) p.etherType = type;
        else leaveTo(p, NEXT_LLC, at);
        return;
    }
  }
  p.etherType = type;
  fail(p, ERROR_MALFORMED, LAYER_LINK, at);
}

/** Network service header (RFC 8300): version(2) O U TTL(6) length(6, words) | U(4) MD type(4) | next protocol | service path (4) … */
function decodeNsh(p: Packet, at: i32): void {
  if (at + 8 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  const inner = at + (u8At(at + 1) & 0x3f) * 4;
  const next = u8At(at + 3);
  if (next === 1 || next === 2) leaveTo(p, NEXT_IP, inner);
  else if (next === 3) leaveTo(p, NEXT_ETHERNET, inner);
}

/** Keeps a VLAN id of this layer. */
function addVlan(p: Packet, vid: i32): void {
  put16(p.vlans + ((<usize>p.vlanCount) << 1), vid);
  p.vlanCount++;
}

function truncated(p: Packet, type: i32, at: i32): void {
  p.etherType = type;
  fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
}
