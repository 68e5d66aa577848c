/**
 * One direction of a TCP connection as its receiver reads it: segments in order, each byte once. What the receiver acknowledges and the
 * capture has not is a gap. Bounded: what waits for a hole to be filled is kept up to a limit.
 */

export interface StreamReader {
  data(bytes: Uint8Array): void;
  gap(length: number): void;
}

/** Bytes and segments that wait behind a hole. */
const MAX_WAITING = 1024 * 1024;
const MAX_SEGMENTS = 1000;
/** An acknowledgement further ahead than any window is of another stream (RFC 7323: 2^30). */
const MAX_AHEAD = 2 ** 30;

interface Waiting {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** On the wire: more than `bytes` where the snaplen cut. */
  readonly length: number;
}

export class TcpStream {
  readonly #reader: StreamReader;
  /** The sequence number of the next byte, null before anything is known. */
  #next: number | null = null;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;

  constructor(reader: StreamReader) {
    this.#reader = reader;
  }

  /** A SYN was sent with this sequence number. */
  begin(sequence: number): void {
    if (this.#next === null) this.#next = (sequence + 1) >>> 0;
  }

  /**
   * A segment with payload; `length` is that on the wire.
   * @returns false when more waits behind a hole than is kept: the stream is to be given up
   */
  segment(sequence: number, bytes: Uint8Array, length: number): boolean {
    this.#next ??= sequence;
    const ahead = (sequence - this.#next) | 0;
    if (ahead > 0) return this.#keep(sequence, bytes, length);
    this.#take(-ahead, bytes, length);
    this.#takeWaiting();
    return true;
  }

  /** The receiver has everything before this sequence number: what is missing will not come. */
  acknowledged(sequence: number): void {
    if (this.#next === null) return;
    for (;;) {
      const missing: number = (sequence - this.#next) | 0;
      if (missing <= 0 || missing > MAX_AHEAD) return;
      const next: number = this.#next;
      const hole = this.#waiting.reduce((least, segment) => Math.min(least, (segment.sequence - next) | 0), missing);
      // A FIN counts as a byte that nobody sends.
      if (hole === 1 && this.#waiting.length === 0) return;
      this.#next = (next + hole) >>> 0;
      this.#reader.gap(hole);
      this.#takeWaiting();
    }
  }

  /** Takes what is new of a segment whose first `known` bytes have been read. */
  #take(known: number, bytes: Uint8Array, length: number): void {
    if (known >= length) return;
    this.#next = (this.#next! + length - known) >>> 0;
    if (known < bytes.length) this.#reader.data(bytes.subarray(known));
    const cut = length - Math.max(known, bytes.length);
    if (cut > 0) this.#reader.gap(cut);
  }

  #keep(sequence: number, bytes: Uint8Array, length: number): boolean {
    const same = this.#waiting.find((segment) => segment.sequence === sequence);
    if (same && same.length >= length) return true;
    if (this.#waiting.length >= MAX_SEGMENTS || this.#waitingBytes + bytes.length > MAX_WAITING) return false;
    this.#waiting.push({ sequence, bytes: Uint8Array.from(bytes), length });
    this.#waitingBytes += bytes.length;
    return true;
  }

  #takeWaiting(): void {
    for (;;) {
      const index = this.#waiting.findIndex(({ sequence }) => ((sequence - this.#next!) | 0) <= 0);
      if (index < 0) return;
      const [segment] = this.#waiting.splice(index, 1);
      this.#waitingBytes -= segment!.bytes.length;
      this.#take((this.#next! - segment!.sequence) | 0, segment!.bytes, segment!.length);
    }
  }
}
