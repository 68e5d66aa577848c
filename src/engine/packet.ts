/**
 * The packet at hand, and the numbers its fields hold. A decoder never throws on input: what is wrong with a packet is data (`error`), and
 * what was decoded before stays valid.
 */
import { Packet } from "./generated/layouts";
import { PACKET } from "./generated/memory";

export const packet: Packet = changetype<Packet>(<usize>PACKET);

/** What was wrong: nothing; the capture ends early (snaplen); a length or version field lies; nobody decodes this. */
export const ERROR_NONE: i32 = 0;
export const ERROR_TRUNCATED: i32 = 1;
export const ERROR_MALFORMED: i32 = 2;
export const ERROR_UNSUPPORTED: i32 = 3;

/** The layer an error belongs to. */
export const LAYER_LINK: i32 = 0;
export const LAYER_IP: i32 = 1;
export const LAYER_TRANSPORT: i32 = 2;
export const LAYER_TUNNEL: i32 = 3;

/** TCP control bits (RFC 9293 §3.1). */
export const FIN: i32 = 0x01;
export const SYN: i32 = 0x02;
export const RST: i32 = 0x04;
export const ACK: i32 = 0x10;

/** What a decoder leaves for another one (`next`), and how an inner packet begins (`innerKind`). */
export const NEXT_NONE: i32 = 0;
export const NEXT_ETHERNET: i32 = 1;
export const NEXT_ETHERTYPE: i32 = 2;
export const NEXT_LLC: i32 = 3;
export const NEXT_IP: i32 = 4;
export const NEXT_PPP: i32 = 5;
export const NEXT_LINK: i32 = 6;

/** What a frame may claim to have been on the wire, bytes; sums with an address stay signed 32-bit numbers. */
export const MAX_WIRE: u32 = 1 << 30;
/** How many IP layers are looked into; what lies deeper stays payload. */
export const MAX_DEPTH: i32 = 8;
/** How many link-layer headers are peeled off before an IP layer. */
export const MAX_HEADERS: i32 = 32;
/** How many VLAN tags are kept of a layer. */
export const MAX_VLANS: i32 = 8;

/** EtherTypes that are no EtherTypes: a link type that carries none, an 802.3 frame with LLC, a spanning tree's. */
export const ETHERTYPE_NONE: i32 = 0;
export const ETHERTYPE_LLC: i32 = 1;
export const ETHERTYPE_STP: i32 = 2;

/** Records the first error of a packet. */
export function fail(p: Packet, error: i32, layer: i32, at: i32): void {
  if (p.error !== ERROR_NONE) return;
  p.error = error;
  p.errorLayer = layer;
  p.errorAt = at;
}

/** Leaves what begins at `at` to the decoder of `kind`: decoders do not call one another in circles. */
export function leaveTo(p: Packet, kind: i32, at: i32, type: u32 = 0): void {
  p.next = kind;
  p.nextAt = at;
  p.nextType = type;
}

/** Notes that this layer carries another packet at `at`, for `decodeInner`. */
export function carries(p: Packet, kind: i32, tunnel: i32, id: i64, at: i32, type: u32 = 0): void {
  p.innerKind = kind;
  p.innerType = type;
  p.innerTunnel = tunnel;
  p.innerTunnelId = id;
  p.inner = at;
  p.innerEnd = p.end;
  p.innerWireEnd = p.wireEnd;
}

/** Forgets the network and transport layers; the frame's own numbers stay. */
export function resetLayer(p: Packet): void {
  p.etherType = ETHERTYPE_NONE;
  p.vlanCount = 0;
  p.ipVersion = 0;
  p.ip = 0;
  p.ipHeaderLength = 0;
  p.src = 0;
  p.dst = 0;
  p.ipLength = 0;
  p.ttl = 0;
  p.protocol = 0;
  p.fragment = false;
  p.fragments = 0;
  p.weight = 1;
  p.l4 = 0;
  p.l4Length = 0;
  p.transport = false;
  p.srcPort = 0;
  p.dstPort = 0;
  p.tcpFlags = 0;
  p.payload = 0;
  p.payloadCaptured = 0;
  p.payloadLength = 0;
  p.innerKind = NEXT_NONE;
}
