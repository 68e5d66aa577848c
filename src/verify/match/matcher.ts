/**
 * Matches what sources sent with what the monitor saw, one to one, in bounded memory: frames are taken in until a window
 * is full, matched as one, and decided up to a time after which every copy would have come.
 */
import type { Frame } from "../../capture/frame.ts";
import { markedSequence } from "../../capture/inject/marked-frame.ts";
import { align, type Neighbours } from "./align.ts";
import { checksumAt, Headers, hasUnfinishedChecksum } from "./content.ts";
import { describeFrame } from "./describe.ts";
import { type EchoOf, EchoSeen } from "./echo.ts";
import { Events, type Stream } from "./events.ts";
import { Grouper } from "./grouper.ts";
import { Leftovers, markDuplicates } from "./leftovers.ts";
import { Segments } from "./segments.ts";
import { type DirectionTally, Tally } from "./tally.ts";
import {
  ALTERED,
  DUPLICATE,
  FrameWindow,
  MATCHED,
  MONITOR,
  NONE,
  OFFLOADED,
  OPEN,
  RESEGMENTED,
  TRUNCATED,
  WINDOW_BYTES,
  WINDOW_FRAMES,
} from "./window.ts";

/** A copy comes within this time of its frame, or it is not its copy. */
const LIMIT_NS = 2e9;
/** … when the window is too small for that much traffic. */
const CROWDED_NS = 20e6;
/** Copies that are looked at on each side for one that is matched beyond doubt. */
const NEAR = 64;

export interface MatcherOptions {
  /** The sources' captures; `streams[i]` is stream `i + 1`. At most 255. */
  readonly streams: readonly Stream[];
  /** Only what a source saw in this time is judged: before and after, not all captures ran. Nanoseconds since the epoch. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** The monitor's own Ethernet address: what it says itself is no copy. */
  readonly monitorMac?: Uint8Array;
  readonly echo?: EchoOf;
  /** Frames that were injected: their marker, and how many there are at most. */
  readonly marked?: { readonly marker: Uint8Array; readonly count: number };
  /** Frames and bytes held at once. */
  readonly windowFrames?: number;
  readonly windowBytes?: number;
}

export class Matcher {
  readonly tally: Tally;
  /** What the monitor, and all sources together, saw of the ping; undefined when none is looked for. */
  readonly monitorEcho: EchoSeen | undefined;
  readonly sourceEcho: EchoSeen | undefined;
  /** Marked frames the monitor saw, each number once. */
  markedSeen = 0;
  /** Frames of the monitor's capture, from its start to its end. */
  monitorCaptured = 0;
  readonly #marks: Uint8Array;
  readonly #window: FrameWindow;
  readonly #options: MatcherOptions;
  readonly #baseSec: number;
  readonly #from: number;
  readonly #to: number;
  readonly #grouper: Grouper;
  readonly #events: Events;
  readonly #leftovers: Leftovers;
  readonly #segments: Segments;
  readonly #headers = new Headers();
  /** Time of each stream's last frame; Infinity when it has ended. */
  readonly #last: Float64Array;
  /** Of each stream: the time of the latest frame whose copy has come. */
  readonly #latest: Float64Array;
  /** The monitor's slots in the order of their arrival, and where in it a slot is. */
  readonly #arrivals: Int32Array;
  readonly #rank: Int32Array;
  #arrivalCount = 0;
  readonly #copies: Int32Array;
  readonly #partner: Int32Array;
  readonly #drop: Uint8Array;
  readonly #neighbours: Neighbours;
  #typicalNs = 0;

  constructor(options: MatcherOptions) {
    const capacity = options.windowFrames ?? WINDOW_FRAMES;
    this.#options = options;
    this.#baseSec = Number(options.fromNs / 1_000_000_000n);
    const relative = (ns: bigint): number => Number(ns - BigInt(this.#baseSec) * 1_000_000_000n);
    this.#from = relative(options.fromNs);
    this.#to = relative(options.toNs);
    this.#window = new FrameWindow(this.#baseSec, capacity, options.windowBytes ?? WINDOW_BYTES);
    this.#grouper = new Grouper(capacity);
    this.#events = new Events(this.#window, options.streams, LIMIT_NS);
    this.#leftovers = new Leftovers(this.#window, this.#grouper, LIMIT_NS);
    this.#segments = new Segments(this.#window, LIMIT_NS);
    this.#last = new Float64Array(options.streams.length + 1).fill(Number.NEGATIVE_INFINITY);
    this.#latest = new Float64Array(options.streams.length + 1).fill(Number.NEGATIVE_INFINITY);
    this.#arrivals = new Int32Array(capacity);
    this.#rank = new Int32Array(capacity);
    this.#copies = new Int32Array(capacity);
    this.#partner = new Int32Array(capacity);
    this.#drop = new Uint8Array(capacity);
    this.tally = new Tally(options.streams);
    this.monitorEcho = options.echo && new EchoSeen(options.echo);
    this.sourceEcho = options.echo && new EchoSeen(options.echo);
    this.#marks = new Uint8Array((options.marked?.count ?? 0) + 1);
    this.#neighbours = { before: (m, x) => this.#anchor(m, x, -1), after: (m, x) => this.#anchor(m, x, 1) };
  }

  /** The stream whose next frames should be pushed: the one that is behind in time. Undefined when all have ended. */
  get hungriest(): number | undefined {
    let behind = 0;
    for (let i = 1; i < this.#last.length; i++) if (this.#last[i]! < this.#last[behind]!) behind = i;
    return this.#last[behind] === Number.POSITIVE_INFINITY ? undefined : behind;
  }

  /**
   * Takes one frame of a stream (`MONITOR`, or a source from 1 up), in the order in which it was captured. Between
   * streams the order is free, but they must be fed evenly in time: see `hungriest`.
   */
  push(stream: number, frame: Frame): void {
    const time = this.#window.timeOf(frame);
    if (!(time < this.#last[stream]!)) this.#last[stream] = time;
    const ownMac = stream === MONITOR ? undefined : this.#options.streams[stream - 1]!.ownMac;
    if (ownMac !== undefined && isFrom(ownMac, frame.data, frame.offset, frame.caplen)) return;
    const window = this.#window;
    if (!window.hasRoomFor(frame.caplen)) this.#makeRoom(frame.caplen);
    const slot = window.add(stream, frame);
    if (stream === MONITOR) this.#seeMonitor(slot);
    const echo = stream === MONITOR ? this.monitorEcho : this.sourceEcho;
    if (echo && time >= this.#from && time <= this.#to) {
      const at = window.at[slot]!;
      this.#headers.read(window.bytes, at, window.length[slot]!);
      echo.see(window.bytes, at, window.length[slot]!, this.#headers, time);
    }
  }

  #seeMonitor(slot: number): void {
    this.monitorCaptured++;
    if (!this.#options.marked) return;
    const { bytes, at, length } = this.#window;
    const sequence = markedSequence(bytes, at[slot]!, length[slot]!, this.#options.marked.marker);
    if (sequence < 0 || this.#marks[sequence] !== 0) return;
    this.#marks[sequence] = 1;
    this.markedSeen++;
  }

  /** A stream has no more frames. */
  end(stream: number): void {
    this.#last[stream] = Number.POSITIVE_INFINITY;
  }

  /** Decides all that is left. */
  finish(): Tally {
    this.#match();
    this.#decide(Number.POSITIVE_INFINITY);
    return this.tally;
  }

  #makeRoom(caplen: number): void {
    this.#match();
    const watermark = this.#last.reduce((least, time) => Math.min(least, time));
    // Normally every copy has had its time. With more traffic than that, the older half of the window is decided.
    const half = Math.min(watermark - CROWDED_NS, this.#window.time[this.#window.count >>> 1]!);
    for (const horizon of [watermark - LIMIT_NS, half, watermark - CROWDED_NS, Number.POSITIVE_INFINITY]) {
      this.#decide(horizon);
      if (!this.#window.crowded && this.#window.hasRoomFor(caplen)) return;
      this.#match();
    }
  }

  #match(): void {
    const window = this.#window;
    const { count, stream, hashA, hashB, length } = window;
    window.resetMatches();
    this.#arrivalCount = 0;
    for (let slot = 0; slot < count; slot++) {
      if (stream[slot] === MONITOR) {
        this.#rank[slot] = this.#arrivalCount;
        this.#arrivals[this.#arrivalCount++] = slot;
      } else {
        window.leader[slot] = slot;
      }
      this.#grouper.add(slot, hashA[slot]!, hashB[slot]! ^ length[slot]!);
    }
    // First the groups that leave no choice, so that the others have neighbours to go by.
    this.#grouper.visit((members, size) => this.#pairPlain(members, size));
    this.#grouper.drain((members, size) => this.#pairGroup(members, size));
    this.#segments.match();
    this.#leftovers.match(this.#typicalNs);
  }

  #pairPlain(members: Int32Array, size: number): void {
    if (size > 8) return;
    const { pair, state } = this.#window;
    const copies = this.#readGroup(members, size);
    if (this.#events.count !== 1 || copies !== 1) return;
    const x = this.#events.leaders[0]!;
    const m = this.#copies[0]!;
    const delay = this.#window.time[m]! - this.#window.time[x]!;
    if (Math.abs(delay) > LIMIT_NS) return;
    pair[x] = m;
    pair[m] = x;
    state[x] = MATCHED;
    state[m] = MATCHED;
    this.#typicalNs += (Math.max(0, delay) - this.#typicalNs) / 16;
  }

  #readGroup(members: Int32Array, size: number): number {
    const { stream } = this.#window;
    let copies = 0;
    for (let i = 0; i < size; i++) if (stream[members[i]!] === MONITOR) this.#copies[copies++] = members[i]!;
    this.#events.read(members, size);
    return copies;
  }

  #pairGroup(members: Int32Array, size: number): void {
    const { state, pair, time } = this.#window;
    for (let i = 0; i < size; i++) if (state[members[i]!] !== OPEN) return;
    const copies = this.#readGroup(members, size);
    const { leaders, count } = this.#events;
    if (count === 0 || copies === 0) return;
    align(time, leaders, count, this.#copies, copies, this.#partner, LIMIT_NS, this.#typicalNs, this.#neighbours);
    for (let i = 0; i < count; i++) {
      if (this.#partner[i]! < 0) continue;
      const x = leaders[i]!;
      const m = this.#copies[this.#partner[i]!]!;
      pair[x] = m;
      pair[m] = x;
      state[x] = MATCHED;
      state[m] = MATCHED;
    }
    markDuplicates(this.#window, leaders, count, this.#copies, copies, LIMIT_NS);
  }

  /** Source time of the nearest copy before (`step` -1) or after (1) `m` that is a frame of the same stream as `x`. */
  #anchor(m: number, x: number, step: number): number {
    const { stream, pair, state, time } = this.#window;
    const start = this.#rank[m]!;
    for (let k = 1; k <= NEAR; k++) {
      const rank = start + k * step;
      if (rank < 0 || rank >= this.#arrivalCount) break;
      const copy = this.#arrivals[rank]!;
      if (state[copy] === MATCHED && stream[pair[copy]!] === stream[x]) return time[pair[copy]!]!;
    }
    return step < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  /** Counts everything up to `horizon`, and drops it from the window. */
  #decide(horizon: number): void {
    const window = this.#window;
    const { count, time, stream, state, pair, leader } = window;
    const drop = this.#drop.fill(0, 0, count);
    // Copies first, in the order of their arrival: a frame is done when its copy is.
    for (let i = 0; i < this.#arrivalCount; i++) {
      const m = this.#arrivals[i]!;
      if (state[m] === DUPLICATE) continue;
      // A run of segments is done when its last one is.
      const done = state[m] === RESEGMENTED ? pair[pair[m]!]! : m;
      if (time[done]! > horizon) continue;
      drop[m] = 1;
      if (state[m] === OPEN) this.#countForeign(m);
      else if (state[m] === RESEGMENTED) this.#countSurplus(pair[m]!);
      else this.#countCopy(pair[m]!, m);
    }
    for (let slot = 0; slot < count; slot++) {
      if (stream[slot] === MONITOR || leader[slot] !== slot) continue;
      const copy = pair[slot]!;
      if (copy === NONE ? time[slot]! > horizon : drop[copy] === 0) continue;
      drop[slot] = 1;
      if (copy === NONE) this.#countMissing(slot);
      else if (state[copy] === RESEGMENTED) this.#countResegmented(slot);
    }
    for (let slot = 0; slot < count; slot++) {
      if (stream[slot] !== MONITOR) {
        if (drop[leader[slot]!] === 0) continue;
        drop[slot] = 1;
        if (!this.#inScope(leader[slot]!)) continue;
        const counts = this.tally.streams[stream[slot]! - 1]!;
        counts.frames++;
        if (pair[leader[slot]!] !== NONE) counts.seen++;
      } else if (state[slot] === DUPLICATE && drop[pair[slot]!] !== 0) {
        drop[slot] = 1;
        // Before all captures ran, it may be the copy of a frame like this one that no source's capture saw.
        if (!this.#inScope(slot) || !this.#inScope(pair[slot]!)) continue;
        this.#countSurplus(pair[slot]!);
        this.#direction(pair[slot]!).duplicated++;
      }
    }
    window.compact(drop);
  }

  #inScope(slot: number): boolean {
    const time = this.#window.time[slot]!;
    return time >= this.#from && time <= this.#to;
  }

  #direction(leader: number): DirectionTally {
    return this.tally[this.#options.streams[this.#window.stream[leader]! - 1]!.direction];
  }

  #countCopy(x: number, m: number): void {
    if (!this.#inScope(x)) return;
    const { time, state, stream, tags, vids } = this.#window;
    const tally = this.#direction(x);
    this.tally.monitorTotal++;
    tally.sourceFrames++;
    tally.monitorFrames++;
    tally.delays.add(time[m]! - time[x]!);
    // Of an altered copy it is less sure which frame it was.
    const latest = this.#latest[stream[x]!]!;
    if (time[x]! >= latest) this.#latest[stream[x]!] = state[m] === ALTERED ? latest : time[x]!;
    else if (state[m] !== ALTERED) tally.reordered++;
    if (tags[m]! > tags[x]!) {
      tally.vlan.added++;
      if (this.tally.vlansAdded.size < 64) this.tally.vlansAdded.add(vids[m]! >>> 12);
    } else if (tags[m]! < tags[x]!) tally.vlan.removed++;
    else if (vids[m] !== vids[x]) tally.vlan.rewritten++;
    else tally.vlan.same++;
    if (state[m] === TRUNCATED) {
      tally.truncated++;
      this.tally.truncatedTo = Math.max(this.tally.truncatedTo, this.#window.wire[m]!);
    } else if (state[m] === OFFLOADED) tally.offloaded++;
    else if (state[m] === ALTERED) this.#countAltered(tally, x, m);
    else this.#countChecksum(x, m);
  }

  /** Whether the copy, and so the frame that went through the switch, has its checksum. */
  #countChecksum(x: number, m: number): void {
    const { bytes, at, length, stream } = this.#window;
    if ((bytes[at[m]!]! & 1) === 1) return;
    this.#headers.read(bytes, at[m]!, length[m]!);
    if (checksumAt(length[m]!, this.#headers) < 0) return;
    const counts = this.tally.streams[stream[x]! - 1]!;
    counts.checksummed++;
    if (hasUnfinishedChecksum(bytes, at[m]!, length[m]!, this.#headers)) counts.unfinished++;
  }

  #countAltered(tally: DirectionTally, x: number, m: number): void {
    tally.altered++;
    const { bytes, at, length } = this.#window;
    const [a, b] = [at[x]!, at[m]!];
    const common = Math.min(length[x]!, length[m]!);
    let offset = 0;
    while (offset < common && bytes[a + offset] === bytes[b + offset]) offset++;
    tally.addDifference({
      timeNs: this.#absolute(x),
      length: length[x]!,
      offset,
      source: offset < length[x]! ? bytes[a + offset]! : null,
      monitor: offset < length[m]! ? bytes[b + offset]! : null,
    });
  }

  /** One more frame on the monitor that belongs to `x`. */
  #countSurplus(x: number): void {
    if (!this.#inScope(x)) return;
    this.tally.monitorTotal++;
    this.#direction(x).monitorFrames++;
  }

  #countResegmented(x: number): void {
    if (!this.#inScope(x)) return;
    const tally = this.#direction(x);
    tally.sourceFrames++;
    tally.resegmented++;
  }

  #countMissing(x: number): void {
    if (!this.#inScope(x)) return;
    const tally = this.#direction(x);
    tally.sourceFrames++;
    tally.missing++;
    if (!tally.wantsMissed) return;
    const { bytes, at, length, wire, stream } = this.#window;
    tally.missed.push({
      timeNs: this.#absolute(x),
      port: this.#options.streams[stream[x]! - 1]!.port,
      length: wire[x]!,
      what: describeFrame(bytes, at[x]!, length[x]!),
    });
  }

  #countForeign(m: number): void {
    if (!this.#inScope(m)) return;
    this.tally.monitorTotal++;
    this.tally.foreign++;
    const mac = this.#options.monitorMac;
    const { bytes, at, length } = this.#window;
    if (mac !== undefined && isFrom(mac, bytes, at[m]!, length[m]!)) this.tally.chatter++;
  }

  #absolute(slot: number): bigint {
    return BigInt(this.#baseSec) * 1_000_000_000n + BigInt(Math.round(this.#window.time[slot]!));
  }
}

/** Whether the frame at `bytes[start, start + length)` has `mac` as its source. */
function isFrom(mac: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (length < 12) return false;
  for (let i = 0; i < 6; i++) if (bytes[start + 6 + i] !== mac[i]) return false;
  return true;
}
