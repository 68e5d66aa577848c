/**
 * Internet checksums (RFC 1071) of TCP, UDP, ICMP and the IPv4 header, 16 bytes at a time. Words are added as they lie in memory: in
 * one's complement the sum of swapped words is the swapped sum, and all ones stay all ones.
 *
 * On a mirror's host checksums are often wrong without harm: the network card would have filled them in. What offload leaves in a TCP or
 * UDP header is the sum of the pseudo-header alone, not complemented.
 */
import { rawAt, u8At, vectorAt } from "../bytes";
import { checkBytes } from "../check";
import { Packet } from "../generated/layouts";
import { ICMP, ICMPV6, TCP, UDP } from "../generated/protocols";

/** What a packet's checksums say of it. */
export const CHECKSUM_RIGHT: i32 = 0;
export const CHECKSUM_WRONG: i32 = 1;
/** Offload had not filled it in. */
export const CHECKSUM_UNFINISHED: i32 = 2;

/** The bytes from `start` to `end` as little-endian words of 16 bits, added to `initial` and folded to 16 bits. */
export function sumOf(start: i32, end: i32, initial: u32): u32 {
  let lanes = i32x4.splat(0);
  let at = start;
  // Each lane takes two words a turn: at most 2^17 - 2 of 65535, for far longer packets than there are.
  for (const stop = end - 15; at < stop; at += 16)
    lanes = i32x4.add(lanes, i32x4.extadd_pairwise_i16x8_u(vectorAt(at)));
  let sum: u64 =
    <u64>initial +
    <u64>(<u32>i32x4.extract_lane(lanes, 0)) +
    <u64>(<u32>i32x4.extract_lane(lanes, 1)) +
    <u64>(<u32>i32x4.extract_lane(lanes, 2)) +
    <u64>(<u32>i32x4.extract_lane(lanes, 3));
  for (const stop = end - 3; at < stop; at += 4) sum += <u64>rawAt(at);
  if (at + 1 < end) {
    sum += <u64>load<u16>(checkBytes(at, 2));
    at += 2;
  }
  if (at < end) sum += <u64>u8At(at);
  return fold(sum);
}

/** Adds the carries back in until 16 bits are left. */
function fold(sum: u64): u32 {
  const half = (sum & 0xffffffff) + (sum >> 32);
  let folded = <u32>(half & 0xffff) + <u32>((half >> 16) & 0xffff) + <u32>(half >> 32);
  folded = (folded & 0xffff) + (folded >> 16);
  return (folded & 0xffff) + (folded >> 16);
}

/** All ones: zero in one's complement. */
const ZERO: u32 = 0xffff;

/** Judges the IPv4 header and the transport's checksum. What was not captured whole cannot be judged: it is right. */
export function checksumOf(p: Packet): i32 {
  if (p.ipVersion === 4 && p.fragments === 0 && sumOf(p.ip, p.ip + p.ipHeaderLength, 0) !== ZERO) return CHECKSUM_WRONG;
  const at = p.l4;
  const protocol = p.protocol;
  const end = at + p.l4Length;
  if (!p.transport || p.weight > 1 || end > p.end || p.ipLength === 0) return CHECKSUM_RIGHT;
  if (protocol === ICMP) return sumOf(at, end, 0) === ZERO ? CHECKSUM_RIGHT : CHECKSUM_WRONG;
  let field: i32 = 16;
  if (protocol === UDP) {
    field = 6;
    // No checksum at all, which IPv6 allows for tunnels alone (RFC 6936).
    if (load<u16>(checkBytes(at + field, 2)) === 0) return CHECKSUM_RIGHT;
  } else if (protocol === ICMPV6) field = 2;
  else if (protocol !== TCP) return CHECKSUM_RIGHT;
  const pseudo = pseudoHeader(p);
  if (sumOf(at, end, pseudo) === ZERO) return CHECKSUM_RIGHT;
  const unfinished = protocol !== ICMPV6 && <u32>load<u16>(checkBytes(at + field, 2)) === pseudo;
  return unfinished ? CHECKSUM_UNFINISHED : CHECKSUM_WRONG;
}

/** Addresses, protocol and length (RFC 9293 §3.1, RFC 8200 §8.1), added up. */
function pseudoHeader(p: Packet): u32 {
  const length = <u32>p.l4Length;
  const words = ((<u32>p.protocol) << 8) + <u32>bswap<u16>(<u16>length) + <u32>bswap<u16>(<u16>(length >> 16));
  return sumOf(p.src, p.src + (p.ipVersion === 4 ? 8 : 32), words);
}
