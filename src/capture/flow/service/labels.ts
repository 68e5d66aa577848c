/**
 * Which application protocol each connection speaks, from the first bytes it carries; a number per row, a name where a
 * client asks for one. Once a row is decided, a packet costs a comparison.
 */
import {
  NEXT_NONE,
  type Packet,
  TCP,
  TUNNEL_AYIYA,
  TUNNEL_GENEVE,
  TUNNEL_GTPU,
  TUNNEL_TEREDO,
  TUNNEL_VXLAN,
  UDP,
} from "../../decode/packet.ts";
import type { FlowLabels } from "../record.ts";
import type { FlowTable } from "../table.ts";
import { APPS, type App, type AppNumber, appNumber, appOfPort } from "./apps.ts";
import { startsWith } from "./bytes.ts";
import { queryName } from "./dns.ts";
import { ftpDataEnd } from "./ftp.ts";
import { asksForWebsocket, host, isHttpRequest } from "./http.ts";
import { ClientHandshake } from "./quic.ts";
import { tcpApp } from "./tcp-apps.ts";
import { helloGoesOn, isTls, serverName } from "./tls.ts";
import { udpApp } from "./udp-apps.ts";

/** Packets with payload that are looked at before a connection is given up, and before a change to TLS is. */
const MAX_TRIES = 6;
const MAX_TRIES_FOR_TLS = 24;
const DONE = 255;
/** Data connections FTP has announced and nobody has opened. */
const MAX_EXPECTED = 10_000;
/** ClientHellos that are being put together, and bytes of each. */
const MAX_HELLOS = 10_000;
const MAX_HELLO = 16_384;

const FTP = appNumber("ftp");
const FTP_DATA = appNumber("ftp-data");
const HTTP = appNumber("http");
const QUIC = appNumber("quic");
const TLS = appNumber("tls");
const WEBSOCKET = appNumber("websocket");
/** Whose messages carry a name that is asked for. */
const NAMED_BY_DNS = new Set(["dns", "mdns", "llmnr"].map(appNumber));
/** What may change to TLS in mid-connection (STARTTLS, CONNECT). */
const MAY_CHANGE = new Set(
  ["smtp", "pop3", "imap", "ftp", "ldap-tcp", "xmpp", "http", "postgres", "irc"].map(appNumber),
);

const OF_TUNNEL = new Map<number, AppNumber>([
  [TUNNEL_VXLAN, appNumber("vxlan")],
  [TUNNEL_GENEVE, appNumber("geneve")],
  [TUNNEL_GTPU, appNumber("gtpv1")],
  [TUNNEL_TEREDO, appNumber("teredo")],
  [TUNNEL_AYIYA, appNumber("ayiya")],
]);

interface Hello {
  readonly bytes: Buffer;
  /** The sequence number with which it goes on. */
  readonly nextSeq: number;
}

export class ServiceLabels implements FlowLabels {
  readonly #table: FlowTable;
  #capacity = 1024;
  /** Which connection of the row is told of, one above `generation`; 0 for none. */
  #known = new Uint32Array(1024);
  #apps = new Uint8Array(1024);
  /** Packets with payload looked at, or DONE. */
  #tries = new Uint8Array(1024);
  /** It changed to TLS. */
  #changed = new Uint8Array(1024);
  readonly #names: (string | undefined)[] = [];
  /** ClientHellos that go on in another segment. */
  readonly #hellos = new Map<number, Hello>();
  /** The same of QUIC. */
  readonly #handshakes = new Map<number, ClientHandshake>();
  /** Where FTP said that data will be sent, as `end` makes one number of it; and the ports of all that were ever expected. */
  readonly #expected = new Set<number>();
  readonly #expectedPorts = new Uint8Array(65_536);

  constructor(table: FlowTable) {
    this.#table = table;
  }

  /** Looks at one packet of a row, if there is still something to find out. */
  look(row: number, p: Packet): void {
    if (row >= this.#capacity) this.#grow(row);
    const generation = this.#table.generation(row) + 1;
    if (this.#known[row] !== generation) this.#begin(row, generation);
    if (this.#tries[row] === DONE) return;
    if (p.innerKind !== NEXT_NONE && p.ipProto === UDP) {
      this.#apps[row] = OF_TUNNEL.get(p.innerTunnel) ?? 0;
      this.#tries[row] = DONE;
      return;
    }
    if (p.payloadCaptured > 0) this.#examine(row, p);
  }

  /** Zeek's names, several joined by a comma; undefined for none. */
  service(row: number): string | undefined {
    const app = this.#app(row);
    const service = (APPS[app] as App).service;
    if (service === undefined) return undefined;
    return this.#changed[row] === 1 ? `${service},ssl` : service;
  }

  app(row: number): string | undefined {
    const app = this.#app(row) || this.#guess(row);
    return app === 0 ? undefined : APPS[app]!.app;
  }

  basis(row: number): string | undefined {
    const app = this.#app(row);
    if (app !== 0) return app === FTP_DATA ? "parent" : "payload";
    return this.#guess(row) !== 0 ? "port" : undefined;
  }

  serverName(row: number): string | undefined {
    return this.#current(row) ? this.#names[row] : undefined;
  }

  #current(row: number): boolean {
    return row < this.#capacity && this.#known[row] === this.#table.generation(row) + 1;
  }

  #app(row: number): AppNumber {
    return this.#current(row) ? this.#apps[row]! : 0;
  }

  /** By the responder's port, for a connection that carried nothing to look at. */
  #guess(row: number): AppNumber {
    const table = this.#table;
    const protocol = table.protocol(row);
    if (protocol !== TCP && protocol !== UDP) return 0;
    if (table.payloadBytes(row, true) + table.payloadBytes(row, false) > 0) return 0;
    return appOfPort(protocol === TCP ? "tcp" : "udp", table.port(row, false));
  }

  #begin(row: number, generation: number): void {
    this.#known[row] = generation;
    this.#apps[row] = 0;
    this.#tries[row] = 0;
    this.#changed[row] = 0;
    this.#names[row] = undefined;
    if (this.#hellos.size > 0) this.#hellos.delete(row);
    if (this.#handshakes.size > 0) this.#handshakes.delete(row);
    const port = this.#table.port(row, false);
    if (this.#expectedPorts[port] === 1 && this.#expected.delete(this.#end(row, false, port))) {
      this.#apps[row] = FTP_DATA;
      this.#tries[row] = DONE;
    }
  }

  /** An address of a row and a port as one number; IPv6 addresses may, rarely, share one. */
  #end(row: number, orig: boolean, port: number): number {
    const table = this.#table;
    let address = table.addressWord(row, orig, 0);
    if (table.isV6(row)) for (let word = 1; word < 4; word++) address ^= table.addressWord(row, orig, word);
    return (address >>> 0) * 65_536 + port;
  }

  /** Notes where a command or reply of FTP says that a data connection will go. */
  #expectData(row: number, p: Packet): void {
    const end = ftpDataEnd(p.data, p.payload, p.payload + p.payloadCaptured);
    if (!end || this.#expected.size >= MAX_EXPECTED) return;
    const fromOrig = p.srcPort === this.#table.port(row, true);
    this.#expected.add(end.ipv4 === undefined ? this.#end(row, fromOrig, end.port) : end.ipv4 * 65_536 + end.port);
    this.#expectedPorts[end.port] = 1;
  }

  #examine(row: number, p: Packet): void {
    const tries = this.#tries[row]! + 1;
    this.#tries[row] = tries;
    let app = this.#apps[row]!;
    if (app === 0) {
      app = p.ipProto === TCP ? tcpApp(p) : p.ipProto === UDP ? udpApp(p) : 0;
      if (app === 0) {
        if (tries >= MAX_TRIES || (p.ipProto !== TCP && p.ipProto !== UDP)) this.#tries[row] = DONE;
        return;
      }
      this.#apps[row] = app;
    }
    this.#details(row, app, p, tries);
  }

  /** What else there is to know once the app is: a name, a change to TLS. */
  #details(row: number, app: AppNumber, p: Packet, tries: number): void {
    const { data, payload: at } = p;
    const end = at + p.payloadCaptured;
    if (NAMED_BY_DNS.has(app)) {
      this.#name(row, queryName(data, at + (p.ipProto === TCP ? 2 : 0), end));
      this.#tries[row] = DONE;
    } else if (app === TLS) {
      if (this.#helloName(row, p) || tries >= MAX_TRIES) {
        this.#tries[row] = DONE;
        this.#hellos.delete(row);
      }
    } else if (app === QUIC) {
      if (this.#quicName(row, p) || tries >= MAX_TRIES) {
        this.#tries[row] = DONE;
        this.#handshakes.delete(row);
      }
    } else if (MAY_CHANGE.has(app)) {
      if (app === FTP) {
        this.#expectData(row, p);
        // Transfers may be agreed upon as long as the connection lasts.
        if (this.#changed[row] === 0) this.#tries[row] = Math.min(tries, MAX_TRIES_FOR_TLS - 1);
      }
      if (tries > 1 && isTls(data, at, end)) {
        this.#changed[row] = 1;
        this.#name(row, serverName(data, at, end));
        this.#tries[row] = DONE;
      } else if (app === HTTP && isHttpRequest(data, at, end)) {
        this.#name(row, host(data, at, end));
        if (asksForWebsocket(data, at, end)) this.#apps[row] = WEBSOCKET;
        // Only after CONNECT may TLS follow.
        if (!startsWith(data, at, end, "CONNECT ")) this.#tries[row] = DONE;
      }
      if (this.#tries[row]! >= MAX_TRIES_FOR_TLS) this.#tries[row] = DONE;
    } else this.#tries[row] = DONE;
  }

  /** Looks for the name in a ClientHello, which may need several segments; true when it is found, or cannot be any more. */
  #helloName(row: number, p: Packet): boolean {
    const { data, payload: at, payloadCaptured, payloadLength, tcpSeq } = p;
    const end = at + payloadCaptured;
    if (this.#name(row, serverName(data, at, end))) return true;
    const begun = this.#hellos.get(row);
    if (payloadCaptured < payloadLength) return false;
    if (begun ? tcpSeq >>> 0 !== begun.nextSeq : !helloGoesOn(data, at, end)) return false;
    const segment = data.subarray(at, end);
    const bytes = begun ? Buffer.concat([begun.bytes, segment]) : Buffer.from(segment);
    if (this.#name(row, serverName(bytes, 0, bytes.length))) return true;
    if (!helloGoesOn(bytes, 0, bytes.length) || bytes.length > MAX_HELLO) return true;
    if (!begun && this.#hellos.size >= MAX_HELLOS) return false;
    this.#hellos.set(row, { bytes, nextSeq: (tcpSeq + payloadLength) >>> 0 });
    return false;
  }

  /** Looks for the name in what a client of QUIC sends first; true when it is found. */
  #quicName(row: number, p: Packet): boolean {
    if (p.srcPort !== this.#table.port(row, true)) return false;
    let handshake = this.#handshakes.get(row);
    if (!handshake) {
      if (this.#handshakes.size >= MAX_HELLOS) return false;
      handshake = new ClientHandshake();
      this.#handshakes.set(row, handshake);
    }
    return this.#name(row, handshake.add(p.data, p.payload, p.payload + p.payloadCaptured));
  }

  /** Keeps the first name. */
  #name(row: number, name: string | undefined): boolean {
    if (name === undefined) return false;
    this.#names[row] ??= name;
    return true;
  }

  #grow(row: number): void {
    while (this.#capacity <= row) this.#capacity *= 2;
    const known = new Uint32Array(this.#capacity);
    known.set(this.#known);
    this.#known = known;
    const grown = (column: Uint8Array) => {
      const larger = new Uint8Array(this.#capacity);
      larger.set(column);
      return larger;
    };
    this.#apps = grown(this.#apps);
    this.#tries = grown(this.#tries);
    this.#changed = grown(this.#changed);
  }
}
