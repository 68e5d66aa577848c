/**
 * Hands captured frames to an engine: one by one as readers of capture formats find them, laid into the engine's chunk in batches; or
 * the records of a classic pcap file as they are, a chunk at a time.
 */
import { FRAME } from "../layout/layouts.ts";
import { MEMORY } from "../layout/memory-map.ts";
import type { Engine } from "./engine.ts";
import { settersOf } from "./view.ts";

const { start: CHUNK, end: CHUNK_END } = MEMORY.get("CHUNK")!;
/** Frames are counted when so many bytes of them have been gathered: few enough for a processor's own cache. */
const BATCH_END = CHUNK + 256 * 1024;
const TWO_32 = 2 ** 32;

/** A frame as readers of capture formats hand it on; what is read is read during the call. */
export interface CapturedFrame {
  readonly data: Uint8Array;
  readonly offset: number;
  readonly caplen: number;
  readonly origLen: number;
  readonly sec: number;
  readonly nsec: number;
  readonly hasTime: boolean;
  readonly linktype: number;
  readonly fcsLength: number;
}

/** What the header of a pcap file says of its records. */
export interface PcapRecords {
  readonly bigEndian: boolean;
  /** Nanoseconds of a unit of the time fraction. */
  readonly unitNs: number;
  /** The longest capture length that is believed. */
  readonly maxCaplen: number;
  readonly linktype: number;
  readonly fcsLength: number;
}

export class Feed {
  readonly #engine: Engine;
  readonly #set;
  #end = CHUNK;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#set = settersOf(engine.view, FRAME);
  }

  /** Counts a frame, at the latest at the next `flush`. */
  add(frame: CapturedFrame): void {
    const length = FRAME.size + ((frame.caplen + 7) & ~7);
    if (this.#end + length > BATCH_END) this.flush();
    const { view } = this.#engine;
    const at = this.#end;
    const bytes = at + FRAME.size;
    // Longer frames than there is room for exist (DBUS, USB): what is behind their headers says nothing of connections.
    const caplen = Math.min(frame.caplen, CHUNK_END - bytes - 8);
    view.words[at >>> 2] = frame.sec;
    view.words[(at >>> 2) + 1] = frame.sec / TWO_32;
    this.#set.nanoseconds(at, frame.nsec);
    this.#set.captured(at, caplen);
    this.#set.wireLength(at, frame.origLen);
    this.#set.linktype(at, frame.linktype);
    this.#set.fcsLength(at, frame.fcsLength);
    this.#set.hasTime(at, Number(frame.hasTime));
    view.bytes.set(frame.data.subarray(frame.offset, frame.offset + caplen), bytes);
    this.#end = (bytes + caplen + 7) & ~7;
  }

  /** Counts what has been gathered. */
  flush(): void {
    if (this.#end === CHUNK) return;
    const end = this.#end;
    this.#end = CHUNK;
    this.#engine.exports.takeFrames(CHUNK, end);
    this.#engine.view.refresh();
  }
}
