/** Messages of a protocol in BER, one after another, out of a stream or datagrams. */
import { ByteQueue } from "./byte-queue.ts";
import { messageLength } from "./der.ts";

/** A longer message is not put together. */
const MAX_MESSAGE = 4 * 1024 * 1024;

export class BerStream {
  readonly #rest = new ByteQueue();
  lost = false;

  /** Takes bytes; hands each whole message to `onMessage`, which may end the stream by returning false. */
  add(bytes: Uint8Array, onMessage: (message: Uint8Array) => void): void {
    if (this.lost) return;
    this.#rest.add(bytes);
    for (;;) {
      const length = messageLength(this.#rest.bytes);
      if (length < 0 || length > MAX_MESSAGE) {
        this.gap();
        return;
      }
      if (length === 0 || length > this.#rest.length) return;
      onMessage(this.#rest.bytes.subarray(0, length));
      this.#rest.take(length);
    }
  }

  gap(): void {
    this.lost = true;
    this.#rest.clear();
  }
}
