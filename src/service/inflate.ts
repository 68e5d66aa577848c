/** Undoes a Content-Encoding while it arrives, in bounded memory and with bounded work. */
import { Decompress } from "fflate";

/** Output of one body that is looked at; a bomb ends here. */
const MAX_OUTPUT = 256 * 1024 * 1024;

export class Inflater {
  readonly #stream: Decompress;
  #produced = 0;
  #failed = false;

  constructor(onData: (bytes: Uint8Array) => void) {
    this.#stream = new Decompress((bytes) => {
      this.#produced += bytes.length;
      if (bytes.length > 0) onData(bytes);
    });
  }

  push(bytes: Uint8Array): void {
    if (this.#failed || this.#produced > MAX_OUTPUT) return;
    try {
      // The stream keeps what it was given.
      this.#stream.push(Uint8Array.from(bytes), false);
    } catch {
      this.#failed = true;
    }
  }
}
