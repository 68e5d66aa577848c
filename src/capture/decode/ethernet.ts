/** Ethernet: DIX and 802.3 frames with LLC/SNAP (IEEE 802.3 §3.2, 802.2, RFC 1042). */
import { decodeIpv4 } from "./ipv4.ts";
import {
  ETHERTYPE_LLC,
  ETHERTYPE_STP,
  LAYER_LINK,
  NEXT_ETHERTYPE,
  NEXT_LLC,
  type Packet,
  TRUNCATED,
  u16,
} from "./packet.ts";

/** Decodes a frame that begins with a destination MAC address at `offset`. */
export function decodeEthernet(p: Packet, offset: number): void {
  if (offset + 14 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  if (p.l2Data !== p.data) p.l2Data = p.data;
  p.l2Dst = offset;
  p.l2Src = offset + 6;
  const type = (p.data[offset + 12]! << 8) | p.data[offset + 13]!;
  if (type === 0x0800) {
    p.etherType = type;
    decodeIpv4(p, offset + 14);
  } else {
    decodeTypeOrLength(p, type, offset + 14);
  }
}

/** Values up to 1500 are a length and LLC follows; 1501 to 1535 are undefined and treated alike. */
export function decodeTypeOrLength(p: Packet, type: number, offset: number): void {
  if (type >= 0x0600) p.goOn(NEXT_ETHERTYPE, offset, type);
  else decodeLlc(p, offset);
}

/**
 * LLC, with SNAP where it says so:
 *
 *     AA AA 03 | OUI (3) | protocol (2)        OUI 0: an EtherType
 */
export function decodeLlc(p: Packet, offset: number): void {
  const { data } = p;
  if (offset + 8 <= p.end && data[offset] === 0xaa && data[offset + 1] === 0xaa && data[offset + 2] === 0x03) {
    const oui = (data[offset + 3]! << 16) | (data[offset + 4]! << 8) | data[offset + 5]!;
    // 00-00-F8 is the bridge tunnel encapsulation of 802.1H.
    if (oui === 0 || oui === 0x0000f8) {
      const type = u16(data, offset + 6);
      p.goOn(type >= 0x0600 ? NEXT_ETHERTYPE : NEXT_LLC, offset + 8, type);
      return;
    }
  }
  const spanningTree = offset + 2 <= p.end && data[offset] === 0x42 && data[offset + 1] === 0x42;
  p.etherType = spanningTree ? ETHERTYPE_STP : ETHERTYPE_LLC;
}
