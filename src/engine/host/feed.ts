/**
 * Hands captured frames to an engine: one by one as readers of capture formats find them, laid into the engine's chunk in batches; or the
 * records of a classic pcap file as they are, a stretch at a time.
 */
import { FRAME } from "../layout/layouts.ts";
import { MEMORY } from "../layout/memory-map.ts";
import type { Engine } from "./engine.ts";
import { settersOf } from "./view.ts";

const { start: CHUNK, end: CHUNK_END } = MEMORY.get("CHUNK")!;
const { start: READ, bytes: READ_BYTES } = MEMORY.get("READ")!;
/** Frames are counted when so many bytes of them have been gathered: few enough for a processor's own cache. */
const BATCH = 128 * 1024;
const LONGEST = CHUNK_END - CHUNK - FRAME.size;
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
  #records: PcapRecords | null = null;
  /** The chunk that frames were copied from last. */
  #source: Uint8Array = new Uint8Array();
  #sourceView = new DataView(this.#source.buffer);

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#set = settersOf(engine.view, FRAME);
  }

  /** Where a file may be read to, so that its bytes need not be copied: to be asked for before each read. */
  room(): Buffer {
    // While these bytes are in use memory must stay where it is: what was left over from the bytes before counts too.
    this.#makeRoom(READ_BYTES * 4);
    return Buffer.from(this.#engine.view.memory.buffer, READ, READ_BYTES);
  }

  /** Takes a frame; it is counted at the latest at the next `flush`. */
  add(frame: CapturedFrame): void {
    this.#lay(frame);
    if (this.#end > CHUNK + BATCH) this.flush();
  }

  /** Counts what has been gathered. */
  flush(): void {
    if (this.#end === CHUNK) return;
    const end = this.#end;
    this.#end = CHUNK;
    this.#engine.exports.takeFrames(CHUNK, end);
    this.#engine.view.refresh();
  }

  /**
   * Counts the whole pcap records at the beginning of `data[start, end)` that are plain.
   * @returns where the first record begins that was not taken: it is incomplete, or to be looked at by its reader
   */
  takeRecords(data: Uint8Array, start: number, end: number, records: PcapRecords): number {
    this.flush();
    this.#describe(records);
    const { exports, view } = this.#engine;
    if (data.buffer === view.memory.buffer) {
      const base = data.byteOffset;
      const taken = exports.takeRecords(base + start, base + end) - base;
      if (data.byteLength === 0) throw new Error("the engine moved its memory while it was read from");
      return taken;
    }
    const length = Math.min(end - start, CHUNK_END - CHUNK);
    this.#makeRoom(length);
    view.bytes.set(data.subarray(start, start + length), CHUNK);
    const taken = exports.takeRecords(CHUNK, CHUNK + length) - CHUNK;
    view.refresh();
    return start + taken;
  }

  /** Lays a frame behind those that are there; its bytes stay where they are when a file was read into the engine's memory. */
  #lay(frame: CapturedFrame): void {
    const { view } = this.#engine;
    // Longer frames than there is room for exist (DBUS, USB): what is behind their headers says nothing of connections.
    const caplen = Math.min(frame.caplen, LONGEST);
    if (this.#end === CHUNK) this.#makeRoom(READ_BYTES + BATCH);
    else if (this.#end + FRAME.size + caplen > CHUNK_END) this.flush();
    const at = this.#end;
    this.#end += FRAME.size;
    let bytes = this.#end;
    if (frame.data.buffer === view.memory.buffer) bytes = frame.data.byteOffset + frame.offset;
    else {
      this.#copy(frame.data, frame.offset, caplen);
      this.#end = (bytes + caplen + 7) & ~7;
    }
    view.words[at >>> 2] = frame.sec;
    view.words[(at >>> 2) + 1] = frame.sec / TWO_32;
    this.#set.nanoseconds(at, frame.nsec);
    this.#set.bytes(at, bytes);
    this.#set.captured(at, caplen);
    this.#set.wireLength(at, frame.origLen);
    this.#set.linktype(at, frame.linktype);
    this.#set.fcsLength(at, frame.fcsLength);
    this.#set.hasTime(at, frame.hasTime ? 1 : 0);
  }

  /** Copies bytes to `#end`, which is a multiple of 8. (`set` would want an object for each frame.) */
  #copy(data: Uint8Array, offset: number, length: number): void {
    if (data !== this.#source) {
      this.#source = data;
      this.#sourceView = new DataView(data.buffer, data.byteOffset, data.byteLength);
    }
    const { bytes, signed } = this.#engine.view;
    const source = this.#sourceView;
    const whole = length & ~3;
    for (let i = 0; i < whole; i += 4) signed[(this.#end + i) >>> 2] = source.getInt32(offset + i, true);
    for (let i = whole; i < length; i++) bytes[this.#end + i] = data[offset + i]!;
  }

  #describe(records: PcapRecords): void {
    if (records === this.#records) return;
    this.#records = records;
    const engine = this.#engine;
    engine.set("bigEndian", records.bigEndian);
    engine.set("unitNs", records.unitNs);
    engine.set("mostCaptured", records.maxCaplen);
    engine.set("linktype", records.linktype);
    engine.set("fcsLength", records.fcsLength);
  }

  #makeRoom(bytes: number): void {
    this.#engine.exports.makeRoom(bytes);
    this.#engine.view.refresh();
  }
}
