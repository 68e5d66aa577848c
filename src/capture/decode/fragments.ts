/**
 * Puts IP fragments together (RFC 791 §3.2, RFC 8200 §4.5, RFC 5722). A reassembled datagram counts as one packet of its whole length.
 *
 * Memory is bounded: a fixed number of datagrams at a time, each in a buffer that is reused; where there is no place, one idle for long gives way.
 * Where fragments overlap, the bytes that came first stay. A datagram's fragments belong together by addresses,
 * identification, protocol and VLAN tags.
 */
import { decodeExtensions } from "./ipv6.ts";
import { NEXT_NONE, Packet, u32 } from "./packet.ts";
import { decodeTransport } from "./transport.ts";

/** Datagrams under way at once: so many sets, found by a hash, of so many places each. */
const SETS = 64;
const WAYS = 8;
/** Seconds until an incomplete datagram is given up (Zeek's `frag_timeout`). */
const TIMEOUT = 300;
const MAX_LENGTH = 65535;
/** Headers of the first fragment that are kept before its payload. */
const MAX_HEADER = 512;

/** One datagram under way. */
class Datagram {
  /** Its place among all. */
  readonly index: number;
  readonly key = new Uint32Array(11);
  used = false;
  buffer = Buffer.alloc(0);
  /** Which units of 8 bytes have come. */
  readonly units = new Uint8Array(8192 / 8);
  /** Bytes that have come, and the length once the last fragment has (-1 before). */
  received = 0;
  total = -1;
  /** How far the captured bytes reach without a hole left by the snaplen. */
  captured = MAX_LENGTH;
  headerLength = 0;
  /** Of the first fragment: IPv4 protocol or IPv6 next header, and hop limit. */
  proto = 0;
  ttl = 0;
  depth = 0;
  fragments = 0;
  frameBytes = 0;
  ipBytes = 0;
  sec = 0;
  nsec = 0;
  /** The first fragment has come: it has the ports. */
  hasFirst = false;

  constructor(index: number) {
    this.index = index;
  }
}

/** Receives datagrams that stay incomplete: `p` shows what came, counting as many packets (`weight`) as fragments came. */
export type IncompleteSink = (p: Packet) => void;

export class Defragmenter {
  /** Fragments seen. */
  fragments = 0;
  /** Fragments of datagrams that stayed incomplete and whose first fragment, the one with the ports, never came. */
  orphans = 0;
  readonly #datagrams: (Datagram | undefined)[] = new Array<undefined>(SETS * WAYS).fill(undefined);
  readonly #key = new Uint32Array(11);
  /** Of each datagram a hash of its key, 0 when it is not in use: what a search looks at first. */
  readonly #hashes = new Int32Array(SETS * WAYS);
  #nextCheck = Number.NEGATIVE_INFINITY;
  readonly #incomplete: IncompleteSink;
  /** The view of an incomplete datagram, so that the packet at hand stays as it is. */
  readonly #shown = new Packet();

  constructor(incomplete: IncompleteSink) {
    this.#incomplete = incomplete;
  }

  /**
   * Takes the fragment that `p` shows.
   * @returns true when it completed its datagram: `p` now shows that one, decoded, its bytes valid until the next call
   */
  add(p: Packet): boolean {
    this.fragments++;
    if (p.sec >= this.#nextCheck) this.#expire(p.sec);
    const datagram = this.#find(p);
    const start = p.fragmentOffset;
    const length = p.l4Length;
    // The total would not fit, or a fragment that is not the last is no multiple of 8: such a datagram never completes.
    const whole = p.moreFragments ? length & ~7 : length;
    if (start + length > MAX_LENGTH) return false;
    datagram.fragments++;
    datagram.frameBytes += p.frameLength;
    datagram.ipBytes += p.ipLength;
    datagram.sec = p.sec;
    datagram.nsec = p.nsec;
    const captured = Math.min(p.end - p.l4, length);
    if (captured < length) datagram.captured = Math.min(datagram.captured, start + Math.max(captured, 0));
    this.#store(datagram, p, start, whole, captured);
    if (!p.moreFragments && (datagram.total < 0 || datagram.total === start + length)) datagram.total = start + length;
    if (start === 0 && !datagram.hasFirst) keepHeader(datagram, p);
    if (!datagram.hasFirst || datagram.total < 0 || datagram.received < datagram.total) return false;
    this.#free(datagram);
    show(datagram, datagram.total, p);
    p.weight = 1;
    // Fragments within fragments are nobody's packets.
    return !p.fragment;
  }

  /** The capture is over: hands on what is left. */
  finish(): void {
    for (const datagram of this.#datagrams) if (datagram?.used) this.#giveUp(datagram);
  }

  #free(datagram: Datagram): void {
    datagram.used = false;
    this.#hashes[datagram.index] = 0;
  }

  #expire(sec: number): void {
    for (const datagram of this.#datagrams) {
      if (datagram?.used && sec >= datagram.sec + TIMEOUT) this.#giveUp(datagram);
    }
    this.#nextCheck = sec + 1;
  }

  #giveUp(datagram: Datagram): void {
    this.#free(datagram);
    if (!datagram.hasFirst) {
      this.orphans += datagram.fragments;
      return;
    }
    const p = this.#shown;
    p.sec = datagram.sec;
    p.nsec = datagram.nsec;
    p.error = 0;
    p.depth = datagram.depth;
    p.l2Src = -1;
    p.l2Dst = -1;
    p.resetLayer();
    show(datagram, datagram.received, p);
    p.ipLength = datagram.ipBytes;
    p.weight = datagram.fragments;
    p.innerKind = NEXT_NONE;
    if (p.transport && !p.fragment) this.#incomplete(p);
    else this.orphans += datagram.fragments;
  }

  #store(datagram: Datagram, p: Packet, start: number, length: number, captured: number): void {
    if (datagram.buffer.length < MAX_HEADER + start + length) {
      const larger = Buffer.alloc(Math.min(MAX_HEADER + MAX_LENGTH + 8, (MAX_HEADER + start + length) * 2));
      larger.set(datagram.buffer);
      datagram.buffer = larger;
    }
    for (let at = start; at < start + length; at += 8) {
      const unit = at >> 3;
      const bit = 1 << (unit & 7);
      if ((datagram.units[unit >> 3]! & bit) !== 0) continue;
      datagram.units[unit >> 3]! |= bit;
      const size = Math.min(8, start + length - at);
      datagram.received += size;
      const from = p.l4 + at - start;
      const available = Math.min(size, captured - (at - start));
      for (let i = 0; i < available; i++) datagram.buffer[MAX_HEADER + at + i] = p.data[from + i]!;
    }
  }

  #find(p: Packet): Datagram {
    const key = this.#key;
    key.fill(0);
    const size = p.ipVersion === 4 ? 4 : 16;
    for (let i = 0; i < size; i += 4) {
      key[i >> 2] = u32(p.data, p.src + i);
      key[4 + (i >> 2)] = u32(p.data, p.dst + i);
    }
    key[8] = p.fragmentId;
    // IPv6 fragments of one datagram may differ in what they call next (RFC 8200 §4.5).
    key[9] = (p.ipVersion << 8) | (p.ipVersion === 4 ? p.ipProto : 0);
    key[10] = p.vlanCount > 0 ? p.vlans[p.vlanCount - 1]! | (p.vlanCount << 16) : 0;
    let hash = 0;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i]!, 0x9e3779b1) ^ (hash >>> 15);
    hash |= 1;
    const set = ((hash >>> 8) & (SETS - 1)) * WAYS;
    let place = set;
    for (let i = set; i < set + WAYS; i++) {
      if (this.#hashes[i] === hash && sameKey(this.#datagrams[i]!.key, key)) return this.#datagrams[i]!;
      if (this.#hashes[place] === 0) continue;
      if (this.#hashes[i] === 0 || this.#datagrams[i]!.sec < this.#datagrams[place]!.sec) place = i;
    }
    this.#datagrams[place] ??= new Datagram(place);
    const datagram = this.#datagrams[place]!;
    if (datagram.used) this.#giveUp(datagram);
    this.#hashes[place] = hash;
    begin(datagram, key, p.depth);
    return datagram;
  }
}

function sameKey(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function begin(datagram: Datagram, key: Uint32Array, depth: number): void {
  datagram.key.set(key);
  datagram.units.fill(0);
  datagram.used = true;
  datagram.received = 0;
  datagram.total = -1;
  datagram.captured = MAX_LENGTH;
  datagram.depth = depth;
  datagram.fragments = 0;
  datagram.frameBytes = 0;
  datagram.ipBytes = 0;
  datagram.hasFirst = false;
}

/** Copies the headers of the first fragment in front of the payload (IPv6: without the fragment header). */
function keepHeader(datagram: Datagram, p: Packet): void {
  const length = p.ipHeaderLength - (p.ipVersion === 6 ? 8 : 0);
  if (length > MAX_HEADER) return;
  const start = MAX_HEADER - length;
  for (let i = 0; i < length; i++) datagram.buffer[start + i] = p.data[p.ip + i]!;
  datagram.headerLength = length;
  datagram.proto = p.ipProto;
  datagram.ttl = p.ttl;
  datagram.hasFirst = true;
}

/** Lets `p` show the datagram, of which `length` bytes of payload are there. */
function show(datagram: Datagram, length: number, p: Packet): void {
  const version = datagram.key[9]! >> 8;
  p.data = datagram.buffer;
  p.ip = MAX_HEADER - datagram.headerLength;
  p.ipVersion = version;
  p.ipHeaderLength = datagram.headerLength;
  p.src = p.ip + (version === 4 ? 12 : 8);
  p.dst = p.ip + (version === 4 ? 16 : 24);
  p.ipLength = datagram.headerLength + length;
  p.ttl = datagram.ttl;
  p.ipProto = datagram.proto;
  p.frameLength = datagram.frameBytes;
  p.wireEnd = MAX_HEADER + length;
  p.end = MAX_HEADER + Math.min(datagram.captured, length);
  p.fragment = false;
  p.fragments = datagram.fragments;
  if (version === 4) decodeTransport(p, MAX_HEADER);
  else decodeExtensions(p, datagram.proto, MAX_HEADER);
}
