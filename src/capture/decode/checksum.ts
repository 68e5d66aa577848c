/**
 * Internet checksums (RFC 1071) of TCP, UDP, UDP-Lite, ICMP and the IPv4 header.
 *
 * On a mirror's host they are often wrong without harm: the network card would have filled them in.
 */
import { ICMP, ICMPV6, type Packet, TCP, UDP } from "./packet.ts";

let viewed: Uint8Array | undefined;
let view: DataView = new DataView(new ArrayBuffer(0));

/** One view for all packets of a chunk. */
function viewOf(data: Uint8Array): DataView {
  if (data !== viewed) {
    viewed = data;
    view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }
  return view;
}

/** Bytes whose words add up to less than 2^31. */
const BLOCK = 32 * 1024;

/** The sum of the bytes from `start` to `end` as big-endian words of 16 bits, added to `initial`, folded to below 2^17. */
function addWords(data: Uint8Array, start: number, end: number, initial: number): number {
  let sum = fold(initial);
  let at = start;
  for (; end - at > BLOCK; at += BLOCK) sum = addBlock(data, at, at + BLOCK, sum);
  return addBlock(data, at, end, sum);
}

function addBlock(data: Uint8Array, start: number, end: number, initial: number): number {
  const words = viewOf(data);
  let sum = initial;
  let at = start;
  for (const stop = end - 15; at < stop; at += 16) {
    const a = words.getInt32(at);
    const b = words.getInt32(at + 4);
    const c = words.getInt32(at + 8);
    const d = words.getInt32(at + 12);
    sum = (sum + (a >>> 16) + (a & 0xffff) + (b >>> 16) + (b & 0xffff)) | 0;
    sum = (sum + (c >>> 16) + (c & 0xffff) + (d >>> 16) + (d & 0xffff)) | 0;
  }
  for (const stop = end - 3; at < stop; at += 4) {
    const a = words.getInt32(at);
    sum = (sum + (a >>> 16) + (a & 0xffff)) | 0;
  }
  if (at + 1 < end) {
    sum = (sum + ((data[at]! << 8) | data[at + 1]!)) | 0;
    at += 2;
  }
  if (at < end) sum = (sum + (data[at]! << 8)) | 0;
  return fold(sum);
}

function fold(sum: number): number {
  return (sum & 0xffff) + (sum >>> 16);
}

/** All ones: zero in one's complement. */
function isValid(sum: number): boolean {
  return fold(fold(sum)) === 0xffff;
}

/** False when the IPv4 header or the transport's checksum is wrong. What was not captured whole cannot be judged: true. */
export function checksumsHold(p: Packet): boolean {
  const { data } = p;
  if (p.ipVersion === 4 && p.fragments === 0 && !isValid(addWords(data, p.ip, p.ip + p.ipHeaderLength, 0)))
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
