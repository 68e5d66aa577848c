/**
 * Recognises the copies that mirrors make: the same packet seen at the ingress and at the egress of a switch, or on both sides of a
 * router, within a few milliseconds. Compared is the IP packet without what a hop changes (TTL, header checksum);
 * link-layer headers and VLAN tags may differ. The transport's checksum stands for the payload unless `exact`.
 */
import type { Packet } from "../decode/packet.ts";

/** Copies come within this time, seconds. */
const WINDOW = 0.05;
/** Packets remembered: a power of two. */
const ENTRIES = 1 << 17;
/** Bytes after the IP header that are compared when not all are. */
const QUICK = 40;

export class DuplicateFinder {
  readonly #hashes = new Int32Array(ENTRIES * 2);
  readonly #times = new Float64Array(ENTRIES).fill(Number.NEGATIVE_INFINITY);
  readonly #exact: boolean;

  constructor(exact: boolean) {
    this.#exact = exact;
  }

  /** Whether the frame's outermost packet was seen a moment ago; remembers it if not. */
  seen(p: Packet): boolean {
    const { data } = p;
    let first = 0x811c9dc5 | 0;
    let second = p.frameLength | 0;
    const ip = p.ip >= 0 ? p.ip : p.l2Dst >= 0 ? p.l2Dst : -1;
    if (ip < 0) return false;
    const end = this.#exact ? p.end : Math.min(p.end, ip + Math.max(p.ipHeaderLength, 14) + QUICK);
    if (p.ipVersion !== 0) second = p.ipLength;
    for (let at = ip; at < end; at += 2) {
      let word = (data[at]! << 8) | (at + 1 < end ? data[at + 1]! : 0);
      if (p.ipVersion === 4) {
        if (at === ip + 8) word &= 0xff;
        else if (at === ip + 10) continue;
      } else if (p.ipVersion === 6 && at === ip + 6) word &= 0xff00;
      first = Math.imul(first ^ word, 0x01000193);
      second = Math.imul(second + word, 0x9e3779b1);
      second ^= second >>> 15;
    }
    first ^= first >>> 16;
    const entry = (first ^ (second >>> 7)) & (ENTRIES - 1);
    const now = p.sec + p.nsec / 1e9;
    const since = now - this.#times[entry]!;
    if (this.#hashes[entry * 2] === first && this.#hashes[entry * 2 + 1] === second && since >= 0 && since <= WINDOW) {
      return true;
    }
    this.#hashes[entry * 2] = first;
    this.#hashes[entry * 2 + 1] = second;
    this.#times[entry] = now;
    return false;
  }
}
