/**
 * IPv6 (RFC 8200) and its extension headers:
 *
 *     0  version(4) traffic class(8) flow label(20)
 *     4  payload length (2) | next header | hop limit
 *     8  source (16) | 24 destination (16)
 */
import { AH, LAYER_IP, MALFORMED, type Packet, TRUNCATED, u16, u32 } from "./packet.ts";
import { decodeTransport } from "./transport.ts";

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;
const MOBILITY = 135;
const HIP = 139;
const SHIM6 = 140;

export function decodeIpv6(p: Packet, offset: number): void {
  const { data } = p;
  if (offset + 40 > p.end) {
    p.fail(TRUNCATED, LAYER_IP, offset);
    return;
  }
  if (data[offset]! >> 4 !== 6) {
    p.fail(MALFORMED, LAYER_IP, offset);
    return;
  }
  const payload = u16(data, offset + 4);
  // 0 is a jumbogram (RFC 2675) or segmentation offload: the packet reaches to the end of the frame.
  const wireEnd = payload === 0 && data[offset + 6] !== 59 ? p.wireEnd : offset + 40 + payload;
  p.ipVersion = 6;
  p.ip = offset;
  p.src = offset + 8;
  p.dst = offset + 24;
  p.ipLength = payload + 40;
  p.ttl = data[offset + 7]!;
  if (wireEnd < p.end) p.end = wireEnd;
  p.wireEnd = wireEnd;
  decodeExtensions(p, data[offset + 6]!, offset + 40);
}

/**
 * Walks the chain of extension headers from `offset`, where a header of type `first` begins; also goes on after a
 * reassembly, where the chain continues in another buffer.
 */
export function decodeExtensions(p: Packet, first: number, start: number): void {
  const { data } = p;
  let next = first;
  let offset = start;
  for (;;) {
    p.ipProto = next;
    p.ipHeaderLength = offset - p.ip;
    switch (next) {
      case HOP_BY_HOP:
      case ROUTING:
      case DESTINATION:
      case MOBILITY:
      case HIP:
      case SHIM6:
      case AH: {
        if (offset + 8 > p.end) {
          p.fail(offset + 8 > p.wireEnd ? MALFORMED : TRUNCATED, LAYER_IP, offset);
          return;
        }
        const length = next === AH ? (data[offset + 1]! + 2) * 4 : (data[offset + 1]! + 1) * 8;
        if (offset + length > p.end) {
          p.fail(offset + length > p.wireEnd ? MALFORMED : TRUNCATED, LAYER_IP, offset);
          return;
        }
        next = data[offset]!;
        offset += length;
        break;
      }
      case FRAGMENT: {
        if (offset + 8 > p.end) {
          p.fail(offset + 8 > p.wireEnd ? MALFORMED : TRUNCATED, LAYER_IP, offset);
          return;
        }
        next = data[offset]!;
        const flags = u16(data, offset + 2);
        const id = u32(data, offset + 4);
        offset += 8;
        // An atomic fragment (RFC 6946) is whole: offset 0 and nothing more to come.
        if ((flags & 0xfff9) === 0) break;
        p.ipProto = next;
        p.ipHeaderLength = offset - p.ip;
        p.fragment = true;
        p.fragmentOffset = flags & 0xfff8;
        p.moreFragments = (flags & 1) !== 0;
        p.fragmentId = id;
        p.l4 = offset;
        p.l4Length = p.wireEnd - offset;
        return;
      }
      default:
        decodeTransport(p, offset);
        return;
    }
  }
}
