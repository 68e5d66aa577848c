/** ICMP echo by sequence number (RFC 792, RFC 4443 §4): which requests and replies were seen, and the round trip between them. */
import { type Headers, u16 } from "./content.ts";

const SEQUENCES = 65_536;

/** One ping: its peer, and the identifier it was told to use, where ping can be told. */
export interface EchoOf {
  /** The pinged address as bytes: 4 or 16. */
  readonly address: Uint8Array;
  readonly id: number | null;
}

/** What one capture saw of a ping. */
export class EchoSeen {
  /** Time of the first request and reply of each sequence number; NaN where none was seen. */
  readonly request = new Float64Array(SEQUENCES).fill(Number.NaN);
  readonly reply = new Float64Array(SEQUENCES).fill(Number.NaN);
  requests = 0;
  replies = 0;
  readonly #of: EchoOf;

  constructor(of: EchoOf) {
    this.#of = of;
  }

  /** Looks at an untagged frame whose headers have been read; `time` in nanoseconds. */
  see(bytes: Uint8Array, start: number, length: number, headers: Headers, time: number): void {
    const { l4, version, proto } = headers;
    if (l4 === 0 || l4 + 8 > length || proto !== (version === 4 ? 1 : 58)) return;
    const type = bytes[start + l4]!;
    const request = type === (version === 4 ? 8 : 128);
    if (!request && type !== (version === 4 ? 0 : 129)) return;
    if (this.#of.id !== null && u16(bytes, start + l4 + 4) !== this.#of.id) return;
    const size = this.#of.address.length;
    if (size !== (version === 4 ? 4 : 16)) return;
    const source = version === 4 ? 26 : 22;
    // Replies come from the pinged address, unless that is a broadcast or multicast address: then the identifier has to do.
    const peer = start + (request ? source + size : source);
    const strict = request || this.#of.id === null;
    for (let i = 0; strict && i < size; i++) if (bytes[peer + i] !== this.#of.address[i]) return;
    const sequence = u16(bytes, start + l4 + 6);
    const times = request ? this.request : this.reply;
    if (!Number.isNaN(times[sequence]!)) return;
    times[sequence] = time;
    if (request) this.requests++;
    else this.replies++;
  }

  /** Nanoseconds from the request to the reply of a sequence number, or null when not both were seen. */
  roundTrip(sequence: number): number | null {
    const ns = this.reply[sequence]! - this.request[sequence]!;
    return Number.isNaN(ns) ? null : ns;
  }
}

/** The bytes of an IPv4 or IPv6 address that is known to be one (node:net `isIP`), without its zone. */
export function addressBytes(address: string): Uint8Array {
  const text = address.split("%")[0]!;
  if (!text.includes(":")) return Uint8Array.from(text.split("."), Number);
  const bytes = new Uint8Array(16);
  const words = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((word) => {
          if (!word.includes(".")) return [Number.parseInt(word, 16)];
          const [a, b, c, d] = word.split(".").map(Number) as [number, number, number, number];
          return [(a << 8) | b, (c << 8) | d];
        });
  const [head, tail] = text.split("::");
  const first = words(head!);
  const last = tail === undefined ? [] : words(tail);
  const all =
    tail === undefined ? first : [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  for (let i = 0; i < 8; i++) {
    bytes[i * 2] = all[i]! >>> 8;
    bytes[i * 2 + 1] = all[i]! & 0xff;
  }
  return bytes;
}
