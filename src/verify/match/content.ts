/**
 * What two sightings of one frame have in common: its bytes with the VLAN tags aside (IEEE 802.1Q §9.6, 802.1ad), a
 * fingerprint of them, the fields that name a packet (RFC 791 §3.1, RFC 8200 §3, RFC 9293 §3.1, RFC 792, RFC 4443),
 * and how far two frames differ. All on bytes in place; nothing here throws on any input.
 */

const VLAN_TPIDS = new Set([0x8100, 0x88a8, 0x9100]);
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const ARP = 0x0806;
const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** How many VLAN tags stand after the addresses of the frame at `bytes[start, start + length)`. */
export function vlanTags(bytes: Uint8Array, start: number, length: number): number {
  let tags = 0;
  for (let at = 12; at + 6 <= length && VLAN_TPIDS.has(u16(bytes, start + at)); at += 4) tags++;
  return tags;
}

function mix(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51);
  const rotated = (scrambled << 15) | (scrambled >>> 17);
  const next = hash ^ Math.imul(rotated, 0x1b873593);
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}

/**
 * A 32-bit hash (the mixing of MurmurHash3) of `length` bytes that start at word `start` of `words`. With two seeds it
 * makes a 64-bit fingerprint. Bytes after `length` in the last word do not count.
 */
export function hashWords(words: Int32Array, start: number, length: number, seed: number): number {
  let hash = seed;
  const whole = length >>> 2;
  for (let i = 0; i < whole; i++) hash = mix(hash, words[start + i]!);
  const left = length & 3;
  // Little-endian, as every machine that runs Open vSwitch and Node: the low bytes are the first.
  if (left > 0) hash = mix(hash, words[start + whole]! & ((1 << (left * 8)) - 1));
  return finish(hash ^ length);
}

function finish(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Where the network and transport headers of an untagged Ethernet frame are, and what they say. Refilled by `read`. */
export class Headers {
  etherType = 0;
  /** 4, 6, or 0 for all else. */
  version = 0;
  /** IP protocol number; -1 when it is not known. */
  proto = -1;
  /** Offset of the IP header from the start of the frame. */
  readonly ip = 14;
  /** Offset of the transport header, or 0 when there is none in reach (fragments, extension headers other than the plain ones). */
  l4 = 0;
  /** Offset where the IP packet ends by its own word: beyond the frame's end when the frame was cut. */
  end = 0;
  ipId = 0;

  read(bytes: Uint8Array, start: number, length: number): void {
    this.etherType = 0;
    this.version = 0;
    this.proto = -1;
    this.l4 = 0;
    this.end = length;
    this.ipId = 0;
    if (length < 14) return;
    this.etherType = u16(bytes, start + 12);
    if (this.etherType === IPV4 && length >= 34 && bytes[start + 14]! >>> 4 === 4) this.#readV4(bytes, start, length);
    else if (this.etherType === IPV6 && length >= 54 && bytes[start + 14]! >>> 4 === 6) {
      this.version = 6;
      this.proto = bytes[start + 20]!;
      this.end = 54 + u16(bytes, start + 18);
      if (this.proto === TCP || this.proto === UDP || this.proto === ICMPV6) this.l4 = 54;
    }
  }

  #readV4(bytes: Uint8Array, start: number, length: number): void {
    const header = (bytes[start + 14]! & 15) * 4;
    if (header < 20) return;
    this.version = 4;
    this.proto = bytes[start + 23]!;
    this.ipId = u16(bytes, start + 18);
    this.end = 14 + u16(bytes, start + 16);
    const fragmentOffset = u16(bytes, start + 20) & 0x1fff;
    if (fragmentOffset === 0 && 14 + header < length) this.l4 = 14 + header;
  }
}

/** Fields that tell one packet from the next; a frame is recognised although it was altered when at most one differs. */
const FIELDS = 8;

/** The identity of one frame: up to eight numbers, and whether they name one packet of a flow and no other. */
export class Identity {
  readonly fields = new Int32Array(FIELDS);
  /** The fields hold something that changes from packet to packet (IP id, TCP sequence number, ICMP sequence number). */
  unique = false;
  readonly headers = new Headers();

  read(bytes: Uint8Array, start: number, length: number): void {
    const { fields, headers } = this;
    fields.fill(0);
    this.unique = false;
    headers.read(bytes, start, length);
    fields[0] = headers.etherType;
    const word = (at: number): number => (at + 4 <= length ? u32(bytes, start + at) : 0);
    if (headers.version === 0) {
      fields[1] = word(0);
      fields[2] = word(6);
      if (headers.etherType === ARP) {
        fields[3] = word(20);
        fields[4] = word(28);
        fields[5] = word(38);
      }
      return;
    }
    fields[1] = headers.version === 4 ? word(26) : word(22) ^ word(26) ^ word(30) ^ word(34);
    fields[2] = headers.version === 4 ? word(30) : word(38) ^ word(42) ^ word(46) ^ word(50);
    fields[3] = headers.proto;
    fields[4] = headers.ipId;
    this.unique = headers.ipId !== 0;
    const l4 = headers.l4;
    if (l4 === 0) return;
    if (headers.proto === TCP) {
      fields[5] = word(l4);
      fields[6] = word(l4 + 4);
      fields[7] = headers.end - l4;
      this.unique = true;
    } else if (headers.proto === UDP) {
      fields[5] = word(l4);
      fields[7] = headers.end - l4;
    } else if (headers.proto === ICMP || headers.proto === ICMPV6) {
      fields[5] = l4 + 2 <= length ? u16(bytes, start + l4) : 0;
      fields[6] = word(l4 + 4);
      this.unique ||= isEcho(headers.proto, fields[5]! >>> 8);
    }
  }

  /** A hash of all fields. */
  hash(seed: number): number {
    return hashWords(this.fields, 0, FIELDS * 4, seed);
  }

  /** In how many fields two identities differ. */
  distance(other: Identity): number {
    let count = 0;
    for (let i = 0; i < FIELDS; i++) if (this.fields[i] !== other.fields[i]) count++;
    return count;
  }
}

function isEcho(proto: number, type: number): boolean {
  return proto === ICMP ? type === 8 || type === 0 : type === 128 || type === 129;
}

/** Offset of the first byte in which the two differ; the shorter length when one continues the other; -1 when equal. */
export function firstDifference(bytes: Uint8Array, a: number, aLength: number, b: number, bLength: number): number {
  const common = Math.min(aLength, bLength);
  for (let i = 0; i < common; i++) if (bytes[a + i] !== bytes[b + i]) return i;
  return aLength === bLength ? -1 : common;
}

/** The share of bytes that are equal, 0 to 1, of the longer one; at most the first 512 are looked at. */
export function similarity(bytes: Uint8Array, a: number, aLength: number, b: number, bLength: number): number {
  const longest = Math.min(Math.max(aLength, bLength), 512);
  if (longest === 0) return 1;
  const common = Math.min(aLength, bLength, longest);
  let equal = 0;
  for (let i = 0; i < common; i++) if (bytes[a + i] === bytes[b + i]) equal++;
  return equal / longest;
}

/**
 * True when frame `b` is frame `a` with its transport checksum filled in: the sender left that to the device (checksum
 * offload), and `a` was captured before.
 */
export function differsByChecksumOffload(
  bytes: Uint8Array,
  a: number,
  b: number,
  length: number,
  headers: Headers,
): boolean {
  const at = checksumAt(length, headers);
  if (at < 0) return false;
  for (let i = 0; i < length; i++) if (i !== at && i !== at + 1 && bytes[a + i] !== bytes[b + i]) return false;
  return hasUnfinishedChecksum(bytes, a, length, headers);
}

/** Where a whole TCP or UDP packet has its checksum; -1 when it is none. */
export function checksumAt(length: number, { proto, l4, end }: Headers): number {
  if (l4 === 0 || (proto !== TCP && proto !== UDP) || end > length) return -1;
  const at = l4 + (proto === TCP ? 16 : 6);
  return at + 2 > length ? -1 : at;
}

/** True when a TCP or UDP packet holds the sum of its pseudo-header alone in place of its checksum (Linux CHECKSUM_PARTIAL). */
export function hasUnfinishedChecksum(bytes: Uint8Array, start: number, length: number, headers: Headers): boolean {
  const at = checksumAt(length, headers);
  if (at < 0) return false;
  let sum = headers.proto + headers.end - headers.l4;
  const [from, to] = headers.version === 4 ? [26, 34] : [22, 54];
  for (let i = from; i < to; i += 2) sum += u16(bytes, start + i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return u16(bytes, start + at) === sum;
}
