/**
 * The flow table: one row per connection, as Zeek understands it. A connection ends by packet time: idle, closed, reset, its attempt
 * unanswered, its 5-tuple reused, evicted, or because the capture is over.
 */
import { beginLabels, releaseLabels } from "../apps/look";
import { get32, get64, put64 } from "../bytes";
import { counters } from "../counters";
import { Packet, ROW_BYTES, Row } from "../generated/layouts";
import { ENDED_BY_PROTOCOL } from "../generated/memory";
import { TCP, UDP, UDPLITE } from "../generated/protocols";
import {
  TCP_SERVER_PORTS,
  TCP_SERVER_PORTS_COUNT,
  UDP_SERVER_PORTS,
  UDP_SERVER_PORTS_COUNT,
} from "../generated/server-ports";
import { reserve, rowAt, rowsLimit, rowsStart } from "../memory";
import { options } from "../options";
import { ACK, SYN } from "../packet";
import { endpointOf, notesOf, openEndpoints, RESET } from "../tcp/endpoint";
import { releaseStreams, TCP_COMPLETE } from "../tcp/streams";
import {
  attemptFailed,
  isReuse,
  noteBadChecksum,
  TCP_ATTEMPT,
  TCP_ESTABLISHED,
  TCP_FLIP,
  TCP_RESET_LATER,
  TCP_UNPRODUCTIVE,
  takeSegment,
} from "../tcp/tcp";
import { NEVER, SECOND } from "../time";
import { reportEnded } from "./delivery";
import { addEnded, endedCount, endedRow, forgetEnded, sortEnded } from "./ended";
import { releaseExtras } from "./extras";
import { flipHistory, HIST_DATA, LETTER_D, noteOnce } from "./history";
import {
  FORWARD,
  KEY_DST,
  KEY_SRC,
  keyHash,
  keyMeta,
  keyPorts,
  keyVlan,
  matchKey,
  NO_MATCH,
  putAddress,
  readKey,
} from "./key";
import { ATTEMPT_DELAY, CLOSE_DELAY, idleEnd, idleOf, TCP_IDLE } from "./lifetime";
import { noteParent } from "./parents";
import { swapRoles } from "./roles";
import {
  DEADLINE_ATTEMPT,
  DEADLINE_CLOSED,
  DEADLINE_NONE,
  DEADLINE_RESET,
  ENDED,
  ENDING,
  FREE,
  isShown,
  LIVE,
  META_V6,
  protocolOf,
  REASON_ATTEMPT,
  REASON_EOF,
  REASON_EVICTED,
  REASON_FIN,
  REASON_IDLE,
  REASON_REUSE,
  REASON_RST,
  sideOf,
} from "./row";
import { addToIndex, findSlot, removeFromIndex, rowIn, startOf } from "./row-index";
import { putUid } from "./uid";
import { noteVlans } from "./vlans";
import { arm, disarm, firstDue, isBehind, turn } from "./wheel";

/** Rows held at once, ended ones that are kept included. */
let maxRows: u32 = 0;
/** The first free row, and the kept ones in the order in which they ended: lists by `wheelNext`. */
let freeRow: usize = 0;
let keptFirst: usize = 0;
let keptLast: usize = 0;
/** The time of the packet at hand, or what the host said it is. */
let clock: i64 = 0;
/** Of the packet at hand: how many connections its 5-tuple had at this very time, and whether it goes from originator to responder. */
let ordinal: u32 = 0;
let forward: bool = true;

export function limitRows(rows: u32): void {
  maxRows = rows;
}

/**
 * Counts one packet, whose transport header was decoded.
 * @param parent the row of the packet around this one
 */
export function addPacket(p: Packet, parent: Row | null): Row {
  const row = rowFor(p, parent);
  count(row, p);
  return row;
}

/**
 * Takes a packet with a wrong checksum as Zeek does without -C: its connection exists, and its history says so, but it counts for
 * nothing. A wrong IP header or ICMP checksum does not even make a connection.
 */
export function addBadPacket(p: Packet, parent: Row | null): void {
  if (p.protocol !== TCP && p.protocol !== UDP) return;
  const row = rowFor(p, parent);
  row.badChecksums++;
  noteBadChecksum(row, row.badChecksums, forward);
}

/** Lets time pass: ends what has been idle, and reports what ended before this second. */
export function advance(now: i64): void {
  clock = now;
  const second = now / SECOND;
  while (isBehind(second)) {
    for (let at = turn(second); at !== 0; ) {
      const row = rowAt(at);
      at = <usize>row.wheelNext;
      row.bucket = 0;
      visit(row);
    }
  }
  reportAll();
}

/** The capture is over: every connection ends. */
export function endAll(): void {
  reportAll();
  const end = rowsStart + <usize>counters.used * <usize>ROW_BYTES;
  for (let at = rowsStart; at < end; at += <usize>ROW_BYTES) {
    const row = rowAt(at);
    if (row.state === LIVE) endRow(row, REASON_EOF, NEVER);
  }
  reportAll();
}

// Finding and opening rows.

function rowFor(p: Packet, parent: Row | null): Row {
  const now = p.time;
  if (isBehind(now / SECOND)) advance(now);
  clock = now;
  readKey(p);
  ordinal = 0;
  let found = find();
  if (found !== null && !continues(found, p)) found = null;
  if (parent === null) return found === null ? open(p) : found;
  // Read before a row is evicted for this one: it could be the parent's.
  const high = parent.uidHigh;
  const low = parent.uidLow;
  const row = found === null ? open(p) : found;
  noteParent(row, high, low);
  return row;
}

/** The row that has the key, and in `forward` which way it goes; null when there is none. */
function find(): Row | null {
  const hash = keyHash;
  for (let slot = findSlot(hash, startOf(hash)); slot >= 0; slot = findSlot(hash, <u32>slot + 1)) {
    const row = rowIn(slot);
    const match = matchKey(row);
    if (match === NO_MATCH) continue;
    forward = match === FORWARD;
    return row;
  }
  return null;
}

function open(p: Packet): Row {
  if (counters.held >= maxRows) evict();
  const row = takeRow();
  counters.connections++;
  counters.live++;
  counters.held++;
  const generation = row.generation;
  memory.fill(row.at, 0, ROW_BYTES);
  row.generation = generation + 1;

  const flip = startsFlipped(p);
  forward = !flip;
  putAddress(flip ? row.respAddress : row.origAddress, KEY_SRC);
  putAddress(flip ? row.origAddress : row.respAddress, KEY_DST);
  row.ports = flip ? rotl<u32>(keyPorts, 16) : keyPorts;
  row.meta = keyMeta;
  row.hash = keyHash;
  row.keyVlan = keyVlan;
  noteVlans(row, p);
  row.state = LIVE;
  row.tunnel = p.tunnel;
  row.first = p.time;
  row.last = p.time;
  row.end = p.time;
  row.deadline = NEVER;
  row.idle = idleOf(row, p);
  if (p.protocol === TCP) openEndpoints(row);
  if (p.l2Src !== 0) memory.copy(flip ? row.respMac : row.origMac, <usize>p.l2Src, 6);
  if (p.l2Dst !== 0) memory.copy(flip ? row.origMac : row.respMac, <usize>p.l2Dst, 6);
  if (flip) flipHistory(row);
  putUid(row, p, ordinal);
  addToIndex(row);
  arm(row, idleEnd(row));
  beginLabels(row);
  return row;
}

/** A row that is free. Where memory ends before the limit of rows, one more is evicted. */
function takeRow(): Row {
  if (freeRow === 0) {
    const at = rowsStart + <usize>counters.used * <usize>ROW_BYTES;
    if (at + <usize>ROW_BYTES <= rowsLimit && reserve(at + <usize>ROW_BYTES)) {
      counters.used++;
      return rowAt(at);
    }
    maxRows = counters.held;
    evict();
  }
  const row = rowAt(freeRow);
  freeRow = <usize>row.wheelNext;
  return row;
}

/** Zeek's guess at the true originator of a connection whose beginning was not seen; never a broadcast address. */
function startsFlipped(p: Packet): bool {
  if ((keyMeta & META_V6) === 0 && get32(KEY_DST) === 0xffffffff) return false;
  const source = p.srcPort;
  const target = p.dstPort;
  if (p.protocol === TCP) {
    if ((p.tcpFlags & (SYN | ACK)) === SYN || !isServer(TCP_SERVER_PORTS, TCP_SERVER_PORTS_COUNT, source)) return false;
    return !isServer(TCP_SERVER_PORTS, TCP_SERVER_PORTS_COUNT, target) || ((p.tcpFlags & SYN) === 0 && source < target);
  }
  return (
    p.protocol === UDP &&
    isServer(UDP_SERVER_PORTS, UDP_SERVER_PORTS_COUNT, source) &&
    !isServer(UDP_SERVER_PORTS, UDP_SERVER_PORTS_COUNT, target)
  );
}

/** Whether a sorted list has the port. */
function isServer(ports: usize, length: i32, port: i32): bool {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const value = <i32>load<u16>(ports + ((<usize>middle) << 1));
    if (value === port) return true;
    if (value < port) low = middle + 1;
    else high = middle;
  }
  return false;
}

// Counting.

function count(row: Row, p: Packet): void {
  let fromOrig = forward;
  let result = 0;
  let lengthens = true;
  const protocol = p.protocol;
  if (protocol === TCP) {
    if (p.payload !== 0) {
      result = takeSegment(row, fromOrig, p);
      if ((result & TCP_FLIP) !== 0) {
        swapRoles(row);
        fromOrig = !fromOrig;
      }
      lengthens = (result & TCP_UNPRODUCTIVE) === 0;
    } else lengthens = false;
  } else if (protocol === UDP || protocol === UDPLITE) noteOnce(row, HIST_DATA, LETTER_D, fromOrig);
  p.fromOrig = fromOrig;
  const now = p.time;
  if (lengthens && now > row.end) row.end = now;
  if (result !== 0) applyTcp(row, result);
  if (now >= row.last) row.last = now;
  // Captures are not always in order of time: a connection begins with its earliest packet.
  else if (now < row.first) row.first = now;
  const side = sideOf(row, fromOrig);
  side.packets += p.weight;
  side.wireBytes += p.frameLength;
  side.ipBytes += p.ipLength;
  side.payloadBytes += p.payloadLength;
  if (p.payloadCaptured < p.payloadLength) {
    notesOf(row, fromOrig).cut += p.payloadLength - max(p.payloadCaptured, 0);
  }
  if (p.fragments > 0) row.fragments += p.fragments;
}

function applyTcp(row: Row, result: i32): void {
  if ((result & TCP_ESTABLISHED) !== 0) row.idle = TCP_IDLE;
  if ((result & TCP_COMPLETE) !== 0) {
    const reset = endpointOf(row, true).state === RESET || endpointOf(row, false).state === RESET;
    setDeadline(row, reset ? DEADLINE_RESET : DEADLINE_CLOSED, CLOSE_DELAY);
  } else if ((result & TCP_RESET_LATER) !== 0 && row.deadlineKind !== DEADLINE_CLOSED) {
    setDeadline(row, DEADLINE_RESET, CLOSE_DELAY);
  } else if ((result & TCP_ATTEMPT) !== 0) setDeadline(row, DEADLINE_ATTEMPT, ATTEMPT_DELAY);
}

// Lifetimes.

/** Whether a packet that comes now still belongs to the connection; ends it if not. */
function continues(row: Row, p: Packet): bool {
  // Seldom has it been silent for so long that it is worth to look exactly.
  if (clock - row.end >= <i64>(row.idle - 2) * SECOND) {
    const end = idleEnd(row);
    if (clock >= end) {
      endRow(row, REASON_IDLE, end);
      return false;
    }
  }
  if (clock >= row.deadline && deadlinePassed(row)) return false;
  if ((p.tcpFlags & SYN) !== 0 && p.protocol === TCP && isReuse(row, p)) {
    if (row.first === p.time) ordinal++;
    endRow(row, REASON_REUSE, clock);
    return false;
  }
  return true;
}

/** The deadline has come: ends the row, or forgets the deadline where its cause is gone. @returns whether it ended */
function deadlinePassed(row: Row): bool {
  const kind = row.deadlineKind;
  if (kind === DEADLINE_ATTEMPT && !attemptFailed(row)) {
    row.deadline = NEVER;
    row.deadlineKind = DEADLINE_NONE;
    return false;
  }
  const reason = kind === DEADLINE_ATTEMPT ? REASON_ATTEMPT : kind === DEADLINE_CLOSED ? REASON_FIN : REASON_RST;
  endRow(row, reason, row.deadline);
  return true;
}

/** The second has come in which the row may end. */
function visit(row: Row): void {
  if (row.deadline <= clock && deadlinePassed(row)) return;
  const idle = idleEnd(row);
  if (idle <= clock) endRow(row, REASON_IDLE, idle);
  else arm(row, min(idle, row.deadline));
}

function setDeadline(row: Row, kind: i32, delay: i64): void {
  row.deadlineKind = kind;
  row.deadline = clock + delay;
  arm(row, min(row.deadline, idleEnd(row)));
}

/** Takes a row out of the index; it waits among the ended until its second is over. */
function endRow(row: Row, reason: i32, when: i64): void {
  removeFromIndex(row);
  disarm(row);
  row.state = ENDING;
  row.reason = reason;
  row.deadline = when;
  counters.live--;
  addEnded(row);
}

function reportAll(): void {
  const ended = endedCount();
  if (ended === 0) return;
  sortEnded();
  for (let i = 0; i < ended; i++) {
    const row = endedRow(i);
    if (isShown(row)) {
      const place = <usize>ENDED_BY_PROTOCOL + ((<usize>protocolOf(row)) << 3);
      put64(place, get64(place) + 1);
      reportEnded(row);
    } else counters.hidden++;
    if (options.keepEnded) keep(row);
    else release(row);
  }
  forgetEnded();
}

function keep(row: Row): void {
  row.state = ENDED;
  row.wheelNext = 0;
  if (keptLast === 0) keptFirst = row.at;
  else rowAt(keptLast).wheelNext = <u32>row.at;
  keptLast = row.at;
}

function release(row: Row): void {
  releaseLabels(row);
  releaseStreams(row);
  releaseExtras(row);
  row.state = FREE;
  counters.held--;
  row.wheelNext = <u32>freeRow;
  freeRow = row.at;
}

/** Makes room for one more row: an ended one that was kept, else the connection that would end first. */
function evict(): void {
  reportAll();
  if (counters.held < maxRows) return;
  if (keptFirst !== 0) {
    const row = rowAt(keptFirst);
    keptFirst = <usize>row.wheelNext;
    if (keptFirst === 0) keptLast = 0;
    release(row);
    return;
  }
  const due = firstDue();
  if (due === null) return;
  counters.evicted++;
  endRow(due, REASON_EVICTED, clock);
  evict();
}
