/** ssl.log: what a TLS handshake shows, message by message, whatever carries it (TLS records, DTLS, QUIC). */
import type { Certificate } from "./certificate.ts";
import { matchesHost } from "./certificate.ts";
import { Cursor, hexText } from "./cursor.ts";
import { CONNECTION_FIELDS, type LogRow, logSchema } from "./log/schema.ts";
import { tlsAlertName, tlsCipherName, tlsCurveName, tlsVersionName } from "./names/tls.ts";
import type { Connection } from "./protocol.ts";
import { ja3, ja4 } from "./tls-fingerprints.ts";
import {
  alpnProtocols,
  certificatesOf,
  EXTENSION,
  extensionOf,
  type Hello,
  RETRY_RANDOM,
  readClientHello,
  readServerHello,
  serverNames,
} from "./tls-messages.ts";
import { seeCertificate } from "./x509.ts";

export const sslLog = logSchema("ssl", {
  ...CONNECTION_FIELDS,
  version: "string",
  cipher: "string",
  curve: "string",
  server_name: "string",
  resumed: "bool",
  last_alert: "string",
  next_protocol: "string",
  established: "bool",
  ssl_history: "string",
  cert_chain_fps: "vector[string]",
  client_cert_chain_fps: "vector[string]",
  sni_matches_cert: "bool",
  ja3: "string",
  ja4: "string",
});

/** Letters of ssl_history by handshake type, small for the server, capital for the client. */
const LETTERS: Readonly<Record<number, string>> = {
  0: "h",
  1: "c",
  2: "s",
  3: "v",
  4: "t",
  5: "e",
  6: "j",
  8: "o",
  11: "x",
  12: "k",
  13: "r",
  14: "n",
  15: "y",
  16: "g",
  20: "f",
  21: "w",
  22: "u",
  23: "a",
  24: "p",
  254: "m",
};

const MAX_HISTORY = 100;
const NAMED_CURVE = 3;
export const TLS13 = 0x0304;
const DTLS13 = 0xfefc;

export class TlsSession {
  readonly #c: Connection;
  readonly #transport: "t" | "q" | "d";
  readonly #tsNs: bigint;
  #history = "";
  #version: number | undefined;
  #cipher: string | undefined;
  #curve: string | undefined;
  #serverName: string | undefined;
  #sessionId = "";
  #resumed = false;
  #lastAlert: string | undefined;
  #nextProtocol: string | undefined;
  #ticketSeen = false;
  #keyExchangeSeen = false;
  #clientPsk = false;
  #chain: string[] | undefined;
  #clientChain: string[] | undefined;
  #hostCertificate: Certificate | undefined;
  #ja3: string | undefined;
  #ja4: string | undefined;
  #established = false;
  #logged = false;
  #flipped = false;

  constructor(c: Connection, transport: "t" | "q" | "d") {
    this.#c = c;
    this.#transport = transport;
    this.#tsNs = c.nowNs;
  }

  get logged(): boolean {
    return this.#logged;
  }

  /** The version that was agreed on; undefined before. */
  get isTls13(): boolean {
    const version = this.#version ?? 0;
    return version === TLS13 || version === DTLS13 || version >> 8 === 0x7f;
  }

  get serverName(): string | undefined {
    return this.#serverName;
  }

  /** Whether this side of the connection is the client: usually the originator. */
  isClient(fromOrig: boolean): boolean {
    return fromOrig !== this.#flipped;
  }

  /** A whole handshake message. */
  handshake(fromOrig: boolean, type: number, bytes: Uint8Array): void {
    if (type === 1 && !fromOrig && this.#history === "") {
      this.#flipped = true;
      this.#history = "^";
    }
    const client = this.isClient(fromOrig);
    let letter = LETTERS[type] ?? "z";
    if (type === 1) this.#clientHello(readClientHello(bytes, this.#transport === "d"));
    else if (type === 2) {
      const hello = readServerHello(bytes);
      if (hello && hexText(hello.random) === RETRY_RANDOM) letter = "j";
      if (hello) this.#serverHello(hello);
    } else if (type === 11 && !this.isTls13) this.#certificates(client, certificatesOf(bytes));
    else if (type === 12) this.#serverKeyExchange(bytes);
    else if (type === 16 && client) this.#keyExchangeSeen = true;
    this.#note(client, letter);
  }

  changeCipherSpec(fromOrig: boolean): void {
    const client = this.isClient(fromOrig);
    this.#note(client, "i");
    if (client && this.#ticketSeen && !this.#keyExchangeSeen) this.#resumed = true;
  }

  alert(fromOrig: boolean, description: number): void {
    this.#note(this.isClient(fromOrig), "l");
    this.#lastAlert = tlsAlertName(description);
  }

  /** A hello of SSL 2, which has no handshake messages: only that it was seen. */
  ssl2Hello(client: boolean, version: number, cipher?: number): void {
    this.#note(client, client ? "c" : "s");
    if (client) return;
    this.#version ??= version;
    if (cipher !== undefined) this.#cipher = tlsCipherName(cipher);
  }

  heartbeat(fromOrig: boolean): void {
    this.#note(this.isClient(fromOrig), "b");
  }

  /** Both sides encrypt: the handshake is over as far as it can be seen. */
  establish(): void {
    if (this.#established) return;
    this.#established = true;
    this.log();
  }

  /** Writes the row, once. */
  log(): void {
    if (this.#logged) return;
    this.#logged = true;
    const row: LogRow = {
      ts: this.#tsNs,
      version: this.#version === undefined ? undefined : tlsVersionName(this.#version),
      cipher: this.#cipher,
      curve: this.#curve,
      server_name: this.#serverName,
      resumed: this.#resumed,
      last_alert: this.#lastAlert,
      next_protocol: this.#nextProtocol,
      established: this.#established,
      ssl_history: this.#history,
      cert_chain_fps: this.#chain,
      client_cert_chain_fps: this.#chain || this.#clientChain ? (this.#clientChain ?? []) : undefined,
      sni_matches_cert:
        this.#serverName !== undefined && this.#hostCertificate
          ? matchesHost(this.#hostCertificate, this.#serverName)
          : undefined,
      ja3: this.#ja3,
      ja4: this.#ja4,
    };
    this.#c.write(sslLog, row);
  }

  #note(client: boolean, letter: string): void {
    if (this.#logged || this.#history.length >= MAX_HISTORY) return;
    this.#history += client ? letter.toUpperCase() : letter;
  }

  #clientHello(hello: Hello | undefined): void {
    if (!hello) return;
    this.#ticketSeen = (extensionOf(hello, EXTENSION.sessionTicket)?.length ?? 0) > 0;
    this.#clientPsk ||= extensionOf(hello, EXTENSION.preSharedKey) !== undefined;
    if (hello.sessionId.some((byte) => byte !== 0)) {
      this.#sessionId = hexText(hello.sessionId);
      this.#ticketSeen = false;
    }
    const names = serverNames(hello);
    if (names.length > 0) this.#serverName = names[0];
    if (names.length > 1) this.#c.weird("SSL_many_server_names", names.join(","));
    this.#ja3 ??= ja3(hello);
    this.#ja4 ??= ja4(hello, this.#transport);
  }

  #serverHello(hello: Hello): void {
    const chosen = extensionOf(hello, EXTENSION.supportedVersions);
    if (chosen?.length === 2) this.#version = (chosen[0]! << 8) | chosen[1]!;
    this.#version ??= hello.version;
    this.#cipher = tlsCipherName(hello.ciphers[0]!);
    const share = extensionOf(hello, EXTENSION.keyShare);
    if (share && share.length >= 2) this.#curve = tlsCurveName((share[0]! << 8) | share[1]!);
    const protocols = alpnProtocols(hello);
    if (protocols.length > 0) this.#nextProtocol = protocols[0];
    if (this.#sessionId !== "" && this.#sessionId === hexText(hello.sessionId) && !this.isTls13) this.#resumed = true;
    if (this.#clientPsk && extensionOf(hello, EXTENSION.preSharedKey) !== undefined) this.#resumed = true;
  }

  #serverKeyExchange(bytes: Uint8Array): void {
    const c = new Cursor(bytes);
    if (!/_(?:EC)?DHE?_|ECDH/.test(this.#cipher ?? "") || !(this.#cipher ?? "").includes("ECDH")) return;
    if (c.u8() === NAMED_CURVE) this.#curve = tlsCurveName(c.u16());
  }

  #certificates(client: boolean, chain: readonly Uint8Array[]): void {
    if (this.#logged) return;
    const seen = chain.map((der, index) => seeCertificate(this.#c, der, index === 0, client));
    if (seen.length === 0) return;
    const prints = seen.map(({ fingerprint }) => fingerprint);
    if (client) this.#clientChain = prints;
    else {
      this.#chain = prints;
      this.#hostCertificate = seen[0]!.certificate;
    }
    this.#chain ??= [];
  }
}
