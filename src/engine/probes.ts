/** What tests of single parts call; only the checked build has it. Texts are left in SCRATCH, functions return their length. */
import { setPayload } from "./apps/payload";
import { openWindow } from "./check";
import { counters } from "./counters";
import { decodeFrame, decodeInner } from "./decode/decode";
import { PACKET_BYTES, ROW_BYTES, Row } from "./generated/layouts";
import { tcpApp, udpApp } from "./generated/matching";
import { SCRATCH, SCRATCH_END } from "./generated/memory";
import { reassemble } from "./meter";
import { ERROR_NONE, NEXT_NONE, packet } from "./packet";
import { writeCommunityId } from "./record/community-id";
import { escaped, setFormat } from "./record/format";
import { isLocal } from "./record/local-nets";
import { integer, ipv4, ipv6, mac, padded, to, writeAt } from "./record/text";
import { addPacket } from "./table/table";

/** The app of a payload; nothing beyond what was captured of it may be read. */
export function probeApp(tcp: bool, at: i32, captured: i32, wire: i32, srcPort: i32, dstPort: i32): i32 {
  openWindow(at, at + captured);
  setPayload(at, captured, wire, srcPort, dstPort, tcp);
  return tcp ? tcpApp() : udpApp();
}

function begin(): void {
  writeAt(<usize>SCRATCH);
}

function length(): i32 {
  return <i32>(to - <usize>SCRATCH);
}

export function probeInteger(value: u64): i32 {
  begin();
  integer(value);
  return length();
}

export function probePadded(value: u32, digits: i32): i32 {
  begin();
  padded(value, digits);
  return length();
}

export function probeIpv4(at: usize): i32 {
  begin();
  ipv4(at);
  return length();
}

export function probeIpv6(at: usize): i32 {
  begin();
  ipv6(at);
  return length();
}

export function probeMac(at: usize): i32 {
  begin();
  mac(at);
  return length();
}

export function probeEscaped(format: i32, from: usize, bytes: i32): i32 {
  setFormat(format);
  begin();
  escaped(from, bytes);
  return length();
}

export function probeCommunityId(
  protocol: i32,
  v6: bool,
  source: usize,
  sourcePort: i32,
  target: usize,
  targetPort: i32,
  oneWay: bool,
): i32 {
  begin();
  writeCommunityId(protocol, v6, source, sourcePort, target, targetPort, oneWay);
  return length();
}

export function probeIsLocal(address: usize, v6: bool): bool {
  return isLocal(address, v6);
}

/** An empty row outside of the table. */
export function probeRow(): Row {
  const at = <usize>((SCRATCH_END - ROW_BYTES) & ~63);
  memory.fill(at, 0, ROW_BYTES);
  return changetype<Row>(at);
}

/** Decodes a frame; `packet` shows its outermost layer. */
export function probeFrame(at: i32, captured: i32, wireLength: u32, linktype: i32): void {
  packet.time = 0;
  decodeFrame(packet, at, captured, wireLength, linktype, 0);
}

/** Moves on to what the layer carries. */
export function probeInner(): bool {
  return decodeInner(packet);
}

/** Counts a frame in the table at one layer alone: the outermost, or the innermost that is IP. */
export function probeLayer(
  at: i32,
  captured: i32,
  wireLength: u32,
  time: i64,
  linktype: i32,
  fcsLength: i32,
  innermost: bool,
): void {
  packet.time = time;
  decodeFrame(packet, at, captured, wireLength, linktype, fcsLength);
  if (!isReady()) return;
  while (innermost && packet.innerKind !== NEXT_NONE) {
    memory.copy(<usize>SCRATCH, packet.at, PACKET_BYTES);
    if (!decodeInner(packet)) break;
    const isIp = packet.ipVersion !== 0;
    if (isReady()) continue;
    if (isIp) return;
    memory.copy(packet.at, <usize>SCRATCH, PACKET_BYTES);
    break;
  }
  addPacket(packet, null);
}

function isReady(): bool {
  if (packet.error !== ERROR_NONE) counters.malformed++;
  return packet.ipVersion !== 0 && (!packet.fragment || reassemble(packet)) && packet.transport;
}
