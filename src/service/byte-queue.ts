/** Bytes of a stream that wait for the rest of a message: added at the end, taken from the front, each byte copied once or twice. */

export class ByteQueue {
  #buffer: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  /** What waits; valid until the next call that changes it. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#from, this.#to);
  }

  add(bytes: Uint8Array): void {
    if (this.#to + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  take(length: number): void {
    this.#from += Math.min(length, this.length);
    if (this.#from === this.#to) this.clear();
  }

  clear(): void {
    this.#from = this.#to = 0;
    // A large message must not keep its memory for the rest of a connection.
    if (this.#buffer.length > 64 * 1024) this.#buffer = Buffer.alloc(0);
  }

  #makeRoom(more: number): void {
    const { length } = this;
    const needed = length + more;
    const target = needed <= this.#buffer.length / 2 ? this.#buffer : Buffer.allocUnsafe(Math.max(256, needed * 2));
    this.#buffer.copy(target, 0, this.#from, this.#to);
    this.#buffer = target;
    this.#from = 0;
    this.#to = length;
  }
}
