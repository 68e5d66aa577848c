/** SIP (RFC 3261) over UDP: requests with their replies, as sip.log. */
import { latin1 } from "./cursor.ts";
import { CONNECTION_FIELDS, type LogRow, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";

export const sipLog = logSchema("sip", {
  ...CONNECTION_FIELDS,
  trans_depth: "count",
  method: "string",
  uri: "string",
  date: "string",
  request_from: "string",
  request_to: "string",
  response_from: "string",
  response_to: "string",
  reply_to: "string",
  call_id: "string",
  seq: "string",
  subject: "string",
  request_path: "vector[string]",
  response_path: "vector[string]",
  user_agent: "string",
  status_code: "count",
  status_msg: "string",
  warning: "string",
  request_body_len: "count",
  response_body_len: "count",
  content_type: "string",
});

const METHODS = new Set("REGISTER INVITE ACK CANCEL BYE OPTIONS NOTIFY SUBSCRIBE".split(" "));
const MAX_HEADERS = 200;
const MAX_PATH = 100;

/** Fields of requests and replies by their header, compact forms (RFC 3261 §7.3.3) included. */
const REQUEST_FIELDS: Readonly<Record<string, string>> = {
  "CALL-ID": "call_id",
  CSEQ: "seq",
  DATE: "date",
  FROM: "request_from",
  F: "request_from",
  "REPLY-TO": "reply_to",
  SUBJECT: "subject",
  S: "subject",
  TO: "request_to",
  T: "request_to",
  "USER-AGENT": "user_agent",
  "CONTENT-LENGTH": "request_body_len",
  L: "request_body_len",
  VIA: "request_path",
  V: "request_path",
};
const REPLY_FIELDS: Readonly<Record<string, string>> = {
  "CONTENT-LENGTH": "response_body_len",
  L: "response_body_len",
  "CONTENT-TYPE": "content_type",
  C: "content_type",
  WARNING: "warning",
  FROM: "response_from",
  F: "response_from",
  TO: "response_to",
  T: "response_to",
  VIA: "response_path",
  V: "response_path",
};

type Row = Record<string, LogRow[string]>;

class SipParser implements Parser {
  readonly #c: Connection;
  /** The transaction at hand: Zeek keeps one, to which later requests and replies are added until a final reply. */
  #row: Row | null = null;

  constructor(c: Connection) {
    this.#c = c;
  }

  data(_fromOrig: boolean, bytes: Uint8Array): void {
    const [head = ""] = latin1(bytes).split(/\r?\n\r?\n/, 1);
    const lines = head.split(/\r?\n/).slice(0, MAX_HEADERS);
    const first = lines.shift() ?? "";
    const reply = /^SIP\/\S+ +(\d{3}) *(.*)$/.exec(first);
    const request = /^([A-Za-z]+) +(\S+) +SIP\/\S+$/.exec(first);
    if (!reply && !request) return;
    this.#row ??= { ts: this.#c.nowNs, trans_depth: 0, request_path: [], response_path: [] };
    const row = this.#row;
    if (request) {
      row.method = request[1];
      row.uri = request[2];
      if (!METHODS.has(request[1]!)) this.#c.weird("unknown_SIP_method", request[1]);
    } else {
      row.status_code = Number(reply![1]);
      row.status_msg = reply![2];
    }
    for (const line of lines) header(row, line, request ? REQUEST_FIELDS : REPLY_FIELDS);
    if (reply) this.#replied(Number(reply[1]));
  }

  end(): void {
    if (this.#row) this.#c.write(sipLog, this.#row);
    this.#row = null;
  }

  #replied(status: number): void {
    const row = this.#row!;
    this.#c.write(sipLog, {
      ...row,
      request_path: [...(row.request_path as string[])],
      response_path: [...(row.response_path as string[])],
    });
    if (status < 100 || status >= 200) this.#row = null;
  }
}

function header(row: Row, line: string, fields: Readonly<Record<string, string>>): void {
  const colon = line.indexOf(":");
  if (colon < 0) return;
  const field = fields[line.slice(0, colon).trim().toUpperCase()];
  const value = line.slice(colon + 1).trim();
  if (field === undefined) return;
  if (field.endsWith("_path")) {
    const path = row[field] as string[];
    if (path.length < MAX_PATH) path.push(value.split(/; ?branch/, 1)[0]!);
  } else if (field.endsWith("_len")) row[field] = /^\d+$/.test(value) ? Number(value) : undefined;
  else row[field] = field.endsWith("_from") ? value.split(/; ?tag=/, 1)[0] : value;
}

export const sip: Protocol = { app: "sip", logs: [sipLog], open: (c) => new SipParser(c) };
