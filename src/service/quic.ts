/** quic.log: the packets of a QUIC connection as far as they can be read, and the TLS handshake in its Initial packets. */
import { hexText } from "./cursor.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";
import {
  CryptoStream,
  decryptInitial,
  initialFrames,
  type QuicPacket,
  quicVersionName,
  readQuicPacket,
} from "./quic-packets.ts";
import { sslLog, TlsSession } from "./ssl.ts";
import { alpnProtocols, readClientHello } from "./tls-messages.ts";

export const quicLog = logSchema("quic", {
  ...CONNECTION_FIELDS,
  version: "string",
  client_initial_dcid: "string",
  client_scid: "string",
  server_scid: "string",
  server_name: "string",
  client_protocol: "string",
  history: "string",
});

const MAX_HISTORY = 100;
const MAX_DISCARDED = 100;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
/** A longer handshake message is not put together. */
const MAX_MESSAGE = 65_536;

/** One row of the log while it is put together. */
interface QuicRow {
  readonly tsNs: bigint;
  readonly version: string;
  clientInitialDcid: string | undefined;
  clientScid: string | undefined;
  serverScid: string | undefined;
  serverName: string | undefined;
  clientProtocol: string | undefined;
  history: string;
}

/** One side's handshake: the stream of its Initial packets, and the message at hand. */
interface Handshake {
  stream: CryptoStream;
  message: Buffer;
}

class QuicParser implements Parser {
  readonly #c: Connection;
  readonly #tls: TlsSession;
  #row: QuicRow | null = null;
  /** What the keys follow from. */
  #keyDcid: Uint8Array | null = null;
  #sides: [Handshake, Handshake] = [newHandshake(), newHandshake()];
  readonly #short: [number, number] = [0, 0];
  #decrypted = 0;
  #discarded = 0;
  #helloSeen = false;

  constructor(c: Connection) {
    this.#c = c;
    this.#tls = new TlsSession(c, "q");
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const packet = readQuicPacket(rest);
      if (!packet) {
        if (this.#decrypted > 0 && this.#row && ++this.#discarded <= MAX_DISCARDED) this.#note(fromOrig, "x");
        return;
      }
      this.#packet(fromOrig, packet);
      rest = rest.subarray(packet.bytes.length);
    }
  }

  end(): void {
    this.#log();
    if (this.#helloSeen) this.#tls.log();
  }

  #packet(fromOrig: boolean, packet: QuicPacket): void {
    switch (packet.type) {
      case "short":
        this.#shortPacket(fromOrig);
        return;
      case "negotiation":
        return;
      case "unknown-version":
        this.#begin(fromOrig, packet);
        this.#note(fromOrig, "u");
        this.#log();
        return;
      case "retry":
        if (!this.#row) this.#begin(fromOrig, packet);
        this.#note(fromOrig, "r");
        this.#log();
        this.#keyDcid = null;
        this.#sides = [newHandshake(), newHandshake()];
        return;
      case "initial":
        this.#initial(fromOrig, packet);
        return;
      default:
        this.#begin(fromOrig, packet);
        this.#note(fromOrig, packet.type === "0rtt" ? "z" : "h");
    }
  }

  /** Short packets are noted by the first, second, fourth, … */
  #shortPacket(fromOrig: boolean): void {
    const count = ++this.#short[fromOrig ? 0 : 1];
    if (this.#row && (count & (count - 1)) === 0) this.#note(fromOrig, "o");
  }

  #initial(fromOrig: boolean, packet: QuicPacket): void {
    this.#begin(fromOrig, packet);
    this.#note(fromOrig, "i");
    if (fromOrig) this.#keyDcid ??= Uint8Array.from(packet.dcid);
    const frames = this.#keyDcid && decryptInitial(packet, this.#keyDcid, fromOrig);
    if (!frames) return;
    this.#decrypted++;
    for (const frame of initialFrames(frames)) {
      if (frame.type === "close") {
        this.#note(fromOrig, "c");
        this.#log();
        return;
      }
      const bytes = this.#sides[fromOrig ? 0 : 1].stream.add(frame.offset, frame.bytes);
      if (bytes) this.#handshake(fromOrig, bytes);
    }
  }

  #handshake(fromOrig: boolean, bytes: Buffer): void {
    const side = this.#sides[fromOrig ? 0 : 1];
    side.message = Buffer.concat([side.message, bytes]).subarray(0, MAX_MESSAGE);
    while (side.message.length >= 4) {
      const length = side.message.readUIntBE(1, 3);
      if (side.message.length < 4 + length) return;
      const type = side.message[0]!;
      const content = side.message.subarray(4, 4 + length);
      side.message = side.message.subarray(4 + length);
      this.#helloSeen = true;
      this.#tls.handshake(fromOrig, type, content);
      if (type === CLIENT_HELLO || type === SERVER_HELLO) this.#note(fromOrig, "s");
      if (type === CLIENT_HELLO) this.#clientHello(content);
    }
  }

  #clientHello(content: Uint8Array): void {
    const hello = readClientHello(content);
    if (!hello || !this.#row) return;
    this.#row.serverName = this.#tls.serverName;
    const protocols = alpnProtocols(hello);
    this.#row.clientProtocol = protocols[0];
    if (protocols.length > 1) this.#c.weird("QUIC_many_protocols", `[${protocols.join(", ")}]`);
  }

  #begin(fromOrig: boolean, { version, dcid, scid }: QuicPacket): void {
    this.#row ??= {
      tsNs: this.#c.nowNs,
      version: quicVersionName(version),
      clientInitialDcid: undefined,
      clientScid: undefined,
      serverScid: undefined,
      serverName: undefined,
      clientProtocol: undefined,
      history: "",
    };
    if (fromOrig && dcid.length > 0) this.#row.clientInitialDcid ??= hexText(dcid);
    if (fromOrig) this.#row.clientScid = hexText(scid);
    else this.#row.serverScid = hexText(scid);
  }

  #note(fromOrig: boolean, letter: string): void {
    const row = this.#row;
    if (row && row.history.length < MAX_HISTORY) row.history += fromOrig ? letter.toUpperCase() : letter;
  }

  #log(): void {
    const row = this.#row;
    if (!row) return;
    this.#row = null;
    this.#c.write(quicLog, {
      ts: row.tsNs,
      version: row.version,
      client_initial_dcid: row.clientInitialDcid,
      client_scid: row.clientScid,
      server_scid: row.serverScid,
      server_name: row.serverName,
      client_protocol: row.clientProtocol,
      history: row.history,
    });
  }
}

const newHandshake = (): Handshake => ({ stream: new CryptoStream(), message: Buffer.alloc(0) });

export const quic: Protocol = {
  app: "quic",
  logs: [quicLog, sslLog],
  open: (connection) => new QuicParser(connection),
};
