/** LDAP (RFC 4511): operations with their results as ldap.log, searches as ldap_search.log. */
import { BerStream } from "./ber-stream.ts";
import { latin1 } from "./cursor.ts";
import {
  type Element,
  ENUMERATED,
  elementAt,
  elementsOf,
  INTEGER,
  integerValue,
  OCTET_STRING,
  SEQUENCE,
} from "./der.ts";
import { CONNECTION_FIELDS, type LogRow, logSchema } from "./log/schema.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";
import { isClientHello } from "./upgrade.ts";

export const ldapLog = logSchema("ldap", {
  ...CONNECTION_FIELDS,
  message_id: "int",
  version: "int",
  opcode: "string",
  result: "string",
  diagnostic_message: "string",
  object: "string",
  argument: "string",
});

export const ldapSearchLog = logSchema("ldap_search", {
  ...CONNECTION_FIELDS,
  message_id: "int",
  scope: "string",
  deref_aliases: "string",
  base_object: "string",
  result_count: "count",
  result: "string",
  diagnostic_message: "string",
  filter: "string",
  attributes: "vector[string]",
});

const BIND_REQUEST = 0;
const UNBIND_REQUEST = 2;
const SEARCH_REQUEST = 3;
const SEARCH_ENTRY = 4;
const SEARCH_DONE = 5;
const ABANDON_REQUEST = 16;
const SEARCH_REFERENCE = 19;
const EXTENDED_REQUEST = 23;
const EXTENDED_RESPONSE = 24;

/** Names of operations by the number of their tag; requests and responses share one. */
const OPERATIONS: Readonly<Record<number, string>> = {
  0: "bind",
  1: "bind",
  2: "unbind",
  6: "modify",
  7: "modify",
  8: "add",
  9: "add",
  10: "delete",
  11: "delete",
  12: "modify",
  13: "modify",
  14: "compare",
  15: "compare",
  16: "abandon",
  23: "extended",
  24: "extended",
  25: "intermediate",
};
/** What ends an operation. */
const FINISHED = new Set([1, UNBIND_REQUEST, 7, 9, 11, 13, 15, ABANDON_REQUEST, EXTENDED_RESPONSE]);
const RESULTS = new Map<number, string>(
  `0 success,1 operations error,2 protocol error,3 time limit exceeded,4 size limit exceeded,5 compare false,6 compare true,7 auth method not supported,
8 stronger auth required,9 partial results,10 referral,11 admin limit exceeded,12 unavailable critical extension,13 confidentiality required,
14 SASL bind in progress,16 no such attribute,17 undefined attribute type,18 inappropriate matching,19 constraint violation,20 attribute or value exists,
21 invalid attribute syntax,32 no such object,33 alias problem,34 invalid DN syntax,36 alias dereferencing problem,48 inappropriate authentication,
49 invalid credentials,50 insufficient access rights,51 busy,52 unavailable,53 unwilling to perform,54 loop detect,60 sort control missing,61 offset range error,
64 naming violation,65 object class violation,66 not allowed on non-leaf,67 not allowed on RDN,68 entry already exists,69 object class mods prohibited,
70 results too large,71 affects multiple DSAs,76 control error,80 other,118 canceled,119 no such operation,120 too late,121 cannot cancel,122 assertion failed,123 authorization denied`
    .split(/,\s*/)
    .map((row) => {
      const space = row.indexOf(" ");
      return [Number(row.slice(0, space)), row.slice(space + 1)];
    }),
);
const SCOPES = ["base", "single", "tree"];
const ALIASES = ["never", "searching", "finding", "always"];
const EXTENSIONS: Readonly<Record<string, string>> = {
  "1.3.6.1.4.1.1466.20037": "StartTLS",
  "1.3.6.1.4.1.4203.1.11.3": "whoami",
};
const START_TLS = "1.3.6.1.4.1.1466.20037";

const MAX_PENDING = 500;
const MAX_FILTER_DEPTH = 50;
/** A GSS wrap token that is not sealed carries messages in clear (RFC 4121 §4.2.6.2). */
const WRAP_TOKEN = 0x0504;
const WRAP_HEADER = 16;

type Row = Record<string, LogRow[string]>;
const text = (element: Element | undefined): string => (element ? latin1(element.bytes) : "");

class LdapParser implements Parser {
  readonly #c: Connection;
  readonly #streams: readonly [BerStream, BerStream] = [new BerStream(), new BerStream()];
  /** Bytes of a SASL-wrapped message that is not whole, by side. */
  readonly #wrapped: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];
  readonly #operations = new Map<number, Row>();
  readonly #searches = new Map<number, Row>();
  #sasl = false;

  constructor(c: Connection) {
    this.#c = c;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    if (isClientHello(bytes)) {
      this.#c.become("tls", fromOrig, bytes);
      return;
    }
    const index = fromOrig ? 0 : 1;
    if (this.#sasl && (this.#wrapped[index].length > 0 || bytes[0] !== SEQUENCE)) this.#unwrap(fromOrig, index, bytes);
    else this.#streams[index].add(bytes, (message) => this.#message(message));
  }

  gap(fromOrig: boolean): void {
    this.#streams[fromOrig ? 0 : 1].gap();
  }

  end(): void {
    for (const row of this.#operations.values()) this.#c.write(ldapLog, row);
    for (const row of this.#searches.values()) this.#c.write(ldapSearchLog, row);
    this.#operations.clear();
    this.#searches.clear();
  }

  /** After a SASL bind each message may have four bytes of length and a wrap token around it. */
  #unwrap(fromOrig: boolean, index: 0 | 1, bytes: Uint8Array): void {
    let all = Buffer.concat([this.#wrapped[index], bytes]);
    while (all.length >= 4) {
      const length = all.readUInt32BE(0);
      if (length > 1 << 24) {
        this.#streams[index].gap();
        all = Buffer.alloc(0);
        break;
      }
      if (all.length < 4 + length) break;
      const token = all.subarray(4, 4 + length);
      all = all.subarray(4 + length);
      if (token.length < WRAP_HEADER || token.readUInt16BE(0) !== WRAP_TOKEN || (token[2]! & 2) !== 0) continue;
      const extra = token.readUInt16BE(4);
      const rotated = token.readUInt16BE(6);
      const from = rotated === extra ? WRAP_HEADER + extra : WRAP_HEADER;
      const end = rotated === 0 ? token.length - extra : token.length;
      this.#streams[fromOrig ? 0 : 1].add(token.subarray(from, Math.max(from, end)), (message) =>
        this.#message(message),
      );
    }
    this.#wrapped[index] = Buffer.from(all);
  }

  #message(bytes: Uint8Array): void {
    const outer = elementAt(bytes, 0);
    if (outer?.tag !== SEQUENCE) return;
    const [id, operation] = elementsOf(outer.bytes);
    if (id?.tag !== INTEGER || !operation || operation.tag >> 6 !== 1) return;
    const messageId = integerValue(id);
    const opcode = operation.tag & 31;
    if (opcode === SEARCH_REQUEST || opcode === SEARCH_ENTRY || opcode === SEARCH_DONE || opcode === SEARCH_REFERENCE) {
      this.#search(messageId, opcode, operation);
    } else if (OPERATIONS[opcode] !== undefined) this.#operation(messageId, opcode, operation);
  }

  #row(rows: Map<number, Row>, messageId: number, more: Row): Row {
    let row = rows.get(messageId);
    if (!row) {
      if (rows.size >= MAX_PENDING) rows.delete(rows.keys().next().value!);
      row = { ts: this.#c.nowNs, message_id: messageId, ...more };
      rows.set(messageId, row);
    }
    return row;
  }

  #operation(messageId: number, opcode: number, { bytes }: Element): void {
    const row = this.#row(this.#operations, messageId, {});
    const name = OPERATIONS[opcode]!;
    const parts = opcode === UNBIND_REQUEST || opcode === ABANDON_REQUEST || opcode === 10 ? [] : elementsOf(bytes);
    if (opcode === BIND_REQUEST) this.#bind(row, parts);
    else {
      row.opcode = name === "bind" ? (row.opcode ?? name) : name;
      if (opcode === EXTENDED_REQUEST) {
        const oid = text(parts.find(({ tag }) => tag === 0x80));
        row.object = `${oid} (${EXTENSIONS[oid] ?? "unknown"})`;
        if (oid === START_TLS) row.startTls = true;
      } else if (opcode === 10) row.object = latin1(bytes);
      else if (opcode === 6 || opcode === 8 || opcode === 12 || opcode === 14) row.object = text(parts[0]) || undefined;
      else this.#result(row, parts);
    }
    if (!FINISHED.has(opcode)) return;
    this.#operations.delete(messageId);
    const { startTls: _, ...logged } = row;
    this.#c.write(ldapLog, logged);
  }

  #bind(row: Row, [version, name, authentication]: readonly Element[]): void {
    if (version) row.version = integerValue(version);
    const object = text(name);
    if (object !== "") row.object = object;
    if (authentication?.tag === 0x80) {
      row.opcode = "bind simple";
      if (authentication.bytes.length > 0) row.argument = "REDACTED";
    } else if (authentication?.tag === 0xa3) {
      row.opcode = "bind SASL";
      this.#sasl = true;
      const mechanism = elementAt(authentication.bytes, 0);
      if (mechanism?.tag === OCTET_STRING) row.argument = latin1(mechanism.bytes);
    } else if (authentication?.tag === 0x8a) row.opcode = "bind SICILY_NEGOTIATE";
    else if (authentication?.tag === 0x8b) row.opcode = "bind SICILY_RESPONSE";
  }

  #result(row: Row, [code, , message]: readonly Element[]): void {
    if (code?.tag === ENUMERATED) row.result = RESULTS.get(integerValue(code)) ?? "unknown";
    const words = text(message);
    if (words !== "") row.diagnostic_message = words;
  }

  #search(messageId: number, opcode: number, { bytes }: Element): void {
    const row = this.#row(this.#searches, messageId, { result_count: 0 });
    const parts = elementsOf(bytes);
    if (opcode === SEARCH_REQUEST) {
      const [base, scope, aliases, , , , filter] = parts;
      if (scope) row.scope = SCOPES[integerValue(scope)] ?? "unknown";
      if (aliases) row.deref_aliases = ALIASES[integerValue(aliases)] ?? "unknown";
      const object = text(base);
      if (object !== "") row.base_object = object;
      row.filter = filter ? filterText(filter, 0) : "";
    } else if (opcode === SEARCH_ENTRY) row.result_count = (row.result_count as number) + 1;
    else if (opcode === SEARCH_DONE) {
      this.#result(row, parts);
      this.#searches.delete(messageId);
      this.#c.write(ldapSearchLog, row);
    }
  }
}

/** A search filter in its text form (RFC 4515). */
function filterText(filter: Element, depth: number): string {
  if (depth > MAX_FILTER_DEPTH) return "(...)";
  const { bytes } = filter;
  const parts = (filter.tag & 0x20) !== 0 ? elementsOf(bytes) : [];
  const all = (): string => parts.map((part) => filterText(part, depth + 1)).join("");
  const compare = (operator: string): string => `(${text(parts[0])}${operator}${valueText(parts[1])})`;
  switch (filter.tag & 31) {
    case 0:
      return nested("&", parts, depth, all);
    case 1:
      return nested("|", parts, depth, all);
    case 2:
      return `(!${all()})`;
    case 3:
      return compare("=");
    case 4:
      return substrings(parts);
    case 5:
      return compare(">=");
    case 6:
      return compare("<=");
    case 7:
      return `(${latin1(bytes)}=*)`;
    case 8:
      return compare("~=");
    case 9:
      return extensible(parts);
    default:
      return "()";
  }
}

/** Zeek nests the operands of & and |, two at a time, from the left. */
function nested(operator: string, parts: readonly Element[], depth: number, all: () => string): string {
  if (parts.length <= 2) return `(${operator}${all()})`;
  const texts = parts.map((part) => filterText(part, depth + 1));
  return texts.slice(1).reduce((left, right) => `(${operator}${left}${right})`, texts[0]!);
}

function valueText(element: Element | undefined): string {
  if (!element) return "";
  const { bytes } = element;
  const printable = bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return printable ? latin1(bytes) : [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
}

function substrings([type, list]: readonly Element[]): string {
  const pieces = list ? elementsOf(list.bytes) : [];
  const first = pieces[0]?.tag === 0x80 ? latin1(pieces[0].bytes) : "";
  const last = pieces.at(-1)?.tag === 0x82 ? latin1(pieces.at(-1)!.bytes) : "";
  const middle = pieces.filter(({ tag }) => tag === 0x81).map((piece) => latin1(piece.bytes));
  return `(${text(type)}=${[first, ...middle, last].join("*")})`;
}

function extensible(parts: readonly Element[]): string {
  const of = (tag: number): string => text(parts.find((part) => part.tag === tag));
  const dn = parts.find(({ tag }) => tag === 0x84)?.bytes[0] ? ":dn" : "";
  const rule = of(0x81);
  return `(${of(0x82)}${dn}${rule === "" ? "" : `:${rule}`}:=${of(0x83)})`;
}

export const ldap: Protocol = { app: "ldap", logs: [ldapLog, ldapSearchLog], open: (c) => new LdapParser(c) };
