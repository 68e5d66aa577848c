/**
 * TCP connections as Zeek follows them: the two endpoints' states, sequence space, retransmissions and history letters. The rules are
 * those of Zeek's TCP session adapter and endpoint (facts, not code).
 */
import { Endpoint, Packet, Row } from "../generated/layouts";
import { options } from "../options";
import { ACK, FIN, RST, SYN } from "../packet";
import {
  addLetter,
  flipHistory,
  flipHistoryFromStart,
  HIST_ACK,
  HIST_DATA,
  HIST_FIN,
  HIST_FIN_RST,
  HIST_MULTI,
  HIST_RST,
  HIST_SYN,
  isPowerOfTen,
  LETTER_A,
  LETTER_C,
  LETTER_D,
  LETTER_F,
  LETTER_H,
  LETTER_I,
  LETTER_Q,
  LETTER_R,
  LETTER_S,
  LETTER_T,
  LETTER_W,
  noteOnce,
} from "../table/history";
import {
  CLOSED,
  DID_CLOSE,
  ESTABLISHED,
  endpointOf,
  flipRoles,
  HAS_FIN,
  INACTIVE,
  IS_PARTIAL,
  notesOfEndpoint,
  ORIG_SEEN,
  PARTIAL,
  peerOf,
  RESET,
  RESP_SEEN,
  SYN_ACK_SENT,
  SYN_SENT,
  setState,
  unwrapped,
} from "./endpoint";
import { ackReceived, checkEof, connectionClosed, dataSent } from "./streams";

// What `takeSegment` asks the table to do, besides TCP_COMPLETE (2).
/** A SYN was sent: the attempt may time out. */
export const TCP_ATTEMPT: i32 = 1;
/** The handshake is over: the long idle timeout holds. */
export const TCP_ESTABLISHED: i32 = 4;
/** The roles were the wrong way round. */
export const TCP_FLIP: i32 = 8;
/** A FIN was followed by a RST of the same side. */
export const TCP_RESET_LATER: i32 = 16;
/** Both sides had closed before: it does not make the connection longer. */
export const TCP_UNPRODUCTIVE: i32 = 32;
/** Set by the state machine: this side is done. */
const DO_CLOSE: i32 = 1 << 8;

/** Jumps of the sequence number beyond this are not believed in SYN and RST segments. */
const TOO_LARGE: i32 = 1 << 20;

/** Whether a SYN of the 5-tuple begins another connection rather than belonging to this one. */
export function isReuse(row: Row, p: Packet): bool {
  if ((p.tcpFlags & SYN) === 0 || p.payload === 0) return false;
  const orig = endpointOf(row, true);
  const resp = endpointOf(row, false);
  let first = orig;
  if ((p.tcpFlags & ACK) !== 0) {
    if (orig.state !== INACTIVE) return false;
    first = resp;
  }
  if (((orig.flags | resp.flags) & DID_CLOSE) !== 0) return true;
  if (p.tcpSeq === first.start) return false;
  // A SYN that comes after its SYN-ACK, as captures of two interfaces mix them.
  const swapped =
    (p.tcpFlags & ACK) === 0 && first.state === SYN_ACK_SENT && resp.state === INACTIVE && p.tcpSeq === resp.start;
  return !swapped;
}

/** The attempt came to nothing: the originator's SYN was never answered. */
export function attemptFailed(row: Row): bool {
  const orig = endpointOf(row, true).state;
  return (orig === SYN_SENT || orig === SYN_ACK_SENT) && endpointOf(row, false).state === INACTIVE;
}

/** The nth packet with a bad checksum, under `--checksums verify`: noted, and otherwise as if it had not come. */
export function noteBadChecksum(row: Row, count: u32, fromOrig: bool): void {
  if (isPowerOfTen(count)) addLetter(row, LETTER_C, fromOrig);
}

/**
 * Takes a segment of a connection.
 * @returns what the table must do, a set of TCP_… bits; after TCP_FLIP the roles have changed
 */
export function takeSegment(row: Row, originator: bool, p: Packet): i32 {
  if (takesInOrder(row, originator, p)) return 0;
  let fromOrig = originator;
  let result = 0;
  const flags = p.tcpFlags;
  const length = p.payloadLength;
  const syn = (flags & SYN) !== 0;
  const fin = (flags & FIN) !== 0;
  const rst = (flags & RST) !== 0;
  const ack = (flags & ACK) !== 0;

  if (!syn && !rst && (ack || length > 0) && startedWithSynAck(row)) {
    flipRoles(row);
    flipHistoryFromStart(row);
    fromOrig = !fromOrig;
    const resp = endpointOf(row, false);
    resp.previous = SYN_ACK_SENT;
    resp.state = ESTABLISHED;
    result |= TCP_FLIP;
  }

  const e = endpointOf(row, fromOrig);
  const q = peerOf(row, e);
  e.seenFlags |= flags;
  if (fromOrig) {
    if ((row.tcp & ORIG_SEEN) === 0) setPartial(row, !syn || ack);
  } else if ((row.tcp & (RESP_SEEN | IS_PARTIAL)) === 0) setPartial(row, !syn);

  const segment = (rst ? 0 : length) + (syn ? 1 : 0) + (fin ? 1 : 0);
  beginEndpoint(e, syn, p.tcpSeq, segment);

  const position = locate(p.tcpSeq, e.last, e.lastWraps, e.start);
  const underflow = position < 0;
  noteHistory(row, e, fromOrig, flags, <u32>position, length);
  if (p.tcpWindow === 0 && !rst && q.state !== CLOSED && e.state !== RESET) noteZeroWindow(row, e, fromOrig);
  if ((e.flags & q.flags & DID_CLOSE) !== 0) result |= TCP_UNPRODUCTIVE;

  if (fin) {
    e.flags |= HAS_FIN;
    e.finAt = position + <i64>segment;
  }
  let acknowledged: i64 = 0;
  if (ack) {
    if (q.state === INACTIVE) {
      acknowledged = 1;
      q.start = p.tcpAck - 1;
      q.acked = q.start;
      q.last = q.start;
    } else {
      acknowledged = locate(p.tcpAck, q.acked, q.ackWraps, q.start);
      if (acknowledged < 0) acknowledged = 0;
      else if (!rst) advanceAck(q, p.tcpAck);
    }
  }
  advanceLast(row, e, segment, fromOrig, p);

  const before = isHandshake(e.state) && isHandshake(q.state);
  const transition = stateTransition(row, e, q, fromOrig, p);
  result |= transition & ~DO_CLOSE;
  if ((transition & TCP_FLIP) !== 0) fromOrig = !fromOrig;
  if (before && !(isHandshake(e.state) && isHandshake(q.state))) result |= TCP_ESTABLISHED;

  if (ack) {
    result |= ackReceived(row, q, acknowledged, !fromOrig);
    noteRtt(row, fromOrig, p);
  }
  if (syn && !ack) row.synTime = p.time;
  row.tcp |= fromOrig ? ORIG_SEEN : RESP_SEEN;

  // A segment that was captured in part is not content; its bytes become a gap when they are acknowledged.
  if (length > 0 && !rst && !underflow && (p.payloadCaptured >= length || options.cutIsSeen)) {
    dataSent(row, e, position + (syn ? 1 : 0), length);
  }
  result |= checkEof(row, e);
  if ((transition & DO_CLOSE) !== 0) result |= connectionClosed(row, e);
  return result;
}

/**
 * The common case in short: an established connection, nothing but data or an acknowledgment, in order, without holes or wraps. Anything
 * else is left to `takeSegment`, which comes to the same end by the long way.
 */
function takesInOrder(row: Row, fromOrig: bool, p: Packet): bool {
  if ((p.tcpFlags & (SYN | FIN | RST | ACK)) !== ACK || p.tcpWindow === 0) return false;
  if ((row.tcp & (ORIG_SEEN | RESP_SEEN)) !== (ORIG_SEEN | RESP_SEEN) || row.synTime >= 0) return false;
  const e = endpointOf(row, fromOrig);
  const q = peerOf(row, e);
  const length = p.payloadLength;
  const seq = p.tcpSeq;
  const ack = p.tcpAck;
  if (e.state !== ESTABLISHED || q.state !== ESTABLISHED || seq !== e.last) return false;
  if ((e.holes | q.holes | e.lastWraps | q.ackWraps) !== 0) return false;
  const acked = <i64>ack - <i64>q.start;
  if (ack < q.acked || acked > q.delivered || acked < q.trimmed) return false;
  if (length > 0) {
    const position = <i64>seq - <i64>e.start;
    const past = <i64>seq + <i64>length;
    if (position !== e.delivered || past > 0xffffffff || (p.payloadCaptured < length && !options.cutIsSeen))
      return false;
    if (e.ackWraps !== 0 || e.acked > seq || <i64>e.acked - <i64>e.start <= 1) return false;
    e.last = <u32>past;
    e.delivered = position + <i64>length;
    noteOnce(row, HIST_DATA, LETTER_D, fromOrig);
  } else {
    noteOnce(row, HIST_ACK, LETTER_A, fromOrig);
  }
  e.seenFlags |= p.tcpFlags;
  q.acked = ack;
  q.trimmed = acked;
  return true;
}

function isHandshake(state: i32): bool {
  return state <= SYN_ACK_SENT;
}

/** The originator sent a SYN-ACK, and the other side nothing yet: what follows tells that it is the responder. */
function startedWithSynAck(row: Row): bool {
  return endpointOf(row, true).state === SYN_ACK_SENT && endpointOf(row, false).state === INACTIVE;
}

function setPartial(row: Row, partial: bool): void {
  row.tcp = partial ? row.tcp | IS_PARTIAL : row.tcp & ~IS_PARTIAL;
}

/** Takes a SYN's (or the first segment's) sequence number as the stream's beginning. */
function beginEndpoint(e: Endpoint, syn: bool, seq: u32, segment: u32): void {
  const state = e.state;
  if (state === INACTIVE) {
    // Without a SYN, numbering starts as if there had been one just before.
    setStart(e, syn ? seq : seq - 1, syn ? seq + segment : seq);
  } else if (!syn) {
    return;
  } else if (state === RESET) {
    if (e.previous === INACTIVE) setStart(e, seq, seq + segment);
  } else if (state === ESTABLISHED || state === PARTIAL || (state <= SYN_ACK_SENT && seq !== e.start)) {
    setStart(e, seq, seq + segment);
  }
}

function setStart(e: Endpoint, start: u32, last: u32): void {
  e.start = start;
  e.acked = start;
  e.last = last;
  // The SYN itself may sit at the end of the number space.
  if (last < start) e.lastWraps = 1;
}

/** The position in the stream of a sequence number, negative when it lies before the stream's beginning. */
function locate(number: u32, last: u32, lastWraps: i32, start: u32): i64 {
  let wraps = lastWraps;
  const delta = <i32>(number - last);
  if (delta < 0) {
    if (wraps > 0 && number > last) wraps--;
  } else if (delta > 0 && number < last) wraps++;
  return wraps === 0 ? <i64>(<i32>(number - start)) : unwrapped(number, wraps) - <i64>start;
}

function advanceAck(q: Endpoint, number: u32): void {
  const delta = <i32>(number - q.acked);
  if (delta <= 0 || (number === 0 && delta > TOO_LARGE)) return;
  if (number < q.acked) q.ackWraps++;
  q.acked = number;
}

function advanceLast(row: Row, e: Endpoint, segment: u32, fromOrig: bool, p: Packet): void {
  const flags = p.tcpFlags;
  const past = p.tcpSeq + segment;
  const delta = <i32>(past - e.last);
  if ((flags & (SYN | RST)) !== 0 && (delta > TOO_LARGE || delta < -TOO_LARGE)) return;
  const onlySyn = e.last === e.start + 1;
  if (((flags & FIN) !== 0 && onlySyn) || (e.state !== RESET && delta > 0)) {
    if (past < e.last && delta > 0) e.lastWraps++;
    e.last = past;
  } else if (e.state !== RESET && p.payloadLength > 0) {
    e.retransmits++;
    if (isPowerOfTen(e.retransmits)) addLetter(row, LETTER_T, fromOrig);
  }
}

function noteZeroWindow(row: Row, e: Endpoint, fromOrig: bool): void {
  const notes = notesOfEndpoint(row, e);
  notes.zeroWindows++;
  if (isPowerOfTen(notes.zeroWindows)) addLetter(row, LETTER_W, fromOrig);
}

function noteHistory(row: Row, e: Endpoint, fromOrig: bool, flags: i32, position: u32, length: i32): void {
  const control = flags & (SYN | FIN | RST);
  if (control === 0) {
    if (length > 0) noteOnce(row, HIST_DATA, LETTER_D, fromOrig);
    else if ((flags & ACK) !== 0) noteOnce(row, HIST_ACK, LETTER_A, fromOrig);
    return;
  }
  // A second SYN, FIN or RST gets a letter when it is another one.
  const notes = notesOfEndpoint(row, e);
  if (control === SYN) {
    const letter = (flags & ACK) !== 0 ? LETTER_H : LETTER_S;
    if (noteOnce(row, HIST_SYN, letter, fromOrig) && position !== notes.synAt) addLetter(row, letter, fromOrig);
    notes.synAt = position;
  } else if (control === FIN) {
    const end = position + <u32>length;
    if (noteOnce(row, HIST_FIN, LETTER_F, fromOrig) && end !== notes.finEnd) addLetter(row, LETTER_F, fromOrig);
    notes.finEnd = end;
  } else if (control === RST) {
    if (noteOnce(row, HIST_RST, LETTER_R, fromOrig) && position !== notes.rstAt) addLetter(row, LETTER_R, fromOrig);
    notes.rstAt = position;
  } else if ((control & FIN) !== 0 && (control & RST) !== 0) noteOnce(row, HIST_FIN_RST, LETTER_I, fromOrig);
  else noteOnce(row, HIST_MULTI, LETTER_Q, fromOrig);
}

/** The state machine. @returns TCP_… bits and DO_CLOSE */
function stateTransition(row: Row, e: Endpoint, q: Endpoint, fromOrig: bool, p: Packet): i32 {
  const fin = (p.tcpFlags & FIN) !== 0;
  const rst = (p.tcpFlags & RST) !== 0;
  switch (e.state) {
    case INACTIVE:
      return fromInactive(row, e, q, fromOrig, p);
    case SYN_SENT:
    case SYN_ACK_SENT:
      if (fin) setState(e, CLOSED);
      if (rst) setState(e, RESET);
      return fin || rst ? DO_CLOSE : 0;
    case PARTIAL:
    case ESTABLISHED:
      if ((p.tcpFlags & (SYN | ACK)) === SYN && e.state === PARTIAL && q.state === INACTIVE) setState(e, SYN_SENT);
      if (fin && !rst) {
        setState(e, CLOSED);
        // The peer's FIN was followed by a RST: this was a normal end after all.
        if (q.state === RESET && q.previous === CLOSED) setState(q, CLOSED);
      }
      if (rst) setState(e, RESET);
      return fin || rst ? DO_CLOSE : 0;
    case CLOSED:
      if (!rst || q.state === CLOSED) return 0;
      setState(e, RESET);
      return TCP_RESET_LATER | ((e.flags & DID_CLOSE) === 0 ? DO_CLOSE : 0);
    default:
      return 0;
  }
}

function fromInactive(row: Row, e: Endpoint, q: Endpoint, fromOrig: bool, p: Packet): i32 {
  const ack = (p.tcpFlags & ACK) !== 0;
  let result = 0;
  if ((p.tcpFlags & SYN) !== 0) {
    if (fromOrig) {
      setState(e, ack ? SYN_ACK_SENT : SYN_SENT);
      result |= TCP_ATTEMPT;
    } else {
      if (!ack && q.state === SYN_ACK_SENT && p.tcpSeq === e.start) {
        // The SYN comes after its SYN-ACK: the roles are the other way round.
        flipRoles(row);
        flipHistory(row);
        setState(q, ESTABLISHED);
        row.tcp |= ORIG_SEEN;
        result |= TCP_FLIP;
      }
      if (q.state === SYN_SENT) setState(q, ESTABLISHED);
      setState(e, ESTABLISHED);
    }
  }
  if ((p.tcpFlags & FIN) !== 0) {
    setState(e, CLOSED);
    result |= DO_CLOSE;
  }
  if ((p.tcpFlags & RST) !== 0) {
    setState(e, RESET);
    result |= DO_CLOSE;
  }
  if (e.state !== INACTIVE) return result;
  // Some stacks acknowledge a SYN before they answer it: that is no partial connection yet.
  if (!fromOrig && p.payloadLength === 0 && q.state === SYN_SENT) return result;
  if (ack && q.state === ESTABLISHED) {
    // The originator's SYN was missed; the answer to it was not.
    setState(e, ESTABLISHED);
    setPartial(row, false);
    row.tcp |= fromOrig ? ORIG_SEEN : RESP_SEEN;
  } else setState(e, PARTIAL);
  return result;
}

function noteRtt(row: Row, fromOrig: bool, p: Packet): void {
  if (!fromOrig || row.rtt !== 0 || row.synTime < 0 || (p.tcpFlags & (SYN | RST)) !== 0) return;
  if (endpointOf(row, false).state !== ESTABLISHED) return;
  row.rtt = p.time - row.synTime;
  row.synTime = -1;
}
