/**
 * Information elements of IPFIX (RFC 7012; IANA "IP Flow Information Export (IPFIX) Entities") that connection records are written
 * with: one row an element, from which the templates and the records of a template are made.
 */
import type { ConnectionRecord } from "../../engine/host/connection-record.ts";

/** Bytes that a record of variable length takes at least (RFC 7011 §7). */
export const VARIABLE = 0xffff;
/** The enterprise number of elements that describe the reverse direction (RFC 5103 §6.1). */
export const REVERSE_PEN = 29_305;

/** One direction of a connection, as an element sees it. */
export interface FlowSide {
  readonly record: ConnectionRecord;
  /** The direction at hand is the originator's. */
  readonly fromOrig: boolean;
  /** Name of the interface or mirror the packets came from; empty where it is not known. */
  readonly interfaceName: string;
}

export interface Element {
  readonly id: number;
  /** Private enterprise number; absent for IANA's own elements. */
  readonly pen?: number;
  readonly name: string;
  /** Bytes, or VARIABLE. */
  readonly length: number;
  /** A number, text, or bytes of exactly `length`. */
  readonly value: (side: FlowSide) => number | bigint | string | Uint8Array;
}

const source = ({ record, fromOrig }: FlowSide): string => record[fromOrig ? "id.orig_h" : "id.resp_h"];
const destination = ({ record, fromOrig }: FlowSide): string => record[fromOrig ? "id.resp_h" : "id.orig_h"];

/** Sixteen bytes of IPv6 text (RFC 4291 §2.2), four of IPv4. */
export function addressBytes(text: string): Uint8Array {
  if (!text.includes(":")) return Uint8Array.from(text.split("."), Number);
  const [head = "", tail] = text.split("::");
  const groups = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((group) => {
          if (!group.includes(".")) return [Number.parseInt(group, 16)];
          const [a, b, c, d] = group.split(".").map(Number);
          return [a! * 256 + b!, c! * 256 + d!];
        });
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0), ...right];
  return Uint8Array.from(all.slice(0, 8).flatMap((group) => [group >> 8, group & 255]));
}

function macBytes(text: string | undefined): Uint8Array {
  const bytes = (text ?? "").split(":").map((part) => Number.parseInt(part, 16));
  return bytes.length === 6 && bytes.every((byte) => byte >= 0) ? Uint8Array.from(bytes) : new Uint8Array(6);
}

/** TCP control bits as far as Zeek's history shows them: a letter a kind of segment, capital for the originator. */
const FLAGS: Readonly<Record<string, number>> = { S: 0x02, H: 0x12, A: 0x10, D: 0x10, F: 0x11, R: 0x04 };

function controlBits({ record, fromOrig }: FlowSide): number {
  let bits = 0;
  for (const letter of record.history ?? "") {
    const capital = letter.toUpperCase();
    if ((letter === capital) === fromOrig) bits |= FLAGS[capital] ?? 0;
  }
  return bits;
}

/** flowEndReason by close_reason (RFC 5102 §5.11.3). */
const END_REASONS: Readonly<Record<string, number>> = {
  idle: 1,
  attempt: 1,
  active: 2,
  fin: 3,
  rst: 3,
  reuse: 3,
  eof: 4,
  evicted: 5,
};

const isIcmp = ({ record }: FlowSide): boolean => record.ip_proto === 1 || record.ip_proto === 58;
const milliseconds = (ns: string): bigint => BigInt(ns) / 1_000_000n;

function packets({ record, fromOrig }: FlowSide): number {
  return fromOrig ? record.orig_pkts : record.resp_pkts;
}

function octets({ record, fromOrig }: FlowSide): number {
  return fromOrig ? record.orig_ip_bytes : record.resp_ip_bytes;
}

const reversed = (side: FlowSide): FlowSide => ({ ...side, fromOrig: !side.fromOrig });

const ADDRESSES_4: readonly Element[] = [
  { id: 8, name: "sourceIPv4Address", length: 4, value: (side) => addressBytes(source(side)) },
  { id: 12, name: "destinationIPv4Address", length: 4, value: (side) => addressBytes(destination(side)) },
];
const ADDRESSES_6: readonly Element[] = [
  { id: 27, name: "sourceIPv6Address", length: 16, value: (side) => addressBytes(source(side)) },
  { id: 28, name: "destinationIPv6Address", length: 16, value: (side) => addressBytes(destination(side)) },
];
const icmpTypeCode = (id: number, name: string): Element => ({
  id,
  name,
  length: 2,
  value: (side) => (isIcmp(side) ? ((side.record["id.orig_p"] & 255) << 8) | (side.record["id.resp_p"] & 255) : 0),
});

const COMMON: readonly Element[] = [
  {
    id: 7,
    name: "sourceTransportPort",
    length: 2,
    value: (side) => (isIcmp(side) ? 0 : side.record[side.fromOrig ? "id.orig_p" : "id.resp_p"]),
  },
  {
    id: 11,
    name: "destinationTransportPort",
    length: 2,
    value: (side) => (isIcmp(side) ? 0 : side.record[side.fromOrig ? "id.resp_p" : "id.orig_p"]),
  },
  { id: 4, name: "protocolIdentifier", length: 1, value: ({ record }) => record.ip_proto },
  { id: 6, name: "tcpControlBits", length: 1, value: controlBits },
  { id: 152, name: "flowStartMilliseconds", length: 8, value: ({ record }) => milliseconds(record.first_ns) },
  { id: 153, name: "flowEndMilliseconds", length: 8, value: ({ record }) => milliseconds(record.last_ns) },
  { id: 2, name: "packetDeltaCount", length: 8, value: packets },
  { id: 1, name: "octetDeltaCount", length: 8, value: octets },
  { id: 58, name: "vlanId", length: 2, value: ({ record }) => record.vlan ?? 0 },
  { id: 136, name: "flowEndReason", length: 1, value: ({ record }) => END_REASONS[record.close_reason] ?? 4 },
  {
    id: 56,
    name: "sourceMacAddress",
    length: 6,
    value: ({ record, fromOrig }) => macBytes(fromOrig ? record.orig_l2_addr : record.resp_l2_addr),
  },
  {
    id: 80,
    name: "destinationMacAddress",
    length: 6,
    value: ({ record, fromOrig }) => macBytes(fromOrig ? record.resp_l2_addr : record.orig_l2_addr),
  },
  { id: 82, name: "interfaceName", length: VARIABLE, value: ({ interfaceName }) => interfaceName },
  { id: 96, name: "applicationName", length: VARIABLE, value: ({ record }) => record.app ?? record.service ?? "" },
];

const etherType = (value: number): Element => ({ id: 256, name: "ethernetType", length: 2, value: () => value });

const BIFLOW: readonly Element[] = [
  { id: 239, name: "biflowDirection", length: 1, value: () => 1 },
  { id: 2, pen: REVERSE_PEN, name: "reversePacketDeltaCount", length: 8, value: (side) => packets(reversed(side)) },
  { id: 1, pen: REVERSE_PEN, name: "reverseOctetDeltaCount", length: 8, value: (side) => octets(reversed(side)) },
  { id: 6, pen: REVERSE_PEN, name: "reverseTcpControlBits", length: 1, value: (side) => controlBits(reversed(side)) },
];

/** What has no element of IANA's goes under the user's own enterprise number. */
const enterprise = (pen: number): readonly Element[] => [
  { id: 1, pen, name: "uid", length: VARIABLE, value: ({ record }) => record.uid },
  { id: 2, pen, name: "communityId", length: VARIABLE, value: ({ record }) => record.community_id },
];

export interface TemplateOptions {
  /** One flow for both directions (RFC 5103) instead of two. */
  readonly biflow?: boolean;
  /** The enterprise number under which uid and Community ID are sent; absent: they are not. */
  readonly pen?: number;
}

export interface Template {
  readonly id: number;
  readonly elements: readonly Element[];
}

const IPV4_TEMPLATE = 256;
const IPV6_TEMPLATE = 257;

/** The templates of IPv4 and IPv6 connections. */
export function templates({ biflow, pen }: TemplateOptions): { readonly ipv4: Template; readonly ipv6: Template } {
  const rest = [...COMMON, ...(biflow ? BIFLOW : []), ...(pen === undefined ? [] : enterprise(pen))];
  return {
    ipv4: {
      id: IPV4_TEMPLATE,
      elements: [...ADDRESSES_4, icmpTypeCode(32, "icmpTypeCodeIPv4"), etherType(0x0800), ...rest],
    },
    ipv6: {
      id: IPV6_TEMPLATE,
      elements: [...ADDRESSES_6, icmpTypeCode(139, "icmpTypeCodeIPv6"), etherType(0x86dd), ...rest],
    },
  };
}
