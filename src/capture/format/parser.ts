/**
 * What the parser of each format shares: it is handed bytes, parses the whole records among them in place, and says how
 * many more it needs. The reader (reader.ts) feeds it and keeps what is left over.
 */
import { Frame, type FrameSink } from "../frame.ts";
import type { CaptureFormat, CaptureInterface, CaptureStatus } from "./summary.ts";

/** No packet is longer, as libpcap has it (MAXIMUM_SNAPLEN) … */
const MAX_CAPLEN = 262_144;
/** … except on buses whose transfers are: DBUS, the USB types, EBHSCR. */
const LONG_CAPLEN = new Map([
  ...[186, 189, 220, 231, 249, 266, 288, 293, 294, 295].map((linktype) => [linktype, 128 * 1024 * 1024] as const),
  [279, 8 * 1024 * 1024] as const,
]);

/** The longest capture length that is believed for a link type, in bytes. */
export function maxCaplen(linktype: number): number {
  return LONG_CAPLEN.get(linktype) ?? MAX_CAPLEN;
}

/** What has been learned of the file so far. */
export class ReadState {
  format: CaptureFormat | null = null;
  readonly interfaces: CaptureInterface[] = [];
  readonly names = new Map<string, string>();
  packets = 0;
  status: CaptureStatus = "ok";
  /** What is wrong, without the file's name. */
  cause: string | null = null;
  /** Nothing after this point can be read. */
  stopped = false;
  readonly warnings: string[] = [];

  /** Ends the reading here. An earlier fault stays the one that is told. */
  stop(status: Exclude<CaptureStatus, "ok">, cause: string): void {
    this.fault(status, cause);
    this.stopped = true;
  }

  /** Something is wrong that does not stop the reading. */
  fault(status: Exclude<CaptureStatus, "ok">, cause: string): void {
    if (this.status !== "ok") return;
    this.status = status;
    this.cause = cause;
  }

  /** Keeps one sentence; there are never more than a few, whatever the file holds. */
  warn(sentence: string): void {
    if (this.warnings.length < 100) this.warnings.push(sentence);
  }
}

export abstract class RecordParser {
  /** Bytes the record at the position `parse` returned needs to be parsed further: more than there were. */
  need = 0;
  /** Bytes after the position `parse` returned that nobody needs to see. */
  skip = 0;
  protected readonly frame = new Frame();
  protected readonly state: ReadState;
  protected readonly sink: FrameSink;

  constructor(state: ReadState, sink: FrameSink) {
    this.state = state;
    this.sink = sink;
  }

  /**
   * Parses the whole records in `data[start, end)` and returns where the first incomplete one starts.
   * `view` covers the same bytes as `data`; `base` is the offset in the file of `data[0]`.
   */
  abstract parse(data: Uint8Array, view: DataView, start: number, end: number, base: number): number;

  /** The file ends in mid-record: `left` bytes after the last whole one, at `offset`. */
  abstract cutShort(left: number, offset: number): void;

  /** In mid-record although no bytes of it are left over. */
  get unfinished(): boolean {
    return false;
  }

  /** Tells what has added up while reading. */
  abstract conclude(): void;
}

/** `0xa1b2c3d4`. */
export function hex(value: number, digits = 8): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

/** Its four bytes in the other order. */
export function swap32(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
