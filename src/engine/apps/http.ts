/** HTTP/1.x (RFC 9112): requests with the name in their Host, responses; HTTP/2's preface. WebSocket begins as HTTP. */
import { u8At } from "../bytes";
import { WEBSOCKET } from "../generated/apps";
import { Row } from "../generated/layouts";
import { AGAIN, DONE } from "./follow";
import { HEADERS_OF_ORIGINATOR, HEADERS_OF_RESPONDER, MAY_BE_TUNNEL } from "./label-bits";
import { keepName } from "./names";
import {
  at,
  begins,
  beginsAnyCase,
  end,
  fromOriginator,
  indexOfAnyCase,
  isDigit,
  lineEnd,
  startsWith,
  wire,
} from "./payload";

const MAX_HOST: i32 = 255;
/** Bytes of a line that make it a long one. */
const LONG_LINE: i32 = 32;
const COLON: i32 = 0x3a;
const OPENING_BRACKET: i32 = 0x5b;
const CLOSING_BRACKET: i32 = 0x5d;

export function overTcp(): bool {
  return begins("HTTP/1.") || begins("HTTP/0.9") || isRequest();
}

/** Whether the payload begins with a request line: a method, a target and the version, as far as the line was captured. */
export function isRequest(): bool {
  if (!beginsWithMethod()) return false;
  const line = lineEnd(at, end);
  if (indexOfAnyCase(at, line, " HTTP/") >= 0) return true;
  const target = indexOfAnyCase(at, line, " ") + 1;
  // HTTP/0.9 has no version, and nothing but GET.
  if (line < end) return begins("GET /") && indexOfAnyCase(target, line, " ") < 0;
  // A long target, cut by the snaplen or gone on in the next segment.
  return end - at > LONG_LINE && isTarget(target);
}

/** How a target begins: a path, a URL, or a name with a port (RFC 9112 §3.2). */
function isTarget(from: i32): bool {
  const first = u8At(from);
  return first === 0x2f || startsWith(from, end, "http") || (begins("CONNECT ") && isNameByte(first));
}

/** Letters, digits and what else stands in the name of a host, in brackets an IPv6 address. */
function isNameByte(byte: i32): bool {
  const letter = byte | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || isDigit(byte) || byte === 0x5b;
}

/** By the first letter: few need to be compared. WebDAV's methods (RFC 4918, RFC 3253, RFC 5323) are among them. */
function beginsWithMethod(): bool {
  if (at >= end) return false;
  switch (u8At(at)) {
    case 0x42: // B
      return begins("BCOPY ") || begins("BPROPPATCH ");
    case 0x43: // C
      return begins("CONNECT ") || begins("COPY ");
    case 0x44: // D
      return begins("DELETE ");
    case 0x47: // G
      return begins("GET ");
    case 0x48: // H
      return begins("HEAD ");
    case 0x4c: // L
      return begins("LOCK ");
    case 0x4d: // M
      return begins("MKCOL ") || begins("MOVE ");
    case 0x4f: // O
      return begins("OPTIONS ");
    case 0x50: // P
      return (
        begins("POST ") ||
        begins("PUT ") ||
        begins("PATCH ") ||
        begins("PROPFIND ") ||
        begins("PROPPATCH ") ||
        begins("PRI * HTTP/2")
      );
    case 0x52: // R
      return begins("REPORT ");
    case 0x53: // S
      return begins("SEARCH ");
    case 0x54: // T
      return begins("TRACE ");
    case 0x55: // U
      return begins("UNLOCK ");
    default:
      return false;
  }
}

/** Finds what a request says: the name of the host, in this segment or a later one, and whether another protocol is to follow. */
export function follow(row: Row): i32 {
  const begun = isRequest();
  const mine = fromOriginator() ? HEADERS_OF_ORIGINATOR : HEADERS_OF_RESPONDER;
  if (!begun && (row.labelBits & mine) === 0) return AGAIN;
  if (begun && begins("CONNECT ")) row.labelBits |= MAY_BE_TUNNEL;
  const headersEnd = indexOfAnyCase(at, end, "\r\n\r\n") >= 0 || end - at < wire;
  if (indexOfAnyCase(at, end, "UPGRADE: WEBSOCKET") >= 0) row.app = WEBSOCKET;
  if (!keepHost(row) && !headersEnd) {
    row.labelBits |= mine;
    return AGAIN;
  }
  row.labelBits &= ~mine;
  // Only after CONNECT may TLS follow.
  return (row.labelBits & MAY_BE_TUNNEL) !== 0 ? AGAIN : DONE;
}

/** Keeps the host's name, without a port, if the end of the header was captured. @returns whether the header is there */
function keepHost(row: Row): bool {
  let from = at;
  // A segment may begin with the header.
  if (!beginsAnyCase("HOST:")) {
    from = indexOfAnyCase(at, end, "\nHOST:") + 1;
    if (from === 0) return false;
  }
  const line = lineEnd(from, end);
  if (line === end) return false;
  from += 5;
  while (from < line && (u8At(from) === 0x20 || u8At(from) === 0x09)) from++;
  let to = from;
  const literal = from < line && u8At(from) === OPENING_BRACKET;
  while (to < line && to - from < MAX_HOST && u8At(to) > 0x20 && (literal || u8At(to) !== COLON)) {
    to++;
    if (literal && u8At(to - 1) === CLOSING_BRACKET) break;
  }
  if (to > from) keepName(row, from, to - from);
  return true;
}
