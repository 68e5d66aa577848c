/**
 * The beginning of a TLS handshake in QUIC: a client's Initial packets carry its ClientHello, encrypted with keys that follow from what is
 * readable in them (RFC 9001 §5.2, RFC 9369 for version 2; the drafts that were in use differ in their salt).
 *
 *     1 1 type(2) ----(4, protected) | version (4) | dcid length, dcid | scid length, scid | token length, token
 *     | length | packet number (1 to 4, protected) | frames, encrypted; tag (16)
 */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";

interface Version {
  readonly salt: Buffer;
  /** The type of an Initial packet. */
  readonly initial: number;
  /** How the labels of the keys begin. */
  readonly label: string;
}

const V1: Version = version("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", 0, "quic");
const DRAFT_29: Version = version("afbfec289993d24c9e9786f19c6111e04390a899", 0, "quic");
const DRAFT_23: Version = version("c3eef712c72ebb5a11a7d2432bb46365bef9f502", 0, "quic");
const VERSIONS = new Map<number, Version>([
  [1, V1],
  [0x6b3343cf, version("0dede3def700a6db819381be6e269dcbf9bd2ed9", 1, "quicv2")],
  ...[29, 30, 31, 32].map((draft) => [0xff000000 + draft, DRAFT_29] as const),
  ...[23, 24, 25, 26, 27, 28].map((draft) => [0xff000000 + draft, DRAFT_23] as const),
  // Facebook's mvfst.
  [0xfaceb002, DRAFT_23],
  [0xfaceb00e, DRAFT_23],
]);

/** A TLS record of a handshake, and its header. */
const HANDSHAKE = 22;
const HEADER = 5;
const TAG = 16;
const SAMPLE = 16;
/** Bytes of handshake that are put together for a name, and pieces of them. */
const MAX_STREAM = 16_384;
const MAX_PIECES = 64;
/** What a varint is that is not all there, or too large. */
const CUT = -1;

function version(salt: string, initial: number, label: string): Version {
  return { salt: Buffer.from(salt, "hex"), initial, label };
}

/** What is known of a version; those that only exercise negotiation (RFC 9000 §15) were met with the keys of draft 29. */
function versionOf(number: number): Version | undefined {
  return (number & 0x0f0f0f0f) === 0x0a0a0a0a ? DRAFT_29 : VERSIONS.get(number);
}

/** The beginning of a client's handshake, as its Initial packets bring it. */
export class QuicClient {
  readonly #pieces: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  #size = 0;

  /**
   * Takes a datagram of the client's.
   * @returns what is known of the handshake without a gap, as a TLS record; undefined where the datagram brought nothing new
   */
  add(datagram: Uint8Array): Uint8Array | undefined {
    const before = this.#pieces.length;
    let at = 0;
    // Several packets may share a datagram.
    for (let packets = 0; packets < 4 && at < datagram.length; packets++) {
      const next = this.#addPacket(datagram, at, datagram.length);
      if (next < 0) break;
      at = next;
    }
    return this.#pieces.length > before ? this.#record() : undefined;
  }

  /** Takes the packet at `at`. @returns where the next one begins, -1 when this is no Initial packet or cannot be read */
  #addPacket(data: Uint8Array, at: number, end: number): number {
    if (at + 7 > end) return -1;
    const known = versionOf(u32(data, at + 1));
    if (!known || (data[at]! & 0xc0) !== 0xc0 || ((data[at]! >> 4) & 3) !== known.initial) return -1;
    const dcid = at + 6;
    const dcidEnd = dcid + data[at + 5]!;
    if (dcidEnd >= end) return -1;
    reader.at = dcidEnd + 1 + data[dcidEnd]!;
    const token = varint(data, end);
    reader.at += token;
    const length = token === CUT ? CUT : varint(data, end);
    const number = reader.at;
    const packetEnd = number + length;
    if (length < 4 + SAMPLE || packetEnd > end) return -1;
    const frames = decrypt(data, at, number, packetEnd, known, data.subarray(dcid, dcidEnd));
    if (!frames) return -1;
    this.#takeFrames(frames);
    return packetEnd;
  }

  /** PADDING, PING, ACK and CRYPTO (RFC 9000 §19): what else there may be ends the search. */
  #takeFrames(frames: Buffer): void {
    const end = frames.length;
    reader.at = 0;
    while (reader.at < end) {
      const type = frames[reader.at++]!;
      if (type <= 1) continue;
      if (type === 2 || type === 3) {
        if (!skipAck(frames, end, type === 3)) return;
      } else if (type === 6) {
        const offset = varint(frames, end);
        const length = varint(frames, end);
        const from = reader.at;
        if (offset === CUT || length === CUT || from + length > end) return;
        this.#keep(offset, frames.subarray(from, from + length));
        reader.at = from + length;
      } else return;
    }
  }

  #keep(offset: number, bytes: Buffer): void {
    if (this.#pieces.length >= MAX_PIECES || this.#size + bytes.length > MAX_STREAM) return;
    // A copy of its own: a part of the packet would keep all of it.
    this.#pieces.push({ offset, bytes: new Uint8Array(bytes) });
    this.#size += bytes.length;
  }

  #record(): Uint8Array | undefined {
    this.#pieces.sort((a, b) => a.offset - b.offset);
    const record = Buffer.alloc(HEADER + this.#size);
    let length = 0;
    for (const { offset, bytes } of this.#pieces) {
      if (offset > length) break;
      record.set(bytes.subarray(Math.min(length - offset, bytes.length)), HEADER + length);
      length = Math.max(length, offset + bytes.length);
    }
    record[0] = HANDSHAKE;
    return length > 0 ? record.subarray(0, HEADER + length) : undefined;
  }
}

/** Where the number at hand is read. */
const reader = { at: 0 };

/** A number of 1, 2, 4 or 8 bytes (RFC 9000 §16), as far as it is below 2^32; CUT when it is not, or not there. */
function varint(data: Uint8Array, end: number): number {
  const { at } = reader;
  if (at >= end) return CUT;
  const size = 1 << (data[at]! >> 6);
  if (at + size > end) return CUT;
  reader.at = at + size;
  if (size === 1) return data[at]! & 0x3f;
  if (size === 2) return u16(data, at) & 0x3fff;
  if (size === 4) return u32(data, at) & 0x3fffffff;
  return (u32(data, at) & 0x3fffffff) === 0 ? u32(data, at + 4) : CUT;
}

/** Largest acknowledged, delay, ranges, [three counts of ECN]. */
function skipAck(frames: Buffer, end: number, ecn: boolean): boolean {
  varint(frames, end);
  varint(frames, end);
  const ranges = varint(frames, end);
  if (ranges === CUT || ranges > end) return false;
  for (let i = 0; i < 1 + ranges * 2 + (ecn ? 3 : 0); i++) if (varint(frames, end) === CUT) return false;
  return true;
}

/** What is encrypted in the packet from `at`, whose packet number begins at `number`; undefined when its tag does not hold. */
function decrypt(
  data: Uint8Array,
  at: number,
  number: number,
  end: number,
  { salt, label }: Version,
  dcid: Uint8Array,
): Buffer | undefined {
  const secret = expand(hmac(salt, dcid), "client in", 32);
  const mask = createCipheriv("aes-128-ecb", expand(secret, `${label} hp`, 16), null).update(
    data.subarray(number + 4, number + 4 + SAMPLE),
  );
  const header = Buffer.from(data.subarray(at, number + 4));
  header[0]! ^= mask[0]! & 0x0f;
  const numberLength = (header[0]! & 3) + 1;
  const nonce = expand(secret, `${label} iv`, 12);
  for (let i = 0; i < numberLength; i++) {
    const byte = header[number - at + i]! ^ mask[1 + i]!;
    header[number - at + i] = byte;
    nonce[12 - numberLength + i]! ^= byte;
  }
  const body = number + numberLength;
  if (body + TAG > end) return undefined;
  const cipher = createDecipheriv("aes-128-gcm", expand(secret, `${label} key`, 16), nonce);
  cipher.setAAD(header.subarray(0, body - at));
  cipher.setAuthTag(data.subarray(end - TAG, end));
  const frames = cipher.update(data.subarray(body, end - TAG));
  try {
    cipher.final();
    return frames;
  } catch {
    return undefined;
  }
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

function u16(data: Uint8Array, at: number): number {
  return (data[at]! << 8) | data[at + 1]!;
}

function u32(data: Uint8Array, at: number): number {
  return ((u16(data, at) << 16) | u16(data, at + 2)) >>> 0;
}
