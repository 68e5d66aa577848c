/**
 * Recognises the copies that mirrors make: the same packet seen at the ingress and at the egress of a switch, or on both sides of a
 * router, within a few milliseconds. Compared is the IP packet without what a hop changes (TTL, header checksum); link-layer headers
 * and VLAN tags may differ. For TCP over IPv4 identification, numbers and checksum stand for the payload.
 */
import { type Packet, TCP } from "../decode/packet.ts";

/** Copies come within this time, milliseconds. */
const WINDOW = 50;
/** Packets remembered, a power of two: few enough to stay in the processor's cache. */
const ENTRIES = 1 << 14;
/** Where an estimate is enough: packets after which only one in SAMPLE, a power of two, is looked at. */
const ALL_UP_TO = 100_000;
const SAMPLE = 8;

export class DuplicateFinder {
  /** Packets looked at, and of them copies. */
  examined = 0;
  copies = 0;
  /** Two hashes and the time in milliseconds (modulo 2^32) of each packet, and a word of room. */
  readonly #entries = new Int32Array(ENTRIES * 4);
  readonly #sampled: boolean;
  #first = 0;
  #second = 0;

  /** `sampled`: of many packets only some are looked at, chosen by content, so that a packet and its copies are together. */
  constructor(sampled = false) {
    this.#sampled = sampled;
  }

  /** Whether the frame's outermost packet was seen a moment ago; remembers it if not. */
  seen(p: Packet): boolean {
    if (this.#sampled && this.examined >= ALL_UP_TO && !isChosen(p)) return false;
    if (p.ip >= 0) this.#hashPacket(p);
    else if (p.l2Dst >= 0) this.#hashBytes(p.data, p.l2Dst, p.end, p.frameLength);
    else return false;
    this.examined++;
    const first = this.#first;
    const second = this.#second;
    const entry = ((first ^ (first >>> 16)) & (ENTRIES - 1)) * 4;
    const entries = this.#entries;
    const now = (p.sec * 1000 + p.nsec / 1e6) | 0;
    if (entries[entry] === first && entries[entry + 1] === second) {
      const since = (now - entries[entry + 2]!) | 0;
      if (since >= 0 && since <= WINDOW) {
        this.copies++;
        return true;
      }
    }
    entries[entry] = first;
    entries[entry + 1] = second;
    entries[entry + 2] = now;
    return false;
  }

  #hashPacket(p: Packet): void {
    const { data, ip } = p;
    const at = ip + p.ipHeaderLength;
    let first = p.ipLength | (p.ipProto << 24);
    if (p.ipVersion === 4) {
      first = mix(first, word(data, ip + 4));
      first = mix(first, word(data, ip + 12));
      first = mix(first, word(data, ip + 16));
    } else {
      for (let i = 8; i < 40; i += 4) first = mix(first, word(data, ip + i));
    }
    // Others may have no checksum (tunnels), or one that offload has not filled in yet and that says nothing of the payload.
    if (p.ipVersion !== 4 || p.ipProto !== TCP || at + 20 > p.end) {
      this.#hashBytes(data, at, p.end, first);
      return;
    }
    const second = mix(word(data, at + 4), word(data, at + 16));
    this.#first = mix(mix(mix(first, word(data, at)), word(data, at + 8)), second);
    this.#second = second;
  }

  #hashBytes(data: Uint8Array, start: number, end: number, seed: number): void {
    let first = seed | 0;
    let second = end - start;
    let at = start;
    for (const stop = end - 3; at < stop; at += 4) {
      const next = word(data, at);
      first = mix(first, next);
      second = (Math.imul(second, 31) + next) | 0;
    }
    for (; at < end; at++) first = mix(first, data[at]!);
    this.#first = first;
    this.#second = second;
  }
}

/** By the identification of IPv4, the last address byte of IPv6, and the last byte of the transport header's first eight. */
function isChosen(p: Packet): boolean {
  const { data, ip } = p;
  if (ip < 0) return false;
  const at = ip + p.ipHeaderLength;
  return ((data[ip + (p.ipVersion === 4 ? 5 : 39)]! ^ (at + 8 <= p.end ? data[at + 7]! : 0)) & (SAMPLE - 1)) === 0;
}

function word(data: Uint8Array, at: number): number {
  return (data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!;
}

function mix(hash: number, next: number): number {
  const mixed = Math.imul(hash ^ next, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
