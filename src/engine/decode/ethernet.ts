/** Ethernet: DIX and 802.3 frames with LLC/SNAP (IEEE 802.3 §3.2, 802.2, RFC 1042). */

import { u8At, u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import {
  ERROR_TRUNCATED,
  ETHERTYPE_LLC,
  ETHERTYPE_STP,
  fail,
  LAYER_LINK,
  leaveTo,
  NEXT_ETHERTYPE,
  NEXT_LLC,
} from "../packet";
import { decodeIpv4 } from "./ipv4";

/** Decodes a frame that begins with a destination MAC address at `at`. */
export function decodeEthernet(p: Packet, at: i32): void {
  if (at + 14 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  p.l2Dst = at;
  p.l2Src = at + 6;
  const type = u16At(at + 12);
  if (type === 0x0800) {
    p.etherType = type;
    decodeIpv4(p, at + 14);
  } else {
    decodeTypeOrLength(p, type, at + 14);
  }
}

/** Values up to 1500 are a length and LLC follows; 1501 to 1535 are undefined and treated alike. */
export function decodeTypeOrLength(p: Packet, type: i32, at: i32): void {
  if (type >= 0x0600) leaveTo(p, NEXT_ETHERTYPE, at, type);
  else decodeLlc(p, at);
}

/**
 * LLC, with SNAP where it says so:
 *
 *     AA AA 03 | OUI (3) | protocol (2)        OUI 0: an EtherType
 */
export function decodeLlc(p: Packet, at: i32): void {
  if (at + 8 <= p.end && u8At(at) === 0xaa && u8At(at + 1) === 0xaa && u8At(at + 2) === 0x03) {
    const oui = (u8At(at + 3) << 16) | u16At(at + 4);
    // 00-00-F8 is the bridge tunnel encapsulation of 802.1H.
    if (oui === 0 || oui === 0x0000f8) {
      const type = u16At(at + 6);
      leaveTo(p, type >= 0x0600 ? NEXT_ETHERTYPE : NEXT_LLC, at + 8, type);
      return;
    }
  }
  const spanningTree = at + 2 <= p.end && u8At(at) === 0x42 && u8At(at + 1) === 0x42;
  p.etherType = spanningTree ? ETHERTYPE_STP : ETHERTYPE_LLC;
}
