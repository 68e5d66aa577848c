/**
 * TCP segments that were cut or merged between the two captures (GSO and TSO, GRO and LRO): frames differ, but the bytes
 * of the stream are the same. RFC 9293 §3.1 for sequence numbers; segment numbers wrap at 2^32.
 */
import { firstDifference, Headers, hashWords, u32 } from "./content.ts";
import { type FrameWindow, MATCHED, MONITOR, NONE, OPEN, RESEGMENTED } from "./window.ts";

const TCP = 6;

/** The open segments of one direction of one connection. */
interface Flow {
  readonly frames: Segment[];
  readonly copies: Segment[];
}

interface Segment {
  readonly slot: number;
  readonly seq: number;
  /** Where the payload is in the window's bytes, and how long it is. */
  readonly at: number;
  readonly length: number;
}

export class Segments {
  readonly #window: FrameWindow;
  readonly #limitNs: number;
  readonly #headers = new Headers();
  readonly #key = new Int32Array(10);

  constructor(window: FrameWindow, limitNs: number) {
    this.#window = window;
    this.#limitNs = limitNs;
  }

  /** Links runs of open frames and open copies that carry the same bytes. */
  match(): void {
    const flows = new Map<number, Flow>();
    const { count, stream, state, leader } = this.#window;
    // Nothing can be merged unless something is open on the monitor: look there first.
    for (let slot = 0; slot < count; slot++) {
      if (state[slot] === OPEN && stream[slot] === MONITOR) this.#add(flows, slot, true);
    }
    if (flows.size === 0) return;
    for (let slot = 0; slot < count; slot++) {
      if (state[slot] === OPEN && stream[slot] !== MONITOR && leader[slot] === slot) this.#add(flows, slot, false);
    }
    for (const flow of flows.values()) if (flow.frames.length > 0) this.#matchFlow(flow);
  }

  #add(flows: Map<number, Flow>, slot: number, copy: boolean): void {
    const { bytes, at, length } = this.#window;
    const start = at[slot]!;
    const headers = this.#headers;
    headers.read(bytes, start, length[slot]!);
    const { l4, proto } = headers;
    if (proto !== TCP || l4 === 0 || l4 + 20 > length[slot]!) return;
    const payload = l4 + (bytes[start + l4 + 12]! >>> 4) * 4;
    const end = Math.min(length[slot]!, headers.end);
    if (payload >= end) return;
    const [from, words] = headers.version === 4 ? [26, 2] : [22, 8];
    for (let i = 0; i < words; i++) this.#key[i] = u32(bytes, start + from + i * 4);
    this.#key[words] = u32(bytes, start + l4);
    const key = hashWords(this.#key, 0, (words + 1) * 4, 0);
    let flow = flows.get(key);
    if (!flow) {
      if (!copy) return;
      flow = { frames: [], copies: [] };
      flows.set(key, flow);
    }
    const segment = { slot, seq: u32(bytes, start + l4 + 4), at: start + payload, length: end - payload };
    (copy ? flow.copies : flow.frames).push(segment);
  }

  #matchFlow({ frames, copies }: Flow): void {
    // Sequence numbers relative to one of them do not wrap within a window.
    const origin = frames[0]!.seq;
    const relative = (segment: Segment): number => (segment.seq - origin) | 0;
    const bySequence = (a: Segment, b: Segment): number => relative(a) - relative(b);
    frames.sort(bySequence);
    copies.sort(bySequence);
    let i = 0;
    let j = 0;
    while (i < frames.length && j < copies.length) {
      const order = relative(frames[i]!) - relative(copies[j]!);
      if (order < 0) i++;
      else if (order > 0) j++;
      else {
        const [nextI, nextJ] = this.#run(frames, i, copies, j);
        // One to one is no segmentation: what differs is looked at elsewhere.
        if (nextI - i + nextJ - j > 2) this.#link(frames, i, nextI, copies, j, nextJ);
        i = Math.max(nextI, i + 1);
        j = Math.max(nextJ, j + 1);
      }
    }
  }

  /** Where a run of frames from `i` and one of copies from `j` end at the same byte, all bytes equal; `[i, j]` when they do not. */
  #run(frames: readonly Segment[], i: number, copies: readonly Segment[], j: number): [number, number] {
    const { bytes, time } = this.#window;
    let [x, m] = [i, j];
    let [xDone, mDone] = [0, 0];
    for (;;) {
      const frame = frames[x]!;
      const copy = copies[m]!;
      if (Math.abs(time[frame.slot]! - time[copy.slot]!) > this.#limitNs) return [i, j];
      const step = Math.min(frame.length - xDone, copy.length - mDone);
      if (firstDifference(bytes, frame.at + xDone, step, copy.at + mDone, step) !== -1) return [i, j];
      xDone += step;
      mDone += step;
      const frameEnds = xDone === frame.length;
      const copyEnds = mDone === copy.length;
      if (frameEnds && copyEnds) return [x + 1, m + 1];
      if (frameEnds) {
        if (frames[x + 1]?.seq !== (frame.seq + frame.length) >>> 0) return [i, j];
        x++;
        xDone = 0;
      }
      if (copyEnds) {
        if (copies[m + 1]?.seq !== (copy.seq + copy.length) >>> 0) return [i, j];
        m++;
        mDone = 0;
      }
    }
  }

  /** All frames of a run point to its last copy, all copies to its first frame. */
  #link(
    frames: readonly Segment[],
    i: number,
    iEnd: number,
    copies: readonly Segment[],
    j: number,
    jEnd: number,
  ): void {
    const { pair, state, time } = this.#window;
    let last: number = NONE;
    for (let m = j; m < jEnd; m++) {
      const slot = copies[m]!.slot;
      if (last === NONE || time[slot]! > time[last]!) last = slot;
      state[slot] = RESEGMENTED;
      pair[slot] = frames[i]!.slot;
    }
    for (let x = i; x < iEnd; x++) {
      state[frames[x]!.slot] = MATCHED;
      pair[frames[x]!.slot] = last;
    }
  }
}
