/** Messages of the TLS handshake (RFC 8446 §4, RFC 5246 §7.4, RFC 6347 §4.2), read as far as they are whole. */
import { Cursor } from "./cursor.ts";

export interface Extension {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** A ClientHello or ServerHello. */
export interface Hello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  /** What the client offers, or the one the server chose. */
  readonly ciphers: readonly number[];
  readonly extensions: readonly Extension[];
}

export const EXTENSION = {
  serverName: 0,
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  sessionTicket: 35,
  preSharedKey: 41,
  supportedVersions: 43,
  keyShare: 51,
} as const;

/** The random of a ServerHello that is a HelloRetryRequest (RFC 8446 §4.1.3). */
export const RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";

const MAX_CIPHERS = 1000;
const MAX_EXTENSIONS = 200;

function readExtensions(c: Cursor): Extension[] {
  const found: Extension[] = [];
  if (c.left < 2) return found;
  const list = c.part(c.u16());
  while (list.left >= 4 && found.length < MAX_EXTENSIONS) {
    const type = list.u16();
    const length = list.u16();
    if (length > list.left) break;
    found.push({ type, bytes: list.take(length) });
  }
  return found;
}

/** @param datagram DTLS: a cookie follows the session id; undefined where the message is cut */
export function readClientHello(bytes: Uint8Array, datagram = false): Hello | undefined {
  const c = new Cursor(bytes);
  const version = c.u16();
  const random = c.take(32);
  const sessionId = c.take(c.u8());
  if (datagram) c.skip(c.u8());
  const list = c.part(c.u16());
  const ciphers: number[] = [];
  while (list.left >= 2 && ciphers.length < MAX_CIPHERS) ciphers.push(list.u16());
  c.skip(c.u8());
  return c.ok ? { version, random, sessionId, ciphers, extensions: readExtensions(c) } : undefined;
}

export function readServerHello(bytes: Uint8Array): Hello | undefined {
  const c = new Cursor(bytes);
  const version = c.u16();
  const random = c.take(32);
  // TLS 1.3 up to draft 21 had neither session id nor compression.
  const sessionId = version >> 8 === 0x7f && (version & 0xff) < 22 ? new Uint8Array() : c.take(c.u8());
  const cipher = c.u16();
  if (!(version >> 8 === 0x7f && (version & 0xff) < 22)) c.skip(1);
  return c.ok ? { version, random, sessionId, ciphers: [cipher], extensions: readExtensions(c) } : undefined;
}

export function extensionOf(hello: Hello, type: number): Uint8Array | undefined {
  return hello.extensions.find((extension) => extension.type === type)?.bytes;
}

/** Names in a server_name extension (RFC 6066 §3), one character a byte. */
export function serverNames(hello: Hello): string[] {
  const c = new Cursor(extensionOf(hello, EXTENSION.serverName) ?? new Uint8Array());
  if (c.left === 0) return [];
  const list = c.part(c.u16());
  const names: string[] = [];
  while (list.left >= 3 && names.length < 10) {
    const type = list.u8();
    const length = list.u16();
    if (length > list.left) break;
    const name = list.text(length);
    if (type === 0) names.push(name);
  }
  return names;
}

/** Protocols in an ALPN extension (RFC 7301 §3.1). */
export function alpnProtocols(hello: Hello): string[] {
  const c = new Cursor(extensionOf(hello, EXTENSION.alpn) ?? new Uint8Array());
  if (c.left === 0) return [];
  const list = c.part(c.u16());
  const protocols: string[] = [];
  while (list.left >= 1 && protocols.length < 50) {
    const length = list.u8();
    if (length > list.left) break;
    protocols.push(list.text(length));
  }
  return protocols;
}

/** The numbers of a list of 16-bit values that is preceded by its length in `lengthBytes`. */
export function numberList(bytes: Uint8Array | undefined, lengthBytes: 1 | 2): number[] {
  const c = new Cursor(bytes ?? new Uint8Array());
  const list = c.part(lengthBytes === 1 ? c.u8() : c.u16());
  const found: number[] = [];
  while (list.left >= 2 && found.length < 200) found.push(list.u16());
  return found;
}

/** The certificates of a Certificate message of TLS up to 1.2 (RFC 5246 §7.4.2), DER. */
export function certificatesOf(bytes: Uint8Array): Uint8Array[] {
  const c = new Cursor(bytes);
  const list = c.part(c.u24());
  const found: Uint8Array[] = [];
  while (list.left >= 3 && found.length < 100) {
    const length = list.u24();
    if (length > list.left) break;
    found.push(list.take(length));
  }
  return found;
}
