/**
 * Which application protocol each connection speaks, by the first bytes it carries. Once a row is decided, a packet costs a comparison
 * (`row.tries`).
 */
import { appOfTunnel, mayChange, mayStartTls } from "../generated/apps";
import { Row } from "../generated/layouts";
import { follow, tcpApp, udpApp } from "../generated/matching";
import { TCP, UDP } from "../generated/protocols";
import { NEXT_NONE, packet } from "../packet";
import { noteExpected } from "./expected";
import { ALWAYS, DONE } from "./follow";
import { forgetPayload } from "./host";
import { ANNOUNCED, KEPT_BY_HOST, STARTED_TLS } from "./label-bits";
import { releaseName } from "./names";
import { at, end, setPayload } from "./payload";
import { rtpApp } from "./rtp";
import { isHello, keepServerName } from "./tls";

/** Packets with payload that are looked at before a connection is given up, and before a change to another protocol is. */
const MAX_TRIES: i32 = 6;
const MAX_TRIES_FOR_CHANGE: i32 = 24;
/** `row.tries` of a connection of which nothing more is to be found out. */
export const DECIDED: i32 = 255;

/** Whether FTP has announced a connection to this port, for each. */
export const EXPECTED_PORTS: i32 = <i32>memory.data(65_536);

/** The row holds another connection. */
export function beginLabels(row: Row): void {
  row.app = 0;
  row.tries = 0;
  row.labelBits = 0;
  row.name = 0;
  noteExpected(row);
  if (row.app !== 0) row.tries = DECIDED;
}

/** The row is free. */
export function releaseLabels(row: Row): void {
  releaseName(row);
  forget(row);
}

/** Looks at the packet at hand, which carries payload or another packet; for rows that are not decided. */
export function look(row: Row): void {
  if (packet.innerKind !== NEXT_NONE && packet.protocol === UDP) {
    row.app = appOfTunnel(packet.innerTunnel);
    row.tries = DECIDED;
    return;
  }
  if (packet.payloadCaptured <= 0) return;
  const isTcp = packet.protocol === TCP;
  setPayload(packet.payload, packet.payloadCaptured, packet.payloadLength, packet.srcPort, packet.dstPort, isTcp);
  const tries = row.tries + 1;
  row.tries = tries;
  if (row.app === 0) {
    const app = isTcp ? tcpApp() : packet.protocol === UDP && packet.payloadCaptured > 1 ? appOfDatagram(row) : 0;
    if (app === 0) {
      if (tries >= MAX_TRIES || (!isTcp && packet.protocol !== UDP)) row.tries = DECIDED;
      return;
    }
    row.app = app;
  }
  if (isTcp && mayStartTls(row.app) && tries > 1 && isHello()) {
    row.labelBits |= STARTED_TLS;
    keepServerName(row, at, end);
    decide(row);
    return;
  }
  const most = mayChange(row.app) ? MAX_TRIES_FOR_CHANGE : MAX_TRIES;
  const next = follow(row);
  if (next === ALWAYS) row.tries = min(tries, most - 1);
  else if (next === DONE || tries >= most) decide(row);
}

/** What has been announced may be RTP. */
function appOfDatagram(row: Row): i32 {
  const announced = (row.labelBits & ANNOUNCED) !== 0 ? rtpApp() : 0;
  return announced !== 0 ? announced : udpApp();
}

function decide(row: Row): void {
  row.tries = DECIDED;
  forget(row);
}

function forget(row: Row): void {
  if ((row.labelBits & KEPT_BY_HOST) === 0) return;
  row.labelBits &= ~KEPT_BY_HOST;
  forgetPayload(row);
}
