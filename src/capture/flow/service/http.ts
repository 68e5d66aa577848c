/** HTTP/1.x (RFC 9112): requests, responses, Host, and the change to WebSocket; HTTP/2's preface. */
import { indexOfAnyCase, nameFrom, startsWith } from "./bytes.ts";

const METHODS = [
  ...["GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "TRACE ", "PROPFIND ", "REPORT "],
  ...["PROPPATCH ", "MKCOL ", "COPY ", "MOVE ", "LOCK ", "UNLOCK ", "SEARCH ", "BCOPY ", "BPROPPATCH ", "PRI * HTTP/2"],
];
/** By the first byte: few need to be compared. */
const BY_FIRST_BYTE: (readonly string[])[] = Array.from({ length: 256 }, (_, byte) =>
  METHODS.filter((method) => method.charCodeAt(0) === byte),
);

export function isHttpRequest(data: Uint8Array, offset: number, end: number): boolean {
  if (offset >= end) return false;
  const methods = BY_FIRST_BYTE[data[offset]!]!;
  for (let i = 0; i < methods.length; i++) {
    if (startsWith(data, offset, end, methods[i]!)) {
      // SIP and RTSP have some of the same methods.
      const line = lineEnd(data, offset, end);
      return !within(data, offset, line, "SIP/2.0") && !within(data, offset, line, "RTSP/1.0");
    }
  }
  return false;
}

export function isHttpResponse(data: Uint8Array, offset: number, end: number): boolean {
  return startsWith(data, offset, end, "HTTP/1.") || startsWith(data, offset, end, "HTTP/0.9");
}

/** The value of Host, without the port. */
export function host(data: Uint8Array, offset: number, end: number): string | undefined {
  const at = indexOfAnyCase(data, offset, end, "\nHOST:");
  if (at < 0) return undefined;
  let value = at + 6;
  while (value < end && (data[value] === 0x20 || data[value] === 0x09)) value++;
  return nameFrom(data, value, end);
}

export function asksForWebsocket(data: Uint8Array, offset: number, end: number): boolean {
  return indexOfAnyCase(data, offset, end, "UPGRADE: WEBSOCKET") >= 0;
}

function lineEnd(data: Uint8Array, offset: number, end: number): number {
  let at = offset;
  while (at < end && data[at] !== 0x0a) at++;
  return at;
}

function within(data: Uint8Array, offset: number, end: number, text: string): boolean {
  return indexOfAnyCase(data, offset, end, text) >= 0;
}
