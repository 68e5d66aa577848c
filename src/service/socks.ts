/** SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): what a proxy was asked for, as socks.log; what it then carries is parsed on. */
import { addressText } from "./addresses.ts";
import { Cursor, latin1 } from "./cursor.ts";
import { CONNECTION_FIELDS, type LogRow, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";

export const socksLog = logSchema("socks", {
  ...CONNECTION_FIELDS,
  version: "count",
  user: "string",
  password: "string",
  status: "string",
  "request.host": "addr",
  "request.name": "string",
  request_p: "port",
  "bound.host": "addr",
  "bound.name": "string",
  bound_p: "port",
});

const STATUS_5 = [
  "succeeded",
  "general SOCKS server failure",
  "connection not allowed by ruleset",
  "Network unreachable",
  "Host unreachable",
  "Connection refused",
  "TTL expired",
  "Command not supported",
  "Address type not supported",
];
const STATUS_4: Readonly<Record<number, string>> = {
  90: "succeeded",
  91: "general SOCKS server failure",
  92: "request failed because client is not running identd",
  93: "request failed because client's identd could not confirm the user ID string in the request",
};
const MAX_BUFFER = 4096;

class SocksParser implements Parser {
  readonly #c: Connection;
  readonly #rest: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];
  readonly #row: Record<string, LogRow[string]> = {};
  #client: "greeting" | "password" | "request" | "done" = "greeting";
  #server: "method" | "password" | "reply" = "method";

  constructor(c: Connection) {
    this.#c = c;
    this.#row.ts = c.nowNs;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    const index = fromOrig ? 0 : 1;
    this.#rest[index] = Buffer.concat([this.#rest[index], bytes]).subarray(0, MAX_BUFFER);
    for (;;) {
      const rest = this.#rest[index];
      if (rest.length === 0) return;
      const used = fromOrig ? this.#clientMessage(rest) : this.#serverMessage(rest);
      if (used === 0) return;
      this.#rest[index] = rest.subarray(used);
    }
  }

  end(): void {
    if (this.#row.version !== undefined && !this.#logged) this.#log();
  }

  #logged = false;

  #log(): void {
    this.#logged = true;
    this.#c.write(socksLog, this.#row);
  }

  #clientMessage(bytes: Buffer): number {
    if (this.#client === "done") return 0;
    if (this.#client === "greeting") return bytes[0] === 4 ? this.#request4(bytes) : this.#greeting5(bytes);
    return this.#client === "password" ? this.#credentials(bytes) : this.#request5(bytes);
  }

  /** VN CD DSTPORT DSTIP USERID 0 [name 0] */
  #request4(bytes: Buffer): number {
    const userEnd = bytes.indexOf(0, 8);
    if (bytes.length < 9 || userEnd < 0) return 0;
    const named = bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] !== 0;
    const nameEnd = named ? bytes.indexOf(0, userEnd + 1) : userEnd;
    if (nameEnd < 0) return 0;
    Object.assign(this.#row, {
      version: 4,
      request_p: bytes.readUInt16BE(2),
      user: latin1(bytes.subarray(8, userEnd)) || undefined,
    });
    if (named) this.#row["request.name"] = latin1(bytes.subarray(userEnd + 1, nameEnd));
    else this.#row["request.host"] = addressText(bytes.subarray(4, 8));
    this.#client = "done";
    this.#server = "reply";
    return nameEnd + 1;
  }

  #greeting5(bytes: Buffer): number {
    if (bytes.length < 2 || bytes.length < 2 + bytes[1]!) return 0;
    this.#row.version = 5;
    this.#client = "request";
    return 2 + bytes[1]!;
  }

  #credentials(bytes: Buffer): number {
    const c = new Cursor(bytes, 1);
    const user = c.text(c.u8());
    c.skip(c.u8());
    if (!c.ok) return 0;
    this.#row.user = user;
    this.#client = "request";
    return c.at;
  }

  #request5(bytes: Buffer): number {
    const end = this.#endpoint(bytes, "request", "request_p");
    if (end > 0) this.#client = "done";
    return end;
  }

  /** VER CMD|REP RSV ATYP address port; returns its size, 0 while it is not whole. */
  #endpoint(bytes: Buffer, prefix: "request" | "bound", portField: string): number {
    const c = new Cursor(bytes, 3);
    const type = c.u8();
    const named = type === 3;
    const address = c.take(named ? c.u8() : type === 4 ? 16 : 4);
    const port = c.u16();
    if (!c.ok) return 0;
    this.#row[`${prefix}.${named ? "name" : "host"}`] = named ? latin1(address) : addressText(address);
    this.#row[portField] = port;
    return c.at;
  }

  #serverMessage(bytes: Buffer): number {
    if (this.#server === "method" || this.#server === "password") {
      if (bytes.length < 2) return 0;
      if (this.#server === "method" && bytes[1] === 2) {
        this.#server = "password";
        if (this.#client === "request") this.#client = "password";
      } else this.#server = "reply";
      return 2;
    }
    if (this.#row.version === 4) {
      if (bytes.length < 8) return 0;
      this.#row.status = STATUS_4[bytes[1]!] ?? `unknown-${bytes[1]}`;
      this.#row["bound.host"] = addressText(bytes.subarray(4, 8));
      this.#row.bound_p = bytes.readUInt16BE(2);
      return this.#established(bytes, 8);
    }
    const end = this.#endpoint(bytes, "bound", "bound_p");
    if (end === 0) return 0;
    this.#row.status = STATUS_5[bytes[1]!] ?? `unknown-${bytes[1]}`;
    return this.#established(bytes, end);
  }

  /** The tunnel is open: what follows is another protocol. */
  #established(bytes: Buffer, end: number): number {
    this.#log();
    const rest = bytes.subarray(end);
    this.#c.become("tunnelled", false, rest);
    return 0;
  }
}

export const socks: Protocol = { app: "socks", logs: [socksLog], open: (c) => new SocksParser(c) };
