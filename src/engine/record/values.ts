/**
 * The values of a connection's fields that are numbers or known names, by the fields' names (tables/fields.ts): -1 is an unset number, an
 * empty prepared text an unset name.
 */
import { ANNOUNCED, STARTED_TLS } from "../apps/label-bits";
import { appOfTcpPort, appOfUdpPort, appText, serviceText } from "../generated/apps";
import { Row } from "../generated/layouts";
import { hidesPortsFromZeek, protoText, TCP, UDP, zeekProtoText } from "../generated/protocols";
import {
  BASIS_NONE,
  BASIS_PARENT,
  BASIS_PAYLOAD,
  BASIS_PORT,
  closeReasonText,
  connStateText,
  serviceBasisText,
  tunnelText,
} from "../generated/words";
import { isV6, protocolOf } from "../table/row";
import { missed, notesOf, streamSize } from "../tcp/endpoint";
import { connStateOf } from "./conn-state";
import { format, ZEEK } from "./format";
import { isLocal } from "./local-nets";

const UNSET: i64 = -1;

/** Zeek knows nothing of the ports and the payload of some transports. */
function hidesPorts(row: Row): bool {
  return format === ZEEK && hidesPortsFromZeek(protocolOf(row));
}

/** A connection of one packet has no duration, and so no sizes. */
function lasted(row: Row): bool {
  return row.end > row.first;
}

export function ts(row: Row): i64 {
  return row.first;
}

export function idOrigP(row: Row): i64 {
  return hidesPorts(row) ? 0 : row.origPort;
}

export function idRespP(row: Row): i64 {
  return hidesPorts(row) ? 0 : row.respPort;
}

export function proto(row: Row): usize {
  return format === ZEEK ? zeekProtoText(protocolOf(row)) : protoText(protocolOf(row));
}

export function service(row: Row): usize {
  return serviceText(row.app, protocolOf(row) === TCP, (row.labelBits & STARTED_TLS) !== 0);
}

export function duration(row: Row): i64 {
  return row.end - row.first;
}

export function origBytes(row: Row): i64 {
  return lasted(row) ? streamBytes(row, true) : UNSET;
}

export function respBytes(row: Row): i64 {
  return lasted(row) ? streamBytes(row, false) : UNSET;
}

/** Sequence space for TCP, payload for the others. */
function streamBytes(row: Row, orig: bool): i64 {
  if (hidesPorts(row)) return 0;
  return protocolOf(row) === TCP ? streamSize(row, orig) : orig ? row.orig.payloadBytes : row.resp.payloadBytes;
}

export function connState(row: Row): usize {
  return connStateText(connStateOf(row));
}

export function localOrig(row: Row): bool {
  return isLocal(row.origAddress, isV6(row));
}

export function localResp(row: Row): bool {
  return isLocal(row.respAddress, isV6(row));
}

export function missedBytes(row: Row): i64 {
  return protocolOf(row) === TCP ? missed(row) : 0;
}

export function origPkts(row: Row): i64 {
  return row.orig.packets;
}

export function origIpBytes(row: Row): i64 {
  return row.orig.ipBytes;
}

export function respPkts(row: Row): i64 {
  return row.resp.packets;
}

export function respIpBytes(row: Row): i64 {
  return row.resp.ipBytes;
}

export function ipProto(row: Row): i64 {
  return protocolOf(row);
}

export function vlan(row: Row): i64 {
  return vlanOf(row.vlan & 0xffff);
}

export function innerVlan(row: Row): i64 {
  return vlanOf(row.vlan >> 16);
}

function vlanOf(id: u32): i64 {
  return id === 0 ? UNSET : id;
}

export function app(row: Row): usize {
  return appText(row.app !== 0 ? row.app : appOfPort(row));
}

export function serviceBasis(row: Row): usize {
  const known = (row.labelBits & ANNOUNCED) !== 0 ? BASIS_PARENT : BASIS_PAYLOAD;
  return serviceBasisText(row.app !== 0 ? known : appOfPort(row) !== 0 ? BASIS_PORT : BASIS_NONE);
}

/** What usually listens on the responder's port, for a connection that carried nothing to look at; 0 for nothing known. */
function appOfPort(row: Row): i32 {
  const protocol = protocolOf(row);
  if (row.orig.payloadBytes + row.resp.payloadBytes > 0) return 0;
  return protocol === TCP ? appOfTcpPort(row.respPort) : protocol === UDP ? appOfUdpPort(row.respPort) : 0;
}

/** To the microsecond, as it is written. */
export function tcpRtt(row: Row): i64 {
  return protocolOf(row) === TCP ? ((row.rtt + 500) / 1000) * 1000 : 0;
}

export function retransmits(row: Row): i64 {
  return protocolOf(row) === TCP ? <i64>row.endpointA.retransmits + <i64>row.endpointB.retransmits : UNSET;
}

export function fragPkts(row: Row): i64 {
  return row.fragments;
}

export function badCsum(row: Row): i64 {
  return row.badChecksums;
}

export function offloadCsum(row: Row): i64 {
  return row.offloadChecksums;
}

export function origCutBytes(row: Row): i64 {
  return cutBytes(row, true);
}

export function respCutBytes(row: Row): i64 {
  return cutBytes(row, false);
}

function cutBytes(row: Row, orig: bool): i64 {
  const cut: i64 = notesOf(row, orig).cut;
  return cut > 0 ? cut : UNSET;
}

export function firstNs(row: Row): i64 {
  return row.first;
}

export function lastNs(row: Row): i64 {
  return row.last;
}

export function closeReason(row: Row): usize {
  return closeReasonText(row.reason);
}

// Not written: for sorting and filtering.

export function packets(row: Row): i64 {
  return row.orig.packets + row.resp.packets;
}

export function bytes(row: Row): i64 {
  return row.orig.ipBytes + row.resp.ipBytes;
}

export function wireBytes(row: Row): i64 {
  return row.orig.wireBytes + row.resp.wireBytes;
}

export function payload(row: Row): i64 {
  return row.orig.payloadBytes + row.resp.payloadBytes;
}

const BITS_IN_BYTE: f64 = 8;
const NANOSECONDS: f64 = 1e9;

export function rate(row: Row): i64 {
  return lasted(row) ? <i64>((<f64>bytes(row) * BITS_IN_BYTE * NANOSECONDS) / <f64>duration(row)) : UNSET;
}

export function tunnel(row: Row): usize {
  return tunnelText(row.tunnel);
}
