/**
 * IPv6 (RFC 8200) and its extension headers:
 *
 *     0  version(4) traffic class(8) flow label(20)
 *     4  payload length (2) | next header | hop limit
 *     8  source (16) | 24 destination (16)
 */
import { u8At, u16At, u32At } from "../bytes";
import { Packet } from "../generated/layouts";
import { AH } from "../generated/protocols";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_IP } from "../packet";
import { decodeTransport } from "./transport";

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;
const MOBILITY = 135;
const HIP = 139;
const SHIM6 = 140;

export function decodeIpv6(p: Packet, at: i32): void {
  if (at + 40 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_IP, at);
    return;
  }
  if (u8At(at) >> 4 !== 6) {
    fail(p, ERROR_MALFORMED, LAYER_IP, at);
    return;
  }
  const payload = u16At(at + 4);
  // 0 is a jumbogram (RFC 2675) or segmentation offload: the packet reaches to the end of the frame.
  const wireEnd = payload === 0 && u8At(at + 6) !== 59 ? p.wireEnd : at + 40 + payload;
  p.ipVersion = 6;
  p.ip = at;
  p.src = at + 8;
  p.dst = at + 24;
  p.ipLength = payload + 40;
  p.ttl = u8At(at + 7);
  if (wireEnd < p.end) p.end = wireEnd;
  p.wireEnd = wireEnd;
  decodeExtensions(p, u8At(at + 6), at + 40);
}

/**
 * Walks the chain of extension headers from `at`, where a header of type `first` begins; also goes on after a
 * reassembly, where the chain continues in another buffer.
 */
export function decodeExtensions(p: Packet, first: i32, start: i32): void {
  let next = first;
  let at = start;
  for (;;) {
    p.protocol = next;
    p.ipHeaderLength = at - p.ip;
    switch (next) {
      case HOP_BY_HOP:
      case ROUTING:
      case DESTINATION:
      case MOBILITY:
      case HIP:
      case SHIM6:
      case AH: {
        if (at + 8 > p.end) {
          fail(p, at + 8 > p.wireEnd ? ERROR_MALFORMED : ERROR_TRUNCATED, LAYER_IP, at);
          return;
        }
        const length = next === AH ? (u8At(at + 1) + 2) * 4 : (u8At(at + 1) + 1) * 8;
        if (at + length > p.end) {
          fail(p, at + length > p.wireEnd ? ERROR_MALFORMED : ERROR_TRUNCATED, LAYER_IP, at);
          return;
        }
        next = u8At(at);
        at += length;
        break;
      }
      case FRAGMENT: {
        if (at + 8 > p.end) {
          fail(p, at + 8 > p.wireEnd ? ERROR_MALFORMED : ERROR_TRUNCATED, LAYER_IP, at);
          return;
        }
        next = u8At(at);
        const flags = u16At(at + 2);
        const id = u32At(at + 4);
        at += 8;
        // An atomic fragment (RFC 6946) is whole: at 0 and nothing more to come.
        if ((flags & 0xfff9) === 0) break;
        p.protocol = next;
        p.ipHeaderLength = at - p.ip;
        p.fragment = true;
        p.fragmentOffset = flags & 0xfff8;
        p.moreFragments = (flags & 1) !== 0;
        p.fragmentId = id;
        p.l4 = at;
        p.l4Length = p.wireEnd - at;
        return;
      }
      default:
        decodeTransport(p, at);
        return;
    }
  }
}
