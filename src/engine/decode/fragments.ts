/**
 * Puts IP fragments together (RFC 791 §3.2, RFC 8200 §4.5, RFC 5722). A reassembled datagram counts as one packet of its whole length.
 *
 * Memory is bounded: a fixed number of datagrams at a time, each in a slice of its own; where there is no place, one idle for long gives
 * way. Where fragments overlap, the bytes that came first stay. A datagram's fragments belong together by addresses, identification,
 * protocol and VLAN tags.
 */
import { copyOut, get8, get16, get32, put8, put32, u32At } from "../bytes";
import { openWindow } from "../check";
import { counters } from "../counters";
import { DATAGRAM_BYTES as DATAGRAM_SIZE, Datagram, Packet } from "../generated/layouts";
import {
  DATAGRAM_BYTES,
  DATAGRAM_HEADER,
  DATAGRAM_PAYLOAD,
  DATAGRAM_SETS,
  DATAGRAM_SLICE,
  DATAGRAM_UNITS,
  DATAGRAM_WAYS,
  DATAGRAMS,
  DATAGRAMS_END,
  FRAGMENT_KEY,
  INCOMPLETE,
} from "../generated/memory";
import { ERROR_NONE, NEXT_NONE, resetLayer } from "../packet";
import { SECOND } from "../time";
import { decodeExtensions } from "./ipv6";
import { decodeTransport } from "./transport";

/** Nanoseconds until an incomplete datagram is given up (Zeek's `frag_timeout`). */
const TIMEOUT: i64 = 300 * SECOND;
const MAX_LENGTH: i32 = 65535;
/** Of the key: two addresses, identification, version and protocol, VLAN; all in words. */
const KEY_WORDS: i32 = 11;
const KEY_BYTES: i32 = KEY_WORDS * 4;

/** The view of an incomplete datagram, so that the packet at hand stays as it is. */
export const incomplete: Packet = changetype<Packet>(<usize>INCOMPLETE);

/** When datagrams are looked through next for those to be given up. */
let nextCheck: i64 = i64.MIN_VALUE;

/**
 * Takes the fragment that `p` shows.
 * @returns true when it completed its datagram: `p` now shows that one, decoded, its bytes valid until the next fragment
 */
export function addFragment(p: Packet, datagram: Datagram): bool {
  const start = p.fragmentOffset;
  const length = p.l4Length;
  // The total would not fit, or a fragment that is not the last is no multiple of 8: such a datagram never completes.
  const whole = p.moreFragments ? length & ~7 : length;
  if (start + length > MAX_LENGTH) return false;
  datagram.fragments++;
  datagram.frameBytes += p.frameLength;
  datagram.ipBytes += p.ipLength;
  datagram.time = p.time;
  const captured = min(p.end - p.l4, length);
  if (captured < length) datagram.captured = min(datagram.captured, start + max(captured, 0));
  storeUnits(datagram, p, start, whole, captured);
  if (!p.moreFragments && (datagram.total < 0 || datagram.total === start + length)) datagram.total = start + length;
  if (start === 0 && !datagram.hasFirst) keepHeader(datagram, p);
  if (!datagram.hasFirst || datagram.total < 0 || datagram.received < datagram.total) return false;
  datagram.hash = 0;
  show(datagram, datagram.total, p);
  p.weight = 1;
  // Fragments within fragments are nobody's packets.
  return !p.fragment;
}

/** A datagram whose time is over at `now`, null when there is none (any more). Each must be given up. */
export function expiredDatagram(now: i64): Datagram | null {
  if (now < nextCheck) return null;
  for (let at = <usize>DATAGRAMS; at < <usize>DATAGRAMS_END; at += <usize>DATAGRAM_SIZE) {
    const datagram = changetype<Datagram>(at);
    if (datagram.hash !== 0 && now >= (datagram.time / SECOND) * SECOND + TIMEOUT) return datagram;
  }
  nextCheck = (now / SECOND + 1) * SECOND;
  return null;
}

/** A datagram that is not complete, null when there is none. */
export function anyDatagram(): Datagram | null {
  for (let at = <usize>DATAGRAMS; at < <usize>DATAGRAMS_END; at += <usize>DATAGRAM_SIZE) {
    const datagram = changetype<Datagram>(at);
    if (datagram.hash !== 0) return datagram;
  }
  return null;
}

/**
 * Gives a datagram up.
 * @returns whether `incomplete` shows what came of it, counting as many packets (`weight`) as fragments came
 */
export function giveUp(datagram: Datagram): bool {
  datagram.hash = 0;
  const p = incomplete;
  if (datagram.hasFirst) {
    p.time = datagram.time;
    p.error = ERROR_NONE;
    p.depth = datagram.depth;
    p.tunnel = 0;
    p.l2Src = 0;
    p.l2Dst = 0;
    resetLayer(p);
    show(datagram, datagram.received, p);
    p.ipLength = datagram.ipBytes;
    p.weight = datagram.fragments;
    p.innerKind = NEXT_NONE;
    if (p.transport && !p.fragment) return true;
  }
  counters.orphans += datagram.fragments;
  return false;
}

/** The key of the fragment at hand, read last, and its hash, which is never 0. */
export function readFragmentKey(p: Packet): i32 {
  const key = <usize>FRAGMENT_KEY;
  memory.fill(key, 0, KEY_BYTES);
  const size = p.ipVersion === 4 ? 4 : 16;
  for (let i = 0; i < size; i += 4) {
    put32(key + <usize>i, u32At(p.src + i));
    put32(key + 16 + <usize>i, u32At(p.dst + i));
  }
  put32(key + 32, p.fragmentId);
  // IPv6 fragments of one datagram may differ in what they call next (RFC 8200 §4.5).
  put32(key + 36, (p.ipVersion << 8) | (p.ipVersion === 4 ? p.protocol : 0));
  const vlans = p.vlanCount;
  put32(key + 40, vlans > 0 ? get16(p.vlans + ((<usize>(vlans - 1)) << 1)) | (vlans << 16) : 0);
  let hash: i32 = 0;
  for (let i = 0; i < KEY_BYTES; i += 4) {
    hash = ((hash ^ <i32>get32(key + <usize>i)) * <i32>0x9e3779b1) ^ (hash >>> 15);
  }
  return hash | 1;
}

/** The datagram of the key read last, null when none of its fragments have come. */
export function findDatagram(hash: i32): Datagram | null {
  const set = setOf(hash);
  for (let i = 0; i < DATAGRAM_WAYS; i++) {
    const datagram = wayOf(set, i);
    if (datagram.hash === hash && memory.compare(datagram.key, <usize>FRAGMENT_KEY, KEY_BYTES) === 0) return datagram;
  }
  return null;
}

/** The place for a new datagram of that hash: a free one, else the one that has been silent longest, which must be given up first. */
export function placeFor(hash: i32): Datagram {
  const set = setOf(hash);
  let place = wayOf(set, 0);
  for (let i = 0; i < DATAGRAM_WAYS && place.hash !== 0; i++) {
    const datagram = wayOf(set, i);
    if (datagram.hash === 0 || datagram.time / SECOND < place.time / SECOND) place = datagram;
  }
  return place;
}

/** Begins a datagram with the key read last. */
export function beginDatagram(datagram: Datagram, hash: i32, p: Packet): void {
  memory.copy(datagram.key, <usize>FRAGMENT_KEY, KEY_BYTES);
  memory.fill(unitsOf(datagram), 0, DATAGRAM_UNITS);
  datagram.hash = hash;
  datagram.version = p.ipVersion;
  datagram.received = 0;
  datagram.total = -1;
  datagram.captured = MAX_LENGTH;
  datagram.depth = p.depth;
  datagram.fragments = 0;
  datagram.frameBytes = 0;
  datagram.ipBytes = 0;
  datagram.hasFirst = false;
}

function setOf(hash: i32): usize {
  return <usize>DATAGRAMS + <usize>(((hash >>> 8) & (DATAGRAM_SETS - 1)) * DATAGRAM_WAYS * DATAGRAM_SIZE);
}

function wayOf(set: usize, way: i32): Datagram {
  return changetype<Datagram>(set + <usize>(way * DATAGRAM_SIZE));
}

/** Where a datagram's payload is kept; the headers end there, the bits of its units follow. */
function payloadOf(datagram: Datagram): i32 {
  const index = <i32>(datagram.at - <usize>DATAGRAMS) / DATAGRAM_SIZE;
  return DATAGRAM_BYTES + index * DATAGRAM_SLICE + DATAGRAM_HEADER;
}

/** Which units of 8 bytes have come, a bit for each. */
function unitsOf(datagram: Datagram): usize {
  return <usize>(payloadOf(datagram) + DATAGRAM_PAYLOAD);
}

function storeUnits(datagram: Datagram, p: Packet, start: i32, length: i32, captured: i32): void {
  const payload = payloadOf(datagram);
  const units = unitsOf(datagram);
  for (let at = start; at < start + length; at += 8) {
    const unit = at >> 3;
    const byte = units + <usize>(unit >> 3);
    const bit = 1 << (unit & 7);
    if ((get8(byte) & bit) !== 0) continue;
    put8(byte, get8(byte) | bit);
    const size = min(8, start + length - at);
    datagram.received += size;
    const available = min(size, captured - (at - start));
    if (available > 0) copyOut(<usize>(payload + at), p.l4 + at - start, available);
  }
}

/** Copies the headers of the first fragment in front of the payload (IPv6: without the fragment header). */
function keepHeader(datagram: Datagram, p: Packet): void {
  const length = p.ipHeaderLength - (p.ipVersion === 6 ? 8 : 0);
  if (length > DATAGRAM_HEADER) return;
  copyOut(<usize>(payloadOf(datagram) - length), p.ip, length);
  datagram.headerLength = length;
  datagram.protocol = p.protocol;
  datagram.ttl = p.ttl;
  datagram.hasFirst = true;
}

/** Lets `p` show the datagram, of which `length` bytes of payload are there. */
function show(datagram: Datagram, length: i32, p: Packet): void {
  const payload = payloadOf(datagram);
  p.ip = payload - datagram.headerLength;
  p.ipVersion = datagram.version;
  p.ipHeaderLength = datagram.headerLength;
  p.src = p.ip + (datagram.version === 4 ? 12 : 8);
  p.dst = p.ip + (datagram.version === 4 ? 16 : 24);
  p.ipLength = datagram.headerLength + length;
  p.ttl = datagram.ttl;
  p.protocol = datagram.protocol;
  p.frameLength = datagram.frameBytes;
  p.wireEnd = payload + length;
  p.end = payload + min(datagram.captured, length);
  p.fragment = false;
  p.fragments = datagram.fragments;
  openWindow(p.ip, p.end);
  if (datagram.version === 4) decodeTransport(p, payload);
  else decodeExtensions(p, datagram.protocol, payload);
}
