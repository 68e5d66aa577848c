/** SMTP (RFC 5321): each message of a session a row of smtp.log; its parts are files. */
import { Lines } from "./lines.ts";
import { CONNECTION_FIELDS, type LogRow, logSchema } from "./log/schema.ts";
import { fileNameOf, MimeBody, type MimeHeaders } from "./mime-body.ts";
import type { CarriedFile, Connection, Parser, Protocol } from "./protocol.ts";

export const smtpLog = logSchema("smtp", {
  ...CONNECTION_FIELDS,
  trans_depth: "count",
  helo: "string",
  mailfrom: "string",
  rcptto: "set[string]",
  date: "string",
  from: "string",
  to: "set[string]",
  cc: "set[string]",
  reply_to: "string",
  msg_id: "string",
  in_reply_to: "string",
  subject: "string",
  x_originating_ip: "addr",
  first_received: "string",
  second_received: "string",
  last_reply: "string",
  path: "vector[addr]",
  user_agent: "string",
  tls: "bool",
  fuids: "vector[string]",
});

const MAX_ADDRESSES = 1000;
const MAX_FILES = 1000;
const ADDRESS = /[^\s<>,:"'()[\];]+@[^\s<>,:"'()[\];]+/g;
const IPV4 = /\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b/g;
const IPV6 = /(?:[0-9a-f]{1,4}:){2,7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,6}:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?/gi;

/** The part of a row that one message of the session fills. */
type Mail = Record<string, LogRow[string]>;

class SmtpParser implements Parser {
  readonly #c: Connection;
  readonly #requests = new Lines((line) => this.#request(line));
  readonly #replies = new Lines((line) => this.#reply(line));
  #mail: Mail;
  #depth = 1;
  #helo: string | undefined;
  #active = false;
  /** Commands that wait for their reply. */
  readonly #pending: string[] = [];
  #content: MimeBody | null = null;
  #file: CarriedFile | null = null;
  #bdatLast = false;

  constructor(c: Connection) {
    this.#c = c;
    this.#mail = this.#newMail();
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    (fromOrig ? this.#requests : this.#replies).data(bytes);
  }

  gap(fromOrig: boolean): void {
    (fromOrig ? this.#requests : this.#replies).gap();
  }

  end(): void {
    this.#endContent();
    this.#log();
  }

  #newMail(): Mail {
    const path = [this.#c.respHost, this.#c.origHost];
    return { ts: this.#c.nowNs, trans_depth: this.#depth, helo: this.#helo, path, tls: false };
  }

  #log(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#c.write(smtpLog, this.#mail);
    this.#mail = this.#newMail();
  }

  #request(line: string): void {
    if (this.#content && this.#pending.at(-1) === "DATA") {
      this.#contentLine(line);
      return;
    }
    const match = /^\s*(\S+)\s*(.*)$/.exec(line);
    if (!match) return;
    const command = match[1]!.toUpperCase();
    const arg = match[2]!;
    if (this.#pending.length < 100) this.#pending.push(command);
    if (command === "HELO" || command === "EHLO") {
      this.#helo = arg;
      this.#mail.helo = arg;
    } else if (command === "MAIL" && /^from:/i.test(arg)) {
      this.#log();
      const [from] = addressesIn(arg);
      if (from !== undefined) this.#mail.mailfrom = from;
      this.#active = true;
    } else if (command === "RCPT" && /^to:/i.test(arg)) {
      const recipients = (this.#mail.rcptto ??= []) as string[];
      for (const address of addressesIn(arg)) addOnce(recipients, address.replace(/ORCPT=rfc822;?/g, ""));
      this.#active = true;
    } else if (command === "BDAT") this.#startChunk(arg);
  }

  /** DATA goes on until a line with a dot alone; a dot that begins a line is doubled. */
  #contentLine(line: string): void {
    if (line === ".") {
      this.#pending[this.#pending.length - 1] = ".";
      this.#endContent();
    } else this.#content!.line(line.startsWith(".") ? line.slice(1) : line);
  }

  /** BDAT size [LAST] (RFC 3030): the bytes follow as they are. */
  #startChunk(arg: string): void {
    const match = /^(\d+)\s*(LAST)?\s*$/i.exec(arg);
    if (!match) {
      this.#c.weird("smtp_invalid_bdat_command");
      return;
    }
    let left = Number(match[1]);
    const last = match[2] !== undefined;
    this.#bdatLast = last;
    this.#content ??= this.#newContent();
    const finish = (): void => {
      this.#requests.raw = null;
      if (last) this.#endContent();
    };
    if (left === 0) finish();
    else
      this.#requests.raw = (bytes) => {
        const size = Math.min(left, bytes.length);
        this.#content?.data(bytes.subarray(0, size));
        left -= size;
        if (left === 0) finish();
        return size;
      };
  }

  #reply(line: string): void {
    const match = /^(\d{3})([ -]?)(.*)$/.exec(line);
    if (!match) return;
    const code = Number(match[1]);
    this.#mail.last_reply = `${code} ${match[3]}`;
    if (match[2] === "-") return;
    const command = this.#pending[0];
    if (command === "DATA" && code === 354) {
      this.#content = this.#newContent();
      return;
    }
    this.#pending.shift();
    if (command === "." || (command === "BDAT" && this.#bdatLast)) {
      this.#bdatLast = false;
      this.#depth++;
      this.#log();
      this.#mail = this.#newMail();
    } else if (command === "STARTTLS" && code === 220) {
      this.#mail.tls = true;
      this.#active = true;
      this.#c.become("tls");
    }
  }

  #newContent(): MimeBody {
    let entities = 0;
    let depth = 0;
    return new MimeBody(null, {
      headers: (headers) => {
        if (++entities === 1) this.#mailHeaders(headers);
      },
      begin: (headers) => {
        depth++;
        this.#file = null;
        this.#beginFile = () => {
          const file = this.#c.file("SMTP", true);
          file.depth = depth;
          file.filename = fileNameOf(headers);
          const fuids = (this.#mail.fuids ??= []) as string[];
          if (fuids.length < MAX_FILES) fuids.push(file.fuid);
          return file;
        };
      },
      data: (bytes) => {
        this.#file ??= this.#beginFile();
        this.#file.data(bytes);
      },
      end: () => {
        this.#file?.end();
        this.#file = null;
      },
    });
  }

  #beginFile: () => CarriedFile = () => this.#c.file("SMTP", true);

  #endContent(): void {
    this.#content?.end();
    this.#content = null;
  }

  #mailHeaders(headers: MimeHeaders): void {
    const mail = this.#mail;
    const set = (field: string, header: string): void => {
      mail[field] = headers.get(header) ?? mail[field];
    };
    set("date", "DATE");
    set("from", "FROM");
    set("reply_to", "REPLY-TO");
    set("msg_id", "MESSAGE-ID");
    set("in_reply_to", "IN-REPLY-TO");
    set("subject", "SUBJECT");
    for (const name of ["X-MAILER", "USER-AGENT", "X-USER-AGENT"]) set("user_agent", name);
    for (const [field, header] of [
      ["to", "TO"],
      ["cc", "CC"],
    ] as const) {
      const value = headers.get(header);
      if (value === undefined) continue;
      const list = (mail[field] ??= []) as string[];
      for (const address of splitMailboxes(value)) addOnce(list, address);
    }
    const origin = headers.get("X-ORIGINATING-IP");
    if (origin !== undefined) mail.x_originating_ip = ipAddressesIn(origin)[0] ?? mail.x_originating_ip;
    this.#received(headers.get("RECEIVED"));
  }

  /** Each Received header brings a host of the path, the last first; headers of the same name are joined by line feeds. */
  #received(joined: string | undefined): void {
    const path = this.#mail.path as string[];
    for (const value of joined?.split("\n") ?? []) {
      if (this.#mail.first_received !== undefined) this.#mail.second_received = this.#mail.first_received;
      this.#mail.first_received = value;
      const found = ipAddressesIn(value);
      const ip = found[1] ?? found[0];
      if (ip !== undefined && path.at(-1) !== ip && path.length < MAX_ADDRESSES) path.push(ip);
    }
  }
}

function addOnce(list: string[], value: string): void {
  if (!list.includes(value) && list.length < MAX_ADDRESSES) list.push(value);
}

const addressesIn = (text: string): readonly string[] => text.match(ADDRESS) ?? [];

function ipAddressesIn(text: string): readonly string[] {
  const found = [...text.matchAll(IPV4), ...text.matchAll(IPV6)].sort((a, b) => a.index - b.index);
  return found.map((match) => match[0].toLowerCase());
}

/** Mailboxes of a header, separated by commas outside quotes. */
function splitMailboxes(value: string): string[] {
  const parts = value.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

export const smtp: Protocol = { app: "smtp", logs: [smtpLog], open: (connection) => new SmtpParser(connection) };
