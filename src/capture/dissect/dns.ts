/** DNS (RFC 1035), mDNS and LLMNR, which have the same messages. */
import { readName } from "../live/learned-names.ts";
import { bits, type Dissection, type Dissector, type Header, num } from "./dissection.ts";

const CODES: Readonly<Record<number, string>> = {
  0: "no error",
  1: "format error",
  2: "server failure",
  3: "no such name",
  4: "not implemented",
  5: "refused",
};

const TYPES: Readonly<Record<number, string>> = {
  1: "A",
  2: "NS",
  5: "CNAME",
  6: "SOA",
  12: "PTR",
  15: "MX",
  16: "TXT",
  28: "AAAA",
  33: "SRV",
  41: "OPT",
  43: "DS",
  46: "RRSIG",
  48: "DNSKEY",
  64: "SVCB",
  65: "HTTPS",
  255: "ANY",
};

export const DNS: Header = {
  protocol: "DNS",
  title: "Domain Name System",
  length: 12,
  fields: [
    num("dns.id", "Transaction id", 0, 2, "hex"),
    bits("dns.flags.response", "Response", 2, 2, 15, 1),
    bits("dns.flags.opcode", "Opcode", 2, 2, 11, 4),
    bits("dns.flags.authoritative", "Authoritative", 2, 2, 10, 1),
    bits("dns.flags.truncated", "Truncated", 2, 2, 9, 1),
    bits("dns.flags.recdesired", "Recursion desired", 2, 2, 8, 1),
    bits("dns.flags.rcode", "Reply code", 2, 2, 0, 4, CODES),
    num("dns.count.queries", "Questions", 4, 2),
    num("dns.count.answers", "Answers", 6, 2),
    num("dns.count.auth_rr", "Authority records", 8, 2),
    num("dns.count.add_rr", "Additional records", 10, 2),
  ],
  more: [
    ["dns.qry.name", "Question"],
    ["dns.qry.type", "Type"],
    ["dns.resp.name", "Record"],
    ["dns.a", "Address"],
    ["dns.aaaa", "Address"],
    ["dns.cname", "Canonical name"],
  ],
};

/** What a question has no meaning for. */
const OF_RESPONSES = new Set(["dns.flags.authoritative", "dns.flags.rcode"]);

const MOST_RECORDS = 50;

export function dissectDns(d: Dissection, at: number, protocol = "DNS"): null {
  const flags = d.u16(at + 2);
  const isResponse = (flags & 0x8000) !== 0;
  const fields = isResponse ? DNS.fields : DNS.fields.filter(({ name }) => !OF_RESPONSES.has(name));
  d.header({ ...DNS, protocol, title: protocol === "DNS" ? DNS.title : protocol, fields }, at);
  if (!d.has(at, 12)) return null;
  const said: string[] = [];
  let position: number | null = at + 12;
  for (let i = 0; position !== null && i < Math.min(d.u16(at + 4), MOST_RECORDS); i++) {
    position = question(d, at, position, said);
  }
  const records = d.u16(at + 6) + d.u16(at + 8) + d.u16(at + 10);
  const answers = d.u16(at + 6);
  for (let i = 0; position !== null && i < Math.min(records, MOST_RECORDS); i++) {
    position = record(d, at, position, i < answers ? said : []);
  }
  if (position === null) d.note("cut off or malformed after this");
  const code = flags & 15;
  const failed = isResponse && code !== 0 ? ` ${CODES[code] ?? `code ${code}`}` : "";
  d.info = `${isResponse ? "response" : "query"}${failed} ${said.join(" ")}`;
  d.summarize(d.info);
  d.lengthen(d.end - at);
  return null;
}

function question(d: Dissection, start: number, at: number, said: string[]): number | null {
  const name = readName(d.data, start, at, d.end);
  if (name === null || !d.has(name.next, 4)) return null;
  const type = d.u16(name.next);
  const shown = name.name || "<Root>";
  d.field("dns.qry.name", "Question", at, name.next - at, shown);
  d.field("dns.qry.type", "Type", name.next, 2, `${type} (${TYPES[type] ?? "?"})`);
  said.push(`${TYPES[type] ?? `type ${type}`} ${shown}`);
  return name.next + 4;
}

function record(d: Dissection, start: number, at: number, said: string[]): number | null {
  const owner = readName(d.data, start, at, d.end);
  if (owner === null || !d.has(owner.next, 10)) return null;
  const type = d.u16(owner.next);
  const length = d.u16(owner.next + 8);
  const rdata = owner.next + 10;
  if (!d.has(rdata, length)) return null;
  const name = owner.name || "<Root>";
  d.field("dns.resp.name", "Record", at, owner.next - at, `${name} (${TYPES[type] ?? `type ${type}`})`);
  if (type === 1 && length === 4) {
    d.field("dns.a", "Address", rdata, 4, d.ipv4(rdata));
    said.push(d.ipv4(rdata));
  } else if (type === 28 && length === 16) {
    d.field("dns.aaaa", "Address", rdata, 16, d.ipv6(rdata));
    said.push(d.ipv6(rdata));
  } else if (type === 5) {
    const target = readName(d.data, start, rdata, d.end);
    if (target) d.field("dns.cname", "Canonical name", rdata, length, target.name);
  }
  return rdata + length;
}

/** Over TCP a message has its length before it (RFC 1035 §4.2.2). */
export const dissectDnsOverTcp: Dissector = (d, at) => {
  if (!d.has(at, 14) || d.u16(at) < 12) return null;
  return dissectDns(d, at + 2);
};
