/** HTTP/1 requests and responses, as far as their head lies in one packet (RFC 9112). */
import type { Dissection, Dissector, Header } from "./dissection.ts";

export const HTTP: Header = {
  protocol: "HTTP",
  title: "Hypertext Transfer Protocol",
  length: 0,
  fields: [],
  more: [
    ["http.request.method", "Method"],
    ["http.request.uri", "Target"],
    ["http.response.code", "Status"],
    ["http.host", "Host"],
    ["http.user_agent", "User agent"],
    ["http.server", "Server"],
    ["http.content_type", "Content type"],
  ],
};

const REQUEST = /^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND) (\S+) HTTP\/1\.\d/;
const RESPONSE = /^HTTP\/1\.\d (\d{3})/;
/** Header fields that Wireshark has a name for. */
const NAMED: Readonly<Record<string, string>> = {
  host: "http.host",
  "user-agent": "http.user_agent",
  server: "http.server",
  "content-type": "http.content_type",
  "content-length": "http.content_length_header",
  location: "http.location",
  cookie: "http.cookie",
  referer: "http.referer",
};
const MOST = 16 * 1024;

/** Whether an HTTP message begins here. */
export function isHttp(d: Dissection, at: number): boolean {
  const start = d.text(at, 200);
  return REQUEST.test(start) || RESPONSE.test(start);
}

export const dissectHttp: Dissector = (d, at) => {
  const text = d.text(at, MOST);
  const end = text.indexOf("\r\n\r\n");
  const head = end < 0 ? text : text.slice(0, end);
  const lines = head.split("\r\n");
  d.open(HTTP.title, at, end < 0 ? head.length : end + 4, lines[0]!);
  d.protocol = HTTP.protocol;
  d.info = lines[0]!;
  const request = REQUEST.exec(head);
  const response = RESPONSE.exec(head);
  if (request) {
    d.field("http.request.method", "Method", at, request[1]!.length, request[1]!);
    d.field("http.request.uri", "Target", at + request[1]!.length + 1, request[2]!.length, request[2]!);
  } else if (response) d.field("http.response.code", "Status", at + 9, 3, response[1]!);
  let position = at + lines[0]!.length + 2;
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) {
      const name = line.slice(0, colon);
      const value = line.slice(colon + 1).trim();
      d.field(NAMED[name.toLowerCase()] ?? "", name, position, line.length, value);
      if (name.toLowerCase() === "host") d.info += `  ${value}`;
    }
    position += line.length + 2;
  }
  if (end < 0) d.note("cut off in the header");
  return null;
};
