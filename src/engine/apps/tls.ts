/** TLS (RFC 8446 §5.1): a ClientHello or ServerHello in a record, or wrapped in SSL 2.0's; and the server name in it (RFC 6066 §3). */
import { u8At, u16At } from "../bytes";
import { borrowWindow, returnWindow } from "../check";
import { Row } from "../generated/layouts";
import { SCRATCH } from "../generated/memory";
import { packet } from "../packet";
import { AGAIN, DONE } from "./follow";
import { helloSegment } from "./host";
import { KEPT_BY_HOST } from "./label-bits";
import { keepName } from "./names";
import { at, end, wire } from "./payload";

const HANDSHAKE: i32 = 22;
const CLIENT_HELLO: i32 = 1;
const SERVER_HELLO: i32 = 2;
/** Bytes of a record at the most, its growth by encryption included. */
export const MAX_RECORD: i32 = 16_384 + 2048;
/** The extension, and the only kind of name there is in it. */
const SERVER_NAME: i32 = 0;
const HOST_NAME: i32 = 0;

/** What `keepHelloName` says (host/payload.ts). */
const HELLO_GOES_ON: i32 = 0;
const HELLO_NAMED: i32 = 1;
const HELLO_NAMELESS: i32 = 2;

export function overTcp(): bool {
  return isHello() || isSsl2Hello();
}

/** Whether the payload begins with a hello in a record of a version that exists. */
export function isHello(): bool {
  if (end - at < 6 || u8At(at) !== HANDSHAKE || u8At(at + 1) !== 3 || u8At(at + 2) > 4) return false;
  const length = u16At(at + 3);
  if (length === 0 || length > MAX_RECORD) return false;
  const type = u8At(at + 5);
  return type === CLIENT_HELLO || type === SERVER_HELLO;
}

/** SSL 2.0's ClientHello, in which old clients wrapped theirs: a two-byte length, type 1, version 3.x or 2. */
function isSsl2Hello(): bool {
  if (end - at < 11 || (u8At(at) & 0x80) === 0 || u8At(at + 2) !== CLIENT_HELLO) return false;
  const version = u16At(at + 3);
  const ciphers = u16At(at + 5);
  const challenge = u16At(at + 9);
  const known = version === 2 || (version >= 0x300 && version <= 0x303);
  return known && ciphers % 3 === 0 && challenge >= 16 && challenge <= 32;
}

/** For the host, which has put a record together in SCRATCH: whether it goes on, or its name is kept now, or it has none. */
export function keepHelloName(row: Row, length: i32): i32 {
  borrowWindow(SCRATCH, SCRATCH + length);
  const result = keepServerName(row, SCRATCH, SCRATCH + length)
    ? HELLO_NAMED
    : helloGoesOn(SCRATCH, SCRATCH + length)
      ? HELLO_GOES_ON
      : HELLO_NAMELESS;
  returnWindow();
  return result;
}

/** Whether a ClientHello begins at `from` that is longer than what is there up to `to`. */
export function helloGoesOn(from: i32, to: i32): bool {
  if (to - from < 9 || u8At(from) !== HANDSHAKE || u8At(from + 5) !== CLIENT_HELLO) return false;
  return from + 9 + ((u8At(from + 6) << 16) | u16At(from + 7)) > to;
}

/** Finds the server name; a ClientHello that goes on in other segments is put together by the host (service/tls.ts). */
export function follow(row: Row): i32 {
  if (keepServerName(row, at, end)) return DONE;
  if (end - at < wire || ((row.labelBits & KEPT_BY_HOST) === 0 && !helloGoesOn(at, end))) return AGAIN;
  row.labelBits |= KEPT_BY_HOST;
  return helloSegment(row, at, end - at, packet.tcpSeq) ? DONE : AGAIN;
}

/** Keeps for the row the server name of the ClientHello whose record is at `from`; false where it has none, or too little is there. */
export function keepServerName(row: Row, from: i32, to: i32): bool {
  if (to - from < 44 || u8At(from) !== HANDSHAKE || u8At(from + 5) !== CLIENT_HELLO) return false;
  // Record header 5, handshake header 4, version 2, random 32; session id, cipher suites, compression methods.
  let i = from + 43;
  i += 1 + u8At(i);
  if (i + 2 > to) return false;
  i += 2 + u16At(i);
  if (i >= to) return false;
  i += 1 + u8At(i);
  if (i + 2 > to) return false;
  const last = min(to, i + 2 + u16At(i));
  i += 2;
  while (i + 4 <= last) {
    const type = u16At(i);
    const value = i + 4;
    if (type === SERVER_NAME) {
      // List length 2, name type 1, name length 2.
      if (value + 5 > last || u8At(value + 2) !== HOST_NAME) return false;
      const length = u16At(value + 3);
      return length > 0 && value + 5 + length <= last && keepName(row, value + 5, length);
    }
    i = value + u16At(i + 2);
  }
  return false;
}
