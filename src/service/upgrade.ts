/** Connections that change to another protocol on the way (STARTTLS, a proxy's CONNECT): finds which, by its first bytes. */
import { latin1 } from "./cursor.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";

/** Whether bytes begin with a TLS handshake record that holds a ClientHello. */
export function isClientHello(bytes: Uint8Array): boolean {
  return bytes.length >= 6 && bytes[0] === 22 && bytes[1] === 3 && bytes[2]! <= 4 && bytes[5] === 1;
}

/** What first bytes show; undefined for nothing that is known. */
function recognise(bytes: Uint8Array): string | undefined {
  if (isClientHello(bytes)) return "tls";
  const text = latin1(bytes.subarray(0, 16));
  if (text.startsWith("SSH-")) return "ssh";
  if (/^220[ -]/.test(text)) return "smtp";
  if (/^(?:GET|POST|HEAD|PUT|OPTIONS|CONNECT) /.test(text)) return "http";
  return undefined;
}

/** Looks for a ClientHello at the beginning of a segment, as long as the client talks in clear. */
class StartTlsParser implements Parser {
  readonly #c: Connection;

  constructor(c: Connection) {
    this.#c = c;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    if (isClientHello(bytes)) this.#c.become("tls", fromOrig, bytes);
  }
}

/** What a tunnel carries, decided by the first bytes of either side. */
class TunnelledParser implements Parser {
  readonly #c: Connection;

  constructor(c: Connection) {
    this.#c = c;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    const app = recognise(bytes);
    if (app !== undefined) this.#c.become(app, fromOrig, bytes);
  }
}

export const tunnelled: Protocol = { app: "tunnelled", logs: [], open: (c) => new TunnelledParser(c) };

/** Protocols without a log of their own here that may change to TLS. */
export const startTls: readonly Protocol[] = ["pop3", "imap", "xmpp", "postgres", "irc"].map((app) => ({
  app,
  logs: [],
  open: (c) => new StartTlsParser(c),
}));
