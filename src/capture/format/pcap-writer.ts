/** Writes classic pcap with nanosecond times (draft-ietf-opsawg-pcap), little-endian, one link type. */
import { TapscopeError } from "../../core/errors.ts";
import type { Frame } from "../frame.ts";
import { CaptureWriter, type WriterInterface } from "./writer.ts";

const MAGIC_NANOSECONDS = 0xa1b23c4d;
const DEFAULT_SNAPLEN = 262_144;

export class PcapWriter extends CaptureWriter {
  #linktype: number | undefined;

  /** The format has one link type for the whole file: further interfaces must share it. */
  override addInterface({ linktype, snaplen = DEFAULT_SNAPLEN }: WriterInterface): number {
    if (this.#linktype === undefined) {
      this.#linktype = linktype;
      this.reserve(24);
      const { view, length: at } = this;
      view.setUint32(at, MAGIC_NANOSECONDS, true);
      view.setUint16(at + 4, 2, true);
      view.setUint16(at + 6, 4, true);
      view.setUint32(at + 8, 0, true);
      view.setUint32(at + 12, 0, true);
      view.setUint32(at + 16, snaplen, true);
      view.setUint32(at + 20, linktype, true);
      this.length += 24;
    } else if (linktype !== this.#linktype) {
      throw new TapscopeError(
        "E_CAPTURE_LINKTYPE",
        `cannot write ${this.path}: pcap holds one link type, not both ${this.#linktype} and ${linktype}`,
        { hint: "write pcapng" },
      );
    }
    return 0;
  }

  override write(frame: Frame, _interfaceId: number): void {
    const { caplen, offset } = frame;
    this.reserve(16 + caplen);
    const { view, length: at } = this;
    view.setUint32(at, frame.sec, true);
    view.setUint32(at + 4, frame.nsec, true);
    view.setUint32(at + 8, caplen, true);
    view.setUint32(at + 12, frame.origLen, true);
    this.buffer.set(frame.data.subarray(offset, offset + caplen), at + 16);
    this.length = at + 16 + caplen;
  }

  protected override writeTrailer(): void {}
}
