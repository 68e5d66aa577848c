/** MySQL's client/server protocol (MySQL Internals, "Client/Server Protocol"): commands with their results, as mysql.log. */
import { Cursor, latin1 } from "./cursor.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";
import { isClientHello } from "./upgrade.ts";

export const mysqlLog = logSchema("mysql", {
  ...CONNECTION_FIELDS,
  cmd: "string",
  arg: "string",
  success: "bool",
  rows: "count",
  response: "string",
});

const COMMANDS =
  "sleep quit init_db query field_list create_db drop_db refresh shutdown statistics process_info connect process_kill debug ping time delayed_insert change_user binlog_dump table_dump connect_out register_slave stmt_prepare stmt_execute stmt_send_long_data stmt_close stmt_reset set_option stmt_fetch daemon binlog_dump_gtid reset_connection".split(
    " ",
  );
const QUIT = 1;
const QUERY = 3;
const FIELD_LIST = 4;
const CHANGE_USER = 17;

const PROTOCOL_41 = 1 << 9;
const SSL = 1 << 11;
const DEPRECATE_EOF = 1 << 24;
const QUERY_ATTRIBUTES = 1 << 27;

const MAX_PACKET = 16 * 1024 * 1024;
/** Of a longer packet this much is kept: commands and results begin with what is logged. */
const KEPT = 64 * 1024;

/** Cuts one side of a stream into packets: length (3, little-endian), sequence number, content. */
class Packets {
  #head: number[] = [];
  #content: Uint8Array[] = [];
  #left = -1;
  #size = 0;
  #kept = 0;

  add(bytes: Uint8Array, onPacket: (content: Uint8Array, size: number) => void): void {
    let at = 0;
    while (at < bytes.length || this.#left === 0) {
      if (this.#left < 0) {
        this.#head.push(bytes[at++]!);
        if (this.#head.length < 4) continue;
        this.#size = this.#left = this.#head[0]! | (this.#head[1]! << 8) | (this.#head[2]! << 16);
        this.#head = [];
        this.#kept = 0;
        this.#content = [];
      }
      const part = bytes.subarray(at, at + this.#left);
      if (this.#kept < KEPT) {
        this.#content.push(Uint8Array.from(part.subarray(0, KEPT - this.#kept)));
        this.#kept += part.length;
      }
      at += part.length;
      this.#left -= part.length;
      if (this.#left > 0) continue;
      this.#left = -1;
      onPacket(this.#content.length === 1 ? this.#content[0]! : Buffer.concat(this.#content), this.#size);
    }
  }
}

interface Command {
  readonly tsNs: bigint;
  readonly cmd: string;
  arg: string;
}

class MysqlParser implements Parser {
  readonly #c: Connection;
  readonly #sides: readonly [Packets, Packets] = [new Packets(), new Packets()];
  #phase: "greeting" | "login" | "commands" = "greeting";
  #capabilities = 0;
  #command: Command | null = null;
  /** What is to come of an answer: `columns` definitions, or rows until their end. */
  #answer: "first" | "columns" | "end of columns" | "rows" = "first";
  #columns = 0;
  #listsFields = false;
  /** A change of user goes through another exchange of authentication. */
  #authenticating = false;
  #lost = false;

  constructor(c: Connection) {
    this.#c = c;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    if (this.#lost) return;
    if (this.#phase === "login" && fromOrig && isClientHello(bytes)) {
      this.#c.become("tls", fromOrig, bytes);
      return;
    }
    this.#sides[fromOrig ? 0 : 1].add(bytes, (content, size) => {
      if (this.#lost) return;
      if (size > MAX_PACKET) this.#lost = true;
      else if (fromOrig) this.#request(content);
      else this.#response(content, size);
    });
  }

  gap(): void {
    this.#lost = true;
  }

  end(): void {
    this.#log({});
  }

  #log(result: { readonly success?: boolean; readonly rows?: number; readonly response?: string }): void {
    if (!this.#command) return;
    const { tsNs, cmd, arg } = this.#command;
    this.#command = null;
    this.#answer = "first";
    this.#authenticating = false;
    this.#c.write(mysqlLog, { ts: tsNs, cmd, arg, ...result });
  }

  #request(content: Uint8Array): void {
    const c = new Cursor(content);
    if (this.#phase === "greeting") this.#phase = "login";
    if (this.#phase === "login") {
      if (!this.#command) this.#login(c);
      return;
    }
    if (this.#authenticating) return;
    this.#log({});
    const code = c.u8();
    if (!c.ok) return;
    if (code === QUERY && (this.#capabilities & QUERY_ATTRIBUTES) !== 0) skipAttributes(c);
    const arg = latin1(c.rest()).replace(/\0$/, "");
    this.#command = { tsNs: this.#c.nowNs, cmd: COMMANDS[code] ?? `unknown-${code}`, arg };
    this.#answer = "first";
    this.#listsFields = code === FIELD_LIST;
    if (code === CHANGE_USER || code === FIELD_LIST) this.#command.arg = arg.split("\0")[0]!;
    if (code === QUIT) this.#log({});
  }

  /** HandshakeResponse41 or the older form; an SSLRequest ends before the user's name. */
  #login(c: Cursor): void {
    this.#capabilities = c.le(2);
    if ((this.#capabilities & PROTOCOL_41) !== 0) {
      this.#capabilities |= c.le(2) << 16;
      c.skip(4 + 1 + 23);
      if ((this.#capabilities & SSL) !== 0 && c.left === 0) return;
    } else {
      if ((this.#capabilities & SSL) !== 0 && c.left <= 3) return;
      c.skip(3);
    }
    const user = latin1(c.rest()).split("\0")[0]!;
    this.#command = { tsNs: this.#c.nowNs, cmd: "login", arg: user };
  }

  #response(content: Uint8Array, size: number): void {
    if (this.#phase === "greeting") {
      this.#phase = "login";
      // A server that refuses at once sends an error in place of its greeting.
      if (content[0] !== 10 && content[0] !== 9) this.#lost = true;
      return;
    }
    const first = content[0] ?? 0;
    if (this.#phase === "login") {
      if (first === 0x00) {
        this.#phase = "commands";
        this.#ok(content);
      } else if (first === 0xff) this.#error(content);
      return;
    }
    if (!this.#command) return;
    if (first === 0xff) this.#error(content);
    else if (this.#answer === "first") this.#firstAnswer(content, first, size);
    else if (this.#answer === "columns") {
      if (--this.#columns > 0) return;
      this.#answer = (this.#capabilities & DEPRECATE_EOF) !== 0 ? "rows" : "end of columns";
    } else if (this.#answer === "end of columns") this.#answer = "rows";
    else if (first === 0xfe && (size < 9 || (this.#capabilities & DEPRECATE_EOF) !== 0))
      this.#log({ success: true, rows: 0 });
  }

  #firstAnswer(content: Uint8Array, first: number, size: number): void {
    const { cmd } = this.#command!;
    if (cmd === "statistics") this.#log({});
    else if (this.#listsFields) {
      if (first === 0xfe && size < 9) this.#log({ success: true, rows: 0 });
    } else if (first === 0x00) this.#ok(content);
    else if (first === 0xfe) {
      if (cmd === "change_user") this.#authenticating = true;
      else if (size < 9) this.#log({ success: true, rows: 0 });
    } else if (first !== 0xfb && !(cmd === "change_user" && first === 1)) {
      this.#columns = lengthEncoded(new Cursor(content));
      this.#answer = "columns";
    }
  }

  #ok(content: Uint8Array): void {
    this.#log({ success: true, rows: lengthEncoded(new Cursor(content, 1)) });
  }

  #error(content: Uint8Array): void {
    const c = new Cursor(content, 3);
    const text = latin1(c.rest());
    this.#log({ success: false, response: text.startsWith("#") ? text.slice(6) : text });
  }
}

function lengthEncoded(c: Cursor): number {
  const first = c.u8();
  if (first < 0xfb) return first;
  return first === 0xfc ? c.le(2) : first === 0xfd ? c.le(3) : first === 0xfe ? c.le(8) : 0;
}

/** Sizes of a parameter's value by its type; others have a length before them. */
const SIZES: Readonly<Record<number, number>> = { 1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 6: 0, 8: 8, 9: 4, 13: 2 };

/** Attributes of a query come before its text (CLIENT_QUERY_ATTRIBUTES). */
function skipAttributes(c: Cursor): void {
  const count = lengthEncoded(c);
  lengthEncoded(c);
  if (count === 0 || count > 65_535) return;
  const nulls = c.take((count + 7) >> 3);
  if (c.u8() !== 1) return;
  const types: number[] = [];
  for (let i = 0; i < count && c.ok; i++) {
    types.push(c.le(2) & 0xff);
    c.skip(lengthEncoded(c));
  }
  types.forEach((type, i) => {
    if (((nulls[i >> 3] ?? 0) >> (i & 7)) & 1) return;
    const dated = type === 7 || (type >= 10 && type <= 12);
    c.skip(SIZES[type] ?? (dated ? c.u8() : lengthEncoded(c)));
  });
}

export const mysql: Protocol = { app: "mysql", logs: [mysqlLog], open: (c) => new MysqlParser(c) };
