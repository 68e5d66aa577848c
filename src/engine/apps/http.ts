/** HTTP/1.x (RFC 9112): requests with the name in their Host, responses; HTTP/2's preface. WebSocket begins as HTTP. */
import { u8At } from "../bytes";
import { WEBSOCKET } from "../generated/apps";
import { Row } from "../generated/layouts";
import { AGAIN, DONE } from "./follow";
import { keepName } from "./names";
import { at, begins, end, indexOfAnyCase, lineEnd } from "./payload";

const MAX_HOST: i32 = 255;

export function overTcp(): bool {
  return begins("HTTP/1.") || begins("HTTP/0.9") || isRequest();
}

/** Whether the payload begins with a request line. */
export function isRequest(): bool {
  if (!beginsWithMethod()) return false;
  // SIP and RTSP have some of the same methods.
  const line = lineEnd(at, end);
  return indexOfAnyCase(at, line, "SIP/2.0") < 0 && indexOfAnyCase(at, line, "RTSP/1.0") < 0;
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

/** Finds what a request says: the name of the host, and whether another protocol is to follow. */
export function follow(row: Row): i32 {
  if (!isRequest()) return AGAIN;
  keepHost(row);
  if (indexOfAnyCase(at, end, "UPGRADE: WEBSOCKET") >= 0) row.app = WEBSOCKET;
  // Only after CONNECT may TLS follow.
  return begins("CONNECT ") ? AGAIN : DONE;
}

/** Keeps the value of Host for the row, as far as it is printable. */
function keepHost(row: Row): void {
  const header = indexOfAnyCase(at, end, "\nHOST:");
  if (header < 0) return;
  let from = header + 6;
  while (from < end && (u8At(from) === 0x20 || u8At(from) === 0x09)) from++;
  let to = from;
  while (to < end && to - from < MAX_HOST && u8At(to) > 0x20 && u8At(to) < 0x7f) to++;
  if (to > from) keepName(row, from, to - from);
}
