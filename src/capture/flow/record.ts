/**
 * What a connection record holds, field by field: Zeek's conn.log, then what only JSON and CSV have. It is told once, to a
 * sink; each format is a sink (record-formats.ts).
 */
import { DCCP, SCTP, UDPLITE } from "../decode/packet.ts";
import { formatIpv6 } from "./address.ts";
import { Ascii, type ByteWriter } from "./byte-writer.ts";
import { COMMUNITY_ID_LENGTH, writeCommunityId } from "./community-id.ts";
import { isLocalIpv4, isLocalIpv6 } from "./local-nets.ts";
import { connState, formatUid, protocolName, zeekProtocolName } from "./names.ts";
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

export interface RecordField {
  readonly name: string;
  /** Zeek's type, null for what conn.log does not have. */
  readonly zeekType: string | null;
  /** Whether JSON puts the value in quotes. */
  readonly quoted: boolean;
  /** What comes before the value in JSON. */
  readonly json: Ascii;
}

/** All fields in their order. */
export const RECORD_FIELDS: RecordField[] = [];

function field(name: string, zeekType: string | null, quoted: boolean): RecordField {
  const made = { name, zeekType, quoted, json: new Ascii(`,"${name}":${quoted ? '"' : ""}`) };
  RECORD_FIELDS.push(made);
  return made;
}

const TS = field("ts", "time", false);
const UID = field("uid", "string", true);
const ORIG_H = field("id.orig_h", "addr", true);
const ORIG_P = field("id.orig_p", "port", false);
const RESP_H = field("id.resp_h", "addr", true);
const RESP_P = field("id.resp_p", "port", false);
const PROTO = field("proto", "enum", true);
const SERVICE = field("service", "string", true);
const DURATION = field("duration", "interval", false);
const ORIG_BYTES = field("orig_bytes", "count", false);
const RESP_BYTES = field("resp_bytes", "count", false);
const CONN_STATE = field("conn_state", "string", true);
const LOCAL_ORIG = field("local_orig", "bool", false);
const LOCAL_RESP = field("local_resp", "bool", false);
const MISSED_BYTES = field("missed_bytes", "count", false);
const HISTORY = field("history", "string", true);
const ORIG_PKTS = field("orig_pkts", "count", false);
const ORIG_IP_BYTES = field("orig_ip_bytes", "count", false);
const RESP_PKTS = field("resp_pkts", "count", false);
const RESP_IP_BYTES = field("resp_ip_bytes", "count", false);
const TUNNEL_PARENTS = field("tunnel_parents", "set[string]", false);
const IP_PROTO = field("ip_proto", "count", false);
const COMMUNITY_ID = field("community_id", "string", true);
const VLAN = field("vlan", null, false);
const INNER_VLAN = field("inner_vlan", null, false);
const VLANS = field("vlans", null, false);
const ORIG_L2 = field("orig_l2_addr", null, true);
const RESP_L2 = field("resp_l2_addr", null, true);
const APP = field("app", null, true);
const SERVICE_BASIS = field("service_basis", null, true);
const SERVER_NAME = field("server_name", null, false);
const TCP_RTT = field("tcp_rtt", null, false);
const RETRANSMITS = field("retransmits", null, false);
const FRAG_PKTS = field("frag_pkts", null, false);
const BAD_CSUM = field("bad_csum", null, false);
const FIRST_NS = field("first_ns", null, true);
const LAST_NS = field("last_ns", null, true);
const CLOSE_REASON = field("close_reason", null, true);

/** Takes the fields of a record in their order. Between `open` and `close` the value is written to `w`, as ASCII that needs no escaping. */
export interface RecordSink {
  readonly w: ByteWriter;
  /** Zeek knows three transports; of the others it has neither name nor ports. */
  readonly asZeek: boolean;
  /** Only the fields of conn.log are wanted. */
  readonly connLogOnly: boolean;
  open(field: RecordField): void;
  close(field: RecordField): void;
  unset(field: RecordField): void;
  bool(field: RecordField, value: boolean): void;
  /** Text from packets. */
  text(field: RecordField, value: string): void;
  /** A set of values that need no escaping. */
  list(field: RecordField, values: readonly (string | number)[]): void;
}

/** Tells the sink what there is to say of a row. The writer must have room for all but texts and lists. */
export function describeRow(s: RecordSink, t: FlowTable, row: number, labels: FlowLabels | undefined): void {
  const protocol = t.protocol(row);
  const v6 = t.isV6(row);
  const hidesPorts = s.asZeek && hasOtherPorts(protocol);
  const lasted = t.durationSec(row) > 0 || t.durationNsec(row) > 0;
  seconds(s, TS, t.firstSec(row), t.firstNsec(row));
  s.open(UID);
  uid(s.w, t.uidHigh(row), t.uidLow(row));
  s.close(UID);
  address(s, ORIG_H, t, row, v6, true);
  count(s, ORIG_P, hidesPorts ? 0 : t.port(row, true));
  address(s, RESP_H, t, row, v6, false);
  count(s, RESP_P, hidesPorts ? 0 : t.port(row, false));
  name(s, PROTO, s.asZeek ? zeekProtocolName(protocol) : protocolName(protocol));
  name(s, SERVICE, labels?.service(row));
  if (lasted) {
    seconds(s, DURATION, t.durationSec(row), t.durationNsec(row));
    count(s, ORIG_BYTES, hidesPorts ? 0 : t.streamBytes(row, true));
    count(s, RESP_BYTES, hidesPorts ? 0 : t.streamBytes(row, false));
  } else {
    s.unset(DURATION);
    s.unset(ORIG_BYTES);
    s.unset(RESP_BYTES);
  }
  name(s, CONN_STATE, connState(t, row));
  s.bool(LOCAL_ORIG, isLocal(t, row, v6, true));
  s.bool(LOCAL_RESP, isLocal(t, row, v6, false));
  count(s, MISSED_BYTES, t.missedBytes(row));
  history(s, t, row);
  count(s, ORIG_PKTS, t.packets(row, true));
  count(s, ORIG_IP_BYTES, t.ipBytes(row, true));
  count(s, RESP_PKTS, t.packets(row, false));
  count(s, RESP_IP_BYTES, t.ipBytes(row, false));
  parents(s, t, row);
  count(s, IP_PROTO, protocol);
  s.open(COMMUNITY_ID);
  communityId(s.w, t, row, protocol, v6);
  s.close(COMMUNITY_ID);
  if (!s.connLogOnly) describeMore(s, t, row, labels);
}

function describeMore(s: RecordSink, t: FlowTable, row: number, labels: FlowLabels | undefined): void {
  countUnlessZero(s, VLAN, t.vlan(row));
  countUnlessZero(s, INNER_VLAN, t.innerVlan(row));
  const vlans = t.deepVlans(row);
  if (vlans) s.list(VLANS, vlans);
  else s.unset(VLANS);
  mac(s, ORIG_L2, t.macs(), t.macOffset(row, true));
  mac(s, RESP_L2, t.macs(), t.macOffset(row, false));
  name(s, APP, labels?.app(row));
  name(s, SERVICE_BASIS, labels?.basis(row));
  const serverName = labels?.serverName(row);
  if (serverName === undefined) s.unset(SERVER_NAME);
  else s.text(SERVER_NAME, serverName);
  rtt(s, t.rtt(row));
  if (t.tcpSlot(row) >= 0) count(s, RETRANSMITS, t.retransmits(row));
  else s.unset(RETRANSMITS);
  count(s, FRAG_PKTS, t.fragments(row));
  count(s, BAD_CSUM, t.badChecksums(row));
  nanoseconds(s, FIRST_NS, t.firstSec(row), t.firstNsec(row));
  nanoseconds(s, LAST_NS, t.lastSec(row), t.lastNsec(row));
  name(s, CLOSE_REASON, CLOSE_REASONS[t.reason(row)] || undefined);
}

const DOT = 0x2e;
const names = new Map<string, Ascii>();

/** One of a small number of names, or none. */
function name(s: RecordSink, field: RecordField, value: string | undefined): void {
  if (value === undefined) {
    s.unset(field);
    return;
  }
  let prepared = names.get(value);
  if (!prepared) {
    prepared = new Ascii(value);
    names.set(value, prepared);
  }
  s.open(field);
  s.w.ascii(prepared);
  s.close(field);
}

function count(s: RecordSink, field: RecordField, value: number): void {
  s.open(field);
  s.w.integer(value);
  s.close(field);
}

function countUnlessZero(s: RecordSink, field: RecordField, value: number): void {
  if (value === 0) s.unset(field);
  else count(s, field, value);
}

/** With six decimals. */
function seconds(s: RecordSink, field: RecordField, sec: number, nsec: number): void {
  const { w } = s;
  s.open(field);
  w.integer(sec);
  w.byte(DOT);
  w.padded((nsec / 1000) | 0, 6);
  s.close(field);
}

function nanoseconds(s: RecordSink, field: RecordField, sec: number, nsec: number): void {
  const { w } = s;
  s.open(field);
  if (sec > 0) {
    w.integer(sec);
    w.padded(nsec, 9);
  } else {
    w.integer(nsec);
  }
  s.close(field);
}

function rtt(s: RecordSink, value: number): void {
  if (value <= 0) {
    s.unset(TCP_RTT);
    return;
  }
  const micros = Math.round(value * 1e6);
  seconds(s, TCP_RTT, Math.floor(micros / 1e6), (micros % 1e6) * 1000);
}

function address(s: RecordSink, field: RecordField, t: FlowTable, row: number, v6: boolean, orig: boolean): void {
  s.open(field);
  if (!v6) s.w.ipv4(t.addressWord(row, orig, 0));
  else {
    const word = (i: number) => t.addressWord(row, orig, i);
    s.w.text(formatIpv6(word(0), word(1), word(2), word(3)));
  }
  s.close(field);
}

function isLocal(t: FlowTable, row: number, v6: boolean, orig: boolean): boolean {
  const first = t.addressWord(row, orig, 0);
  if (!v6) return isLocalIpv4(first);
  return isLocalIpv6(first, t.addressWord(row, orig, 1), t.addressWord(row, orig, 2), t.addressWord(row, orig, 3));
}

function mac(s: RecordSink, field: RecordField, macs: Uint8Array, offset: number): void {
  let any = 0;
  for (let i = 0; i < 6; i++) any |= macs[offset + i]!;
  if (any === 0) {
    s.unset(field);
    return;
  }
  s.open(field);
  s.w.mac(macs, offset);
  s.close(field);
}

/** Transports Zeek has no ports for. */
function hasOtherPorts(protocol: number): boolean {
  return protocol === SCTP || protocol === DCCP || protocol === UDPLITE;
}

/** As `formatUid` makes it. */
function uid(w: ByteWriter, high: number, low: number): void {
  w.byte(0x43);
  w.base62(high);
  w.base62(low);
}

function parents(s: RecordSink, t: FlowTable, row: number): void {
  if (t.parentHigh(row) === 0 && t.parentLow(row) === 0) {
    s.unset(TUNNEL_PARENTS);
    return;
  }
  const uids = [formatUid(t.parentHigh(row), t.parentLow(row))];
  const more = t.moreParents(row) ?? [];
  for (let i = 0; i < more.length; i += 2) uids.push(formatUid(more[i]! >>> 0, more[i + 1]! >>> 0));
  s.list(TUNNEL_PARENTS, uids);
}

function history(s: RecordSink, t: FlowTable, row: number): void {
  const { history: letters } = t;
  const length = letters.length(row);
  if (length === 0) {
    s.unset(HISTORY);
    return;
  }
  s.open(HISTORY);
  if (letters.isLong(row)) s.w.text(letters.text(row));
  else for (let i = 0; i < length; i++) s.w.byte(letters.letter(row, i));
  s.close(HISTORY);
}

const source = new Int32Array(4);
const target = new Int32Array(4);

function communityId(w: ByteWriter, t: FlowTable, row: number, protocol: number, v6: boolean): void {
  for (let i = 0; i < (v6 ? 4 : 1); i++) {
    source[i] = t.addressWord(row, true, i);
    target[i] = t.addressWord(row, false, i);
  }
  const from = t.port(row, true);
  const to = t.port(row, false);
  writeCommunityId(w.bytes, w.length, protocol, v6, source, from, target, to, t.isOneWay(row), 0);
  w.length += COMMUNITY_ID_LENGTH;
}
