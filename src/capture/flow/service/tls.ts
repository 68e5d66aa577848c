/** TLS and DTLS records (RFC 8446 §5.1, RFC 9147), and the server name in a ClientHello (RFC 6066 §3). */
import { u16 } from "../../decode/packet.ts";

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const SERVER_NAME = 0;

/** A TLS record that begins a connection: a handshake (or an alert) of a version that exists. */
export function isTls(data: Uint8Array, offset: number, end: number): boolean {
  if (end - offset < 6 || data[offset + 1] !== 3 || data[offset + 2]! > 4) return false;
  const length = u16(data, offset + 3);
  if (length === 0 || length > 16_384 + 2048) return false;
  if (data[offset] !== HANDSHAKE) return false;
  const type = data[offset + 5]!;
  return type === CLIENT_HELLO || type === SERVER_HELLO;
}

/** Records of a connection whose beginning was not seen: their lengths must add up to the segment's, or lead to another record. */
export function areTlsRecords(data: Uint8Array, offset: number, end: number, wireEnd: number): boolean {
  let at = offset;
  for (let records = 0; records < 4; records++) {
    if (at === wireEnd) return records > 0;
    if (at + 5 > end) return records > 1;
    const version = u16(data, at + 1);
    const length = u16(data, at + 3);
    if (data[at]! < 20 || data[at]! > 23 || version < 0x0301 || version > 0x0303) return false;
    if (length === 0 || length > 16_384 + 2048) return false;
    at += 5 + length;
    // A record may go on in the next segment.
    if (at > wireEnd) return records > 0;
  }
  return true;
}

/** SSL 2.0's ClientHello, in which old clients wrapped theirs: a two-byte length, type 1, version 3.x or 2. */
export function isSsl2(data: Uint8Array, offset: number, end: number): boolean {
  if (end - offset < 11 || (data[offset]! & 0x80) === 0 || data[offset + 2] !== CLIENT_HELLO) return false;
  const version = u16(data, offset + 3);
  const ciphers = u16(data, offset + 5);
  const challenge = u16(data, offset + 9);
  const known = version === 2 || (version >= 0x300 && version <= 0x303);
  return known && ciphers % 3 === 0 && challenge >= 16 && challenge <= 32;
}

export function isDtls(data: Uint8Array, offset: number, end: number): boolean {
  if (end - offset < 13) return false;
  const type = data[offset]!;
  const version = u16(data, offset + 1);
  if (version !== 0xfeff && version !== 0xfefd && version !== 0x0100) return false;
  return type >= 20 && type <= 23 && u16(data, offset + 11) > 0;
}

/** The server name of the ClientHello whose record is at `offset`; undefined where it has none, or too little was captured. */
export function serverName(data: Uint8Array, offset: number, end: number): string | undefined {
  if (data[offset] !== HANDSHAKE || data[offset + 5] !== CLIENT_HELLO) return undefined;
  // Record header 5, handshake header 4, version 2, random 32.
  let at = offset + 43;
  if (at >= end) return undefined;
  at += 1 + data[at]!;
  if (at + 2 > end) return undefined;
  at += 2 + u16(data, at);
  if (at >= end) return undefined;
  at += 1 + data[at]!;
  return nameIn(data, at, end);
}

/** Whether a ClientHello begins at `offset` that is longer than what is there. */
export function helloGoesOn(data: Uint8Array, offset: number, end: number): boolean {
  if (end - offset < 9 || data[offset] !== HANDSHAKE || data[offset + 5] !== CLIENT_HELLO) return false;
  const length = (data[offset + 6]! << 16) | u16(data, offset + 7);
  return offset + 9 + length > end;
}

/** The server name among the extensions of a ClientHello, whose list (with its length) begins at `at`. */
function nameIn(data: Uint8Array, at: number, end: number): string | undefined {
  if (at + 2 > end) return undefined;
  const last = Math.min(end, at + 2 + u16(data, at));
  let position = at + 2;
  while (position + 4 <= last) {
    const type = u16(data, position);
    const length = u16(data, position + 2);
    const value = position + 4;
    if (type === SERVER_NAME) {
      // List length 2, name type 1 (0: host name), name length 2.
      if (value + 5 > last || data[value + 2] !== 0) return undefined;
      const nameLength = u16(data, value + 3);
      if (nameLength === 0 || value + 5 + nameLength > last) return undefined;
      return Buffer.from(data.subarray(value + 5, value + 5 + nameLength)).toString("latin1");
    }
    position = value + length;
  }
  return undefined;
}
