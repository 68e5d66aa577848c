/**
 * Tunnels over UDP, taken for one only when the port says so and the inner header is sane: VXLAN (RFC 7348) and VXLAN-GPE, Geneve (RFC 8926),
 * GTP-U (3GPP TS 29.281), Teredo (RFC 4380), AYIYA (draft-massar-v6ops-ayiya-02).
 */
import { ipAt } from "./ip-at.ts";
import {
  NEXT_ETHERNET,
  NEXT_IP,
  type Packet,
  TUNNEL_AYIYA,
  TUNNEL_GENEVE,
  TUNNEL_GTPU,
  TUNNEL_TEREDO,
  TUNNEL_VXLAN,
  u16,
  u32,
} from "./packet.ts";

export function decodeUdpTunnel(p: Packet): void {
  switch (p.dstPort) {
    case 4789:
    case 8472:
      decodeVxlan(p);
      return;
    case 4790:
      decodeVxlanGpe(p);
      return;
    case 6081:
      decodeGeneve(p);
      return;
    case 2152:
      decodeGtpu(p);
      return;
    case 3544:
      decodeTeredo(p);
      return;
    case 5072:
      decodeAyiya(p);
      return;
  }
  switch (p.srcPort) {
    case 2152:
      decodeGtpu(p);
      return;
    case 3544:
      decodeTeredo(p);
      return;
    case 5072:
      decodeAyiya(p);
      return;
  }
  // Teredo clients and relays talk to one another on any port; their addresses tell.
  if (p.payloadLength >= 40 && isTeredo(p, p.payload)) p.carries(NEXT_IP, TUNNEL_TEREDO, -1, p.payload);
}

/** An IPv6 packet that fills the datagram exactly, with an address of 2001::/32 at one end. */
function isTeredo(p: Packet, offset: number): boolean {
  const { data } = p;
  if (offset + 40 > p.end || data[offset]! >> 4 !== 6 || u16(data, offset + 4) + 40 !== p.payloadLength) return false;
  return u32(data, offset + 8) === 0x20010000 || u32(data, offset + 24) === 0x20010000;
}

/** An Ethernet header whose type is one that networks carry, or a length; the packet in it may be cut short, but must be sane. */
function frameAt(p: Packet, offset: number): boolean {
  if (offset + 14 > p.end) return false;
  const type = u16(p.data, offset + 12);
  if (type === 0x0800 || type === 0x86dd) {
    return offset + 34 > p.end || ipAt(p.data, offset + 14, p.end, Number.POSITIVE_INFINITY) === type;
  }
  return type < 0x0600 || type === 0x0806 || type >= 0x8000;
}

/** flags(8, I = 0x08) reserved(24) | VNI(24) reserved(8) | Ethernet */
function decodeVxlan(p: Packet): void {
  const offset = p.payload;
  if (offset + 8 <= p.end && (p.data[offset]! & 0x08) !== 0 && frameAt(p, offset + 8)) {
    p.carries(NEXT_ETHERNET, TUNNEL_VXLAN, u32(p.data, offset + 4) >>> 8, offset + 8);
  }
}

/** flags(8, I = 0x08, P = 0x04) reserved(16) next protocol(8, 1 IPv4, 2 IPv6, 3 Ethernet) | VNI(24) reserved(8) (draft-ietf-nvo3-vxlan-gpe) */
function decodeVxlanGpe(p: Packet): void {
  const { data } = p;
  const offset = p.payload;
  if (offset + 8 > p.end || (data[offset]! & 0x0c) !== 0x0c) return;
  const vni = u32(data, offset + 4) >>> 8;
  const next = data[offset + 3]!;
  if (next === 3 && frameAt(p, offset + 8)) p.carries(NEXT_ETHERNET, TUNNEL_VXLAN, vni, offset + 8);
  else if ((next === 1 || next === 2) && ipAt(data, offset + 8, p.end, p.wireEnd) !== 0) {
    p.carries(NEXT_IP, TUNNEL_VXLAN, vni, offset + 8);
  }
}

/** version(2) options(6, words) O C reserved(6) | protocol (2) | VNI(24) reserved(8) | options | payload */
function decodeGeneve(p: Packet): void {
  const { data } = p;
  const offset = p.payload;
  if (offset + 8 > p.end || data[offset]! >> 6 !== 0) return;
  const inner = offset + 8 + (data[offset]! & 0x3f) * 4;
  const protocol = u16(data, offset + 2);
  const vni = u32(data, offset + 4) >>> 8;
  if (protocol === 0x6558) {
    if (frameAt(p, inner)) p.carries(NEXT_ETHERNET, TUNNEL_GENEVE, vni, inner);
  } else if (protocol === 0x0800 || protocol === 0x86dd) {
    if (ipAt(data, inner, p.end, p.wireEnd) === protocol) p.carries(NEXT_IP, TUNNEL_GENEVE, vni, inner);
  }
}

/** version(3) PT(1) *(1) E(1) S(1) PN(1) | type (0xff: G-PDU) | length (2) | TEID (4) | [seq (2) N-PDU next extension] … */
function decodeGtpu(p: Packet): void {
  const { data } = p;
  let offset = p.payload;
  if (offset + 8 > p.end || (data[offset]! & 0xf0) !== 0x30 || data[offset + 1] !== 0xff) return;
  const flags = data[offset]! & 7;
  const teid = u32(data, offset + 4);
  offset += 8;
  if (flags !== 0) {
    if (offset + 4 > p.end) return;
    let next = (flags & 4) !== 0 ? data[offset + 3]! : 0;
    offset += 4;
    // Extension headers: length in words, content, the type of the next one.
    while (next !== 0) {
      const length = offset < p.end ? data[offset]! * 4 : 0;
      if (length === 0 || offset + length > p.end) return;
      next = data[offset + length - 1]!;
      offset += length;
    }
  }
  if (ipAt(data, offset, p.end, p.wireEnd) !== 0) p.carries(NEXT_IP, TUNNEL_GTPU, teid, offset);
}

/** [authentication: 00 01 …] [origin: 00 00 + 6 bytes] IPv6 */
function decodeTeredo(p: Packet): void {
  const { data } = p;
  let offset = p.payload;
  if (offset + 4 <= p.end && u16(data, offset) === 1) offset += 13 + data[offset + 2]! + data[offset + 3]!;
  if (offset + 2 <= p.end && u16(data, offset) === 0) offset += 8;
  if (ipAt(data, offset, p.end, p.wireEnd) === 0x86dd) p.carries(NEXT_IP, TUNNEL_TEREDO, -1, offset);
}

/** id length(4, 2^n) id type(4) | signature length(4, words) hash(4) | auth(4) opcode(4, 1: forward) | next header | time (4) | id | signature */
function decodeAyiya(p: Packet): void {
  const { data } = p;
  const offset = p.payload;
  if (offset + 8 > p.end || (data[offset + 2]! & 15) !== 1) return;
  const inner = offset + 8 + (1 << (data[offset]! >> 4)) + (data[offset + 1]! >> 4) * 4;
  const next = data[offset + 3]!;
  const type = next === 41 ? 0x86dd : next === 4 ? 0x0800 : 0;
  if (type !== 0 && ipAt(data, inner, p.end, p.wireEnd) === type) p.carries(NEXT_IP, TUNNEL_AYIYA, -1, inner);
}
