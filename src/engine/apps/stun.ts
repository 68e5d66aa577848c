/**
 * STUN (RFC 8489 §5): its magic cookie, and a length that is the datagram's; or, without the cookie (RFC 3489), attributes that fill it. On
 * the same flow DTLS, or RTP, may follow, which their first byte tells apart (RFC 7983).
 */
import { u8At, u16At, u32At } from "../bytes";
import { DTLS, RTP } from "../generated/apps";
import { Row } from "../generated/layouts";
import * as dtls from "./dtls";
import { AGAIN, DONE } from "./follow";
import { at, captured, isTcp, onPort, wire } from "./payload";
import { rtpApp } from "./rtp";

const HEADER: i32 = 20;
const COOKIE: u32 = 0x2112a442;
const PORT: i32 = 3478;
/** Attributes of RFC 3489, and those that may be ignored. */
const LAST_OLD_ATTRIBUTE: i32 = 0x0b;
const FIRST_OPTIONAL_ATTRIBUTE: i32 = 0x8000;

export function overUdp(): bool {
  if (captured() < HEADER || (u8At(at) & 0xc0) !== 0 || u16At(at + 2) + HEADER !== wire) return false;
  return u32At(at + 4) === COOKIE || isOldMessage();
}

/** Several messages may stand in a segment (RFC 8489 §6.2.2); Microsoft puts a length before each (RFC 4571). */
export function overTcp(): bool {
  return isFramed(0) || (captured() > 2 && u16At(at) + 2 <= wire && isFramed(2));
}

function isFramed(header: i32): bool {
  if (captured() < header + HEADER || (u8At(at + header) & 0xc0) !== 0) return false;
  const length = u16At(at + header + 2);
  return (length & 3) === 0 && header + HEADER + length <= wire && u32At(at + header + 4) === COOKIE;
}

/** Binding or shared secret: request, response, or error (RFC 3489 §11.1). */
function isOldMessage(): bool {
  const type = u16At(at);
  const method = type & 0xff0f & ~0x0110;
  if (method !== 1 && method !== 2) return false;
  if ((type & 0xf0) !== 0 && type !== 0x0111 && type !== 0x0112) return false;
  return captured() === wire && (onPort(PORT) || wire > HEADER) && hasAttributes();
}

function hasAttributes(): bool {
  const known = !onPort(PORT);
  let i = at + HEADER;
  const last = at + wire;
  while (i + 4 <= last) {
    const type = u16At(i);
    if (known && (type === 0 || (type > LAST_OLD_ATTRIBUTE && type < FIRST_OPTIONAL_ATTRIBUTE))) return false;
    i += 4 + ((u16At(i + 2) + 3) & ~3);
  }
  return i === last;
}

/** Whether something else has begun on the flow. */
export function follow(row: Row): i32 {
  if (isTcp) return DONE;
  const next = dtls.overUdp() ? DTLS : rtpApp();
  if (next !== DTLS && next !== RTP) return AGAIN;
  row.app = next;
  return DONE;
}
