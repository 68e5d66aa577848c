/**
 * Reads a capture of any format from chunks of bytes as they come: finds the format by its first bytes, parses the
 * records in place, and carries an incomplete one over to the next chunk. Allocates nothing per packet.
 */
import type { BulkSink, CaptureSink, FrameSink } from "../frame.ts";
import { ReadState, type RecordParser } from "./parser.ts";
import { PcapParser, pcapByteOrder } from "./pcap.ts";
import { PcapngParser } from "./pcapng.ts";
import { SnoopParser } from "./snoop.ts";
import type { CaptureStatus, CaptureSummary, Compression } from "./summary.ts";

/** Enough of the beginning to tell every format. */
const MAGIC_LENGTH = 12;
const PCAPNG_SECTION = 0x0a0d0d0a;
const SNOOP = Buffer.from("snoop\0\0\0");

export class CaptureReader {
  readonly #state = new ReadState();
  readonly #sink: FrameSink;
  readonly #bulk: BulkSink | null;
  #parser: RecordParser | undefined;
  /** The bytes of a record that the last chunk ended in; `#carryLength` of them are valid. */
  #carry = Buffer.allocUnsafe(64 * 1024);
  #carryView = viewOf(this.#carry);
  #carryLength = 0;
  /** Bytes taken from the file so far, those in `#carry` included. */
  #offset = 0;
  /** The fault is not one of the capture's own records: its offsets are those of the compressed file. */
  #faultOutside = false;

  /** `sink` gets each frame during `push` and `end`, in file order. */
  constructor(sink: CaptureSink) {
    if (typeof sink === "function") {
      this.#sink = sink;
      this.#bulk = null;
    } else {
      this.#sink = (frame) => sink.frame(frame);
      this.#bulk = sink;
    }
  }

  /** True when nothing more can be read: further chunks are ignored. */
  get stopped(): boolean {
    return this.#state.stopped;
  }

  /** Packets handed to the sink so far. */
  get packets(): number {
    return this.#state.packets;
  }

  /** Takes the file's next bytes. The chunk may be reused after the call. */
  push(chunk: Uint8Array): void {
    let position = 0;
    while (position < chunk.length && !this.#state.stopped) {
      const parser = this.#parser;
      if (!parser) {
        position += this.#detect(chunk, position);
      } else if (parser.skip > 0) {
        const skipped = Math.min(parser.skip, chunk.length - position);
        parser.skip -= skipped;
        position += skipped;
        this.#offset += skipped;
      } else if (this.#carryLength > 0) {
        position += this.#fillCarry(chunk, position, parser.need);
        this.#parseCarry(parser);
      } else {
        const base = this.#offset - position;
        const parsed = parser.parse(chunk, viewOf(chunk), position, chunk.length, base);
        this.#offset = base + parsed;
        position = parsed;
        if (this.#state.stopped || parser.skip > 0) continue;
        position += this.#fillCarry(chunk, parsed, chunk.length - parsed);
      }
    }
    this.#bulk?.flush();
  }

  /**
   * The file ends here. An incomplete record is told as damage, unless the end is `partial`: the file is still being
   * written, or is not wanted further.
   */
  end({ partial = false } = {}): void {
    const state = this.#state;
    const left = this.#carryLength;
    if (!this.#parser && left > 0 && !state.stopped) this.#choose();
    const parser = this.#parser;
    if (!partial && !state.stopped) {
      if (!parser) state.stop("truncated", "the file is empty");
      else if (left > 0 || parser.unfinished) parser.cutShort(left, this.#offset - left);
    }
    parser?.conclude();
  }

  /** What feeds the reader has found fault with the file itself: what an earlier fault was stays. */
  fault(status: Exclude<CaptureStatus, "ok">, cause: string): void {
    if (this.#state.status === "ok") this.#faultOutside = true;
    this.#state.fault(status, cause);
  }

  /** Adds a warning to the summary. */
  warn(sentence: string): void {
    this.#state.warn(sentence);
  }

  /** What is known so far; complete after `end`. */
  summary(file: string, compression: Compression | null = null): CaptureSummary {
    const { format, interfaces, packets, status, cause, warnings, names } = this.#state;
    const where = compression && !this.#faultOutside ? "in the decompressed data: " : "";
    return {
      file,
      format,
      compression,
      interfaces,
      packets,
      status,
      error: cause === null ? null : `${file}: ${where}${cause}`,
      warnings,
      names,
    };
  }

  /** Gathers the first bytes, then chooses the parser; returns how many bytes it took. */
  #detect(chunk: Uint8Array, position: number): number {
    const taken = this.#fillCarry(chunk, position, MAGIC_LENGTH);
    if (this.#carryLength === MAGIC_LENGTH) {
      this.#choose();
      if (this.#parser) this.#parseCarry(this.#parser);
    }
    return taken;
  }

  #choose(): void {
    const view = this.#carryView;
    const length = this.#carryLength;
    const word = length >= 4 ? view.getUint32(0, false) : 0;
    if (pcapByteOrder(word)) {
      this.#state.format = "pcap";
      this.#parser = new PcapParser(this.#state, this.#sink, this.#bulk);
    } else if (word === PCAPNG_SECTION) {
      this.#state.format = "pcapng";
      this.#parser = new PcapngParser(this.#state, this.#sink);
    } else if (SNOOP.equals(this.#carry.subarray(0, Math.min(length, 8)))) {
      this.#state.format = "snoop";
      this.#parser = new SnoopParser(this.#state, this.#sink);
    } else {
      this.#state.stop("unsupported", describeUnknown(this.#carry.subarray(0, length)));
    }
  }

  /** Appends bytes of `chunk` until the carry holds `need`; returns how many it took. */
  #fillCarry(chunk: Uint8Array, position: number, need: number): number {
    const taken = Math.min(need - this.#carryLength, chunk.length - position);
    const length = this.#carryLength + taken;
    // Grows with the bytes that are there, never with what a length field claims.
    if (length > this.#carry.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#carry.length * 2));
      larger.set(this.#carry.subarray(0, this.#carryLength));
      this.#carry = larger;
      this.#carryView = viewOf(larger);
    }
    this.#carry.set(chunk.subarray(position, position + taken), this.#carryLength);
    this.#carryLength = length;
    this.#offset += taken;
    return taken;
  }

  #parseCarry(parser: RecordParser): void {
    const base = this.#offset - this.#carryLength;
    const parsed = parser.parse(this.#carry, this.#carryView, 0, this.#carryLength, base);
    if (parsed === 0) return;
    this.#bulk?.flush();
    this.#carry.copyWithin(0, parsed, this.#carryLength);
    this.#carryLength -= parsed;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function describeUnknown(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const text = Buffer.from(bytes).toString("latin1").trimStart().toLowerCase();
  const guess = text.startsWith("<!doctype") || text.startsWith("<html") ? " (this is an HTML page)" : "";
  return `unrecognised format${guess}: it begins with ${shown}`;
}
