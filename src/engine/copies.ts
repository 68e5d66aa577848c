/**
 * Recognises the copies that mirrors make: the same packet seen at the ingress and at the egress of a switch, or on both sides of a
 * router, within a few milliseconds. Compared is the IP packet without what a hop changes (TTL, header checksum); link-layer headers
 * and VLAN tags may differ. For TCP over IPv4 identification, numbers and checksum stand for the payload.
 */
import { get32, put32, u8At, u32At } from "./bytes";
import { counters } from "./counters";
import { Packet } from "./generated/layouts";
import { COPIES, COPY_ENTRIES } from "./generated/memory";
import { TCP } from "./generated/protocols";
import { options } from "./options";
import { MILLISECOND } from "./time";

/** Copies come within this time, milliseconds. */
const WINDOW: i32 = 50;
/** Where an estimate is enough: packets after which only one in SAMPLE, a power of two, is looked at. */
const ALL_UP_TO: u64 = 100_000;
const SAMPLE: i32 = 8;

/** The two hashes of the packet at hand. */
let first: i32 = 0;
let second: i32 = 0;

/**
 * Whether the frame's outermost packet was seen a moment ago; remembers it if not. Where an estimate suffices, only some packets of many
 * are looked at, chosen by content, so that a packet and its copies are together.
 */
export function isCopy(p: Packet): bool {
  if (options.sampleCopies && counters.examined >= ALL_UP_TO && !isChosen(p)) return false;
  if (p.ip !== 0) hashPacket(p);
  else if (p.l2Dst !== 0) hashBytes(p.l2Dst, p.end, <i32>p.frameLength);
  else return false;
  counters.examined++;
  const entry = <usize>COPIES + ((<usize>((first ^ (first >>> 16)) & (COPY_ENTRIES - 1))) << 4);
  const now = <i32>(p.time / MILLISECOND);
  if (<i32>get32(entry) === first && <i32>get32(entry + 4) === second) {
    const since = now - <i32>get32(entry + 8);
    if (since >= 0 && since <= WINDOW) {
      counters.copies++;
      return true;
    }
  }
  put32(entry, first);
  put32(entry + 4, second);
  put32(entry + 8, now);
  return false;
}

function hashPacket(p: Packet): void {
  const ip = p.ip;
  const at = ip + p.ipHeaderLength;
  let hash = p.ipLength | (p.protocol << 24);
  if (p.ipVersion === 4) {
    hash = mix(hash, u32At(ip + 4));
    hash = mix(hash, u32At(ip + 12));
    hash = mix(hash, u32At(ip + 16));
  } else {
    for (let i = 8; i < 40; i += 4) hash = mix(hash, u32At(ip + i));
  }
  // Others may have no checksum (tunnels), or one that offload has not filled in yet and that says nothing of the payload.
  if (p.ipVersion !== 4 || p.protocol !== TCP || at + 20 > p.end) {
    hashBytes(at, p.end, hash);
    return;
  }
  second = mix(u32At(at + 4), u32At(at + 16));
  first = mix(mix(mix(hash, u32At(at)), u32At(at + 8)), second);
}

function hashBytes(start: i32, end: i32, seed: i32): void {
  first = seed;
  second = end - start;
  let at = start;
  for (const stop = end - 3; at < stop; at += 4) {
    const next = u32At(at);
    first = mix(first, next);
    second = second * 31 + <i32>next;
  }
  for (; at < end; at++) first = mix(first, u8At(at));
}

/** By the identification of IPv4, the last address byte of IPv6, and the last byte of the transport header's first eight. */
function isChosen(p: Packet): bool {
  const ip = p.ip;
  if (ip === 0) return false;
  const at = ip + p.ipHeaderLength;
  const transport = at + 8 <= p.end ? u8At(at + 7) : 0;
  return ((u8At(ip + (p.ipVersion === 4 ? 5 : 39)) ^ transport) & (SAMPLE - 1)) === 0;
}

function mix(hash: i32, next: u32): i32 {
  const mixed = (hash ^ <i32>next) * <i32>0x9e3779b1;
  return mixed ^ (mixed >>> 15);
}
