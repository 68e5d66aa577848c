/**
 * Internet checksums (RFC 1071) of TCP, UDP, UDP-Lite, ICMP and the IPv4 header.
 *
 * On a mirror's host they are often wrong without harm: the network card would have filled them in.
 */
import { ICMP, ICMPV6, type Packet, TCP, UDP } from "./packet.ts";

/** The folded sum of big-endian 16-bit words of `data` from `start` to `end`, added to `sum`. */
function addWords(data: Uint8Array, start: number, end: number, initial: number): number {
  let sum = initial;
  let at = start;
  // Four bytes a step; sums of 2^16 words fit a double exactly.
  for (const stop = end - 3; at < stop; at += 4) {
    sum += ((data[at]! << 8) | data[at + 1]!) + ((data[at + 2]! << 8) | data[at + 3]!);
  }
  if (at + 1 < end) {
    sum += (data[at]! << 8) | data[at + 1]!;
    at += 2;
  }
  if (at < end) sum += data[at]! << 8;
  return sum;
}

function isValid(sum: number): boolean {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded === 0xffff;
}

/** False when the IPv4 header or the transport's checksum is wrong. What was not captured whole cannot be judged: true. */
export function checksumsHold(p: Packet): boolean {
  const { data } = p;
  if (p.ipVersion === 4 && p.fragments === 1 && !isValid(addWords(data, p.ip, p.ip + p.ipHeaderLength, 0)))
    return false;
  return transportChecksumHolds(p);
}

function transportChecksumHolds(p: Packet): boolean {
  const { data, l4, ipProto } = p;
  const end = l4 + p.l4Length;
  if (!p.transport || p.weight > 1 || end > p.end || p.ipLength === 0) return true;
  if (ipProto === ICMP) return isValid(addWords(data, l4, end, 0));
  if (ipProto === UDP) {
    // No checksum at all, which IPv6 allows for tunnels alone (RFC 6936).
    if (data[l4 + 6] === 0 && data[l4 + 7] === 0) return true;
  } else if (ipProto !== TCP && ipProto !== ICMPV6) return true;
  const pseudo = addWords(data, p.src, p.src + (p.ipVersion === 4 ? 8 : 32), ipProto + p.l4Length);
  return isValid(addWords(data, l4, end, pseudo));
}
