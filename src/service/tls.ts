/** TLS and SSL 3 records (RFC 8446 §5, RFC 5246 §6.2), hellos of SSL 2, and DTLS records (RFC 6347 §4.1, RFC 9147 §4). */
import { ByteQueue } from "./byte-queue.ts";
import { Cursor } from "./cursor.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";
import { sslLog, TlsSession } from "./ssl.ts";
import { x509Log } from "./x509.ts";

const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const HEARTBEAT = 24;

const RECORD_HEADER = 5;
const MAX_RECORD = 16_384 + 2048;
/** A longer handshake message is not put together. */
const MAX_MESSAGE = 256 * 1024;

/** One side of a connection. */
interface TlsSide {
  /** Bytes of a record that is not whole. */
  readonly record: ByteQueue;
  /** Bytes of a handshake message that is not whole. */
  readonly message: ByteQueue;
  encrypted: boolean;
  lost: boolean;
}

const newSide = (): TlsSide => ({ record: new ByteQueue(), message: new ByteQueue(), encrypted: false, lost: false });

class TlsParser implements Parser {
  readonly #session: TlsSession;
  readonly #c: Connection;
  readonly #sides: readonly [TlsSide, TlsSide] = [newSide(), newSide()];
  #first: [boolean, boolean] = [true, true];

  constructor(c: Connection) {
    this.#c = c;
    this.#session = new TlsSession(c, "t");
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    const side = this.#sides[fromOrig ? 0 : 1];
    if (this.#session.logged || side.lost) return;
    side.record.add(bytes);
    while (!side.lost && !this.#session.logged) {
      const used = this.#record(side, fromOrig, side.record.bytes);
      if (used === 0) break;
      side.record.take(used);
    }
    if (side.lost || this.#session.logged) side.record.clear();
  }

  gap(fromOrig: boolean): void {
    this.#sides[fromOrig ? 0 : 1].lost = true;
  }

  end(): void {
    this.#session.log();
  }

  /** Takes the record at the beginning of `bytes`; returns its size, 0 while it is not whole. */
  #record(side: TlsSide, fromOrig: boolean, bytes: Uint8Array): number {
    if (bytes.length < RECORD_HEADER) return 0;
    const index = fromOrig ? 0 : 1;
    if (this.#first[index] && isSsl2Hello(bytes)) return this.#ssl2(bytes, index);
    const type = bytes[0]!;
    const length = (bytes[3]! << 8) | bytes[4]!;
    if (bytes[1] !== 3 || type < CHANGE_CIPHER_SPEC || type > 26 || length > MAX_RECORD) {
      if (bytes[1] !== 0x7f) {
        side.lost = true;
        this.#c.weird("SSL_invalid_record");
        this.#session.log();
        return 0;
      }
    }
    if (bytes.length < RECORD_HEADER + length) return 0;
    this.#first[index] = false;
    this.#content(side, fromOrig, type, bytes.subarray(RECORD_HEADER, RECORD_HEADER + length));
    return RECORD_HEADER + length;
  }

  #content(side: TlsSide, fromOrig: boolean, type: number, bytes: Uint8Array): void {
    const session = this.#session;
    if (type === APPLICATION_DATA && session.isTls13) side.encrypted = true;
    if (type === CHANGE_CIPHER_SPEC) {
      session.changeCipherSpec(fromOrig);
      side.encrypted = true;
    } else if (side.encrypted) {
      if (this.#sides[0].encrypted && this.#sides[1].encrypted) session.establish();
      if (type === HEARTBEAT) session.heartbeat(fromOrig);
    } else if (type === HANDSHAKE) this.#handshake(side, fromOrig, bytes);
    else if (type === ALERT && bytes.length >= 2) session.alert(fromOrig, bytes[1]!);
    else if (type === HEARTBEAT) session.heartbeat(fromOrig);
  }

  #handshake(side: TlsSide, fromOrig: boolean, bytes: Uint8Array): void {
    const { message } = side;
    message.add(bytes);
    while (message.length >= 4) {
      const length = message.bytes.readUIntBE(1, 3);
      if (length > MAX_MESSAGE) {
        side.lost = true;
        return;
      }
      if (message.length < 4 + length) return;
      this.#session.handshake(fromOrig, message.bytes[0]!, message.bytes.subarray(4, 4 + length));
      message.take(4 + length);
    }
  }

  /** A hello of SSL 2 (two bytes of length with the highest bit set, type 1 or 4). */
  #ssl2(bytes: Uint8Array, index: 0 | 1): number {
    const length = ((bytes[0]! & 0x7f) << 8) | bytes[1]!;
    if (bytes.length < 2 + length) return 0;
    this.#first[index] = false;
    const c = new Cursor(bytes, 2, 2 + length);
    const type = c.u8();
    if (type === 1) this.#session.ssl2Hello(true, 0);
    else {
      c.skip(2);
      const version = c.u16();
      c.skip(2 + 2 + 2);
      this.#session.ssl2Hello(false, version);
      // What follows in SSL 2 is encrypted, and nobody speaks it any more.
      this.#sides[0].lost = this.#sides[1].lost = version === 2;
    }
    return 2 + length;
  }
}

function isSsl2Hello(bytes: Uint8Array): boolean {
  if ((bytes[0]! & 0x80) === 0) return false;
  const type = bytes[2]!;
  return (type === 1 && (bytes[3] === 0 || bytes[3] === 3)) || type === 4;
}

/** The fragments of one DTLS handshake message. */
interface Fragments {
  readonly type: number;
  readonly bytes: Buffer;
  readonly seen: Uint8Array;
  left: number;
}

const DTLS_HEADER = 13;
const DTLS_HANDSHAKE_HEADER = 12;
const MAX_DTLS_MESSAGES = 16;

class DtlsParser implements Parser {
  readonly #session: TlsSession;
  readonly #encrypted: [boolean, boolean] = [false, false];
  readonly #messages: readonly [Map<number, Fragments>, Map<number, Fragments>] = [new Map(), new Map()];

  constructor(c: Connection) {
    this.#session = new TlsSession(c, "d");
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    const c = new Cursor(bytes);
    while (c.left > 0 && !this.#session.logged) {
      // The unified header of DTLS 1.3 (RFC 9147 §4): encrypted; its length may be left out.
      if (bytes[c.at]! >> 5 === 1) {
        this.#ciphertext(fromOrig);
        return;
      }
      if (c.left < DTLS_HEADER) return;
      const type = c.u8();
      const version = c.u16();
      const epoch = c.u16();
      c.skip(6);
      const length = c.u16();
      if (version >> 8 !== 0xfe && version >> 8 !== 0x01) return;
      if (length > c.left) return;
      this.#content(fromOrig, type, epoch, c.take(length));
    }
  }

  end(): void {
    this.#session.log();
  }

  #ciphertext(fromOrig: boolean): void {
    if (!this.#session.isTls13) return;
    this.#encrypted[fromOrig ? 0 : 1] = true;
    if (this.#encrypted[0] && this.#encrypted[1]) this.#session.establish();
  }

  #content(fromOrig: boolean, type: number, epoch: number, bytes: Uint8Array): void {
    const index = fromOrig ? 0 : 1;
    if (type === CHANGE_CIPHER_SPEC) {
      this.#session.changeCipherSpec(fromOrig);
      this.#encrypted[index] = true;
    } else if (this.#encrypted[index] || epoch > 0) {
      this.#encrypted[index] = true;
      if (this.#encrypted[0] && this.#encrypted[1]) this.#session.establish();
    } else if (type === HANDSHAKE) this.#handshake(fromOrig, index, bytes);
    else if (type === ALERT && bytes.length >= 2) this.#session.alert(fromOrig, bytes[1]!);
  }

  #handshake(fromOrig: boolean, index: 0 | 1, bytes: Uint8Array): void {
    const c = new Cursor(bytes);
    while (c.left >= DTLS_HANDSHAKE_HEADER) {
      const type = c.u8();
      const length = c.u24();
      const sequence = c.u16();
      const offset = c.u24();
      const fragment = c.take(c.u24());
      if (!c.ok || offset + fragment.length > length || length > MAX_MESSAGE) return;
      const messages = this.#messages[index];
      let message = messages.get(sequence);
      if (!message) {
        if (messages.size >= MAX_DTLS_MESSAGES) return;
        message = { type, bytes: Buffer.alloc(length), seen: new Uint8Array(length), left: length };
        messages.set(sequence, message);
      }
      if (message.bytes.length !== length) return;
      for (let i = 0; i < fragment.length; i++) {
        if (message.seen[offset + i] === 0) message.left--;
        message.seen[offset + i] = 1;
        message.bytes[offset + i] = fragment[i]!;
      }
      if (message.left > 0) continue;
      messages.delete(sequence);
      this.#session.handshake(fromOrig, message.type, message.bytes);
    }
  }
}

export const tls: Protocol = { app: "tls", logs: [sslLog, x509Log], open: (connection) => new TlsParser(connection) };
export const dtls: Protocol = {
  app: "dtls",
  logs: [sslLog, x509Log],
  open: (connection) => new DtlsParser(connection),
};
