/**
 * Second looks at frames and copies that were not equal: the copy may have been cut, altered, or have its checksum
 * filled in; or the two may be segments of each other (GSO, GRO).
 */
import { align } from "./align.ts";
import { differsByChecksumOffload, firstDifference, Headers, Identity, similarity } from "./content.ts";
import type { Grouper } from "./grouper.ts";
import { ALTERED, DUPLICATE, type FrameWindow, MATCHED, MONITOR, NONE, OFFLOADED, OPEN, TRUNCATED } from "./window.ts";

/** Lengths of cut copies that are tried, the most frequent first. */
const CUT_LENGTHS = 8;
/** Neighbours in time that a copy is compared with, on each side. */
const NEIGHBOURS = 16;
/** Copies that are compared with their neighbours at most, of one window. */
const COMPARED = 20_000;
/** Share of equal bytes from which two frames are taken for one that was altered: where a field of its identity changed too, and where nothing names it. */
const ALIKE = 0.9;
const RELATED = 0.5;
/** Differing bytes up to which two frames of one length are taken for one, whatever the bytes mean. */
const FEW_BYTES = 1;
const TCP = 6;
const SEED_A = 0x1b56c4e9;
const SEED_B = 0x7f4a7c15;

export class Leftovers {
  readonly #window: FrameWindow;
  readonly #grouper: Grouper;
  readonly #limitNs: number;
  /** Leaders and copies without a pair, in order of their slots. */
  readonly #frames: Int32Array;
  readonly #copies: Int32Array;
  #frameCount = 0;
  #copyCount = 0;
  readonly #xs: Int32Array;
  readonly #ms: Int32Array;
  readonly #partner: Int32Array;
  readonly #mine = new Identity();
  readonly #other = new Identity();
  readonly #headers = new Headers();

  constructor(window: FrameWindow, grouper: Grouper, limitNs: number) {
    this.#window = window;
    this.#grouper = grouper;
    this.#limitNs = limitNs;
    this.#frames = new Int32Array(window.capacity);
    this.#copies = new Int32Array(window.capacity);
    this.#xs = new Int32Array(window.capacity);
    this.#ms = new Int32Array(window.capacity);
    this.#partner = new Int32Array(window.capacity);
  }

  /** Pairs what can be paired among the slots that are open. */
  match(typicalNs: number): void {
    this.#collect();
    this.#matchCut(typicalNs);
    this.#collect();
    this.#matchIdentity(typicalNs);
    this.#collect();
    this.#matchNeighbours();
  }

  #collect(): void {
    const { stream, state, leader, count } = this.#window;
    this.#frameCount = 0;
    this.#copyCount = 0;
    for (let slot = 0; slot < count; slot++) {
      if (state[slot] !== OPEN) continue;
      if (stream[slot] === MONITOR) this.#copies[this.#copyCount++] = slot;
      else if (leader[slot] === slot) this.#frames[this.#frameCount++] = slot;
    }
  }

  /** A mirror with a snaplen cuts every longer frame at one length; the copy is the beginning of the frame. */
  #matchCut(typicalNs: number): void {
    if (this.#frameCount === 0 || this.#copyCount === 0) return;
    const window = this.#window;
    for (const cut of this.#cutLengths()) {
      for (let i = 0; i < this.#frameCount; i++) {
        const slot = this.#frames[i]!;
        if (window.state[slot] === OPEN && window.length[slot]! > cut)
          this.#grouper.add(slot, window.prefixA(slot, cut), window.prefixB(slot, cut));
      }
      for (let i = 0; i < this.#copyCount; i++) {
        const slot = this.#copies[i]!;
        if (window.state[slot] === OPEN && window.length[slot] === cut)
          this.#grouper.add(slot, window.hashA[slot]!, window.hashB[slot]!);
      }
      this.#grouper.drain((members, count) => this.#pairGroup(members, count, typicalNs, true));
    }
  }

  #cutLengths(): number[] {
    const { length, bytes, at } = this.#window;
    const lengths = new Map<number, number>();
    for (let i = 0; i < this.#copyCount; i++) {
      const slot = this.#copies[i]!;
      const bytesOf = length[slot]!;
      this.#headers.read(bytes, at[slot]!, bytesOf);
      // Without an IP header to ask, a short copy of an unknown frame may have been cut too.
      if (bytesOf >= 14 && (this.#headers.end > bytesOf || this.#headers.version === 0))
        lengths.set(bytesOf, (lengths.get(bytesOf) ?? 0) + 1);
    }
    return [...lengths]
      .sort((a, b) => b[1] - a[1])
      .slice(0, CUT_LENGTHS)
      .map(([cut]) => cut)
      .sort((a, b) => b - a);
  }

  /** Frames whose addresses, ports and numbers are the same are the same packet, whatever else has changed. */
  #matchIdentity(typicalNs: number): void {
    if (this.#frameCount === 0 || this.#copyCount === 0) return;
    this.#addIdentities(this.#frames, this.#frameCount);
    this.#addIdentities(this.#copies, this.#copyCount);
    this.#grouper.drain((members, count) => this.#pairGroup(members, count, typicalNs, false));
  }

  #addIdentities(slots: Int32Array, count: number): void {
    const { bytes, at, length } = this.#window;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      this.#mine.read(bytes, at[slot]!, length[slot]!);
      if (this.#mine.headers.version !== 0) this.#grouper.add(slot, this.#mine.hash(SEED_A), this.#mine.hash(SEED_B));
    }
  }

  /** Pairs the frames and copies of a group; copies too many of a frame that was cut are duplicates of it. */
  #pairGroup(members: Int32Array, count: number, typicalNs: number, cut: boolean): void {
    const { stream, time } = this.#window;
    let xs = 0;
    let ms = 0;
    for (let i = 0; i < count; i++) {
      if (stream[members[i]!] === MONITOR) this.#ms[ms++] = members[i]!;
      else this.#xs[xs++] = members[i]!;
    }
    if (xs === 0 || ms === 0) return;
    // Sightings of several streams are each in order, together they need not be.
    for (let i = 1; i < xs; i++) {
      const slot = this.#xs[i]!;
      let j = i;
      for (; j > 0 && time[this.#xs[j - 1]!]! > time[slot]!; j--) this.#xs[j] = this.#xs[j - 1]!;
      this.#xs[j] = slot;
    }
    align(time, this.#xs, xs, this.#ms, ms, this.#partner, this.#limitNs, typicalNs);
    for (let i = 0; i < xs; i++) {
      if (this.#partner[i]! >= 0) this.#judgePair(this.#xs[i]!, this.#ms[this.#partner[i]!]!, !cut);
    }
    if (cut) markDuplicates(this.#window, this.#xs, xs, this.#ms, ms, this.#limitNs);
  }

  #judgePair(x: number, m: number, checkRelated: boolean): void {
    const { bytes, at, length, wire } = this.#window;
    const [a, b] = [at[x]!, at[m]!];
    const [aLength, bLength] = [length[x]!, length[m]!];
    this.#mine.read(bytes, a, aLength);
    if (checkRelated && !this.#mine.unique && similarity(bytes, a, aLength, b, bLength) < RELATED) return;
    const difference = firstDifference(bytes, a, aLength, b, bLength);
    let state = MATCHED;
    if (difference >= 0 && (difference < Math.min(aLength, bLength) || bLength > aLength)) {
      const offload = aLength === bLength && this.#byOffload(a, b, aLength);
      state = offload ? OFFLOADED : ALTERED;
    } else if (wire[m]! < wire[x]!) {
      // One is the beginning of the other, and it was not our own capture that cut it.
      state = TRUNCATED;
    }
    this.#pair(x, m, state);
  }

  /** Whichever of the two was captured before its checksum was filled in. The headers of `a` are in `#mine`. */
  #byOffload(a: number, b: number, length: number): boolean {
    const { bytes } = this.#window;
    const { headers } = this.#mine;
    return (
      differsByChecksumOffload(bytes, a, b, length, headers) || differsByChecksumOffload(bytes, b, a, length, headers)
    );
  }

  #pair(x: number, m: number, state: number): void {
    const { pair, state: states } = this.#window;
    pair[x] = m;
    pair[m] = x;
    states[x] = MATCHED;
    states[m] = state;
  }

  /** What is left is compared byte by byte with its neighbours in time: an alteration may have hit what names a packet. */
  #matchNeighbours(): void {
    const { time, state, bytes, at, length } = this.#window;
    const frames = this.#frames.subarray(0, this.#frameCount).sort((a, b) => time[a]! - time[b]!);
    if (frames.length === 0) return;
    for (let i = 0; i < Math.min(this.#copyCount, COMPARED); i++) {
      const m = this.#copies[i]!;
      const middle = firstNotBefore(frames, time, time[m]!);
      this.#mine.read(bytes, at[m]!, length[m]!);
      let best: number = NONE;
      let bestScore = 0;
      for (let k = Math.max(0, middle - NEIGHBOURS); k < Math.min(frames.length, middle + NEIGHBOURS); k++) {
        const x = frames[k]!;
        if (state[x] !== OPEN || Math.abs(time[m]! - time[x]!) > this.#limitNs) continue;
        const score = this.#likeness(x, m);
        if (score > bestScore) {
          best = x;
          bestScore = score;
        }
      }
      if (best !== NONE) this.#judgePair(best, m, false);
    }
  }

  /** Share of equal bytes when `m` (whose identity is in `#mine`) may be an altered copy of `x`, else 0. */
  #likeness(x: number, m: number): number {
    const { bytes, at, length } = this.#window;
    const cut = length[m]! < length[x]!;
    const alike = similarity(bytes, at[x]!, cut ? length[m]! : length[x]!, at[m]!, length[m]!);
    this.#other.read(bytes, at[x]!, length[x]!);
    // A changed header length or fragment bit hides all that follows.
    if (length[m] === length[x] && (1 - alike) * Math.min(length[m]!, 512) < FEW_BYTES + 0.5) return alike;
    const distance = this.#mine.distance(this.#other);
    if (distance === 0) return alike >= RELATED ? alike : 0;
    // One number of it differs: an alteration leaves the payload, the next packet of a flow has another one.
    return distance === 1 && alike >= ALIKE && this.#samePayload(x, m) ? alike : 0;
  }

  /** Of two frames whose identities have been read: the bytes after the headers are the same, as far as both have them. */
  #samePayload(x: number, m: number): boolean {
    const { bytes, at, length } = this.#window;
    const start = payloadStart(this.#mine.headers);
    const [a, b] = [at[x]! + start, at[m]! + start];
    const common = Math.min(length[x]!, length[m]!) - start;
    return common <= 0 || firstDifference(bytes, a, common, b, common) === -1;
  }
}

/** Where the payload of a packet begins: after its fixed headers; that of other frames after the Ethernet header. */
function payloadStart({ version, l4, proto }: Headers): number {
  if (version === 0) return 14;
  if (l4 === 0) return version === 4 ? 34 : 54;
  return l4 + (proto === TCP ? 20 : 8);
}

/** Index of the first of `slots` (in order of time) that is not before `ns`. */
function firstNotBefore(slots: Int32Array, time: Float64Array, ns: number): number {
  let low = 0;
  let high = slots.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (time[slots[middle]!]! < ns) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Copies `ms` that were not needed, near in time to a frame of `xs` that has its copy, are duplicates of it. */
export function markDuplicates(
  window: FrameWindow,
  xs: Int32Array,
  xCount: number,
  ms: Int32Array,
  mCount: number,
  limitNs: number,
): void {
  const { state, pair, time } = window;
  let near = 0;
  for (let j = 0; j < mCount; j++) {
    const m = ms[j]!;
    if (state[m] !== OPEN) continue;
    let best: number = NONE;
    // The latest paired frame whose copy came before this one, else the first.
    while (near + 1 < xCount && time[xs[near + 1]!]! <= time[m]!) near++;
    for (let i = near; i >= 0 && best === NONE && time[m]! - time[xs[i]!]! <= limitNs; i--) {
      if (pair[xs[i]!] !== NONE) best = xs[i]!;
    }
    if (best === NONE && near < xCount && pair[xs[near]!] !== NONE && Math.abs(time[m]! - time[xs[near]!]!) <= limitNs)
      best = xs[near]!;
    if (best === NONE) continue;
    state[m] = DUPLICATE;
    pair[m] = best;
  }
}
