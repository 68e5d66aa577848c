/**
 * IPv4 (RFC 791):
 *
 *     0  version(4) IHL(4) | TOS | total length (2)
 *     4  identification (2) | flags(3) fragment at(13)
 *     8  TTL | protocol | header checksum (2)
 *     12 source | 16 destination | 20 options …
 */
import { u8At, u16At } from "../bytes";
import { Packet } from "../generated/layouts";
import { ERROR_MALFORMED, ERROR_TRUNCATED, fail, LAYER_IP } from "../packet";
import { decodeTransport } from "./transport";

export function decodeIpv4(p: Packet, at: i32): void {
  if (at + 20 > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_IP, at);
    return;
  }
  const first = u8At(at);
  const header = (first & 15) * 4;
  if (first >> 4 !== 4 || header < 20) {
    fail(p, ERROR_MALFORMED, LAYER_IP, at);
    return;
  }
  const length = u16At(at + 2);
  // A length beyond the end of the frame is what a mirror that cuts packets (snaplen, ERSPAN) leaves: the header is believed.
  // A total length of 0 is what segmentation offload leaves behind: the packet reaches to the end of the frame.
  const wireEnd = length === 0 ? p.wireEnd : at + length;
  if (length !== 0 && length < header) {
    fail(p, ERROR_MALFORMED, LAYER_IP, at + 2);
    return;
  }
  if (at + header > p.end) {
    fail(p, ERROR_TRUNCATED, LAYER_IP, at);
    return;
  }
  p.ipVersion = 4;
  p.ip = at;
  p.ipHeaderLength = header;
  p.src = at + 12;
  p.dst = at + 16;
  p.ipLength = length;
  p.ttl = u8At(at + 8);
  p.protocol = u8At(at + 9);
  if (wireEnd < p.end) p.end = wireEnd;
  p.wireEnd = wireEnd;
  const flags = u16At(at + 6);
  if ((flags & 0x3fff) !== 0) {
    p.fragment = true;
    p.fragmentOffset = (flags & 0x1fff) * 8;
    p.moreFragments = (flags & 0x2000) !== 0;
    p.fragmentId = u16At(at + 4);
    p.l4 = at + header;
    p.l4Length = wireEnd - p.l4;
    return;
  }
  decodeTransport(p, at + header);
}
