/** A stream of chunks read as bytes: what the decompressors look ahead in. A chunk is valid until the next one is asked for. */

const EMPTY: Buffer = Buffer.alloc(0);

export class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  /** The same bytes from their beginning; null where they come only once. */
  readonly again: (() => ByteSource) | null;
  #current = EMPTY;
  /** What follows `#current`, after a look ahead. */
  #after = EMPTY;
  /** Bytes consumed so far. */
  position = 0;

  constructor(chunks: AsyncIterable<Buffer>, again: (() => ByteSource) | null = null) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.again = again;
  }

  /** The next bytes, at least one and at most `max`, not consumed; undefined at the end. */
  async peek(max: number): Promise<Buffer | undefined> {
    while (this.#current.length === 0) {
      if (this.#after.length > 0) {
        this.#current = this.#after;
        this.#after = EMPTY;
        break;
      }
      const next = await this.#chunks.next();
      if (next.done) return undefined;
      this.#current = next.value;
    }
    return this.#current.subarray(0, max);
  }

  /** The next `length` bytes, fewer only at the end, not consumed. */
  async lookahead(length: number): Promise<Buffer> {
    const start = await this.take(length);
    this.position -= start.length;
    this.#after = this.#current;
    this.#current = start;
    return start;
  }

  /** Consumes bytes that `peek` has shown. */
  consume(length: number): void {
    this.#current = this.#current.subarray(length);
    this.position += length;
  }

  /** Consumes `length` bytes, fewer only at the end, and returns them as the caller's own. */
  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const part = await this.peek(missing);
      if (!part) break;
      parts.push(Buffer.from(part));
      missing -= part.length;
      this.consume(part.length);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** Consumes `length` bytes unseen; false when the end comes first. */
  async skip(length: number): Promise<boolean> {
    let missing = length;
    while (missing > 0) {
      const part = await this.peek(missing);
      if (!part) return false;
      missing -= part.length;
      this.consume(part.length);
    }
    return true;
  }

  /** Lets go of the chunks: no more is read. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
