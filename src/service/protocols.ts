/** The application protocols that have a parser, one row each. */
import { dns } from "./dns.ts";
import { http } from "./http.ts";
import type { Protocol } from "./protocol.ts";
import { dtls, tls } from "./tls.ts";

export const PROTOCOLS: readonly Protocol[] = [
  dns,
  http,
  { ...http, app: "websocket" },
  tls,
  dtls,
  { ...dns, app: "mdns" },
  { ...dns, app: "llmnr" },
  { ...dns, app: "netbios" },
];

const BY_APP: ReadonlyMap<string, Protocol> = new Map(PROTOCOLS.map((protocol) => [protocol.app, protocol]));

export function protocolOf(app: string): Protocol | undefined {
  return BY_APP.get(app);
}
