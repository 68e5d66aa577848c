/**
 * Classic pcap (draft-ietf-opsawg-pcap, pcap-savefile(5)): both byte orders, micro- and nanoseconds, Kuznetzov's
 * "modified" records, IXIA's lcap, and versions 2.0 to 2.4, of which those before 2.3 store the two lengths swapped.
 */
import type { PcapRecords } from "../../engine/host/feed.ts";
import type { BulkSink, FrameSink } from "../frame.ts";
import { hex, maxCaplen, type ReadState, RecordParser, swap32 } from "./parser.ts";

type Variant = "plain" | "kuznetzov" | "ixia";

interface Magic {
  readonly variant: Variant;
  /** Nanoseconds a unit of the time fraction stands for. */
  readonly unitNs: 1 | 1000;
}

const MAGICS = new Map<number, Magic>([
  [0xa1b2c3d4, { variant: "plain", unitNs: 1000 }],
  [0xa1b23c4d, { variant: "plain", unitNs: 1 }],
  [0xa1b2cd34, { variant: "kuznetzov", unitNs: 1000 }],
  [0x1c0001ac, { variant: "ixia", unitNs: 1000 }],
  [0x1c0001ab, { variant: "ixia", unitNs: 1000 }],
]);

const FILE_HEADER = 24;
/** Major and minor version 2.4 of a file header, read as one number in either byte order by a reader of either. */
const VERSIONS = new Set([0x00040002, 0x00020004, 0x04000200, 0x02000400]);

/** The byte order of a pcap file that starts with these four bytes (read big-endian), or undefined if it is none. */
export function pcapByteOrder(magic: number): "little" | "big" | undefined {
  if (MAGICS.has(magic)) return "big";
  return MAGICS.has(swap32(magic)) ? "little" : undefined;
}

export class PcapParser extends RecordParser {
  /** Takes plain records in bulk, null where each is wanted as a frame. */
  readonly #bulk: BulkSink | null;
  #records: PcapRecords | null = null;
  #little = true;
  #headerDone = false;
  #unitNs = 1000;
  #recordHeader = 16;
  #maxCaplen = 0;
  /** In versions before 2.3 the original length comes first; 2.3 has both kinds. */
  #lengths: "caplen-first" | "len-first" | "smaller-is-caplen" = "caplen-first";
  #carriedTimes = 0;
  #caplenOverLen = 0;
  #zeroRun = 0;
  #zeroRunEnd = -1;

  constructor(state: ReadState, sink: FrameSink, bulk: BulkSink | null) {
    super(state, sink);
    this.#bulk = bulk;
  }

  override parse(data: Uint8Array, view: DataView, start: number, end: number, base: number): number {
    let position = start;
    if (!this.#headerDone) {
      position = this.#parseFileHeader(view, start, end);
      if (!this.#headerDone || this.state.stopped) return position;
    }
    const { frame, sink, state } = this;
    const little = this.#little;
    const recordHeader = this.#recordHeader;
    const unitNs = this.#unitNs;
    const limit = this.#maxCaplen;
    const plainLengths = this.#lengths === "caplen-first";
    frame.data = data;
    for (;;) {
      if (this.#records) position = this.#takeInBulk(data, position, end);
      const body = position + recordHeader;
      if (body > end) {
        this.need = recordHeader;
        return position;
      }
      const sec = view.getUint32(position, little);
      const fraction = view.getUint32(position + 4, little);
      let caplen = view.getUint32(position + 8, little);
      let origLen = view.getUint32(position + 12, little);
      if (!plainLengths && (this.#lengths === "len-first" || caplen > origLen)) {
        const first = caplen;
        caplen = origLen;
        origLen = first;
      }
      if (caplen > limit || (caplen === 0 && isSecondHeader(sec, fraction))) {
        this.#damaged(sec, caplen, base + position);
        return position;
      }
      const next = body + caplen;
      if (next > end) {
        this.need = recordHeader + caplen;
        return position;
      }
      let nsec = fraction * unitNs;
      frame.sec = sec;
      if (nsec >= 1_000_000_000) {
        this.#carriedTimes++;
        frame.sec = sec + Math.floor(nsec / 1_000_000_000);
        nsec %= 1_000_000_000;
      }
      frame.nsec = nsec;
      frame.offset = body;
      frame.caplen = caplen;
      frame.origLen = origLen;
      if (caplen > origLen) this.#caplenOverLen++;
      else if (origLen === 0 && sec === 0 && fraction === 0) this.#countZeroRecord();
      state.packets++;
      position = next;
      sink(frame);
    }
  }

  #takeInBulk(data: Uint8Array, start: number, end: number): number {
    const bulk = this.#bulk!;
    const before = bulk.packets;
    const position = bulk.takeRecords(data, start, end, this.#records!);
    this.state.packets += bulk.packets - before;
    return position;
  }

  override cutShort(left: number, offset: number): void {
    if (!this.#headerDone) {
      this.state.stop("truncated", `cut short in the file header: ${left} of ${FILE_HEADER} bytes`);
      return;
    }
    const part = left < this.#recordHeader ? "packet header" : "packet";
    this.state.stop(
      "truncated",
      `cut short in the middle of a packet at offset ${offset}: ${left} of ${this.need} bytes of the ${part}`,
    );
  }

  override conclude(): void {
    const { packets } = this.state;
    if (this.#zeroRunEnd === packets && this.#zeroRun > 0) {
      this.state.warn(
        `the last ${this.#zeroRun} records are all zero (no time, no bytes): the file's end was probably never written`,
      );
    }
    if (this.#carriedTimes > 0) {
      this.state.warn(
        `${this.#carriedTimes} packets have a time fraction of a second or more: carried into the seconds`,
      );
    }
    if (this.#caplenOverLen > 0) {
      this.state.warn(`${this.#caplenOverLen} packets have more captured bytes than their length on the wire`);
    }
  }

  /** Returns the position after the header, or `start` when it is incomplete or not acceptable. */
  #parseFileHeader(view: DataView, start: number, end: number): number {
    this.need = FILE_HEADER;
    if (end - start < FILE_HEADER) return start;
    const word = view.getUint32(start, false);
    this.#little = pcapByteOrder(word) === "little";
    const little = this.#little;
    const magic = MAGICS.get(little ? swap32(word) : word)!;
    const headerLength = FILE_HEADER + (magic.variant === "ixia" ? 4 : 0);
    this.need = headerLength;
    if (end - start < headerLength) return start;
    const major = view.getUint16(start + 4, little);
    const minor = view.getUint16(start + 6, little);
    const linktypeField = view.getUint32(start + 20, little);
    this.#headerDone = true;
    const { state } = this;
    // 543.0 is what DG/UX's tcpdump wrote.
    if (!(major === 2 && minor <= 4) && !(major === 543 && minor === 0)) {
      state.stop("unsupported", `unsupported pcap version ${major}.${minor} (2.0 to 2.4 are known)`);
      return start;
    }
    if ((linktypeField & 0x03ff0000) !== 0) {
      state.stop("corrupt", `reserved bits of the link type field are set at offset 20: ${hex(linktypeField)}`);
      return start;
    }
    const linktype = linktypeField & 0xffff;
    if (major === 543 || minor < 3) this.#lengths = "len-first";
    else if (minor === 3) this.#lengths = "smaller-is-caplen";
    this.#unitNs = magic.unitNs;
    this.#recordHeader = magic.variant === "kuznetzov" ? 24 : 16;
    this.#maxCaplen = maxCaplen(linktype);
    this.frame.linktype = linktype;
    // Length in 16-bit words, valid where bit 26 says so.
    this.frame.fcsLength = (linktypeField & 0x04000000) !== 0 ? (linktypeField >>> 28) * 2 : 0;
    if (this.#bulk && magic.variant !== "kuznetzov" && this.#lengths === "caplen-first") {
      const { fcsLength } = this.frame;
      this.#records = { bigEndian: !little, unitNs: magic.unitNs, maxCaplen: this.#maxCaplen, linktype, fcsLength };
    }
    state.interfaces.push({
      name: null,
      description: null,
      filter: null,
      linktype,
      snaplen: view.getUint32(start + 16, little),
      timeResolution: magic.unitNs === 1 ? 1e-9 : 1e-6,
      received: null,
      dropped: null,
    });
    return start + headerLength;
  }

  #damaged(sec: number, caplen: number, offset: number): void {
    const cause = isMagic(sec)
      ? `looks like a second file header at offset ${offset}: the files were concatenated, split them there`
      : `packet at offset ${offset} claims ${caplen} captured bytes, more than ${this.#maxCaplen} are impossible`;
    this.state.stop("corrupt", cause);
  }

  #countZeroRecord(): void {
    const { packets } = this.state;
    this.#zeroRun = this.#zeroRunEnd === packets ? this.#zeroRun + 1 : 1;
    this.#zeroRunEnd = packets + 1;
  }
}

function isMagic(value: number): boolean {
  return MAGICS.has(value) || MAGICS.has(swap32(value));
}

function isSecondHeader(sec: number, fraction: number): boolean {
  return VERSIONS.has(fraction) && isMagic(sec);
}
