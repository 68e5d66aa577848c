/**
 * The fields of a connection record, in order: Zeek's conn.log, then what only JSON and CSV have. One definition serves
 * every format; a field writes its value's text, or says that it is unset.
 */
import { DCCP, SCTP, UDPLITE } from "../decode/packet.ts";
import { formatIpv6 } from "./address.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { COMMUNITY_ID_LENGTH, writeCommunityId } from "./community-id.ts";
import { isLocal } from "./local-nets.ts";
import { connState, protocolName, zeekProtocolName } from "./names.ts";
import { CLOSE_REASONS, type FlowTable } from "./table.ts";

/** What an analysis of payload has found out about a connection; all text is as it was on the wire. */
export interface FlowLabels {
  /** Zeek's name of the application protocol. */
  service(row: number): string | undefined;
  /** A finer name. */
  app(row: number): string | undefined;
  /** How the label was found: "payload", "port", "parent". */
  basis(row: number): string | undefined;
  serverName(row: number): string | undefined;
}

/** How a value is written: as a number or boolean, as text that needs no escaping, as text from packets, as a list of texts. */
export type FieldKind = "number" | "bool" | "plain" | "text" | "list" | "numbers";

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  /** Zeek's type, for the fields of conn.log. */
  readonly zeekType?: string;
  /** Writes the value's text (list: its items); false when it is unset. */
  put(w: ByteWriter, t: FlowTable, row: number, labels: FlowLabels | undefined): boolean;
  /** What Zeek would write, where that differs. */
  putZeek?(w: ByteWriter, t: FlowTable, row: number): boolean;
}

const DOT = 0x2e;
const COMMA = 0x2c;
const constants = new Map<string, Uint8Array>();

/** ASCII text that comes again and again. */
function constant(w: ByteWriter, text: string): true {
  let bytes = constants.get(text);
  if (!bytes) {
    bytes = Buffer.from(text, "latin1");
    constants.set(text, bytes);
  }
  w.raw(bytes);
  return true;
}

/** One of a small number of names, or none. */
function name(w: ByteWriter, value: string | undefined): boolean {
  return value !== undefined && constant(w, value);
}

function number(w: ByteWriter, value: number): true {
  w.integer(value);
  return true;
}

/** Text from packets has no known length. */
function text(w: ByteWriter, value: string | undefined): boolean {
  if (value === undefined) return false;
  w.text(value);
  return true;
}

function address(w: ByteWriter, t: FlowTable, row: number, orig: boolean): true {
  if (!t.isV6(row)) w.ipv4(t.addressWord(row, orig, 0));
  else {
    const word = (i: number) => t.addressWord(row, orig, i);
    w.text(formatIpv6(word(0), word(1), word(2), word(3)));
  }
  return true;
}

function seconds(w: ByteWriter, sec: number, nsec: number): true {
  w.integer(sec);
  w.byte(DOT);
  w.padded((nsec / 1000) | 0, 6);
  return true;
}

function nanoseconds(w: ByteWriter, sec: number, nsec: number): true {
  if (sec > 0) {
    w.integer(sec);
    w.padded(nsec, 9);
  } else {
    w.integer(nsec);
  }
  return true;
}

function bool(w: ByteWriter, value: boolean): true {
  return constant(w, value ? "true" : "false");
}

function local(t: FlowTable, row: number, orig: boolean): boolean {
  const word = (i: number) => t.addressWord(row, orig, i);
  return isLocal(t.isV6(row), word(0), word(1), word(2), word(3));
}

function localZeek(orig: boolean) {
  return (w: ByteWriter, t: FlowTable, row: number): true => constant(w, local(t, row, orig) ? "T" : "F");
}

function rtt(w: ByteWriter, t: FlowTable, row: number): boolean {
  const micros = Math.round(t.rtt(row) * 1e6);
  return t.rtt(row) > 0 && seconds(w, Math.floor(micros / 1e6), (micros % 1e6) * 1000);
}

function mac(w: ByteWriter, t: FlowTable, row: number, orig: boolean): boolean {
  const macs = t.macs();
  const offset = t.macOffset(row, orig);
  let any = 0;
  for (let i = 0; i < 6; i++) any |= macs[offset + i]!;
  if (any === 0) return false;
  w.mac(macs, offset);
  return true;
}

/** Transports Zeek has no ports for. */
function hasOtherPorts(protocol: number): boolean {
  return protocol === SCTP || protocol === DCCP || protocol === UDPLITE;
}

function hasDuration(t: FlowTable, row: number): boolean {
  return t.durationSec(row) > 0 || t.durationNsec(row) > 0;
}

function bytesOf(orig: boolean) {
  return {
    put: (w: ByteWriter, t: FlowTable, row: number): boolean =>
      hasDuration(t, row) && number(w, t.streamBytes(row, orig)),
    putZeek: (w: ByteWriter, t: FlowTable, row: number): boolean =>
      hasDuration(t, row) && number(w, hasOtherPorts(t.protocol(row)) ? 0 : t.streamBytes(row, orig)),
  };
}

function portOf(orig: boolean) {
  return {
    put: (w: ByteWriter, t: FlowTable, row: number): true => number(w, t.port(row, orig)),
    putZeek: (w: ByteWriter, t: FlowTable, row: number): true =>
      number(w, hasOtherPorts(t.protocol(row)) ? 0 : t.port(row, orig)),
  };
}

/** As `formatUid` makes it. */
function uid(w: ByteWriter, high: number, low: number): true {
  w.byte(0x43);
  w.base62(high);
  w.base62(low);
  return true;
}

function parents(w: ByteWriter, t: FlowTable, row: number): boolean {
  if (t.parentHigh(row) === 0 && t.parentLow(row) === 0) return false;
  uid(w, t.parentHigh(row), t.parentLow(row));
  const more = t.moreParents(row) ?? [];
  for (let i = 0; i < more.length; i += 2) {
    w.byte(COMMA);
    uid(w, more[i]! >>> 0, more[i + 1]! >>> 0);
  }
  return true;
}

function history(w: ByteWriter, t: FlowTable, row: number): boolean {
  const length = t.history.length(row);
  if (length === 0) return false;
  if (t.history.isLong(row)) w.text(t.history.text(row));
  else for (let i = 0; i < length; i++) w.byte(t.history.letter(row, i));
  return true;
}

const source = new Uint32Array(4);
const target = new Uint32Array(4);

function community(w: ByteWriter, t: FlowTable, row: number): true {
  for (let i = 0; i < 4; i++) {
    source[i] = t.addressWord(row, true, i);
    target[i] = t.addressWord(row, false, i);
  }
  const from = t.port(row, true);
  const to = t.port(row, false);
  writeCommunityId(w.bytes, w.length, t.protocol(row), t.isV6(row), source, from, target, to, t.isOneWay(row), 0);
  w.length += COMMUNITY_ID_LENGTH;
  return true;
}

export const FIELDS: readonly Field[] = [
  { name: "ts", kind: "number", zeekType: "time", put: (w, t, r) => seconds(w, t.firstSec(r), t.firstNsec(r)) },
  { name: "uid", kind: "plain", zeekType: "string", put: (w, t, r) => uid(w, t.uidHigh(r), t.uidLow(r)) },
  { name: "id.orig_h", kind: "plain", zeekType: "addr", put: (w, t, r) => address(w, t, r, true) },
  { name: "id.orig_p", kind: "number", zeekType: "port", ...portOf(true) },
  { name: "id.resp_h", kind: "plain", zeekType: "addr", put: (w, t, r) => address(w, t, r, false) },
  { name: "id.resp_p", kind: "number", zeekType: "port", ...portOf(false) },
  {
    name: "proto",
    kind: "plain",
    zeekType: "enum",
    put: (w, t, r) => constant(w, protocolName(t.protocol(r))),
    putZeek: (w, t, r) => constant(w, zeekProtocolName(t.protocol(r))),
  },
  { name: "service", kind: "plain", zeekType: "string", put: (w, _, r, labels) => name(w, labels?.service(r)) },
  {
    name: "duration",
    kind: "number",
    zeekType: "interval",
    put: (w, t, r) => hasDuration(t, r) && seconds(w, t.durationSec(r), t.durationNsec(r)),
  },
  { name: "orig_bytes", kind: "number", zeekType: "count", ...bytesOf(true) },
  { name: "resp_bytes", kind: "number", zeekType: "count", ...bytesOf(false) },
  { name: "conn_state", kind: "plain", zeekType: "string", put: (w, t, r) => constant(w, connState(t, r)) },
  {
    name: "local_orig",
    kind: "bool",
    zeekType: "bool",
    put: (w, t, r) => bool(w, local(t, r, true)),
    putZeek: localZeek(true),
  },
  {
    name: "local_resp",
    kind: "bool",
    zeekType: "bool",
    put: (w, t, r) => bool(w, local(t, r, false)),
    putZeek: localZeek(false),
  },
  { name: "missed_bytes", kind: "number", zeekType: "count", put: (w, t, r) => number(w, t.missedBytes(r)) },
  { name: "history", kind: "plain", zeekType: "string", put: history },
  { name: "orig_pkts", kind: "number", zeekType: "count", put: (w, t, r) => number(w, t.packets(r, true)) },
  { name: "orig_ip_bytes", kind: "number", zeekType: "count", put: (w, t, r) => number(w, t.ipBytes(r, true)) },
  { name: "resp_pkts", kind: "number", zeekType: "count", put: (w, t, r) => number(w, t.packets(r, false)) },
  { name: "resp_ip_bytes", kind: "number", zeekType: "count", put: (w, t, r) => number(w, t.ipBytes(r, false)) },
  { name: "tunnel_parents", kind: "list", zeekType: "set[string]", put: parents },
  { name: "ip_proto", kind: "number", zeekType: "count", put: (w, t, r) => number(w, t.protocol(r)) },
  { name: "community_id", kind: "plain", zeekType: "string", put: community },
  { name: "vlan", kind: "number", put: (w, t, r) => t.vlan(r) !== 0 && number(w, t.vlan(r)) },
  { name: "inner_vlan", kind: "number", put: (w, t, r) => t.innerVlan(r) !== 0 && number(w, t.innerVlan(r)) },
  { name: "vlans", kind: "numbers", put: (w, t, r) => text(w, t.deepVlans(r)?.join(",")) },
  { name: "orig_l2_addr", kind: "plain", put: (w, t, r) => mac(w, t, r, true) },
  { name: "resp_l2_addr", kind: "plain", put: (w, t, r) => mac(w, t, r, false) },
  { name: "app", kind: "plain", put: (w, _, r, labels) => name(w, labels?.app(r)) },
  { name: "service_basis", kind: "plain", put: (w, _, r, labels) => name(w, labels?.basis(r)) },
  { name: "server_name", kind: "text", put: (w, _, r, labels) => text(w, labels?.serverName(r)) },
  { name: "tcp_rtt", kind: "number", put: rtt },
  { name: "retransmits", kind: "number", put: (w, t, r) => t.tcpSlot(r) >= 0 && number(w, t.retransmits(r)) },
  { name: "frag_pkts", kind: "number", put: (w, t, r) => number(w, t.fragments(r)) },
  { name: "bad_csum", kind: "number", put: (w, t, r) => number(w, t.badChecksums(r)) },
  { name: "first_ns", kind: "plain", put: (w, t, r) => nanoseconds(w, t.firstSec(r), t.firstNsec(r)) },
  { name: "last_ns", kind: "plain", put: (w, t, r) => nanoseconds(w, t.lastSec(r), t.lastNsec(r)) },
  {
    name: "close_reason",
    kind: "plain",
    put: (w, t, r) => t.reason(r) !== 0 && constant(w, CLOSE_REASONS[t.reason(r)]!),
  },
];

/** Those of conn.log. */
export const ZEEK_FIELDS: readonly Field[] = FIELDS.filter((field) => field.zeekType !== undefined);
