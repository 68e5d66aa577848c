/** Link types by their LINKTYPE_ value (https://www.tcpdump.org/linktypes.html): where the network layer begins. */
import { decodeEthernet, decodeLlc, decodeTypeOrLength } from "./ethernet.ts";
import { decodeEtherType } from "./ethertype.ts";
import { decodeIeee80211, decodePpi, decodePrism, decodeRadiotap } from "./ieee80211.ts";
import { decodeIp } from "./ip.ts";
import { decodeIpv4 } from "./ipv4.ts";
import { decodeIpv6 } from "./ipv6.ts";
import {
  ETHERTYPE_LLC,
  LAYER_LINK,
  MALFORMED,
  NEXT_LINK,
  type Packet,
  TRUNCATED,
  UNSUPPORTED,
  u16,
  u32,
} from "./packet.ts";
import { decodeCiscoHdlc, decodePppHdlc, decodePppoe } from "./ppp.ts";

/** Decodes the frame of `p` from `offset`. */
export function decodeLink(p: Packet, linktype: number, offset: number): void {
  switch (linktype) {
    case 1:
      decodeEthernet(p, offset);
      return;
    case 0:
    case 108:
      decodeLoopback(p, offset);
      return;
    // LINKTYPE_RAW, and the DLT_RAW numbers of two kinds of systems.
    case 12:
    case 14:
    case 101:
      decodeIp(p, offset);
      return;
    case 228:
      decodeIpv4(p, offset);
      return;
    case 229:
      decodeIpv6(p, offset);
      return;
    case 113:
      decodeCooked(p, offset, 14, 16, 6);
      return;
    case 276:
      decodeCooked(p, offset, 0, 20, 12);
      return;
    // Both appear with PPP in HDLC-like framing and with Cisco HDLC.
    case 9:
    case 50:
      decodePppHdlc(p, offset);
      return;
    case 51:
      if (offset + 14 > p.end) p.fail(TRUNCATED, LAYER_LINK, offset);
      else decodePppoe(p, offset + 14);
      return;
    case 104:
      decodeCiscoHdlc(p, offset);
      return;
    case 107:
      decodeFrameRelay(p, offset);
      return;
    case 105:
      decodeIeee80211(p, offset);
      return;
    case 119:
      decodePrism(p, offset);
      return;
    case 127:
      decodeRadiotap(p, offset);
      return;
    case 192:
      decodePpi(p, offset);
      return;
    case 239:
      decodeNflog(p, offset);
      return;
    case 258:
      decodePktap(p, offset);
      return;
    // SLIP with libpcap's 16-byte pseudo-header; plain IP behind it.
    case 8:
      decodeIp(p, offset + 16);
      return;
    // RFC 1483 LLC-encapsulated ATM, and FDDI (13 bytes of header).
    case 100:
      decodeLlc(p, offset);
      return;
    case 10:
      decodeLlc(p, offset + 13);
      return;
    // ARCNET as Linux hands it up: addresses, fragment bytes, protocol (RFC 1201).
    case 129:
      decodeArcnetLinux(p, offset);
      return;
    // Solaris ipnet: version, family, 22 bytes more.
    case 226:
      decodeIp(p, offset + 24);
      return;
    // User-defined types say nothing of their content: whole frames or bare IP are what is met.
    case 149:
      decodeGuess(p, offset);
      return;
    default:
      p.fail(UNSUPPORTED, LAYER_LINK, offset);
  }
}

/** BSD loopback: a 4-byte address family in the byte order of the writing host, or big-endian (OpenBSD). */
function decodeLoopback(p: Packet, offset: number): void {
  if (offset + 4 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  const big = u32(p.data, offset);
  const family = big > 0xffff ? ((big >>> 24) | ((big >>> 8) & 0xff00)) & 0xffff : big;
  // AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 28 or 30 on the BSDs and macOS.
  if (family === 2) decodeIpv4(p, offset + 4);
  else if (family === 10 || family === 24 || family === 28 || family === 30) decodeIpv6(p, offset + 4);
}

/** Linux cooked captures: the protocol at `typeAt`, the sender's address (up to 8 bytes) at `addressAt`. */
function decodeCooked(p: Packet, offset: number, typeAt: number, header: number, addressAt: number): void {
  if (offset + header > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  p.l2Data = p.data;
  const length = typeAt === 14 ? u16(p.data, offset + 4) : p.data[offset + 11]!;
  if (length === 6) p.l2Src = offset + addressAt;
  const type = u16(p.data, offset + typeAt);
  // 0x0001 Novell without LLC, 0x0004 802.2 LLC: not EtherTypes.
  if (type === 4) decodeLlc(p, offset + header);
  else if (type < 0x0600) p.etherType = ETHERTYPE_LLC;
  else decodeEtherType(p, type, offset + header);
}

/** Frame Relay (RFC 2427): DLCI of 2 to 4 bytes, control 03, NLPID. */
function decodeFrameRelay(p: Packet, start: number): void {
  let offset = start;
  while (offset < p.end && offset < start + 4 && (p.data[offset]! & 1) === 0) offset++;
  offset++;
  if (offset + 2 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, start);
    return;
  }
  // Cisco's own encapsulation has an EtherType where RFC 2427 has the control byte.
  if (p.data[offset] !== 0x03) {
    decodeTypeOrLength(p, u16(p.data, offset), offset + 2);
    return;
  }
  offset++;
  if (offset < p.end && p.data[offset] === 0) offset++;
  if (offset >= p.end) {
    p.fail(TRUNCATED, LAYER_LINK, start);
    return;
  }
  const nlpid = p.data[offset]!;
  if (nlpid === 0xcc) decodeIpv4(p, offset + 1);
  else if (nlpid === 0x8e) decodeIpv6(p, offset + 1);
  else if (nlpid === 0x80 && offset + 6 <= p.end) {
    const oui = u32(p.data, offset) & 0xffffff;
    if (oui === 0) decodeTypeOrLength(p, u16(p.data, offset + 4), offset + 6);
    // RFC 2427 §4.2: bridged 802.3, with or without its FCS.
    else if (oui === 0x0080c2 && (u16(p.data, offset + 4) === 7 || u16(p.data, offset + 4) === 1)) {
      decodeEthernet(p, offset + 6);
    }
  }
}

/** NFLOG: family, version, resource id, then attributes (length, type; padded to 4) in host byte order; 9 is the packet. */
function decodeNflog(p: Packet, start: number): void {
  if (start + 4 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, start);
    return;
  }
  let offset = start + 4;
  while (offset + 4 <= p.end) {
    // The host's byte order is not written down: attribute types are small, so the low byte tells.
    const little = p.data[offset + 3] === 0 || p.data[offset + 3] === 0x80;
    const length = little ? p.data[offset]! | (p.data[offset + 1]! << 8) : u16(p.data, offset);
    const type = (little ? p.data[offset + 2]! : p.data[offset + 3]!) & 0x7f;
    if (length < 4) break;
    if (type === 9) {
      decodeIp(p, offset + 4);
      return;
    }
    offset += (length + 3) & ~3;
  }
  p.fail(MALFORMED, LAYER_LINK, offset);
}

/** Apple's PKTAP: a little-endian header with its length at 0 and the link type of what follows at 8 (a DLT_ value). */
function decodePktap(p: Packet, offset: number): void {
  if (offset + 12 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  const { data } = p;
  const header = data[offset]! | (data[offset + 1]! << 8);
  const linktype = data[offset + 8]! | (data[offset + 9]! << 8);
  if (header < 12) p.fail(MALFORMED, LAYER_LINK, offset);
  else p.goOn(NEXT_LINK, offset + header, linktype);
}

function decodeArcnetLinux(p: Packet, offset: number): void {
  if (offset + 8 > p.end) {
    p.fail(TRUNCATED, LAYER_LINK, offset);
    return;
  }
  // src dst offset(2) protocol split-flag sequence(2); an exception packet repeats the last four. RFC 1051 has no more
  // than the protocol.
  const protocol = p.data[offset + 4]!;
  if (protocol === 0xf0) {
    decodeIpv4(p, offset + 5);
    return;
  }
  const header = p.data[offset + 5] === 0xff ? 12 : 8;
  if (protocol === 0xd4) decodeIpv4(p, offset + header);
  else if (protocol === 0xc4) decodeIpv6(p, offset + header);
}

function decodeGuess(p: Packet, offset: number): void {
  if (offset + 14 <= p.end && (u16(p.data, offset + 12) === 0x0800 || u16(p.data, offset + 12) === 0x86dd)) {
    decodeEthernet(p, offset);
  } else if (offset < p.end && (p.data[offset]! >> 4 === 4 || p.data[offset]! >> 4 === 6)) decodeIp(p, offset);
  else p.fail(UNSUPPORTED, LAYER_LINK, offset);
}
