/**
 * The newest packets of a capture, whole as they were captured, in a fixed block of memory: what was seen can be looked at and saved
 * afterwards. Adding a packet allocates nothing; the oldest make room.
 */
import type { Frame } from "../frame.ts";

/** Before each packet's bytes: seconds, nanoseconds, captured and original length, link type, FCS, interface, two flows (64 bits each). */
const HEADER = 40;
/** A packet shorter than this with its header takes so much of the index: there is one entry for that many bytes. */
const BYTES_PER_ENTRY = 104;
/** Longer packets are copied by the engine, shorter ones here: a view of its own for each would be garbage. */
const COPIED_BY_WORDS = 512;

export class PacketRing {
  readonly capacity: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where packet n begins, at n modulo its length. */
  readonly #index: Uint32Array;
  /** Numbers of the oldest packet and of the one that comes next, from 1. */
  #first = 1;
  #next = 1;
  #write = 0;
  #source: Uint8Array | null = null;
  #sourceView: DataView | null = null;

  /** @param capacity bytes; packets that do not fit alone are not kept */
  constructor(capacity: number) {
    this.capacity = Math.max(4096, capacity & ~7);
    this.#bytes = new Uint8Array(new ArrayBuffer(this.capacity));
    this.#view = new DataView(this.#bytes.buffer);
    this.#index = new Uint32Array(Math.ceil(this.capacity / BYTES_PER_ENTRY) + 1);
  }

  /** Number of the oldest packet held; `next` when there is none. */
  get first(): number {
    return this.#first;
  }

  /** Number the next packet gets. */
  get next(): number {
    return this.#next;
  }

  get packets(): number {
    return this.#next - this.#first;
  }

  /** Bytes in use. */
  get bytes(): number {
    if (this.packets === 0) return 0;
    const oldest = this.#at(this.#first);
    return this.#write > oldest ? this.#write - oldest : this.capacity - oldest + this.#write;
  }

  /** @param flow the ids of the innermost and the outermost connection it belongs to, -1 for none */
  add(frame: Frame, flow: number, carrier = flow): void {
    const length = HEADER + ((frame.caplen + 7) & ~7);
    // Its number is taken all the same: numbers are those of the capture.
    if (length > this.capacity) {
      this.clear();
      this.#next++;
      this.#first = this.#next;
      return;
    }
    const at = this.#makeRoom(length);
    const view = this.#view;
    view.setUint32(at, frame.sec);
    view.setUint32(at + 4, frame.nsec);
    view.setUint32(at + 8, frame.caplen);
    view.setUint32(at + 12, frame.origLen);
    view.setUint16(at + 16, frame.linktype);
    view.setUint16(at + 18, frame.fcsLength);
    view.setUint32(at + 20, frame.interfaceId);
    view.setFloat64(at + 24, flow);
    view.setFloat64(at + 32, carrier);
    this.#copy(frame, at + HEADER);
    this.#index[this.#next % this.#index.length] = at;
    this.#next++;
    this.#write = at + length;
  }

  /** Forgets all packets; numbers go on. */
  clear(): void {
    this.#first = this.#next;
    this.#write = 0;
  }

  /** Fills `frame` with packet `number`, which must be held. Its bytes are valid until the next `add`. */
  read(number: number, frame: Frame): void {
    const at = this.#at(number);
    const view = this.#view;
    frame.data = this.#bytes;
    frame.offset = at + HEADER;
    frame.sec = view.getUint32(at);
    frame.nsec = view.getUint32(at + 4);
    frame.caplen = view.getUint32(at + 8);
    frame.origLen = view.getUint32(at + 12);
    frame.linktype = view.getUint16(at + 16);
    frame.fcsLength = view.getUint16(at + 18);
    frame.interfaceId = view.getUint32(at + 20);
  }

  /** The innermost connection of a packet. */
  flow(number: number): number {
    return this.#view.getFloat64(this.#at(number) + 24);
  }

  /** The outermost one: the same where there is no tunnel. */
  carrier(number: number): number {
    return this.#view.getFloat64(this.#at(number) + 32);
  }

  /** Seconds since the epoch. */
  time(number: number): number {
    const at = this.#at(number);
    return this.#view.getUint32(at) + this.#view.getUint32(at + 4) / 1e9;
  }

  #at(number: number): number {
    return this.#index[number % this.#index.length]!;
  }

  /** Where `length` bytes in a row can be written: at the end, else at the beginning. Packets in the way go. */
  #makeRoom(length: number): number {
    let at = this.#write;
    const wraps = at + length > this.capacity;
    if (wraps) {
      // What lies between here and the end is older than what lies at the beginning.
      while (this.#first < this.#next && this.#at(this.#first) >= at) this.#first++;
      at = 0;
    }
    while (this.#first < this.#next) {
      const oldest = this.#at(this.#first);
      const full = this.packets >= this.#index.length - 1;
      if (!full && (oldest < at || oldest >= at + length)) break;
      this.#first++;
    }
    return at;
  }

  #copy({ data, offset, caplen }: Frame, to: number): void {
    if (caplen > COPIED_BY_WORDS) {
      this.#bytes.set(data.subarray(offset, offset + caplen), to);
      return;
    }
    if (this.#source !== data) {
      this.#source = data;
      this.#sourceView = new DataView(data.buffer, data.byteOffset, data.byteLength);
    }
    const from = this.#sourceView!;
    const view = this.#view;
    let done = 0;
    for (; done + 4 <= caplen; done += 4) view.setInt32(to + done, from.getInt32(offset + done));
    for (; done < caplen; done++) this.#bytes[to + done] = data[offset + done]!;
  }
}
