/** A cache of buffers with a bound in bytes: what was used longest ago goes first. */
export class BufferCache {
  readonly #entries = new Map<number, Buffer>();
  readonly #limit: number;
  #held = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get(key: number): Buffer | undefined {
    const found = this.#entries.get(key);
    if (found) {
      this.#entries.delete(key);
      this.#entries.set(key, found);
    }
    return found;
  }

  set(key: number, value: Buffer): void {
    this.#entries.set(key, value);
    this.#held += value.length;
    for (const [oldest, buffer] of this.#entries) {
      if (this.#held <= this.#limit || oldest === key) break;
      this.#entries.delete(oldest);
      this.#held -= buffer.length;
    }
  }
}
