/** Writes pcapng (draft-ietf-opsawg-pcapng): one little-endian section, nanosecond clocks, statistics at the end. */
import type { Frame } from "../frame.ts";
import { CaptureWriter, type WriterInterface, type WriterStatistics } from "./writer.ts";

const NS = 1_000_000_000;
const COMMENT = 1;
const SHB_USERAPPL = 4;
/** What an option's 16-bit length can say. */
const MAX_COMMENT = 65_532;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const IF_FILTER = 11;
const ISB_IFRECV = 4;
const ISB_IFDROP = 5;

export class PcapngWriter extends CaptureWriter {
  #interfaces = 0;
  /** Time of the last frame, which the statistics carry. */
  #high = 0;
  #low = 0;

  /** @param comment what the file is about, if anything */
  constructor(path: string, comment?: string) {
    super(path);
    const said = comment === undefined ? undefined : Buffer.from(comment).subarray(0, MAX_COMMENT);
    const start = this.#begin(0x0a0d0d0a, 256 + (said?.length ?? 0));
    this.#u32(0x1a2b3c4d);
    this.#u32(1); // version 1.0
    this.#u32(0xffffffff); // section length: not known
    this.#u32(0xffffffff);
    if (said) this.#option(COMMENT, said);
    this.#option(SHB_USERAPPL, Buffer.from("tapscope"));
    this.#endWithOptions(start);
  }

  override addInterface({ name, linktype, snaplen = 0, filter }: WriterInterface): number {
    const nameBytes = Buffer.from(name);
    const filterBytes = filter === undefined ? undefined : Buffer.from(`\0${filter}`);
    const start = this.#begin(1, 128 + nameBytes.length + (filterBytes?.length ?? 0));
    this.#u32(linktype & 0xffff);
    this.#u32(snaplen);
    this.#option(IF_NAME, nameBytes);
    this.#option(IF_TSRESOL, Buffer.from([9]));
    if (filterBytes) this.#option(IF_FILTER, filterBytes);
    this.#endWithOptions(start);
    return this.#interfaces++;
  }

  override write(frame: Frame, interfaceId: number): void {
    const { caplen, offset } = frame;
    const padding = -caplen & 3;
    const remark = frame.commentLength > 0 ? 8 + ((frame.commentLength + 3) & ~3) : 0;
    const total = 32 + caplen + padding + remark;
    this.reserve(total);
    this.#setTime(frame.sec, frame.nsec);
    const { view, buffer, length: at } = this;
    view.setUint32(at, 6, true);
    view.setUint32(at + 4, total, true);
    view.setUint32(at + 8, interfaceId, true);
    view.setUint32(at + 12, this.#high, true);
    view.setUint32(at + 16, this.#low, true);
    view.setUint32(at + 20, caplen, true);
    view.setUint32(at + 24, frame.origLen, true);
    const end = at + 28 + caplen;
    buffer.set(frame.data.subarray(offset, offset + caplen), at + 28);
    for (let i = 0; i < padding; i++) buffer[end + i] = 0;
    if (remark > 0) this.#remark(frame, end + padding);
    view.setUint32(at + total - 4, total, true);
    this.length = at + total;
  }

  /** A packet's comment, and the end of its options. */
  #remark({ data, commentOffset, commentLength }: Frame, at: number): void {
    const { view, buffer } = this;
    const length = (commentLength + 3) & ~3;
    view.setUint16(at, COMMENT, true);
    view.setUint16(at + 2, commentLength, true);
    buffer.fill(0, at + 4, at + 8 + length);
    buffer.set(data.subarray(commentOffset, commentOffset + commentLength), at + 4);
  }

  protected override writeTrailer(statistics: readonly WriterStatistics[]): void {
    for (const [id, { received, dropped }] of statistics.entries()) {
      const start = this.#begin(5, 64);
      this.#u32(id);
      this.#u32(this.#high);
      this.#u32(this.#low);
      this.#option(ISB_IFRECV, uint64(received));
      this.#option(ISB_IFDROP, uint64(dropped));
      this.#endWithOptions(start);
    }
  }

  /** sec * 10^9 + nsec as two 32-bit words, in steps that stay below 2^53. */
  #setTime(sec: number, nsec: number): void {
    const lower = (sec % 65_536) * NS + nsec;
    const upper = Math.floor(sec / 65_536) * NS + Math.floor(lower / 65_536);
    this.#low = ((upper % 65_536) * 65_536 + (lower % 65_536)) >>> 0;
    this.#high = Math.floor(upper / 65_536) >>> 0;
  }

  /** Starts a block whose body will not pass `room` bytes; returns where it starts. */
  #begin(type: number, room: number): number {
    this.reserve(room + 12);
    const start = this.length;
    this.#u32(type);
    this.#u32(0);
    return start;
  }

  #u32(value: number): void {
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  #option(code: number, value: Uint8Array): void {
    this.#u32(code | (value.length << 16));
    this.buffer.fill(0, this.length, this.length + value.length + 4);
    this.buffer.set(value, this.length);
    this.length += (value.length + 3) & ~3;
  }

  #endWithOptions(start: number): void {
    this.#u32(0);
    const total = this.length + 4 - start;
    this.#u32(total);
    this.view.setUint32(start + 4, total, true);
  }
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(Math.max(0, Math.trunc(value))));
  return bytes;
}
