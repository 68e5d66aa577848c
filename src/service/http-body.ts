/** Bodies of HTTP messages (RFC 9112 §6): where they end, and what they hold without transfer and content encoding. */
import { latin1 } from "./cursor.ts";
import { Inflater } from "./inflate.ts";

/** How the end of a body is known. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

/** A line of chunk size or trailer is not longer. */
const MAX_CHUNK_LINE = 4096;

export class Body {
  /** Bytes without transfer encoding and content encoding. */
  length = 0;
  done = false;
  readonly #onData: (bytes: Uint8Array) => void;
  readonly #inflater: Inflater | null;
  readonly #chunked: boolean;
  /** Bytes to come of the body, or of the chunk; Infinity until the connection is closed. */
  #left: number;
  #line = "";
  #state: "size" | "data" | "after" | "trailer" = "data";

  constructor(framing: Framing, encoding: string, onData: (bytes: Uint8Array) => void) {
    this.#onData = (bytes) => {
      this.length += bytes.length;
      onData(bytes);
    };
    this.#inflater = /^(?:x-)?(?:gzip|deflate)$/i.test(encoding.trim()) ? new Inflater(this.#onData) : null;
    this.#chunked = framing.kind === "chunked";
    this.#left = framing.kind === "length" ? framing.length : framing.kind === "close" ? Infinity : 0;
    if (this.#chunked) this.#state = "size";
    else if (this.#left === 0) this.done = true;
  }

  /** Takes bytes of the body; returns how many were its own. */
  take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.done) {
      if (this.#state !== "data") {
        at += this.#chunkLine(bytes.subarray(at));
        continue;
      }
      const size = Math.min(this.#left, bytes.length - at);
      this.#deliver(bytes.subarray(at, at + size));
      at += size;
      this.#advance(size);
    }
    return at;
  }

  /** Bytes that were never seen; false where they may have held the body's end. */
  gap(length: number): boolean {
    if (this.#state !== "data" || length > this.#left) return false;
    this.length += length;
    this.#advance(length);
    return true;
  }

  #advance(size: number): void {
    this.#left -= size;
    if (this.#left > 0) return;
    if (this.#chunked) this.#state = "after";
    else this.done = true;
  }

  #deliver(bytes: Uint8Array): void {
    if (this.#inflater) this.#inflater.push(bytes);
    else this.#onData(bytes);
  }

  #chunkLine(bytes: Uint8Array): number {
    const feed = bytes.indexOf(0x0a);
    const end = feed < 0 ? bytes.length : feed;
    if (this.#line.length < MAX_CHUNK_LINE) this.#line += latin1(bytes.subarray(0, end));
    if (feed < 0) return bytes.length;
    const line = this.#line.replace(/\r$/, "");
    this.#line = "";
    if (this.#state === "after") this.#state = "size";
    else if (this.#state === "trailer") this.done = line === "";
    else this.#startChunk(line);
    return feed + 1;
  }

  #startChunk(line: string): void {
    const size = /^\s*([0-9a-fA-F]{1,12})/.exec(line);
    if (!size) {
      this.done = true;
      return;
    }
    this.#left = Number.parseInt(size[1]!, 16);
    this.#state = this.#left === 0 ? "trailer" : "data";
  }
}
