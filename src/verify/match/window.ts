/**
 * The frames that are still to be matched, as columns: one slot a frame, its bytes without VLAN tags in one arena.
 * Its size is fixed when it is made; what is decided is dropped, and what is left moves to the front.
 */
import type { Frame } from "../../capture/frame.ts";
import { hashWords, u16, vlanTags } from "./content.ts";

/** The stream number of the monitor; sources are 1 and up. */
export const MONITOR = 0;
export const NONE = -1;

/** What became of a slot. Sources' sightings are `OPEN` or `MATCHED` through their leader; the others are the monitor's. */
export const OPEN = 0;
export const MATCHED = 1;
export const TRUNCATED = 2;
export const ALTERED = 3;
export const OFFLOADED = 4;
export const DUPLICATE = 5;
export const RESEGMENTED = 6;

const SEED_A = 0x2f0b4c47;
const SEED_B = 0x5bd1e995;

/** Frames a window holds unless told otherwise, and bytes of them. */
export const WINDOW_FRAMES = 1 << 18;
export const WINDOW_BYTES = 1 << 26;

export class FrameWindow {
  readonly capacity: number;
  count = 0;
  readonly stream: Uint8Array;
  /** Nanoseconds after the base second. */
  readonly time: Float64Array;
  /** Offset of the first byte in `bytes`, always a multiple of 4. */
  readonly at: Int32Array;
  /** Captured bytes and bytes on the wire, VLAN tags aside. */
  readonly length: Int32Array;
  readonly wire: Int32Array;
  readonly tags: Uint8Array;
  /** The VLAN ids of the two outer tags. */
  readonly vids: Uint32Array;
  readonly hashA: Int32Array;
  readonly hashB: Int32Array;
  /** Of a sighting at a source: the slot that stands for the frame (its first sighting, maybe itself). */
  readonly leader: Int32Array;
  /** Of a leader: its copy's slot. Of the monitor's: the leader it is a copy of. */
  readonly pair: Int32Array;
  readonly state: Uint8Array;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly #baseSec: number;
  #used = 0;

  /** Times are counted from `baseSec`, seconds since the epoch. */
  constructor(baseSec: number, capacity: number, arenaBytes: number) {
    this.#baseSec = baseSec;
    this.capacity = capacity;
    this.stream = new Uint8Array(capacity);
    this.time = new Float64Array(capacity);
    this.at = new Int32Array(capacity);
    this.length = new Int32Array(capacity);
    this.wire = new Int32Array(capacity);
    this.tags = new Uint8Array(capacity);
    this.vids = new Uint32Array(capacity);
    this.hashA = new Int32Array(capacity);
    this.hashB = new Int32Array(capacity);
    this.leader = new Int32Array(capacity);
    this.pair = new Int32Array(capacity);
    this.state = new Uint8Array(capacity);
    this.bytes = new Uint8Array(arenaBytes & ~3);
    this.words = new Int32Array(this.bytes.buffer);
  }

  /** False when there is no room for a frame of that many captured bytes. */
  hasRoomFor(caplen: number): boolean {
    return this.count < this.capacity && this.#used + caplen + 4 <= this.bytes.length;
  }

  /** True when more than three quarters are in use. */
  get crowded(): boolean {
    return this.count > this.capacity * 0.75 || this.#used > this.bytes.length * 0.75;
  }

  /** A frame's time in nanoseconds after the base second. */
  timeOf(frame: Frame): number {
    return (frame.sec - this.#baseSec) * 1e9 + frame.nsec;
  }

  /** Takes a frame in and returns its slot. The caller has asked for room. */
  add(stream: number, frame: Frame): number {
    const { data, offset, caplen } = frame;
    const slot = this.count++;
    const tags = frame.linktype === 1 ? vlanTags(data, offset, caplen) : 0;
    const head = tags > 0 ? 12 : 0;
    const start = this.#used;
    const bytes = this.bytes;
    for (let i = 0; i < head; i++) bytes[start + i] = data[offset + i]!;
    const length = caplen - tags * 4;
    const shifted = offset + tags * 4;
    for (let i = head; i < length; i++) bytes[start + i] = data[shifted + i]!;
    this.#used = start + ((length + 3) & ~3);
    this.stream[slot] = stream;
    this.time[slot] = this.timeOf(frame);
    this.at[slot] = start;
    this.length[slot] = length;
    this.wire[slot] = Math.max(length, frame.origLen - tags * 4);
    this.tags[slot] = tags;
    this.vids[slot] =
      tags === 0 ? 0 : ((u16(data, offset + 14) & 0xfff) << 12) | (tags > 1 ? u16(data, offset + 18) & 0xfff : 0);
    this.hashA[slot] = hashWords(this.words, start >>> 2, length, SEED_A);
    this.hashB[slot] = hashWords(this.words, start >>> 2, length, SEED_B);
    return slot;
  }

  /** Two hashes of a slot's first `length` bytes. */
  prefixA(slot: number, length: number): number {
    return hashWords(this.words, this.at[slot]! >>> 2, length, SEED_A);
  }

  prefixB(slot: number, length: number): number {
    return hashWords(this.words, this.at[slot]! >>> 2, length, SEED_B);
  }

  /** Forgets all matches: they are found anew. */
  resetMatches(): void {
    this.leader.fill(NONE, 0, this.count);
    this.pair.fill(NONE, 0, this.count);
    this.state.fill(OPEN, 0, this.count);
  }

  /** Drops the slots whose `drop` is not 0; the others keep their order. */
  compact(drop: Uint8Array): void {
    let to = 0;
    let used = 0;
    for (let from = 0; from < this.count; from++) {
      if (drop[from] !== 0) continue;
      const length = this.length[from]!;
      const start = this.at[from]!;
      if (start !== used) this.bytes.copyWithin(used, start, start + length);
      this.at[to] = used;
      used += (length + 3) & ~3;
      if (from !== to) {
        this.stream[to] = this.stream[from]!;
        this.time[to] = this.time[from]!;
        this.length[to] = length;
        this.wire[to] = this.wire[from]!;
        this.tags[to] = this.tags[from]!;
        this.vids[to] = this.vids[from]!;
        this.hashA[to] = this.hashA[from]!;
        this.hashB[to] = this.hashB[from]!;
      }
      to++;
    }
    this.count = to;
    this.#used = used;
  }
}
