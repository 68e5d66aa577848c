/** PPP (RFC 1661, RFC 1662), PPPoE sessions (RFC 2516) and Cisco HDLC. */
import { decodeIpv4 } from "./ipv4.ts";
import { decodeIpv6 } from "./ipv6.ts";
import { decodeMpls } from "./mpls.ts";
import { LAYER_LINK, MALFORMED, NEXT_ETHERTYPE, type Packet, TRUNCATED, u16 } from "./packet.ts";

/** PPP with or without address and control bytes (FF 03), the protocol in two bytes or compressed to one. */
export function decodePpp(p: Packet, start: number): void {
  let offset = start;
  if (offset + 2 <= p.end && p.data[offset] === 0xff && p.data[offset + 1] === 0x03) offset += 2;
  if (offset + 2 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  const compressed = (p.data[offset]! & 1) === 1;
  const protocol = compressed ? p.data[offset]! : u16(p.data, offset);
  offset += compressed ? 1 : 2;
  if (protocol === 0x0021) decodeIpv4(p, offset);
  else if (protocol === 0x0057) decodeIpv6(p, offset);
  else if (protocol === 0x0281 || protocol === 0x0283) decodeMpls(p, offset);
}

/**
 * A PPPoE session packet, after its EtherType:
 *
 *     version(4) type(4) | code (0: data) | session (2) | length (2) | PPP
 */
export function decodePppoe(p: Packet, offset: number): void {
  if (offset + 8 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
  } else if (p.data[offset] !== 0x11 || p.data[offset + 1] !== 0) {
    p.fail(MALFORMED, LAYER_LINK, offset);
  } else {
    decodePpp(p, offset + 6);
  }
}

/** Cisco HDLC: address, control, then an EtherType. */
export function decodeCiscoHdlc(p: Packet, offset: number): void {
  if (offset + 4 > p.end) p.fail(TRUNCATED, LAYER_LINK, offset);
  else p.goOn(NEXT_ETHERTYPE, offset + 4, u16(p.data, offset + 2));
}

/** PPP in HDLC-like framing as serial links are captured: Cisco HDLC where the address says so (LINKTYPE_PPP_HDLC). */
export function decodePppHdlc(p: Packet, offset: number): void {
  if (offset < p.end && (p.data[offset] === 0x0f || p.data[offset] === 0x8f)) decodeCiscoHdlc(p, offset);
  else decodePpp(p, offset);
}
