/**
 * QUIC packets (RFC 9000 §17): headers, and what Initial packets hold, which is encrypted with keys that follow from what is
 * readable in them (RFC 9001 §5.2; RFC 9369 for version 2; the drafts that were in use differ in their salt).
 *
 *     1 1 type(2) ----(4, protected) | version (4) | dcid length, dcid | scid length, scid | token length, token
 *     | length | packet number (1 to 4, protected) | frames, encrypted; tag (16)
 */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { Cursor } from "./cursor.ts";

export type QuicPacketType = "initial" | "0rtt" | "handshake" | "retry" | "negotiation" | "short" | "unknown-version";

export interface QuicPacket {
  readonly type: QuicPacketType;
  readonly version: number;
  readonly dcid: Uint8Array;
  readonly scid: Uint8Array;
  /** The whole packet. */
  readonly bytes: Uint8Array;
  /** Where the packet number begins, in `bytes`; 0 where there is none. */
  readonly numberAt: number;
}

interface Version {
  readonly salt: Buffer;
  /** The types of packets by the two bits of their first byte. */
  readonly types: readonly QuicPacketType[];
  /** How the labels of the keys begin. */
  readonly label: string;
}

const TYPES: readonly QuicPacketType[] = ["initial", "0rtt", "handshake", "retry"];
const TYPES_V2: readonly QuicPacketType[] = ["retry", "initial", "0rtt", "handshake"];

function version(salt: string, types: readonly QuicPacketType[], label: string): Version {
  return { salt: Buffer.from(salt, "hex"), types, label };
}

const V1 = version("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", TYPES, "quic");
const DRAFT_29 = version("afbfec289993d24c9e9786f19c6111e04390a899", TYPES, "quic");
const DRAFT_23 = version("c3eef712c72ebb5a11a7d2432bb46365bef9f502", TYPES, "quic");
const VERSIONS = new Map<number, Version>([
  [1, V1],
  [0x6b3343cf, version("0dede3def700a6db819381be6e269dcbf9bd2ed9", TYPES_V2, "quicv2")],
  ...[29, 30, 31, 32, 33, 34].map((draft) => [0xff000000 + draft, draft < 33 ? DRAFT_29 : V1] as const),
  ...[23, 24, 25, 26, 27, 28].map((draft) => [0xff000000 + draft, DRAFT_23] as const),
  // Facebook's mvfst.
  [0xfaceb002, DRAFT_23],
  [0xfaceb00e, DRAFT_23],
]);

const TAG = 16;
const SAMPLE = 16;
const FIXED_BIT = 0x40;

/** What is known of a version; those that only exercise negotiation (RFC 9000 §15) were met with the keys of draft 29. */
const versionOf = (number: number): Version | undefined =>
  (number & 0x0f0f0f0f) === 0x0a0a0a0a ? DRAFT_29 : VERSIONS.get(number >>> 0);

/** A number of 1, 2, 4 or 8 bytes (RFC 9000 §16); past 2^53 it is not exact. */
export function quicVarint(c: Cursor): number {
  const first = c.u8();
  let value = first & 0x3f;
  for (let i = 1; i < 1 << (first >> 6); i++) value = value * 256 + c.u8();
  return value;
}

/** The packet at the beginning of what is left of a datagram; undefined where there is none. */
export function readQuicPacket(datagram: Uint8Array): QuicPacket | undefined {
  const c = new Cursor(datagram);
  const first = c.u8();
  if (!c.ok) return undefined;
  const none = new Uint8Array();
  if ((first & 0x80) === 0) {
    if ((first & FIXED_BIT) === 0) return undefined;
    return { type: "short", version: 0, dcid: none, scid: none, bytes: datagram, numberAt: 0 };
  }
  const number = c.u32();
  const dcid = c.take(c.u8());
  const scid = c.take(c.u8());
  if (!c.ok || dcid.length > 20 + 235 || scid.length > 255) return undefined;
  const rest = { version: number, dcid, scid, bytes: datagram, numberAt: 0 };
  if (number === 0) return { type: "negotiation", ...rest };
  const known = versionOf(number);
  if (!known) return { type: "unknown-version", ...rest };
  if ((first & FIXED_BIT) === 0) return undefined;
  const type = known.types[(first >> 4) & 3]!;
  if (type === "retry") return { type, ...rest };
  if (type === "initial") c.skip(quicVarint(c));
  const length = quicVarint(c);
  const numberAt = c.at;
  if (!c.ok || length > c.left) return undefined;
  return { type, version: number, dcid, scid, bytes: datagram.subarray(0, numberAt + length), numberAt };
}

function hmac(key: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac("sha256", key).update(bytes).digest();
}

/** HKDF-Expand-Label of TLS 1.3 (RFC 8446 §7.1), for at most 32 bytes and without a context. */
function expand(secret: Uint8Array, label: string, length: number): Buffer {
  const name = `tls13 ${label}`;
  const info = Buffer.from([0, length, name.length, ...Buffer.from(name, "latin1"), 0, 1]);
  return hmac(secret, info).subarray(0, length);
}

/**
 * The frames in an Initial packet.
 * @param dcid that of the client's first Initial packet, from which both sides' keys follow
 * @returns undefined when the packet's tag does not hold
 */
export function decryptInitial(packet: QuicPacket, dcid: Uint8Array, fromClient: boolean): Buffer | undefined {
  const known = versionOf(packet.version);
  const { bytes, numberAt } = packet;
  if (!known || bytes.length < numberAt + 4 + SAMPLE) return undefined;
  const secret = expand(hmac(known.salt, dcid), fromClient ? "client in" : "server in", 32);
  const mask = createCipheriv("aes-128-ecb", expand(secret, `${known.label} hp`, 16), null).update(
    bytes.subarray(numberAt + 4, numberAt + 4 + SAMPLE),
  );
  const header = Buffer.from(bytes.subarray(0, numberAt + 4));
  header[0]! ^= mask[0]! & 0x0f;
  const numberLength = (header[0]! & 3) + 1;
  const nonce = expand(secret, `${known.label} iv`, 12);
  for (let i = 0; i < numberLength; i++) {
    const byte = header[numberAt + i]! ^ mask[1 + i]!;
    header[numberAt + i] = byte;
    nonce[12 - numberLength + i]! ^= byte;
  }
  const body = numberAt + numberLength;
  if (body + TAG > bytes.length) return undefined;
  const cipher = createDecipheriv("aes-128-gcm", expand(secret, `${known.label} key`, 16), nonce);
  cipher.setAAD(header.subarray(0, body));
  cipher.setAuthTag(bytes.subarray(bytes.length - TAG));
  const frames = cipher.update(bytes.subarray(body, bytes.length - TAG));
  try {
    cipher.final();
    return frames;
  } catch {
    return undefined;
  }
}

/** A CRYPTO frame (RFC 9000 §19.6), or the end of the connection (§19.19). */
export type QuicFrame =
  | { readonly type: "crypto"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: "close" };

/** The frames of an Initial packet that say something; what cannot be read ends the list. */
export function initialFrames(frames: Uint8Array): QuicFrame[] {
  const c = new Cursor(frames);
  const found: QuicFrame[] = [];
  while (c.left > 0 && c.ok) {
    const type = c.u8();
    if (type <= 1) continue;
    if (type === 2 || type === 3) skipAck(c, type === 3);
    else if (type === 6) {
      const offset = quicVarint(c);
      const bytes = c.take(quicVarint(c));
      if (c.ok) found.push({ type: "crypto", offset, bytes });
    } else if (type === 0x1c || type === 0x1d) {
      found.push({ type: "close" });
      return found;
    } else return found;
  }
  return found;
}

/** Largest acknowledged, delay, ranges, [three counts of ECN]. */
function skipAck(c: Cursor, ecn: boolean): void {
  quicVarint(c);
  quicVarint(c);
  const ranges = quicVarint(c);
  for (let i = 0; i < 1 + ranges * 2 + (ecn ? 3 : 0) && c.ok; i++) quicVarint(c);
}

/** Pieces and bytes of a handshake that are put together. */
const MAX_PIECES = 256;
const MAX_STREAM = 65_536;

/** The bytes that CRYPTO frames bring, in order and once. */
export class CryptoStream {
  readonly #pieces = new Map<number, Uint8Array>();
  #size = 0;
  #next = 0;

  /** Takes a piece; returns what follows what was returned before, if anything does. */
  add(offset: number, bytes: Uint8Array): Buffer | undefined {
    if (this.#pieces.size >= MAX_PIECES || this.#size + bytes.length > MAX_STREAM) return undefined;
    if (offset + bytes.length <= this.#next) return undefined;
    const kept = this.#pieces.get(offset);
    if (!kept || kept.length < bytes.length) {
      // A copy of its own: a part of the packet would keep all of it.
      this.#pieces.set(offset, Uint8Array.from(bytes));
      this.#size += bytes.length - (kept?.length ?? 0);
    }
    const parts: Uint8Array[] = [];
    for (let found = true; found; ) {
      found = false;
      for (const [at, piece] of this.#pieces) {
        if (at > this.#next) continue;
        this.#pieces.delete(at);
        this.#size -= piece.length;
        if (at + piece.length > this.#next) {
          parts.push(piece.subarray(this.#next - at));
          this.#next = at + piece.length;
        }
        found = true;
      }
    }
    return parts.length > 0 ? Buffer.concat(parts) : undefined;
  }
}

/** Zeek's name of a version. */
export function quicVersionName(number: number): string {
  const value = number >>> 0;
  if (value === 1) return "1";
  if (value === 0x6b3343cf) return "quicv2";
  if (value >>> 8 === 0xff0000) return `draft-${value & 0xff}`;
  return `unknown-${value.toString(16)}`;
}
