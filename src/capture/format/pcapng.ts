/**
 * pcapng (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces each with a link type, snap length and
 * clock of its own, Enhanced, Simple and (obsolete) Packet Blocks, interface statistics and names. Other blocks are skipped.
 */
import { hex, maxCaplen, RecordParser, swap32 } from "./parser.ts";
import { interfaceOptions, Options, readNames } from "./pcapng-options.ts";
import type { CaptureInterface } from "./summary.ts";

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const PACKET = 2;
const SIMPLE_PACKET = 3;
const NAME_RESOLUTION = 4;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BYTE_ORDER_MAGIC_SWAPPED = 0x4d3c2b1a;

/** A block we look into is no longer, as libpcap has it, save for the packets of link types that allow more. */
const MAX_BLOCK = 16 * 1024 * 1024;
const MAX_INTERFACES = 65_536;

const OPT_COMMENT = 1;
const OPT_EPB_FLAGS = 2;
const OPT_EPB_DROPCOUNT = 4;
const OPT_ISB_IFRECV = 4;
const OPT_ISB_IFDROP = 5;

/** What the packet path needs of an interface. */
interface Interface {
  readonly ordinal: number;
  readonly linktype: number;
  readonly fcsLength: number;
  readonly snaplen: number;
  readonly maxCaplen: number;
  /** Clock ticks a second; 0 when the file gives a resolution that cannot be. */
  readonly ticksPerSec: number;
  readonly offsetSec: number;
  readonly info: CaptureInterface;
  /** Drops counted packet by packet (epb_dropcount, the Packet Block's drops field); the statistics block has the last word. */
  countedDrops: number;
}

export class PcapngParser extends RecordParser {
  #little = true;
  #inSection = false;
  #longestBlock = MAX_BLOCK;
  /** The interfaces of the current section. */
  #interfaces: Interface[] = [];
  readonly #all: Interface[] = [];
  /** Total length of the block that is being skipped; its trailer is still to come. 0 when there is none. */
  #skippedTotal = 0;
  #caplenOverLen = 0;
  #ignoredOptions = 0;
  #unmatchedStatistics = 0;

  override parse(data: Uint8Array, view: DataView, start: number, end: number, base: number): number {
    const { frame, sink, state } = this;
    let position = start;
    frame.data = data;
    if (this.#skippedTotal > 0) {
      position = this.#endSkip(view, start, end, base);
      if (this.#skippedTotal > 0 || state.stopped) return position;
    }
    for (;;) {
      this.need = 12;
      if (position + 12 > end) return position;
      let little = this.#little;
      const type = view.getUint32(position, little);
      if (type === SECTION_HEADER) {
        if (!this.#startSection(view, position, base)) return position;
        little = this.#little;
      }
      const total = view.getUint32(position + 4, little);
      if (total < 12 || (total & 3) !== 0) {
        state.stop("corrupt", `block at offset ${base + position} claims a length of ${total} bytes`);
        return position;
      }
      if (!isKnown(type)) {
        position = this.#startSkip(view, position, end, base, total);
        if (this.#skippedTotal > 0 || state.stopped) return position;
        continue;
      }
      if (total > this.#longestBlock) {
        state.stop("corrupt", `block of type ${type} at offset ${base + position} claims ${total} bytes`);
        return position;
      }
      const next = position + total;
      if (next > end) {
        this.need = total;
        return position;
      }
      const trailer = view.getUint32(next - 4, little);
      if (trailer !== total) {
        this.#trailerMismatch(base + position, total, trailer);
        return position;
      }
      if (type === ENHANCED_PACKET || type === PACKET || type === SIMPLE_PACKET) {
        const ok =
          type === SIMPLE_PACKET
            ? this.#simplePacket(view, position, total, base)
            : this.#packet(view, position, total, base, type);
        if (!ok) return position;
        state.packets++;
        position = next;
        sink(frame);
      } else {
        const body = data.subarray(position + 8, next - 4);
        this.#otherBlock(type, body, base + position);
        if (state.stopped) return position;
        position = next;
      }
    }
  }

  override cutShort(left: number, offset: number): void {
    if (this.#skippedTotal > 0) {
      this.state.stop("truncated", `cut short at its end in the middle of a block of ${this.#skippedTotal} bytes`);
      return;
    }
    const what = this.#inSection ? "a block" : "the section header";
    this.state.stop(
      "truncated",
      `cut short in the middle of ${what} at offset ${offset}: ${left} of ${this.need} bytes are there`,
    );
  }

  /** A block is being skipped, of which nothing needs to be carried over. */
  override get unfinished(): boolean {
    return this.#skippedTotal > 0;
  }

  override conclude(): void {
    const { state } = this;
    for (const { info, countedDrops } of this.#all) {
      if (info.dropped === null && countedDrops > 0) info.dropped = countedDrops;
    }
    if (this.#caplenOverLen > 0) {
      state.warn(`${this.#caplenOverLen} packets have more captured bytes than their length on the wire`);
    }
    if (this.#ignoredOptions > 0) {
      state.warn(`${this.#ignoredOptions} packets carry options that overrun their block: ignored`);
    }
    if (this.#unmatchedStatistics > 0) {
      state.warn(`${this.#unmatchedStatistics} statistics blocks name an interface that is not described: ignored`);
    }
  }

  /** Takes the byte order of a section from its first 12 bytes. */
  #startSection(view: DataView, position: number, base: number): boolean {
    const magic = view.getUint32(position + 8, true);
    if (magic !== BYTE_ORDER_MAGIC && magic !== BYTE_ORDER_MAGIC_SWAPPED) {
      const offset = base + position;
      const cause = `section header at offset ${offset} has byte-order magic ${hex(swap32(magic))}`;
      if (this.#inSection) this.state.stop("corrupt", cause);
      else {
        this.state.format = null;
        this.state.stop("unsupported", `unrecognised format: it begins like pcapng, but its ${cause}`);
      }
      return false;
    }
    this.#little = magic === BYTE_ORDER_MAGIC;
    return true;
  }

  #startSkip(view: DataView, position: number, end: number, base: number, total: number): number {
    const trailerAt = position + total - 4;
    this.#skippedTotal = total;
    if (trailerAt <= end) return this.#endSkip(view, trailerAt, end, base);
    this.skip = trailerAt - end;
    this.need = 4;
    return end;
  }

  /** At the trailer of a skipped block: checks it, if it is there. */
  #endSkip(view: DataView, trailerAt: number, end: number, base: number): number {
    if (trailerAt + 4 > end) {
      this.need = 4;
      return trailerAt;
    }
    const total = this.#skippedTotal;
    const trailer = view.getUint32(trailerAt, this.#little);
    if (trailer !== total) {
      this.#trailerMismatch(base + trailerAt + 4 - total, total, trailer);
      return trailerAt;
    }
    this.#skippedTotal = 0;
    return trailerAt + 4;
  }

  #trailerMismatch(offset: number, total: number, trailer: number): void {
    this.state.stop("corrupt", `block at offset ${offset} begins with length ${total} but ends with length ${trailer}`);
  }

  /** Fills the frame from an Enhanced Packet Block or an obsolete Packet Block. */
  #packet(view: DataView, position: number, total: number, base: number, type: number): boolean {
    const little = this.#little;
    if (total < 32) return this.#tooShort(type, base + position, total);
    const enhanced = type === ENHANCED_PACKET;
    const id = enhanced ? view.getUint32(position + 8, little) : view.getUint16(position + 8, little);
    const iface = this.#interfaces[id];
    if (!iface) {
      this.state.stop(
        "corrupt",
        `packet at offset ${base + position} names interface ${id}, but the section describes ${this.#interfaces.length}`,
      );
      return false;
    }
    const caplen = view.getUint32(position + 20, little);
    const origLen = view.getUint32(position + 24, little);
    if (caplen > total - 32 || caplen > iface.maxCaplen) {
      this.state.stop(
        "corrupt",
        `packet at offset ${base + position} claims ${caplen} captured bytes in a block of ${total} bytes`,
      );
      return false;
    }
    const { frame } = this;
    frame.linktype = iface.linktype;
    frame.fcsLength = iface.fcsLength;
    frame.interfaceId = iface.ordinal;
    frame.offset = position + 28;
    frame.caplen = caplen;
    frame.origLen = origLen;
    frame.direction = 0;
    frame.commentLength = 0;
    if (caplen > origLen) this.#caplenOverLen++;
    this.#setTime(iface, view.getUint32(position + 12, little), view.getUint32(position + 16, little));
    if (!enhanced) {
      const drops = view.getUint16(position + 10, little);
      if (drops !== 0xffff) iface.countedDrops += drops;
    }
    const options = position + 28 + ((caplen + 3) & ~3);
    const end = position + total - 4;
    if (options < end) this.#packetOptions(view, options, end, iface);
    return true;
  }

  /** Options of a packet, without allocation. What is wrong with them is no reason to lose the packet. */
  #packetOptions(view: DataView, start: number, end: number, iface: Interface): void {
    const little = this.#little;
    let position = start;
    while (position + 4 <= end) {
      const code = view.getUint16(position, little);
      const length = view.getUint16(position + 2, little);
      if (code === 0) return;
      const value = position + 4;
      position = value + ((length + 3) & ~3);
      if (position > end) {
        this.#ignoredOptions++;
        return;
      }
      // Both kinds of packet block number the flags 2; the drop count is the Enhanced Packet Block's alone.
      if (code === OPT_COMMENT) {
        this.frame.commentOffset = value;
        this.frame.commentLength = length;
      } else if (code === OPT_EPB_FLAGS && length === 4) {
        const direction = view.getUint32(value, little) & 3;
        if (direction !== 3) this.frame.direction = direction as 0 | 1 | 2;
      } else if (code === OPT_EPB_DROPCOUNT && length === 8) {
        iface.countedDrops += view.getUint32(value, little) * (little ? 1 : 2 ** 32);
        iface.countedDrops += view.getUint32(value + 4, little) * (little ? 2 ** 32 : 1);
      }
    }
  }

  #simplePacket(view: DataView, position: number, total: number, base: number): boolean {
    if (total < 16) return this.#tooShort(SIMPLE_PACKET, base + position, total);
    const iface = this.#interfaces[0];
    if (!iface) {
      this.state.stop(
        "corrupt",
        `simple packet at offset ${base + position} comes before any interface of its section is described`,
      );
      return false;
    }
    const { frame } = this;
    const origLen = view.getUint32(position + 8, this.#little);
    const snaplen = iface.snaplen === 0 ? origLen : iface.snaplen;
    const caplen = Math.min(origLen, snaplen, total - 16);
    if (caplen > iface.maxCaplen) {
      this.state.stop("corrupt", `simple packet at offset ${base + position} holds ${caplen} bytes`);
      return false;
    }
    frame.linktype = iface.linktype;
    frame.fcsLength = iface.fcsLength;
    frame.interfaceId = iface.ordinal;
    frame.offset = position + 12;
    frame.caplen = caplen;
    frame.origLen = origLen;
    frame.direction = 0;
    frame.commentLength = 0;
    frame.hasTime = false;
    frame.sec = 0;
    frame.nsec = 0;
    return true;
  }

  #tooShort(type: number, offset: number, total: number): false {
    this.state.stop("corrupt", `block of type ${type} at offset ${offset} is too short: ${total} bytes`);
    return false;
  }

  /** Ticks since the epoch, high word first, as seconds and nanoseconds: exact, and without bigint for the usual clocks. */
  #setTime(iface: Interface, high: number, low: number): void {
    const { frame } = this;
    const ticksPerSec = iface.ticksPerSec;
    if (ticksPerSec === 0) {
      frame.hasTime = false;
      frame.sec = 0;
      frame.nsec = 0;
      return;
    }
    frame.hasTime = true;
    if (ticksPerSec <= 2 ** 36) {
      // Long division by 16-bit digits: each step stays below 2^53.
      const highRest = high % ticksPerSec;
      const middle = highRest * 65_536 + (low >>> 16);
      const middleQuotient = Math.floor(middle / ticksPerSec);
      const last = (middle - middleQuotient * ticksPerSec) * 65_536 + (low & 0xffff);
      const lastQuotient = Math.floor(last / ticksPerSec);
      const ticks = last - lastQuotient * ticksPerSec;
      const highQuotient = (high - highRest) / ticksPerSec;
      frame.sec = highQuotient * 2 ** 32 + middleQuotient * 65_536 + lastQuotient + iface.offsetSec;
      frame.nsec = ticksToNs(ticks, ticksPerSec);
      return;
    }
    const ticks = (BigInt(high) << 32n) | BigInt(low);
    const rate = BigInt(ticksPerSec);
    frame.sec = Number(ticks / rate) + iface.offsetSec;
    frame.nsec = Number(((ticks % rate) * 1_000_000_000n) / rate);
  }

  #otherBlock(type: number, body: Uint8Array, offset: number): void {
    switch (type) {
      case SECTION_HEADER:
        this.#sectionHeader(body, offset);
        break;
      case INTERFACE_DESCRIPTION:
        this.#interfaceDescription(body, offset);
        break;
      case INTERFACE_STATISTICS:
        this.#interfaceStatistics(body, offset);
        break;
      case NAME_RESOLUTION:
        if (!readNames(body, this.#little, this.state.names)) {
          this.state.warn(`name resolution block at offset ${offset} is damaged: its names are incomplete`);
        }
    }
  }

  #sectionHeader(body: Uint8Array, offset: number): void {
    const { state } = this;
    if (body.length < 16) {
      this.#tooShort(SECTION_HEADER, offset, body.length + 12);
      return;
    }
    const options = new Options(body, 16, this.#little);
    const major = options.view.getUint16(4, this.#little);
    const minor = options.view.getUint16(6, this.#little);
    // 1.2 is 1.0 by another name: the specification asks to read it so.
    if (major !== 1 || (minor !== 0 && minor !== 2)) {
      state.stop("unsupported", `unsupported pcapng version ${major}.${minor} at offset ${offset} (1.0 is known)`);
      return;
    }
    if (options.overrun) {
      state.stop("corrupt", `section header at offset ${offset} has an option that overruns its block`);
      return;
    }
    this.#inSection = true;
    this.#interfaces = [];
  }

  #interfaceDescription(body: Uint8Array, offset: number): void {
    const { state } = this;
    if (body.length < 8) {
      this.#tooShort(INTERFACE_DESCRIPTION, offset, body.length + 12);
      return;
    }
    const options = new Options(body, 8, this.#little);
    if (options.overrun) {
      state.stop("corrupt", `interface description at offset ${offset} has an option that overruns its block`);
      return;
    }
    if (this.#all.length === MAX_INTERFACES) {
      state.stop("corrupt", `interface description at offset ${offset} is one of more than ${MAX_INTERFACES}`);
      return;
    }
    const linktype = options.view.getUint16(0, this.#little);
    const snaplen = options.view.getUint32(4, this.#little);
    const { name, description, filter, fcsLength, ticksPerSec, timeResolution, offsetSec } = interfaceOptions(options);
    const ordinal = this.#all.length;
    if (ticksPerSec === 0) {
      state.fault(
        "corrupt",
        `interface ${ordinal}, described at offset ${offset}, has an impossible time resolution: its packets have no time`,
      );
    }
    const info: CaptureInterface = {
      name,
      description,
      filter,
      linktype,
      snaplen,
      timeResolution,
      received: null,
      dropped: null,
    };
    const iface: Interface = {
      ordinal,
      linktype,
      fcsLength,
      snaplen,
      maxCaplen: maxCaplen(linktype),
      ticksPerSec,
      offsetSec,
      info,
      countedDrops: 0,
    };
    this.#interfaces.push(iface);
    this.#all.push(iface);
    state.interfaces.push(info);
    this.#longestBlock = Math.max(this.#longestBlock, iface.maxCaplen + MAX_BLOCK);
  }

  #interfaceStatistics(body: Uint8Array, offset: number): void {
    if (body.length < 12) {
      this.#tooShort(INTERFACE_STATISTICS, offset, body.length + 12);
      return;
    }
    const options = new Options(body, 12, this.#little);
    if (options.overrun) {
      this.state.stop("corrupt", `interface statistics at offset ${offset} have an option that overruns their block`);
      return;
    }
    const info = this.#interfaces[options.view.getUint32(0, this.#little)]?.info;
    if (!info) {
      this.#unmatchedStatistics++;
      return;
    }
    info.received = options.uint64(OPT_ISB_IFRECV) ?? info.received;
    info.dropped = options.uint64(OPT_ISB_IFDROP) ?? info.dropped;
  }
}

function isKnown(type: number): boolean {
  return (type >= INTERFACE_DESCRIPTION && type <= ENHANCED_PACKET) || type === SECTION_HEADER;
}

/** Nanoseconds of `ticks` (fewer than a second's worth), truncated. */
function ticksToNs(ticks: number, ticksPerSec: number): number {
  if (ticksPerSec === 1e9) return ticks;
  if (ticksPerSec === 1e6) return ticks * 1000;
  // ticks * 1e9 may pass 2^53: divide in two steps of 10^5 and 10^4, each exact.
  const scaled = ticks * 1e5;
  const whole = Math.floor(scaled / ticksPerSec);
  return whole * 1e4 + Math.floor(((scaled - whole * ticksPerSec) * 1e4) / ticksPerSec);
}
