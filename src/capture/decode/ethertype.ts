/** What an EtherType announces: VLAN tags and other shims are peeled off until a network layer or something else is left. */
import { decodeIpv4 } from "./ipv4.ts";
import { decodeIpv6 } from "./ipv6.ts";
import { decodeMpls } from "./mpls.ts";
import {
  LAYER_LINK,
  MALFORMED,
  MAX_HEADERS,
  MAX_VLANS,
  NEXT_ETHERNET,
  NEXT_IP,
  NEXT_LLC,
  type Packet,
  TRUNCATED,
  u16,
} from "./packet.ts";
import { decodePppoe } from "./ppp.ts";

export function decodeEtherType(p: Packet, first: number, start: number): void {
  let type = first;
  let offset = start;
  for (let headers = 0; headers < MAX_HEADERS; headers++) {
    switch (type) {
      case 0x0800:
        p.etherType = type;
        decodeIpv4(p, offset);
        return;
      case 0x86dd:
        p.etherType = type;
        decodeIpv6(p, offset);
        return;
      // 802.1Q, 802.1ad, and the two numbers vendors used before it: PCP(3) DEI(1) VID(12), then a type.
      case 0x8100:
      case 0x88a8:
      case 0x9100:
      case 0x9200: {
        if (offset + 4 > p.end) {
          truncated(p, type, offset);
          return;
        }
        const vid = u16(p.data, offset) & 0x0fff;
        if (vid !== 0 && p.vlanCount < MAX_VLANS) p.vlans[p.vlanCount++] = vid;
        type = u16(p.data, offset + 2);
        offset += 4;
        break;
      }
      // 802.1ah (provider backbone bridges): I-TAG(4), then the customer's addresses and type.
      case 0x88e7:
        if (offset + 18 > p.end) {
          truncated(p, type, offset);
          return;
        }
        p.l2Dst = offset + 4;
        p.l2Src = offset + 10;
        type = u16(p.data, offset + 16);
        offset += 18;
        break;
      // VNTAG (Cisco, 802.1BR's predecessor): 4 bytes, then a type.
      case 0x8926:
        if (offset + 6 > p.end) {
          truncated(p, type, offset);
          return;
        }
        type = u16(p.data, offset + 4);
        offset += 6;
        break;
      // Cisco metadata (security group tags): 6 bytes, then a type.
      case 0x8909:
        if (offset + 8 > p.end) {
          truncated(p, type, offset);
          return;
        }
        type = u16(p.data, offset + 6);
        offset += 8;
        break;
      case 0x894f:
        p.etherType = type;
        decodeNsh(p, offset);
        return;
      // FabricPath carries a whole frame behind a 2-byte tag.
      case 0x8903:
        p.etherType = type;
        p.goOn(NEXT_ETHERNET, offset + 2);
        return;
      case 0x8847:
      case 0x8848:
        p.etherType = type;
        decodeMpls(p, offset);
        return;
      case 0x8864:
        p.etherType = type;
        decodePppoe(p, offset);
        return;
      default:
        if (type >= 0x0600) p.etherType = type;
        else p.goOn(NEXT_LLC, offset);
        return;
    }
  }
  p.etherType = type;
  p.fail(MALFORMED, LAYER_LINK, offset);
}

/** Network service header (RFC 8300): version(2) O U TTL(6) length(6, words) | U(4) MD type(4) | next protocol | service path (4) … */
function decodeNsh(p: Packet, offset: number): void {
  if (offset + 8 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  const inner = offset + (p.data[offset + 1]! & 0x3f) * 4;
  const next = p.data[offset + 3]!;
  if (next === 1 || next === 2) p.goOn(NEXT_IP, inner);
  else if (next === 3) p.goOn(NEXT_ETHERNET, inner);
}

function truncated(p: Packet, type: number, offset: number): void {
  p.etherType = type;
  p.fail(TRUNCATED, LAYER_LINK, offset);
}
