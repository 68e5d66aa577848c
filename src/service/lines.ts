/** Splits one direction of a text protocol into lines, in bounded memory. */
import { latin1 } from "./cursor.ts";

/** A longer line is cut: no protocol here needs more. */
const MAX_LINE = 64 * 1024;

export class Lines {
  readonly #onLine: (line: string) => void;
  #begun = "";
  #cut = false;
  /** Set by the owner while the bytes that follow are not lines: they go there. Returns how many it took. */
  raw: ((bytes: Uint8Array) => number) | null = null;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Bytes of a line that has not ended. */
  get pending(): string {
    return this.#begun;
  }

  data(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const { raw } = this;
      if (raw) {
        const taken = raw(bytes.subarray(at));
        at += taken;
        if (taken === 0 && this.raw === raw) return;
        continue;
      }
      const feed = bytes.indexOf(0x0a, at);
      const end = feed < 0 ? bytes.length : feed;
      this.#append(latin1(bytes.subarray(at, end)));
      if (feed < 0) return;
      at = feed + 1;
      const line = this.#begun;
      this.#begun = "";
      this.#cut = false;
      this.#onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
    }
  }

  /** What was missing may have held anything: the line at hand is given up. */
  gap(): void {
    this.#begun = "";
    this.#cut = false;
  }

  #append(text: string): void {
    if (this.#cut) return;
    this.#begun += text;
    if (this.#begun.length > MAX_LINE) {
      this.#begun = this.#begun.slice(0, MAX_LINE);
      this.#cut = true;
    }
  }
}
