/**
 * The one reused view of a packet: numbers and offsets into `data`, filled by the decoders of this folder.
 *
 * A decoder never throws on input. What is wrong with a packet is data: `error`, `errorLayer` and `errorOffset`; what was
 * decoded before stays valid. Offsets are -1 where there is nothing to point at.
 */

/** What was wrong: nothing; the capture ends early (snaplen); a length or version field lies; nobody decodes this. */
export const OK = 0;
export const TRUNCATED = 1;
export const MALFORMED = 2;
export const UNSUPPORTED = 3;
export const ERROR_NAMES = ["ok", "truncated", "malformed", "unsupported"] as const;

/** The layer an error belongs to. */
export const LAYER_LINK = 0;
export const LAYER_IP = 1;
export const LAYER_TRANSPORT = 2;
export const LAYER_TUNNEL = 3;
export const LAYER_NAMES = ["link", "ip", "transport", "tunnel"] as const;

/** IANA protocol numbers. */
export const ICMP = 1;
export const IGMP = 2;
export const IPIP = 4;
export const TCP = 6;
export const UDP = 17;
export const DCCP = 33;
export const IPV6 = 41;
export const GRE = 47;
export const ESP = 50;
export const AH = 51;
export const ICMPV6 = 58;
export const SCTP = 132;
export const UDPLITE = 136;

/** TCP control bits (RFC 9293 §3.1). */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

/** What a decoder leaves for another one (`next`), and how an inner packet begins (`innerKind`). */
export const NEXT_NONE = 0;
export const NEXT_ETHERNET = 1;
export const NEXT_ETHERTYPE = 2;
export const NEXT_LLC = 3;
export const NEXT_IP = 4;
export const NEXT_PPP = 5;
export const NEXT_LINK = 6;

/** What carries the inner packet (`tunnel`, `innerTunnel`). */
export const TUNNEL_NONE = 0;
export const TUNNEL_IP = 1;
export const TUNNEL_GRE = 2;
export const TUNNEL_ERSPAN = 3;
export const TUNNEL_VXLAN = 4;
export const TUNNEL_GENEVE = 5;
export const TUNNEL_GTPU = 6;
export const TUNNEL_TEREDO = 7;
export const TUNNEL_AYIYA = 8;
export const TUNNEL_NAMES = ["", "ip", "gre", "erspan", "vxlan", "geneve", "gtpu", "teredo", "ayiya"] as const;

/** What a frame may claim to have been on the wire, bytes; sums with an offset stay small integers. */
export const MAX_WIRE = 2 ** 30;
/** How many IP layers are looked into; what lies deeper stays payload. */
export const MAX_DEPTH = 8;
/** How many link-layer headers are peeled off before an IP layer. */
export const MAX_HEADERS = 32;
/** How many VLAN tags are kept of a layer. */
export const MAX_VLANS = 8;

/** EtherTypes that are no EtherTypes: an 802.3 frame with LLC, a spanning tree's, and a link type that carries none. */
export const ETHERTYPE_LLC = 1;
export const ETHERTYPE_STP = 2;
export const ETHERTYPE_NONE = 0;

const EMPTY: Uint8Array = Buffer.alloc(0);

export class Packet {
  /** The captured bytes; a reassembled datagram has a buffer of its own. */
  data: Uint8Array = EMPTY;
  /** Where the captured bytes end in `data`. */
  end = 0;
  /** Where the frame would end in `data` had it been captured whole; never below `end`. */
  wireEnd = 0;

  sec = 0;
  nsec = 0;
  hasTime = true;
  /** The whole frame on the wire and as captured, bytes. */
  frameLength = 0;
  captured = 0;
  interfaceId = 0;

  error = OK;
  errorLayer = LAYER_LINK;
  errorOffset = -1;

  /** Offsets of the MAC addresses (6 bytes) in the frame, -1 when the link has none. */
  l2Src = -1;
  l2Dst = -1;
  /** The buffer the MAC addresses lie in: that of the frame also when `data` is a reassembled datagram. */
  l2Data: Uint8Array = EMPTY;
  /** The innermost EtherType of this layer, `ETHERTYPE_LLC`, `ETHERTYPE_STP` or `ETHERTYPE_NONE`. */
  etherType = ETHERTYPE_NONE;
  /** VLAN ids, outermost first, `vlanCount` of them (priority tags, id 0, are not kept). */
  readonly vlans = new Uint16Array(MAX_VLANS);
  vlanCount = 0;
  /** What comes after the header just decoded (NEXT_…), where, and its EtherType or link type. */
  next = NEXT_NONE;
  nextOffset = 0;
  nextType = 0;

  /** 4, 6, or 0 when this is not an IP packet. */
  ipVersion = 0;
  /** Offset of the IP header, and its length with IPv6 extension headers, bytes. */
  ip = -1;
  ipHeaderLength = 0;
  /** Offsets of the addresses (4 or 16 bytes). */
  src = -1;
  dst = -1;
  /** Length of the IP packet as its header tells (IPv6: payload length + 40), bytes; 0 with segmentation offload. */
  ipLength = 0;
  ttl = 0;
  /** The protocol after all extension headers. */
  ipProto = 0;
  /** This is a fragment that has not been put together; only then the four below hold. */
  fragment = false;
  fragmentOffset = 0;
  moreFragments = false;
  fragmentId = 0;
  /** How many fragments this packet was put together from; 0 for one that came whole. */
  fragments = 0;
  /** How many packets this one counts as: above 1 for a datagram that was never completed. */
  weight = 1;

  /** Offset of the transport header, -1 if there is none (a fragment, a truncated packet). */
  l4 = -1;
  /** Bytes from the transport header to the end of the IP packet, on the wire. */
  l4Length = 0;
  /** The transport header was whole and sane: what follows holds. */
  transport = false;
  /** Ports of TCP, UDP, UDP-Lite, SCTP, DCCP; else 0. */
  srcPort = 0;
  dstPort = 0;
  icmpType = 0;
  icmpCode = 0;
  tcpFlags = 0;
  /** As signed 32-bit numbers: what an engine keeps in a register. `>>> 0` makes them what the header says. */
  tcpSeq = 0;
  tcpAck = 0;
  tcpWindow = 0;
  /** Offset of what follows the transport header, its captured bytes and its bytes on the wire. */
  payload = -1;
  payloadCaptured = 0;
  payloadLength = 0;

  /** IP layers above this one. */
  depth = 0;
  /** What carries this layer, and the tunnel's own number (VNI, TEID, GRE key, ERSPAN session), -1 without one. */
  tunnel = TUNNEL_NONE;
  tunnelId = -1;
  /** What this layer carries, if it is a tunnel: see `decodeInner`. */
  innerKind = NEXT_NONE;
  inner = -1;
  innerEnd = 0;
  innerWireEnd = 0;
  /** The EtherType or link type of what is carried, for the kinds that need one. */
  innerType = 0;
  innerTunnel = TUNNEL_NONE;
  innerTunnelId = -1;

  /** Forgets the network and transport layers; the frame's own numbers stay. */
  resetLayer(): void {
    this.etherType = ETHERTYPE_NONE;
    this.vlanCount = 0;
    this.ipVersion = 0;
    this.ip = -1;
    this.ipHeaderLength = 0;
    this.src = -1;
    this.dst = -1;
    this.ipLength = 0;
    this.ttl = 0;
    this.ipProto = 0;
    this.fragment = false;
    this.fragments = 0;
    this.weight = 1;
    this.l4 = -1;
    this.l4Length = 0;
    this.transport = false;
    this.srcPort = 0;
    this.dstPort = 0;
    this.tcpFlags = 0;
    this.payload = -1;
    this.payloadCaptured = 0;
    this.payloadLength = 0;
    this.innerKind = NEXT_NONE;
  }

  /** Leaves what begins at `offset` to the decoder of `layer`: decoders do not call one another in circles. */
  goOn(layer: number, offset: number, type = 0): void {
    this.next = layer;
    this.nextOffset = offset;
    this.nextType = type;
  }

  /** Notes that this layer carries another packet at `offset`, for `decodeInner`. */
  carries(kind: number, tunnel: number, id: number, offset: number, type = 0): void {
    this.innerKind = kind;
    this.innerType = type;
    this.innerTunnel = tunnel;
    this.innerTunnelId = id;
    this.inner = offset;
    this.innerEnd = this.end;
    this.innerWireEnd = this.wireEnd;
  }

  /** Records the first error of this packet. */
  fail(error: number, layer: number, offset: number): void {
    if (this.error !== OK) return;
    this.error = error;
    this.errorLayer = layer;
    this.errorOffset = offset;
  }
}

/** Big-endian 16 bits. */
export function u16(data: Uint8Array, offset: number): number {
  return (data[offset]! << 8) | data[offset + 1]!;
}

/** Big-endian 32 bits, unsigned. */
export function u32(data: Uint8Array, offset: number): number {
  return ((data[offset]! << 24) | (data[offset + 1]! << 16) | (data[offset + 2]! << 8) | data[offset + 3]!) >>> 0;
}
