/** snoop, Solaris' capture format (RFC 1761), version 2: big-endian, microseconds. */
import { maxCaplen, RecordParser } from "./parser.ts";

const FILE_HEADER = 16;
const RECORD_HEADER = 24;
/** A record's padding is a few bytes; more is not believed. */
const MAX_PADDING = 65_536;

/** LINKTYPE_ values of snoop's datalink types. */
const LINKTYPES = new Map([
  [0, 1], // IEEE 802.3
  [2, 6], // IEEE 802.5 token ring
  [4, 1], // Ethernet
  [8, 10], // FDDI
]);
/** LINKTYPE_USER0 stands for the datalink types that have no LINKTYPE_ of their own. */
const UNKNOWN = 147;

export class SnoopParser extends RecordParser {
  #headerDone = false;
  #carriedTimes = 0;

  override parse(data: Uint8Array, view: DataView, start: number, end: number, base: number): number {
    let position = start;
    if (!this.#headerDone) {
      position = this.#parseFileHeader(view, start, end);
      if (!this.#headerDone || this.state.stopped) return position;
    }
    const { frame, sink, state } = this;
    const info = state.interfaces[0]!;
    const limit = maxCaplen(frame.linktype);
    frame.data = data;
    for (;;) {
      this.need = RECORD_HEADER;
      if (position + RECORD_HEADER > end) return position;
      const origLen = view.getUint32(position, false);
      const caplen = view.getUint32(position + 4, false);
      const recordLength = view.getUint32(position + 8, false);
      const padding = recordLength - RECORD_HEADER - caplen;
      if (caplen > limit || padding < 0 || padding > MAX_PADDING) {
        state.stop(
          "corrupt",
          `packet at offset ${base + position} claims ${caplen} captured bytes in a record of ${recordLength}`,
        );
        return position;
      }
      const next = position + recordLength;
      if (next > end) {
        this.need = recordLength;
        return position;
      }
      // Packets dropped since the capture began.
      info.dropped = view.getUint32(position + 12, false);
      frame.sec = view.getUint32(position + 16, false);
      const microseconds = view.getUint32(position + 20, false);
      frame.nsec = (microseconds % 1_000_000) * 1000;
      if (microseconds >= 1_000_000) {
        this.#carriedTimes++;
        frame.sec += Math.floor(microseconds / 1_000_000);
      }
      frame.offset = position + RECORD_HEADER;
      frame.caplen = caplen;
      frame.origLen = origLen;
      state.packets++;
      position = next;
      sink(frame);
    }
  }

  override cutShort(left: number, offset: number): void {
    const where = this.#headerDone ? `in the middle of a packet at offset ${offset}` : "in the file header";
    this.state.stop("truncated", `cut short ${where}: ${left} of ${this.need} bytes are there`);
  }

  override conclude(): void {
    if (this.#carriedTimes > 0) {
      this.state.warn(
        `${this.#carriedTimes} packets have a time fraction of a second or more: carried into the seconds`,
      );
    }
  }

  #parseFileHeader(view: DataView, start: number, end: number): number {
    this.need = FILE_HEADER;
    if (end - start < FILE_HEADER) return start;
    this.#headerDone = true;
    const version = view.getUint32(start + 8, false);
    if (version !== 2) {
      this.state.stop("unsupported", `unsupported snoop version ${version} (2 is known)`);
      return start;
    }
    const datalink = view.getUint32(start + 12, false);
    const linktype = LINKTYPES.get(datalink);
    if (linktype === undefined) {
      this.state.warn(`snoop datalink type ${datalink} is not known: packets are counted, not decoded`);
    }
    this.frame.linktype = linktype ?? UNKNOWN;
    this.state.interfaces.push({
      name: null,
      description: null,
      filter: null,
      linktype: this.frame.linktype,
      snaplen: null,
      timeResolution: 1e-6,
      received: null,
      dropped: null,
    });
    return start + FILE_HEADER;
  }
}
