/** Bytes gathered to be written out in large pieces. */

/** Bytes gathered before they are handed on. */
const PIECE = 512 * 1024;

export class OutputBuffer {
  bytes = Buffer.allocUnsafeSlow(PIECE * 2);
  length = 0;
  readonly #flush: (bytes: Buffer) => boolean;

  /** `flush` gets pieces, and returns whether it is done with them; else they are its own to keep. */
  constructor(flush: (bytes: Buffer) => boolean) {
    this.#flush = flush;
  }

  /** Makes room for `more` bytes; those who write into `bytes` themselves call it before. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    this.flush();
    if (more > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(more * 2);
  }

  /** As `reserve`, but keeps what is there: for a row that may still be taken back. */
  grow(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow((this.length + more) * 2);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  byte(code: number): void {
    this.grow(1);
    this.bytes[this.length++] = code;
  }

  copy(from: Buffer, start: number, end: number): void {
    this.grow(end - start);
    from.copy(this.bytes, this.length, start, end);
    this.length += end - start;
  }

  text(text: string, encoding: "latin1" | "utf8" = "utf8"): void {
    this.grow(text.length * 3);
    this.length += this.bytes.write(text, this.length, encoding);
  }

  /** Hands on what has been gathered when it is much. */
  rowEnd(): void {
    if (this.length >= PIECE) this.flush();
  }

  flush(): void {
    if (this.length > 0 && !this.#flush(this.bytes.subarray(0, this.length))) {
      this.bytes = Buffer.allocUnsafeSlow(PIECE * 2);
    }
    this.length = 0;
  }
}
