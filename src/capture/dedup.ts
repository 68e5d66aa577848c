/**
 * Leaves out the copies that mirrors make, in front of whatever takes frames: the same frame copied where it entered and where it left a
 * switch, on two switches, or on both sides of a router, within 50 ms. Compared is the IP packet without what a hop changes (TTL or hop limit,
 * IPv4's header checksum); Ethernet header and VLAN tags may differ. What is not IP is compared whole, without VLAN tags.
 *
 * A sender that repeats one frame itself (a flood, a probe at short intervals) is not a mirror: mirrors make few copies of a frame, so more
 * than that within the window are taken for a flood, and it is let through from then on. Allocates nothing per frame.
 */
import type { Frame } from "./frame.ts";

const WINDOW_MS = 50;
/** Copies of one frame that a mirror may make: in and out, of a source that two mirrors share. */
const MAX_COPIES = 3;
/** A flood is one until its frame has not been seen for that long. */
const FLOOD_QUIET_MS = 1000;
/** Frames remembered, a power of two. */
const ENTRIES = 1 << 14;
/** Of a frame that the snaplen cut: copies with another number of VLAN tags were cut at another byte of the packet. */
const CUT_BYTES = 64;

const ETHERNET = 1;
const MACS = 12;
const VLAN_TYPES = new Set([0x8100, 0x88a8, 0x9100]);
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/** Fields of an entry: two hashes, when it was first seen and last seen (ms, modulo 2^32), copies since the first. */
const FIELDS = 5;

export class CopyFilter {
  /** Frames that were found to be copies. */
  copies = 0;
  readonly #entries = new Int32Array(ENTRIES * FIELDS);
  #first = 0;
  #second = 0;

  /** Whether a frame is a copy of one that was seen a moment ago; it is remembered if not. */
  isCopy(frame: Frame): boolean {
    if (!frame.hasTime) return false;
    this.#hash(frame);
    const entries = this.#entries;
    const at = ((this.#first ^ (this.#first >>> 16)) & (ENTRIES - 1)) * FIELDS;
    const now = (frame.sec * 1000 + frame.nsec / 1e6) | 0;
    if (entries[at] !== this.#first || entries[at + 1] !== this.#second) return this.#remember(at, now);
    const since = (now - entries[at + 2]!) | 0;
    const quiet = (now - entries[at + 3]!) | 0;
    const flood = entries[at + 4]! > MAX_COPIES;
    if (flood ? quiet > FLOOD_QUIET_MS || quiet < 0 : since > WINDOW_MS || since < 0) return this.#remember(at, now);
    entries[at + 3] = now;
    if (flood || ++entries[at + 4]! > MAX_COPIES) return false;
    this.copies++;
    return true;
  }

  #remember(at: number, now: number): false {
    const entries = this.#entries;
    entries[at] = this.#first;
    entries[at + 1] = this.#second;
    entries[at + 2] = now;
    entries[at + 3] = now;
    entries[at + 4] = 0;
    return false;
  }

  #hash({ data, offset, caplen, origLen, linktype }: Frame): void {
    const end = offset + caplen;
    let at = offset;
    let type = -1;
    if (linktype === ETHERNET && caplen >= MACS + 2) {
      at += MACS;
      type = (data[at]! << 8) | data[at + 1]!;
      while (VLAN_TYPES.has(type) && at + 6 <= end) {
        at += 4;
        type = (data[at]! << 8) | data[at + 1]!;
      }
    }
    const packet = at + 2;
    const cut = caplen < origLen;
    const until = (start: number, length: number) => Math.min(start + length, end, cut ? start + CUT_BYTES : end);
    if (type === IPV4 && packet + 20 <= end) {
      // Padding behind the packet is not a part of it.
      const length = Math.max(20, (data[packet + 2]! << 8) | data[packet + 3]!);
      this.#start(IPV4);
      this.#bytes(data, packet, packet + 8);
      this.#bytes(data, packet + 9, packet + 10);
      this.#bytes(data, packet + 12, until(packet, length));
    } else if (type === IPV6 && packet + 40 <= end) {
      const length = 40 + ((data[packet + 4]! << 8) | data[packet + 5]!);
      this.#start(IPV6);
      this.#bytes(data, packet, packet + 7);
      this.#bytes(data, packet + 8, until(packet, length));
    } else if (type >= 0) {
      this.#start(type);
      this.#bytes(data, offset, offset + MACS);
      this.#bytes(data, packet, cut ? Math.min(packet + CUT_BYTES, end) : end);
    } else {
      this.#start(linktype);
      this.#bytes(data, offset, end);
    }
  }

  #start(seed: number): void {
    this.#first = seed;
    this.#second = ~seed;
  }

  #bytes(data: Uint8Array, start: number, end: number): void {
    let first = this.#first;
    let second = this.#second;
    let at = start;
    for (const stop = end - 3; at < stop; at += 4) {
      const word = (data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!;
      first = Math.imul(first ^ word, 0x9e3779b1);
      first ^= first >>> 15;
      second = (Math.imul(second, 31) + word) | 0;
    }
    for (; at < end; at++) {
      first = Math.imul(first ^ data[at]!, 0x9e3779b1);
      first ^= first >>> 15;
      second = (Math.imul(second, 31) + data[at]!) | 0;
    }
    this.#first = first;
    this.#second = second;
  }
}
