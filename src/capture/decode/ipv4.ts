/**
 * IPv4 (RFC 791):
 *
 *     0  version(4) IHL(4) | TOS | total length (2)
 *     4  identification (2) | flags(3) fragment offset(13)
 *     8  TTL | protocol | header checksum (2)
 *     12 source | 16 destination | 20 options …
 */
import { LAYER_IP, MALFORMED, type Packet, TRUNCATED } from "./packet.ts";
import { decodeTransport } from "./transport.ts";

export function decodeIpv4(p: Packet, offset: number): void {
  const { data } = p;
  if (offset + 20 > p.end) {
    p.fail(TRUNCATED, LAYER_IP, offset);
    return;
  }
  const first = data[offset]!;
  const header = (first & 15) * 4;
  if (first >> 4 !== 4 || header < 20) {
    p.fail(MALFORMED, LAYER_IP, offset);
    return;
  }
  const length = (data[offset + 2]! << 8) | data[offset + 3]!;
  // A length beyond the end of the frame is what a mirror that cuts packets (snaplen, ERSPAN) leaves: the header is believed.
  // A total length of 0 is what segmentation offload leaves behind: the packet reaches to the end of the frame.
  const wireEnd = length === 0 ? p.wireEnd : offset + length;
  if (length !== 0 && length < header) {
    p.fail(MALFORMED, LAYER_IP, offset + 2);
    return;
  }
  if (offset + header > p.end) {
    p.fail(TRUNCATED, LAYER_IP, offset);
    return;
  }
  p.ipVersion = 4;
  p.ip = offset;
  p.ipHeaderLength = header;
  p.src = offset + 12;
  p.dst = offset + 16;
  p.ipLength = length;
  p.ttl = data[offset + 8]!;
  p.ipProto = data[offset + 9]!;
  if (wireEnd < p.end) p.end = wireEnd;
  p.wireEnd = wireEnd;
  const flags = (data[offset + 6]! << 8) | data[offset + 7]!;
  if ((flags & 0x3fff) !== 0) {
    p.fragment = true;
    p.fragmentOffset = (flags & 0x1fff) * 8;
    p.moreFragments = (flags & 0x2000) !== 0;
    p.fragmentId = (data[offset + 4]! << 8) | data[offset + 5]!;
    p.l4 = offset + header;
    p.l4Length = wireEnd - p.l4;
    return;
  }
  decodeTransport(p, offset + header);
}
