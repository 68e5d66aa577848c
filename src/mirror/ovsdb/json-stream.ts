/**
 * Cuts a stream of bytes into JSON values. OVSDB (RFC 7047 §4) and OVS's control sockets write JSON-RPC messages one after
 * the other with nothing between them, so the end of a message is where its brackets close.
 */
import { TapscopeError } from "../../core/errors.ts";

/** A peer that sends more than this without ending a message is no OVSDB server. A switch of 10,000 ports takes about 30 MB. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Feed it chunks as they come; it calls `onValue` for each whole JSON object or array. */
export class JsonStream {
  readonly #onValue: (value: unknown) => void;
  readonly #limit: number;
  #parts: Buffer[] = [];
  #held = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(onValue: (value: unknown) => void, limit = MAX_MESSAGE_BYTES) {
    this.#onValue = onValue;
    this.#limit = limit;
  }

  /** @throws TapscopeError `E_OVSDB_PROTOCOL` when the bytes are not JSON objects or arrays, or one is larger than the limit. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (OPEN.has(byte)) {
        if (this.#depth++ === 0) start = at;
      } else if (this.#depth === 0) {
        if (!SPACE.has(byte)) throw protocolError(`byte 0x${byte.toString(16)} where a message should begin`);
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (CLOSE.has(byte) && --this.#depth === 0) {
        this.#parts.push(chunk.subarray(start, at + 1));
        this.#emit();
      }
    }
    if (this.#depth === 0) return;
    this.#parts.push(chunk.subarray(start));
    this.#held += chunk.length - start;
    if (this.#held > this.#limit) throw protocolError(`a message of more than ${this.#limit} bytes`);
  }

  #emit(): void {
    const text = Buffer.concat(this.#parts).toString("utf8");
    this.#parts = [];
    this.#held = 0;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw protocolError(`a message that is no JSON: ${text.slice(0, 60)}`, error);
    }
    this.#onValue(value);
  }
}

function protocolError(why: string, cause?: unknown): TapscopeError {
  return new TapscopeError("E_OVSDB_PROTOCOL", `could not understand the OVSDB server: it sent ${why}`, {
    hint: "is it an OVSDB server that listens there?",
    cause,
  });
}
