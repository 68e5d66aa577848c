/** Chunks of bytes cut into regions of whole lines; what a killed machine leaves in place of lines is counted. */

const NEWLINE = 0x0a;
const END = Buffer.from([NEWLINE]);
/** No row is longer: what is, is left out and counted, so that memory stays bounded. */
export const LINE_LIMIT = 4 * 1024 * 1024;

/** Takes regions of whole lines, each ending in a newline (the last of a file gets one); valid during the call. */
export type LineSink = (buffer: Buffer, start: number, end: number) => void;

export class LineCutter {
  /** NUL bytes within lines, which were written as `\x00`. */
  zerosInside = 0;
  /** NUL bytes at the very end. */
  zerosAtEnd = 0;
  /** Lines left out for being longer than LINE_LIMIT. */
  overlong = 0;
  /** The last line has no newline. */
  unfinished = false;
  bytes = 0;

  readonly #sink: LineSink;
  /** The start of a line whose end has not come yet, without the NULs at its end. */
  #carry: Buffer = Buffer.allocUnsafe(64 * 1024);
  #carried = 0;
  /** NULs that follow what is carried. */
  #zeros = 0;
  /** In a line that is too long: its rest is skipped. */
  #skipping = false;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    let start = 0;
    if (this.#carried > 0 || this.#zeros > 0 || this.#skipping) {
      const end = chunk.indexOf(NEWLINE);
      this.#keep(chunk, 0, end === -1 ? chunk.length : end + 1);
      if (end === -1) return;
      this.#flush();
      start = end + 1;
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > start) this.#hand(chunk, start, end);
    if (end < chunk.length) this.#keep(chunk, Math.max(start, end), chunk.length);
  }

  /** The file is over: what is left is its last line. */
  end(): void {
    this.zerosAtEnd = this.#zeros;
    this.#zeros = 0;
    this.unfinished = this.#carried > 0 || this.#skipping;
    if (this.#carried > 0 && !this.#skipping) this.#keep(END, 0, 1);
    this.#flush();
  }

  /** Keeps part of a line. NULs at the end of what there is may be the end of the file: they wait. */
  #keep(chunk: Buffer, start: number, end: number): void {
    let last = end;
    while (last > start && chunk[last - 1] === 0) last--;
    if (last > start && !this.#skipping) {
      const needed = this.#carried + this.#zeros + (last - start);
      if (needed > LINE_LIMIT) this.#skipping = true;
      else {
        if (needed > this.#carry.length) {
          const larger = Buffer.allocUnsafe(Math.max(needed, this.#carry.length * 2));
          this.#carry.copy(larger, 0, 0, this.#carried);
          this.#carry = larger;
        }
        this.#carry.fill(0, this.#carried, this.#carried + this.#zeros);
        chunk.copy(this.#carry, this.#carried + this.#zeros, start, last);
        this.#carried = needed;
      }
    }
    this.#zeros = last > start ? end - last : this.#zeros + (end - last);
  }

  #flush(): void {
    const length = this.#carried;
    this.#carried = 0;
    if (this.#skipping) this.overlong++;
    else if (length > 0) this.#hand(this.#carry, 0, length);
    this.#skipping = false;
  }

  #hand(buffer: Buffer, start: number, end: number): void {
    const zero = buffer.indexOf(0, start);
    if (zero === -1 || zero >= end) {
      this.#sink(buffer, start, end);
      return;
    }
    // As Zeek itself would have written them.
    const parts: Buffer[] = [];
    let at = start;
    for (let next = zero; next !== -1 && next < end; next = buffer.indexOf(0, at)) {
      parts.push(buffer.subarray(at, next), ESCAPED_ZERO);
      this.zerosInside++;
      at = next + 1;
    }
    const escaped = Buffer.concat([...parts, buffer.subarray(at, end)]);
    this.#sink(escaped, 0, escaped.length);
  }
}

const ESCAPED_ZERO = Buffer.from("\\x00");
