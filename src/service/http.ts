/** HTTP/1 (RFC 9112): requests matched with their replies, as http.log; bodies as files. */
import { Body, type Framing } from "./http-body.ts";
import { Lines } from "./lines.ts";
import { CONNECTION_FIELDS, type LogRow, logSchema } from "./log/schema.ts";
import { fileNameOf, holdsEntities, MimeBody, type MimeHeaders } from "./mime-body.ts";
import type { CarriedFile, Connection, Parser, Protocol } from "./protocol.ts";

export const httpLog = logSchema("http", {
  ...CONNECTION_FIELDS,
  trans_depth: "count",
  method: "string",
  host: "string",
  uri: "string",
  referrer: "string",
  version: "string",
  user_agent: "string",
  origin: "string",
  request_body_len: "count",
  response_body_len: "count",
  status_code: "count",
  status_msg: "string",
  info_code: "count",
  info_msg: "string",
  tags: "set[enum]",
  username: "string",
  password: "string",
  proxied: "set[string]",
  orig_fuids: "vector[string]",
  orig_filenames: "vector[string]",
  orig_mime_types: "vector[string]",
  resp_fuids: "vector[string]",
  resp_filenames: "vector[string]",
  resp_mime_types: "vector[string]",
});

const KNOWN_METHODS = new Set(
  "GET POST HEAD OPTIONS PUT DELETE TRACE CONNECT PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK POLL REPORT SUBSCRIBE BMOVE SEARCH".split(
    " ",
  ),
);
const PROXY_HEADERS = new Set(
  "FORWARDED X-FORWARDED-FOR X-FORWARDED-FROM CLIENT-IP VIA XROXY-CONNECTION PROXY-CONNECTION".split(" "),
);
/** Of one side of one message, in the log. */
const MAX_FILES = 15;
/** Requests without a reply that are remembered; more are logged as they are. */
const MAX_PENDING = 100;
const MAX_HEADERS = 500;

type Transaction = Record<string, LogRow[string]>;

/** One side's message while it is read. */
interface Message {
  readonly transaction: Transaction;
  readonly headers: Map<string, string>;
  /** Of a request its method, of a reply the method it answers. */
  readonly method: string;
  readonly status: number;
  body: Body | null;
}

class Side {
  readonly lines: Lines;
  message: Message | null = null;
  lastHeader = "";
  /** Nothing more of this side can be understood. */
  lost = false;

  constructor(onLine: (line: string) => void) {
    this.lines = new Lines(onLine);
  }
}

class HttpParser implements Parser {
  readonly #c: Connection;
  readonly #request = new Side((line) => this.#line(true, line));
  readonly #reply = new Side((line) => this.#line(false, line));
  /** Transactions that are not logged yet, by ordinal. */
  readonly #pending = new Map<number, Transaction>();
  /** Ordinals of requests without a version. */
  readonly #bareRequests = new Set<number>();
  readonly #entities: [Entity | null, Entity | null] = [null, null];
  #currentRequest = 0;
  #currentReply = 0;
  #depth = 0;

  constructor(connection: Connection) {
    this.#c = connection;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    const side = fromOrig ? this.#request : this.#reply;
    if (!side.lost) side.lines.data(bytes);
  }

  gap(fromOrig: boolean, length: number): void {
    const side = fromOrig ? this.#request : this.#reply;
    const body = side.message?.body;
    if (body?.gap(length)) {
      this.#entities[fromOrig ? 0 : 1]?.gap(length);
      if (body.done) this.#messageDone(fromOrig);
      return;
    }
    side.lost = true;
  }

  end(): void {
    for (const fromOrig of [true, false]) {
      const side = fromOrig ? this.#request : this.#reply;
      if (!fromOrig && !side.message && side.lines.pending !== "") side.lines.data(Buffer.from("\n"));
      if (side.message) this.#messageDone(fromOrig);
    }
    for (const transaction of this.#pending.values()) this.#c.write(httpLog, transaction);
    this.#pending.clear();
  }

  #line(fromOrig: boolean, line: string): void {
    const side = fromOrig ? this.#request : this.#reply;
    if (side.message) this.#header(side, fromOrig, line);
    else if (fromOrig) this.#requestLine(line);
    else this.#statusLine(line);
  }

  #requestLine(line: string): void {
    if (line === "") return;
    const match = /^([A-Za-z][A-Za-z-]*)[ \t]+(.*?)(?:[ \t]+HTTP\/?[ \t]*([0-9.]*))?[ \t]*$/.exec(line);
    if (!match) {
      this.#c.weird("bad_HTTP_request");
      this.#request.lost = true;
      return;
    }
    const method = match[1]!;
    if (this.#currentRequest < this.#currentReply) {
      this.#c.weird("HTTP_response_before_request");
      this.#currentRequest = this.#currentReply;
    }
    if (this.#pending.size > MAX_PENDING) this.#flushPending();
    this.#currentRequest++;
    const transaction = this.#transaction(this.#currentRequest);
    transaction.method = method;
    transaction.uri = this.#unescape(match[2]!);
    if (!KNOWN_METHODS.has(method)) this.#c.weird("unknown_HTTP_method", method);
    this.#request.message = { transaction, headers: new Map(), method, status: 0, body: null };
    this.#request.lastHeader = "";
    // HTTP/0.9 has a request line and no more.
    if (match[3] !== undefined) return;
    if (this.#bareRequests.size < MAX_PENDING) this.#bareRequests.add(this.#currentRequest);
    this.#headersDone(this.#request, true);
  }

  #flushPending(): void {
    this.#c.weird("HTTP_excessive_pipelining");
    for (const transaction of this.#pending.values()) this.#c.write(httpLog, transaction);
    this.#pending.clear();
    this.#currentReply = this.#currentRequest;
  }

  #statusLine(line: string): void {
    const match = /^HTTP\/([0-9.]+)[ \t]+(\d{3})[ \t]*(.*?)[ \t]*$/.exec(line);
    if (!match && (line === "" || !this.#expectsBareReply())) {
      if (line !== "") this.#reply.lost = true;
      return;
    }
    const last = this.#pending.get(this.#currentReply);
    if (!last || (last.status_code !== undefined && !isInformational(last.status_code as number))) this.#currentReply++;
    const transaction = this.#transaction(this.#currentReply);
    const status = match ? Number(match[2]) : 0;
    transaction.status_code = status;
    transaction.status_msg = match?.[3] || "<empty>";
    transaction.version = match?.[1] ?? "0.9";
    if (isInformational(status)) {
      transaction.info_code = status;
      transaction.info_msg = transaction.status_msg;
    }
    const method = (transaction.method as string | undefined) ?? "";
    this.#reply.message = { transaction, headers: new Map(), method, status, body: null };
    this.#reply.lastHeader = "";
    if (match) return;
    // A reply without a status line is its own body until the end.
    this.#startBody(this.#reply, false, { kind: "close" });
    this.#reply.message.body?.take(Buffer.from(`${line}\n`, "latin1"));
  }

  /** Whether the request that is to be answered was one of HTTP/0.9. */
  #expectsBareReply(): boolean {
    return this.#bareRequests.has(this.#currentReply + 1);
  }

  #transaction(ordinal: number): Transaction {
    let transaction = this.#pending.get(ordinal);
    if (!transaction) {
      this.#depth++;
      transaction = {
        ts: this.#c.nowNs,
        trans_depth: this.#depth,
        request_body_len: 0,
        response_body_len: 0,
        tags: [],
      };
      this.#pending.set(ordinal, transaction);
    }
    return transaction;
  }

  #header(side: Side, fromOrig: boolean, line: string): void {
    const message = side.message!;
    if (line === "") {
      if (fromOrig) this.#logRequestHeaders(message);
      this.#headersDone(side, fromOrig);
      return;
    }
    if (/^[ \t]/.test(line) && side.lastHeader !== "") {
      message.headers.set(side.lastHeader, `${message.headers.get(side.lastHeader)}${line.trim()}`);
      return;
    }
    const colon = line.indexOf(":");
    if (colon < 0 || message.headers.size > MAX_HEADERS) return;
    const name = line.slice(0, colon).trim().toUpperCase();
    side.lastHeader = name;
    const value = line.slice(colon + 1).trim();
    message.headers.set(name, value);
    if (fromOrig && PROXY_HEADERS.has(name)) {
      const proxied = (message.transaction.proxied ??= []) as string[];
      if (!proxied.includes(`${name} -> ${value}`)) proxied.push(`${name} -> ${value}`);
    }
  }

  #logRequestHeaders({ headers, transaction }: Message): void {
    transaction.referrer = headers.get("REFERER");
    transaction.host = headers.get("HOST");
    transaction.origin = headers.get("ORIGIN");
    transaction.user_agent = headers.get("USER-AGENT");
    const authorization = headers.get("AUTHORIZATION") ?? headers.get("PROXY-AUTHORIZATION");
    const basic = authorization === undefined ? null : /^basic[ \t]+(.*)$/i.exec(authorization);
    if (!basic) return;
    const decoded = Buffer.from(basic[1]!.trim(), "base64").toString("latin1");
    const colon = decoded.indexOf(":");
    transaction.username = colon < 0 ? `<problem-decoding> (${authorization})` : decoded.slice(0, colon);
  }

  #headersDone(side: Side, fromOrig: boolean): void {
    this.#startBody(side, fromOrig, framingOf(side.message!, fromOrig));
    if (side.message?.body?.done) this.#messageDone(fromOrig);
  }

  #startBody(side: Side, fromOrig: boolean, framing: Framing): void {
    const message = side.message!;
    const entity = new Entity(this.#c, message.transaction, message.headers, fromOrig);
    const body = new Body(framing, message.headers.get("CONTENT-ENCODING") ?? "", (bytes) => entity.data(bytes));
    message.body = body;
    side.lines.raw = (bytes) => {
      const taken = body.take(bytes);
      if (body.done) this.#messageDone(fromOrig);
      return taken;
    };
    this.#entities[fromOrig ? 0 : 1] = entity;
  }

  #messageDone(fromOrig: boolean): void {
    const side = fromOrig ? this.#request : this.#reply;
    const message = side.message!;
    side.message = null;
    side.lines.raw = null;
    const entity = this.#entities[fromOrig ? 0 : 1];
    this.#entities[fromOrig ? 0 : 1] = null;
    entity?.end();
    const { transaction } = message;
    const length = (message.body?.length ?? 0) + (entity?.impliedBytes ?? 0);
    if (fromOrig) {
      transaction.request_body_len = length;
      return;
    }
    transaction.response_body_len = length;
    if (!isInformational(message.status)) {
      this.#pending.delete(this.#currentReply);
      this.#c.write(httpLog, transaction);
    }
    if (message.method === "CONNECT" && message.status === 200) this.#c.become("tunnelled");
    else if (message.status === 101) this.#tunnel();
  }

  /** The connection goes on in another protocol. */
  #tunnel(): void {
    this.#request.lost = true;
    this.#reply.lost = true;
  }

  /** The URI without %-escapes, as http.log has it. */
  #unescape(uri: string): string {
    return uri.replace(/%(?:([0-9a-fA-F]{2})|%)?/g, (all, hex: string | undefined) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      this.#c.weird(all === "%%" ? "double_%_in_URI" : "illegal_%_at_end_of_URI");
      return "%";
    });
  }
}

const isInformational = (status: number): boolean => status >= 100 && status <= 199;

function framingOf({ headers, method, status }: Message, fromOrig: boolean): Framing {
  if (!fromOrig && (method === "HEAD" || isInformational(status) || status === 204 || status === 304))
    return { kind: "none" };
  if (!fromOrig && method === "CONNECT" && status === 200) return { kind: "none" };
  if (/chunked/i.test(headers.get("TRANSFER-ENCODING") ?? "")) return { kind: "chunked" };
  const length = /^\d+$/.test(headers.get("CONTENT-LENGTH") ?? "") ? Number(headers.get("CONTENT-LENGTH")) : null;
  if (length !== null) return { kind: "length", length };
  return fromOrig || status >= 400 ? { kind: "none" } : { kind: "close" };
}

/** A body as one file, or as one for each entity in it. */
class Entity {
  readonly #c: Connection;
  readonly #transaction: Transaction;
  readonly #prefix: "orig" | "resp";
  readonly #headers: MimeHeaders;
  readonly #entities: MimeBody | null;
  #file: CarriedFile | null = null;
  #lastByte = -1;

  constructor(c: Connection, transaction: Transaction, headers: MimeHeaders, fromOrig: boolean) {
    this.#c = c;
    this.#transaction = transaction;
    this.#prefix = fromOrig ? "orig" : "resp";
    this.#headers = headers;
    let inner: MimeHeaders = headers;
    this.#entities = holdsEntities(headers.get("CONTENT-TYPE") ?? "")
      ? new MimeBody(headers, {
          begin: (entityHeaders) => {
            inner = entityHeaders;
          },
          data: (bytes) => this.#fileData(bytes, inner),
          end: () => this.#endFile(),
        })
      : null;
  }

  data(bytes: Uint8Array): void {
    this.#lastByte = bytes.at(-1) ?? this.#lastByte;
    if (this.#entities) this.#entities.data(bytes);
    else this.#fileData(bytes, this.#headers);
  }

  /** The line end that Zeek counts where entities do not end with one: it reads them line by line. */
  get impliedBytes(): number {
    return this.#entities && this.#lastByte !== 0x0a && this.#lastByte !== -1 ? 2 : 0;
  }

  gap(length: number): void {
    this.#file?.gap(length);
  }

  end(): void {
    this.#entities?.end();
    this.#endFile();
  }

  #fileData(bytes: Uint8Array, headers: MimeHeaders): void {
    this.#file ??= this.#begin(headers);
    this.#file.data(bytes);
  }

  #begin(headers: MimeHeaders): CarriedFile {
    const file = this.#c.file("HTTP", this.#prefix === "orig");
    file.filename = fileNameOf(headers);
    this.#add("fuids", file.fuid);
    this.#add("filenames", file.filename);
    return file;
  }

  #endFile(): void {
    if (!this.#file) return;
    this.#add("mime_types", this.#file.mimeType);
    this.#file.end();
    this.#file = null;
  }

  #add(name: "fuids" | "filenames" | "mime_types", value: string | undefined): void {
    if (value === undefined) return;
    const list = (this.#transaction[`${this.#prefix}_${name}`] ??= []) as string[];
    if (list.length < MAX_FILES) list.push(value);
  }
}

export const http: Protocol = { app: "http", logs: [httpLog], open: (connection) => new HttpParser(connection) };
