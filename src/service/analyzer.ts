/**
 * Application payload into protocol logs: one parser a connection, chosen by the application that the engine recognised.
 * Payload comes in the order of each stream; nothing is kept of a connection after its end.
 */
import { FileLog } from "./files.ts";
import type { LogRow, LogSchema } from "./log/schema.ts";
import type { CarriedFile, Connection, Endpoints, Parser, SharedState } from "./protocol.ts";
import { protocolOf } from "./protocols.ts";
import { weirdLog } from "./weird.ts";

export interface AnalyzerOutput {
  write(schema: LogSchema, row: LogRow): void;
}

export interface AnalyzerOptions {
  /** Hash carried files (files.log: md5, sha1, sha256). */
  readonly hashFiles?: boolean;
}

/** How often a connection may change to another protocol. */
const MAX_CHANGES = 10;
/** The same oddity is reported once a connection, and in all this many different ones a connection. */
const MAX_WEIRDS = 20;

class OpenConnection implements Connection {
  readonly #analyzer: ServiceAnalyzer;
  readonly uid: string;
  readonly origHost: string;
  readonly origPort: number;
  readonly respHost: string;
  readonly respPort: number;
  readonly transport: "tcp" | "udp";
  readonly #weirds = new Set<string>();
  readonly #files = new Set<CarriedFile>();
  #fileOrdinal = 0;
  #changes = 0;
  parser: Parser | null = null;

  constructor(analyzer: ServiceAnalyzer, endpoints: Endpoints) {
    this.#analyzer = analyzer;
    this.uid = endpoints.uid;
    this.origHost = endpoints.origHost;
    this.origPort = endpoints.origPort;
    this.respHost = endpoints.respHost;
    this.respPort = endpoints.respPort;
    this.transport = endpoints.transport;
  }

  get nowNs(): bigint {
    return this.#analyzer.nowNs;
  }

  write(schema: LogSchema, row: LogRow): void {
    this.#analyzer.output.write(schema, {
      uid: this.uid,
      "id.orig_h": this.origHost,
      "id.orig_p": this.origPort,
      "id.resp_h": this.respHost,
      "id.resp_p": this.respPort,
      ...row,
    });
  }

  weird(name: string, addl?: string): void {
    if (this.#weirds.has(name) || this.#weirds.size >= MAX_WEIRDS) return;
    this.#weirds.add(name);
    this.write(weirdLog, { ts: this.nowNs, name, addl, notice: false, peer: "tapscope" });
  }

  become(app: string, fromOrig = true, rest?: Uint8Array): void {
    if (++this.#changes > MAX_CHANGES) return;
    this.parser?.end?.();
    this.parser = protocolOf(app)?.open(this) ?? null;
    if (rest && rest.length > 0) this.parser?.data(fromOrig, rest);
  }

  file(source: string, fromOrig: boolean): CarriedFile {
    return this.#analyzer.files.begin(this, source, fromOrig, this.#fileOrdinal++);
  }

  shared<T extends SharedState>(name: string, create: () => T): T {
    return this.#analyzer.shared(name, create);
  }

  end(): void {
    this.parser?.end?.();
    this.parser = null;
    for (const file of this.#files) file.end();
  }
}

export class ServiceAnalyzer {
  readonly output: AnalyzerOutput;
  readonly files: FileLog;
  nowNs = 0n;
  readonly #connections = new Map<number, OpenConnection>();
  readonly #shared = new Map<string, SharedState>();

  constructor(output: AnalyzerOutput, options: AnalyzerOptions = {}) {
    this.output = output;
    this.files = new FileLog(output, options.hashFiles === true, () => this.nowNs);
  }

  /** Time of the packet at hand. */
  now(ns: bigint): void {
    this.nowNs = ns;
  }

  /** A connection's payload begins; `app` is the application's name in the engine's table. */
  begin(id: number, endpoints: Endpoints, app: string): void {
    const connection = new OpenConnection(this, endpoints);
    connection.parser = protocolOf(app)?.open(connection) ?? null;
    if (connection.parser) this.#connections.set(id, connection);
  }

  data(id: number, fromOrig: boolean, bytes: Uint8Array, ns: bigint): void {
    this.nowNs = ns;
    this.#connections.get(id)?.parser?.data(fromOrig, bytes);
  }

  gap(id: number, fromOrig: boolean, length: number, ns: bigint): void {
    this.nowNs = ns;
    this.#connections.get(id)?.parser?.gap?.(fromOrig, length);
  }

  end(id: number): void {
    this.#connections.get(id)?.end();
    this.#connections.delete(id);
  }

  finish(): void {
    for (const id of [...this.#connections.keys()]) this.end(id);
    for (const state of this.#shared.values()) state.finish();
    this.files.finish();
  }

  shared<T extends SharedState>(name: string, create: () => T): T {
    let state = this.#shared.get(name);
    if (!state) {
      state = create();
      this.#shared.set(name, state);
    }
    return state as T;
  }
}
