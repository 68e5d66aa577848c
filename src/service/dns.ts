/** DNS (RFC 1035), mDNS, LLMNR and the NetBIOS name service (RFC 1002): queries matched with their replies, as dns.log. */
import { formatIpv6Bytes } from "./addresses.ts";
import { ByteQueue } from "./byte-queue.ts";
import { Cursor, hexText, ipv4Text, latin1 } from "./cursor.ts";
import { CONNECTION_FIELDS, type LogRow, logSchema } from "./log/schema.ts";
import { dnsClassName, dnsOpcodeName, dnsRcodeName, dnsTypeName } from "./names/dns.ts";
import type { Connection, Parser, Protocol } from "./protocol.ts";

export const dnsLog = logSchema("dns", {
  ...CONNECTION_FIELDS,
  proto: "enum",
  trans_id: "count",
  rtt: "interval",
  query: "string",
  qclass: "count",
  qclass_name: "string",
  qtype: "count",
  qtype_name: "string",
  rcode: "count",
  rcode_name: "string",
  AA: "bool",
  TC: "bool",
  RD: "bool",
  RA: "bool",
  Z: "count",
  answers: "vector[string]",
  TTLs: "vector[interval]",
  rejected: "bool",
  opcode: "count",
  opcode_name: "string",
});

const HEADER_LENGTH = 12;
/** Zeek's dns_max_queries: with more it is not DNS. */
const MAX_QUERIES = 25;
const MAX_NAME = 512;
/** Queries or replies of one id, and ids, that wait for their counterpart; more are logged as they are. */
const MAX_PENDING = 50;
const MAX_ANSWERS = 1000;
const NETBIOS_PORT = 137;

interface Message {
  readonly id: number;
  readonly isReply: boolean;
  readonly opcode: number;
  readonly rcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly rd: boolean;
  readonly ra: boolean;
  readonly z: number;
  readonly questions: number;
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
}

/** A row while it is being put together. */
type Transaction = Record<string, LogRow[string]> & {
  ts: bigint;
  trans_id: number;
  sawQuery?: boolean;
  sawReply?: boolean;
};

class DnsParser implements Parser {
  readonly #c: Connection;
  readonly #netbios: boolean;
  readonly #queries = new Map<number, Transaction[]>();
  readonly #replies = new Map<number, Transaction[]>();
  readonly #streams: readonly [ByteQueue, ByteQueue] = [new ByteQueue(), new ByteQueue()];

  constructor(connection: Connection) {
    this.#c = connection;
    this.#netbios = connection.transport === "udp" && connection.respPort === NETBIOS_PORT;
  }

  data(fromOrig: boolean, bytes: Uint8Array): void {
    if (this.#c.transport === "udp") {
      this.#message(bytes);
      return;
    }
    const stream = this.#streams[fromOrig ? 0 : 1];
    stream.add(bytes);
    while (stream.length >= 2 && stream.length >= 2 + stream.bytes.readUInt16BE(0)) {
      const length = stream.bytes.readUInt16BE(0);
      this.#message(stream.bytes.subarray(2, 2 + length));
      stream.take(2 + length);
    }
  }

  gap(fromOrig: boolean): void {
    this.#streams[fromOrig ? 0 : 1].clear();
  }

  end(): void {
    for (const pending of [this.#queries, this.#replies]) {
      for (const waiting of pending.values()) for (const row of waiting) this.#log(row);
      pending.clear();
    }
  }

  #message(bytes: Uint8Array): void {
    const c = new Cursor(bytes);
    if (bytes.length < HEADER_LENGTH) {
      this.#c.weird("DNS_truncated_len_lt_hdr_len");
      return;
    }
    const id = c.u16();
    const flags = c.u16();
    const message: Message = {
      id,
      isReply: (flags & 0x8000) !== 0,
      opcode: (flags >> 11) & 15,
      aa: (flags & 0x0400) !== 0,
      tc: (flags & 0x0200) !== 0,
      rd: (flags & 0x0100) !== 0,
      ra: (flags & 0x0080) !== 0,
      z: (flags >> 4) & 7,
      rcode: flags & 15,
      questions: c.u16(),
      answers: c.u16(),
      authorities: c.u16(),
      additionals: c.u16(),
    };
    const row = this.#transaction(message);
    if (message.questions > MAX_QUERIES) this.#c.weird("DNS_Conn_count_too_large");
    else this.#sections(c, message, row);
    if (message.isReply) row.sawReply = true;
    else row.sawQuery = true;
    if (row.sawQuery && row.sawReply) this.#log(row);
  }

  #sections(c: Cursor, message: Message, row: Transaction): void {
    for (let i = 0; i < message.questions; i++) if (!this.#question(c, message, row)) return;
    for (let i = 0; i < message.answers; i++) if (!this.#answer(c, message, row, true)) return;
    for (let i = 0; i < message.authorities + message.additionals; i++) {
      if (!this.#answer(c, message, row, false)) return;
    }
  }

  /** The row that a message belongs to: that of its counterpart, else a new one that waits for it. */
  #transaction(message: Message): Transaction {
    const own = message.isReply ? this.#replies : this.#queries;
    const others = message.isReply ? this.#queries : this.#replies;
    const waiting = others.get(message.id);
    let row = waiting?.shift();
    if (waiting?.length === 0) others.delete(message.id);
    if (!row) {
      row = {
        ts: this.#c.nowNs,
        trans_id: message.id,
        AA: false,
        TC: false,
        RD: false,
        RA: false,
        Z: 0,
        rejected: false,
      };
      row.opcode = message.opcode;
      row.opcode_name = dnsOpcodeName(message.opcode, this.#netbios);
      this.#wait(own, row);
    }
    if (message.isReply) {
      row.rcode = message.rcode;
      row.rcode_name = dnsRcodeName(message.rcode);
      if (message.rcode !== 0 && message.questions === 0) row.rejected = true;
    }
    return row;
  }

  #wait(pending: Map<number, Transaction[]>, row: Transaction): void {
    const same = pending.get(row.trans_id);
    if (!same && pending.size > MAX_PENDING) {
      for (const waiting of pending.values()) for (const other of waiting) this.#log(other);
      pending.clear();
    } else if (same && same.length > MAX_PENDING) {
      for (const other of same) this.#log(other);
      pending.delete(row.trans_id);
    }
    const queue = pending.get(row.trans_id);
    if (queue) queue.push(row);
    else pending.set(row.trans_id, [row]);
  }

  #log(row: Transaction): void {
    for (const pending of [this.#queries, this.#replies]) {
      const left = pending.get(row.trans_id)?.filter((other) => other !== row);
      if (left?.length === 0) pending.delete(row.trans_id);
      else if (left) pending.set(row.trans_id, left);
    }
    this.#c.write(dnsLog, { ...row, proto: this.#c.transport });
  }

  #question(c: Cursor, message: Message, row: Transaction): boolean {
    let query = this.#name(c);
    if (c.left < 4) {
      this.#c.weird("DNS_truncated_quest_too_short");
      return false;
    }
    const qtype = c.u16();
    const qclass = c.u16();
    if (message.isReply) {
      // Without any record the answer is only that there is none.
      if (message.answers + message.authorities + message.additionals === 0) row.rejected = true;
      return true;
    }
    let typeName = dnsTypeName(qtype);
    if (this.#netbios) {
      query = netbiosName(query);
      if (typeName === "SRV") typeName = "NBSTAT";
    }
    Object.assign(row, { RD: message.rd, TC: message.tc, Z: message.z, query });
    Object.assign(row, { qclass, qclass_name: dnsClassName(qclass), qtype, qtype_name: typeName });
    return true;
  }

  #answer(c: Cursor, message: Message, row: Transaction, isAnswer: boolean): boolean {
    const query = this.#name(c);
    if (c.left < 4) {
      this.#c.weird("DNS_truncated_ans_too_short");
      return false;
    }
    const type = c.u16();
    c.skip(2);
    const ttl = c.u32();
    const length = c.u16();
    if (length > c.left) {
      this.#c.weird("DNS_truncated_RR_rdlength_lt_len");
      return false;
    }
    const end = c.at + length;
    const text = this.#data(c, type, end, query);
    c.at = end;
    if (!isAnswer || !message.isReply || text === null) return true;
    row.query ??= query;
    row.AA = message.aa;
    row.RA = message.ra;
    if (row.rtt === undefined && this.#c.nowNs !== row.ts) row.rtt = this.#c.nowNs - row.ts;
    const answers = (row.answers ??= []) as string[];
    const ttls = (row.TTLs ??= []) as bigint[];
    if (text !== "" && answers.length < MAX_ANSWERS) {
      answers.push(text);
      ttls.push(BigInt(ttl) * 1_000_000_000n);
    }
    if (answers.length === 0) {
      row.answers = undefined;
      row.TTLs = undefined;
    }
    return true;
  }

  /** What dns.log says of a record's data; null where Zeek reports nothing of the record. */
  #data(c: Cursor, type: number, end: number, query: string): string | null {
    switch (dnsTypeName(type)) {
      case "A":
        return end - c.at === 4 ? ipv4Text(c.take(4)) : this.#malformed("DNS_RR_bad_length");
      case "AAAA":
      case "A6":
        return end - c.at === 16 ? formatIpv6Bytes(c.take(16)) : this.#malformed("DNS_RR_bad_length");
      case "NS":
      case "CNAME":
      case "PTR":
      case "DNAME":
        return type === 39 ? "<unknown type=39>" : this.#name(c);
      case "SOA":
        return this.#name(c);
      case "MX":
        c.skip(2);
        return this.#name(c);
      case "SRV":
        if (this.#netbios) return null;
        c.skip(6);
        return this.#name(c);
      case "WKS":
      case "HINFO":
        return type === 11 ? "" : null;
      case "TXT":
      case "SPF":
        return this.#strings(c, end, dnsTypeName(type));
      case "OPT":
      case "TSIG":
      case "CAA":
        return null;
      case "NIMLOC":
        return this.#netbios ? null : "<unknown type=32>";
      case "RRSIG": {
        const covered = c.u16();
        c.skip(16);
        return `RRSIG ${covered} ${this.#name(c) || "<Root>"}`;
      }
      case "DNSKEY":
        c.skip(3);
        return `DNSKEY ${c.u8()}`;
      case "NSEC":
        return `NSEC ${query} ${this.#name(c)}`;
      case "NSEC3":
        return "NSEC3";
      case "NSEC3PARAM":
        return "NSEC3PARAM";
      case "DS": {
        c.skip(2);
        const algorithm = c.u8();
        return `DS ${algorithm} ${c.u8()}`;
      }
      case "SSHFP":
        c.skip(2);
        return `SSHFP: ${hexText(c.take(end - c.at))}`;
      case "LOC": {
        c.skip(1);
        const size = c.u8();
        const horizontal = c.u8();
        return `LOC:  ${size} ${horizontal} ${c.u8()}`;
      }
      case "SVCB":
      case "HTTPS":
      case "NAPTR":
        return type === 35 ? this.#naptr(c) : null;
      default:
        if (type === 65534) return "BIND9 signing signal";
        this.#c.weird("DNS_RR_unknown_type", String(type));
        return `<unknown type=${type}>`;
    }
  }

  #malformed(name: string): null {
    this.#c.weird(name);
    return null;
  }

  #naptr(c: Cursor): string {
    const order = c.u16();
    const preference = c.u16();
    const flags = c.text(c.u8());
    const service = c.text(c.u8());
    const regexp = c.text(c.u8());
    return `NAPTR ${order} ${preference} ${flags} ${service} ${regexp} ${this.#name(c)}`;
  }

  #strings(c: Cursor, end: number, type: string): string {
    const parts: string[] = [];
    while (c.at < end) {
      const length = c.u8();
      const text = latin1(c.take(Math.min(length, end - c.at)));
      parts.push(`${type} ${text.length} ${text}`);
    }
    return parts.join(" ");
  }

  /** A name in lower case without its last dot; the cursor stands after it. Compression goes backwards only, so it ends. */
  #name(c: Cursor): string {
    const { bytes } = c;
    let name = "";
    let at = c.at;
    let end = c.end;
    let jumped = false;
    for (;;) {
      const length = at < end ? bytes[at]! : 0;
      const labelAt = at++;
      if (labelAt >= end || length === 0) break;
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | (at < end ? bytes[at]! : 0);
        if (!jumped) c.at = Math.min(at + 1, c.end);
        jumped = true;
        if (target >= labelAt) {
          this.#c.weird("DNS_label_forward_compress_offset");
          break;
        }
        end = labelAt;
        at = target;
        continue;
      }
      if (at + length > end) {
        this.#c.weird("DNS_label_len_gt_pkt");
        at = end;
        break;
      }
      if (length > 63 && !this.#netbios) {
        this.#c.weird("DNS_label_too_long");
        break;
      }
      if (name.length + length + 1 > MAX_NAME) {
        this.#c.weird("DNS_label_len_gt_name_len");
        break;
      }
      name += `${latin1(bytes.subarray(at, at + length))}.`;
      at += length;
    }
    if (!jumped) c.at = at;
    // "." itself, the root, is an empty name.
    return name.slice(0, -1).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  }
}

/** The name in RFC 1001 §14.1's half-ASCII, without its padding and its type. Lower case comes from #name. */
function netbiosName(encoded: string): string {
  const upper = encoded.toUpperCase();
  let name = "";
  for (let i = 0; i + 1 < Math.min(upper.length, 30); i += 2) {
    const code = ((upper.charCodeAt(i) - 0x41) << 4) + (upper.charCodeAt(i + 1) - 0x41);
    if (!((code > 0x20 && code < 0x7f) || code === 1 || code === 2)) break;
    name += String.fromCharCode(code);
  }
  return name;
}

export const dns: Protocol = { app: "dns", logs: [dnsLog], open: (connection) => new DnsParser(connection) };
