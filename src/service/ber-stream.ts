/** Messages of a protocol in BER, one after another, out of a stream or datagrams. */
import { messageLength } from "./der.ts";

/** A longer message is not put together. */
const MAX_MESSAGE = 4 * 1024 * 1024;

export class BerStream {
  #rest: Buffer = Buffer.alloc(0);
  lost = false;

  /** Takes bytes; hands each whole message to `onMessage`, which may end the stream by returning false. */
  add(bytes: Uint8Array, onMessage: (message: Uint8Array) => void): void {
    if (this.lost) return;
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : Buffer.from(bytes);
    for (;;) {
      const length = messageLength(this.#rest);
      if (length < 0 || length > MAX_MESSAGE) {
        this.lost = true;
        this.#rest = Buffer.alloc(0);
        return;
      }
      if (length === 0 || length > this.#rest.length) return;
      const message = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      onMessage(message);
    }
  }

  gap(): void {
    this.lost = true;
    this.#rest = Buffer.alloc(0);
  }
}
