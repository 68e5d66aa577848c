/** Link types by their LINKTYPE_ value (https://www.tcpdump.org/linktypes.html): where the network layer begins. */

import { u8At, u16At, u32At } from "../bytes";
import { Packet } from "../generated/layouts";
import {
  ERROR_MALFORMED,
  ERROR_TRUNCATED,
  ERROR_UNSUPPORTED,
  ETHERTYPE_LLC,
  fail,
  LAYER_LINK,
  leaveTo,
  NEXT_LINK,
} from "../packet";
import { decodeEthernet, decodeLlc, decodeTypeOrLength } from "./ethernet";
import { decodeEtherType } from "./ethertype";
import { decodeIeee80211, decodePpi, decodePrism, decodeRadiotap } from "./ieee80211";
import { decodeIp } from "./ip";
import { decodeIpv4 } from "./ipv4";
import { decodeIpv6 } from "./ipv6";
import { decodeCiscoHdlc, decodePppHdlc, decodePppoe } from "./ppp";

/** Decodes the frame of `p` from `at`. */
export function decodeLink(p: Packet, linktype: i32, at: i32): void {
  switch (linktype) {
    case 1:
      decodeEthernet(p, at);
      return;
    case 0:
    case 108:
      decodeLoopback(p, at);
      return;
    // LINKTYPE_RAW, and the DLT_RAW numbers of two kinds of systems.
    case 12:
    case 14:
    case 101:
      decodeIp(p, at);
      return;
    case 228:
      decodeIpv4(p, at);
      return;
    case 229:
      decodeIpv6(p, at);
      return;
    case 113:
      decodeCooked(p, at, 14, 16, 6);
      return;
    case 276:
      decodeCooked(p, at, 0, 20, 12);
      return;
    // Both appear with PPP in HDLC-like framing and with Cisco HDLC.
    case 9:
    case 50:
      decodePppHdlc(p, at);
      return;
    case 51:
      if (at + 14 > p.end) fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
      else decodePppoe(p, at + 14);
      return;
    case 104:
      decodeCiscoHdlc(p, at);
      return;
    case 107:
      decodeFrameRelay(p, at);
      return;
    case 105:
      decodeIeee80211(p, at);
      return;
    case 119:
      decodePrism(p, at);
      return;
    case 127:
      decodeRadiotap(p, at);
      return;
    case 192:
      decodePpi(p, at);
      return;
    case 239:
      decodeNflog(p, at);
      return;
    case 258:
      decodePktap(p, at);
      return;
    // SLIP with libpcap's 16-byte pseudo-header; plain IP behind it.
    case 8:
      decodeIp(p, at + 16);
      return;
    // RFC 1483 LLC-encapsulated ATM, and FDDI (13 bytes of header).
    case 100:
      decodeLlc(p, at);
      return;
    case 10:
      decodeLlc(p, at + 13);
      return;
    // ARCNET as Linux hands it up: addresses, fragment bytes, protocol (RFC 1201).
    case 129:
      decodeArcnetLinux(p, at);
      return;
    // Solaris ipnet: version, family, 22 bytes more.
    case 226:
      decodeIp(p, at + 24);
      return;
    // User-defined types say nothing of their content: whole frames or bare IP are what is met.
    case 149:
      decodeGuess(p, at);
      return;
    default:
      fail(p, ERROR_UNSUPPORTED, LAYER_LINK, at);
  }
}

/** BSD loopback: a 4-byte address family in the byte order of the writing host, or big-endian (OpenBSD). */
function decodeLoopback(p: Packet, at: i32): void {
  if (at + 4 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  const big = u32At(at);
  const family = big > 0xffff ? ((big >>> 24) | ((big >>> 8) & 0xff00)) & 0xffff : big;
  // AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 28 or 30 on the BSDs and macOS.
  if (family === 2) decodeIpv4(p, at + 4);
  else if (family === 10 || family === 24 || family === 28 || family === 30) decodeIpv6(p, at + 4);
}

/** Linux cooked captures: the protocol at `typeAt`, the sender's address (up to 8 bytes) at `addressAt`. */
function decodeCooked(p: Packet, at: i32, typeAt: i32, header: i32, addressAt: i32): void {
  if (at + header > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  const length = typeAt === 14 ? u16At(at + 4) : u8At(at + 11);
  if (length === 6) p.l2Src = at + addressAt;
  const type = u16At(at + typeAt);
  // 0x0001 Novell without LLC, 0x0004 802.2 LLC: not EtherTypes.
  if (type === 4) decodeLlc(p, at + header);
  else if (type < 0x0600) p.etherType = ETHERTYPE_LLC;
  else decodeEtherType(p, type, at + header);
}

/** Frame Relay (RFC 2427): DLCI of 2 to 4 bytes, control 03, NLPID. */
function decodeFrameRelay(p: Packet, start: i32): void {
  let at = start;
  while (at < p.end && at < start + 4 && (u8At(at) & 1) === 0) at++;
  at++;
  if (at + 2 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, start);
    return;
  }
  // Cisco's own encapsulation has an EtherType where RFC 2427 has the control byte.
  if (u8At(at) !== 0x03) {
    decodeTypeOrLength(p, u16At(at), at + 2);
    return;
  }
  at++;
  if (at < p.end && u8At(at) === 0) at++;
  if (at >= p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, start);
    return;
  }
  const nlpid = u8At(at);
  if (nlpid === 0xcc) decodeIpv4(p, at + 1);
  else if (nlpid === 0x8e) decodeIpv6(p, at + 1);
  else if (nlpid === 0x80 && at + 6 <= p.end) {
    const oui = u32At(at) & 0xffffff;
    if (oui === 0) decodeTypeOrLength(p, u16At(at + 4), at + 6);
    // RFC 2427 §4.2: bridged 802.3, with or without its FCS.
    else if (oui === 0x0080c2 && (u16At(at + 4) === 7 || u16At(at + 4) === 1)) {
      decodeEthernet(p, at + 6);
    }
  }
}

/** NFLOG: family, version, resource id, then attributes (length, type; padded to 4) in host byte order; 9 is the packet. */
function decodeNflog(p: Packet, start: i32): void {
  if (start + 4 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, start);
    return;
  }
  let at = start + 4;
  while (at + 4 <= p.end) {
    // The host's byte order is not written down: attribute types are small, so the low byte tells.
    const little = u8At(at + 3) === 0 || u8At(at + 3) === 0x80;
    const length = little ? u8At(at) | (u8At(at + 1) << 8) : u16At(at);
    const type = (little ? u8At(at + 2) : u8At(at + 3)) & 0x7f;
    if (length < 4) break;
    if (type === 9) {
      decodeIp(p, at + 4);
      return;
    }
    at += (length + 3) & ~3;
  }
  fail(p, ERROR_MALFORMED, LAYER_LINK, at);
}

/** Apple's PKTAP: a little-endian header with its length at 0 and the link type of what follows at 8 (a DLT_ value). */
function decodePktap(p: Packet, at: i32): void {
  if (at + 12 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  const header = u8At(at) | (u8At(at + 1) << 8);
  const linktype = u8At(at + 8) | (u8At(at + 9) << 8);
  if (header < 12) fail(p, ERROR_MALFORMED, LAYER_LINK, at);
  else leaveTo(p, NEXT_LINK, at + header, linktype);
}

function decodeArcnetLinux(p: Packet, at: i32): void {
  if (at + 8 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_LINK, at);
    return;
  }
  // src dst at(2) protocol split-flag sequence(2); an exception packet repeats the last four. RFC 1051 has no more
  // than the protocol.
  const protocol = u8At(at + 4);
  if (protocol === 0xf0) {
    decodeIpv4(p, at + 5);
    return;
  }
  const header = u8At(at + 5) === 0xff ? 12 : 8;
  if (protocol === 0xd4) decodeIpv4(p, at + header);
  else if (protocol === 0xc4) decodeIpv6(p, at + header);
}

function decodeGuess(p: Packet, at: i32): void {
  if (at + 14 <= p.end && (u16At(at + 12) === 0x0800 || u16At(at + 12) === 0x86dd)) {
    decodeEthernet(p, at);
  } else if (at < p.end && (u8At(at) >> 4 === 4 || u8At(at) >> 4 === 6)) decodeIp(p, at);
  else fail(p, ERROR_UNSUPPORTED, LAYER_LINK, at);
}
