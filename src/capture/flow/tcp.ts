/**
 * TCP connections as Zeek follows them: the two endpoints' states, sequence space, gaps, retransmissions and history
 * letters. The rules are those of Zeek's TCP session adapter, endpoint and reassembler (facts, not code); RFC 9293 §3.3.2
 * names the states differently.
 *
 * Every connection has a slot of two endpoints. Sequence numbers are kept as on the wire with a count of wraps; positions in a
 * stream are relative to its initial sequence number, so that its first byte is 1.
 */
import { ACK, FIN, type Packet, RST, SYN } from "../decode/packet.ts";
import type { History } from "./history.ts";
import { IntervalPool } from "./intervals.ts";

/** Endpoint states, with Zeek's numbers. */
export const INACTIVE = 0;
export const SYN_SENT = 1;
export const SYN_ACK_SENT = 2;
export const PARTIAL = 3;
export const ESTABLISHED = 4;
export const CLOSED = 5;
export const RESET = 6;

/** What `packet` asks the table to do. */
export const TCP_ATTEMPT = 1; // a SYN was sent: the attempt may time out
export const TCP_COMPLETE = 2; // both sides are done: the connection ends after the close delay
export const TCP_ESTABLISHED = 4; // the handshake is over: the long idle timeout holds
export const TCP_FLIP = 8; // the roles were the wrong way round
export const TCP_RESET_LATER = 16; // a FIN was followed by a RST of the same side
export const TCP_UNPRODUCTIVE = 32; // both sides had closed before: does not make the connection longer

/** Jumps of the sequence number beyond this are not believed in SYN and RST segments. */
const TOO_LARGE = 1 << 20;
/** Unacknowledged bytes above a hole after which Zeek gives up on a stream, and buffered bytes of any kind. */
const MAX_ABOVE_HOLE = 16384;
const MAX_BUFFERED = 10 * 1024 * 1024;
const WRAP = 2 ** 32;
const NONE = -1;

// Columns of an endpoint's 32-bit numbers.
const START = 0;
const LAST = 1;
const ACKED = 2;
const LAST_WRAPS = 3;
const ACK_WRAPS = 4;
const HIST_SYN = 5;
const HIST_FIN = 6;
const HIST_RST = 7;
const RETRANSMITS = 8;
const GAPS = 9;
const ZERO_WINDOWS = 10;
const STATE = 11;
const PREVIOUS = 12;
const FINS = 13;
const FLAGS = 14;
const HOLES = 15;
const WORDS = 16;
// Bits of FLAGS.
const DID_CLOSE = 1;
const DID_EOF = 2;
const SKIP = 4;
// Columns of an endpoint's positions.
const DELIVERED = 0;
const TRIMMED = 1;
const MISSED = 2;
const FIN_AT = 3;
const POSITIONS = 4;
// Columns of `#at`.
const SEGMENT = 0;
const ACKNOWLEDGED = 1;
// Columns of a slot.
const FLIPPED = 1;
const IS_PARTIAL = 2;
const ORIG_SEEN = 4;
const RESP_SEEN = 8;
const CLOSE_DEFERRED = 16;

// Bits and letters of the history.
const HIST_SYN_BIT = 1;
const HIST_FIN_BIT = 2;
const HIST_RST_BIT = 4;
const HIST_DATA_BIT = 8;
const HIST_ACK_BIT = 16;
const HIST_MULTI_BIT = 32;
const HIST_FIN_RST_BIT = 64;
const A = 0x41;
const C = 0x43;
const D = 0x44;
const F = 0x46;
const G = 0x47;
const H = 0x48;
const I = 0x49;
const Q = 0x51;
const R = 0x52;
const S = 0x53;
const T = 0x54;
const W = 0x57;

/** Whether the nth event of a kind gets a letter: the 1st, 10th, 100th, … */
function isPowerOfTen(n: number): boolean {
  let power = 1;
  while (power < n) power *= 10;
  return power === n;
}

function isHandshake(state: number): boolean {
  return state <= SYN_ACK_SENT;
}

export class TcpTracker {
  readonly #history: History;
  readonly #intervals = new IntervalPool();
  #words: Uint32Array;
  #positions: Float64Array;
  #slotFlags: Uint8Array;
  /** When the first SYN of the handshake was sent, and how long the handshake took (0: unknown), seconds. */
  #synSec: Float64Array;
  #synNsec: Uint32Array;
  #rtt: Float64Array;
  #freeSlots: Int32Array;
  /** Positions of the segment at hand: where it begins, and up to where it acknowledges. Passed as numbers they would be boxed. */
  readonly #at = new Float64Array(2);
  #freeCount = 0;
  #used = 0;

  constructor(history: History, slots: number) {
    this.#history = history;
    this.#words = new Uint32Array(slots * 2 * WORDS);
    this.#positions = new Float64Array(slots * 2 * POSITIONS);
    this.#slotFlags = new Uint8Array(slots);
    this.#synSec = new Float64Array(slots);
    this.#synNsec = new Uint32Array(slots);
    this.#rtt = new Float64Array(slots);
    this.#freeSlots = new Int32Array(slots);
  }

  /** A fresh slot for a new connection. */
  open(): number {
    let slot: number;
    if (this.#freeCount > 0) slot = this.#freeSlots[--this.#freeCount]!;
    else {
      if (this.#used === this.#slotFlags.length) this.#grow();
      slot = this.#used++;
    }
    for (let i = slot * 2 * WORDS; i < (slot + 1) * 2 * WORDS; i++) this.#words[i] = 0;
    for (let i = slot * 2 * POSITIONS; i < (slot + 1) * 2 * POSITIONS; i++) this.#positions[i] = 0;
    this.#slotFlags[slot] = 0;
    this.#synSec[slot] = -1;
    this.#rtt[slot] = 0;
    for (let side = 0; side < 2; side++) {
      // HOLES holds a node + 1, so that 0 is none; streams begin at 1.
      this.#positions[(slot * 2 + side) * POSITIONS + DELIVERED] = 1;
      this.#positions[(slot * 2 + side) * POSITIONS + TRIMMED] = 1;
    }
    return slot;
  }

  close(slot: number): void {
    this.#dropHoles(slot * 2);
    this.#dropHoles(slot * 2 + 1);
    this.#freeSlots[this.#freeCount++] = slot;
  }

  state(slot: number, orig: boolean): number {
    return this.#words[this.#endpoint(slot, orig) * WORDS + STATE]!;
  }

  /** Bytes a side sent by its sequence numbers: what was acknowledged counts even when it was not seen. */
  size(slot: number, orig: boolean): number {
    const endpoint = this.#endpoint(slot, orig);
    const base = endpoint * WORDS;
    const words = this.#words;
    const halfOpen =
      words[base + PREVIOUS] === SYN_SENT &&
      words[base + STATE] === RESET &&
      words[(endpoint ^ 1) * WORDS + STATE] === INACTIVE;
    if (halfOpen && !this.#nothingAcked(base)) return 0;
    const sent = words[base + LAST_WRAPS]! * WRAP + words[base + LAST]!;
    const acked = words[base + ACK_WRAPS]! * WRAP + words[base + ACKED]!;
    let size = Math.max(sent, acked) - words[base + START]!;
    if (size > 0) size--;
    if (words[base + FINS]! > 0 && size > 0) size--;
    return Math.max(size, 0);
  }

  missed(slot: number): number {
    const base = slot * 2 * POSITIONS;
    return this.#positions[base + MISSED]! + this.#positions[base + POSITIONS + MISSED]!;
  }

  retransmits(slot: number): number {
    const base = slot * 2 * WORDS;
    return this.#words[base + RETRANSMITS]! + this.#words[base + WORDS + RETRANSMITS]!;
  }

  /** From the SYN to the acknowledgment of its answer, seconds; 0 when the handshake was not seen. */
  rtt(slot: number): number {
    return this.#rtt[slot]!;
  }

  /** Zeek's code for how the connection stands (`conn_state`), an index of `CONN_STATES`. */
  connState(slot: number, orderlyReset: () => boolean): string {
    const orig = this.state(slot, true);
    const resp = this.state(slot, false);
    const origAbsent = orig === INACTIVE || orig === PARTIAL;
    const respAbsent = resp === INACTIVE || resp === PARTIAL;
    if (resp === RESET) {
      const rejected =
        orig === SYN_SENT ||
        orig === SYN_ACK_SENT ||
        (orig === RESET && this.size(slot, true) === 0 && this.size(slot, false) === 0);
      return rejected ? "REJ" : origAbsent ? "RSTRH" : "RSTR";
    }
    if (orig === RESET) return !respAbsent ? "RSTO" : orderlyReset() ? "RSTOS0" : "OTH";
    if (resp === CLOSED && orig === CLOSED) return "SF";
    if (orig === CLOSED) return respAbsent ? "SH" : "S2";
    if (resp === CLOSED) return origAbsent ? "SHR" : "S3";
    if (orig === SYN_SENT && resp === INACTIVE) return "S0";
    return orig === ESTABLISHED && resp === ESTABLISHED ? "S1" : "OTH";
  }

  /** The attempt came to nothing: the originator's SYN was never answered. */
  attemptFailed(slot: number): boolean {
    const orig = this.state(slot, true);
    return (orig === SYN_SENT || orig === SYN_ACK_SENT) && this.state(slot, false) === INACTIVE;
  }

  /** Exchanges the roles. */
  flip(slot: number): void {
    const flags = this.#slotFlags[slot]!;
    const seen = ((flags & ORIG_SEEN) !== 0 ? RESP_SEEN : 0) | ((flags & RESP_SEEN) !== 0 ? ORIG_SEEN : 0);
    this.#slotFlags[slot] = ((flags & (FLIPPED | CLOSE_DEFERRED)) ^ FLIPPED) | seen;
  }

  /** Whether a SYN of the 5-tuple begins another connection rather than belonging to this one. */
  isReuse(slot: number, p: Packet): boolean {
    if ((p.tcpFlags & SYN) === 0 || p.payload < 0) return false;
    const words = this.#words;
    const orig = this.#endpoint(slot, true);
    const resp = orig ^ 1;
    let first = orig;
    if ((p.tcpFlags & ACK) !== 0) {
      if (words[orig * WORDS + STATE] !== INACTIVE) return false;
      first = resp;
    }
    const closed = ((words[orig * WORDS + FLAGS]! | words[resp * WORDS + FLAGS]!) & DID_CLOSE) !== 0;
    if (closed) return true;
    if (p.tcpSeq >>> 0 === words[first * WORDS + START]) return false;
    // A SYN that comes after its SYN-ACK, as captures of two interfaces mix them.
    const swapped =
      (p.tcpFlags & ACK) === 0 &&
      words[first * WORDS + STATE] === SYN_ACK_SENT &&
      words[resp * WORDS + STATE] === INACTIVE &&
      p.tcpSeq >>> 0 === words[resp * WORDS + START];
    return !swapped;
  }

  /** A segment with a bad checksum, under `--checksums verify`: noted, and otherwise as if it had not come. */
  badChecksum(row: number, count: number, fromOrig: boolean): void {
    if (isPowerOfTen(count)) this.#history.add(row, C, fromOrig);
  }

  /**
   * Takes a segment of the connection `row` (its history) and `slot` (its endpoints).
   * @returns what the table must do, a set of TCP_… bits; after TCP_FLIP the roles have changed.
   */
  packet(row: number, slot: number, originator: boolean, p: Packet): number {
    if (this.#takesInOrder(row, slot, originator, p)) return 0;
    let fromOrig = originator;
    let result = 0;
    const words = this.#words;
    const flags = p.tcpFlags;
    const length = p.payloadLength;
    const syn = (flags & SYN) !== 0;
    const fin = (flags & FIN) !== 0;
    const rst = (flags & RST) !== 0;
    const ack = (flags & ACK) !== 0;

    if (!syn && !rst && (ack || length > 0) && this.#startedWithSynAck(slot)) {
      this.flip(slot);
      this.#history.flipFromStart(row);
      fromOrig = !fromOrig;
      words[this.#endpoint(slot, false) * WORDS + PREVIOUS] = SYN_ACK_SENT;
      words[this.#endpoint(slot, false) * WORDS + STATE] = ESTABLISHED;
      result |= TCP_FLIP;
    }

    const endpoint = this.#endpoint(slot, fromOrig);
    const peer = endpoint ^ 1;
    const e = endpoint * WORDS;
    const q = peer * WORDS;
    const slotFlags = this.#slotFlags[slot]!;
    if (fromOrig) {
      if ((slotFlags & ORIG_SEEN) === 0) this.#setPartial(slot, !syn || ack);
    } else if ((slotFlags & (RESP_SEEN | IS_PARTIAL)) === 0) this.#setPartial(slot, !syn);

    const segment = (rst ? 0 : length) + (syn ? 1 : 0) + (fin ? 1 : 0);
    this.#initEndpoint(e, syn, p, segment);

    this.#locate(SEGMENT, e, LAST, LAST_WRAPS, p);
    const underflow = this.#at[SEGMENT]! < 0;
    this.#noteHistory(row, e, fromOrig, flags, this.#at[SEGMENT]! | 0, length);
    if (p.tcpWindow === 0 && !rst && words[q + STATE] !== CLOSED && words[e + STATE] !== RESET) {
      if (isPowerOfTen(++words[e + ZERO_WINDOWS]!)) this.#history.add(row, W, fromOrig);
    }
    if ((words[e + FLAGS]! & words[q + FLAGS]! & DID_CLOSE) !== 0) result |= TCP_UNPRODUCTIVE;

    if (fin) {
      words[e + FINS]!++;
      this.#positions[endpoint * POSITIONS + FIN_AT] = this.#at[SEGMENT]! + segment;
    }
    if (ack) {
      if (words[q + STATE] === INACTIVE) {
        this.#at[ACKNOWLEDGED] = 1;
        words[q + START] = words[q + ACKED] = words[q + LAST] = (p.tcpAck - 1) >>> 0;
      } else {
        this.#locate(ACKNOWLEDGED, q, ACKED, ACK_WRAPS, p);
        if (this.#at[ACKNOWLEDGED]! < 0) this.#at[ACKNOWLEDGED] = 0;
        else if (!rst) this.#advanceAck(q, p);
      }
    }
    this.#advanceLast(row, e, segment, fromOrig, p);

    const before = isHandshake(words[e + STATE]!) && isHandshake(words[q + STATE]!);
    const transition = this.#transition(row, slot, endpoint, fromOrig, p);
    result |= transition & ~DO_CLOSE;
    if ((transition & TCP_FLIP) !== 0) fromOrig = !fromOrig;
    if (before && !(isHandshake(words[e + STATE]!) && isHandshake(words[q + STATE]!))) result |= TCP_ESTABLISHED;

    if (ack) {
      result |= this.#ackReceived(row, slot, peer, !fromOrig);
      this.#noteRtt(slot, fromOrig, p);
    }
    if (syn && !ack) {
      this.#synSec[slot] = p.sec;
      this.#synNsec[slot] = p.nsec;
    }
    this.#slotFlags[slot]! |= fromOrig ? ORIG_SEEN : RESP_SEEN;

    // A segment that was captured in part is not content; its bytes become a gap when they are acknowledged.
    if (length > 0 && !rst && !underflow && p.payloadCaptured >= length) {
      this.#dataSent(slot, endpoint, syn ? 1 : 0, length, fromOrig);
    }
    result |= this.#checkEof(slot, endpoint);
    if ((transition & DO_CLOSE) !== 0) result |= this.#connectionClosed(slot, endpoint);
    return result;
  }

  /**
   * The common case in short: an established connection, nothing but data or an acknowledgment, in order, without holes or
   * wraps. Anything else is left to `packet`, which comes to the same end by the long way.
   */
  #takesInOrder(row: number, slot: number, fromOrig: boolean, p: Packet): boolean {
    const words = this.#words;
    const positions = this.#positions;
    const slotFlags = this.#slotFlags[slot]!;
    if ((p.tcpFlags & (SYN | FIN | RST | ACK)) !== ACK || p.tcpWindow === 0) return false;
    if ((slotFlags & (ORIG_SEEN | RESP_SEEN)) !== (ORIG_SEEN | RESP_SEEN) || this.#synSec[slot]! >= 0) return false;
    const endpoint = slot * 2 + (((slotFlags & FLIPPED) ^ (fromOrig ? 0 : 1)) & 1);
    const e = endpoint * WORDS;
    const q = (endpoint ^ 1) * WORDS;
    const length = p.payloadLength;
    const seq = p.tcpSeq >>> 0;
    if (words[e + STATE] !== ESTABLISHED || words[q + STATE] !== ESTABLISHED || seq !== words[e + LAST]) return false;
    if ((words[e + HOLES]! | words[q + HOLES]! | words[e + LAST_WRAPS]! | words[q + ACK_WRAPS]!) !== 0) return false;
    const at = seq - words[e + START]!;
    const acked = (p.tcpAck >>> 0) - words[q + START]!;
    const s = endpoint * POSITIONS;
    const t = (endpoint ^ 1) * POSITIONS;
    if (p.tcpAck >>> 0 < words[q + ACKED]! || acked > positions[t + DELIVERED]! || acked < positions[t + TRIMMED]!)
      return false;
    if (length > 0) {
      const past = seq + length;
      if (at !== positions[s + DELIVERED] || past > 0xffffffff || p.payloadCaptured < length) return false;
      if (words[e + ACK_WRAPS] !== 0 || words[e + ACKED]! > seq || words[e + ACKED]! - words[e + START]! <= 1)
        return false;
      words[e + LAST] = past;
      positions[s + DELIVERED] = at + length;
      this.#history.check(row, HIST_DATA_BIT, D, fromOrig);
    } else {
      this.#history.check(row, HIST_ACK_BIT, A, fromOrig);
    }
    words[q + ACKED] = p.tcpAck >>> 0;
    positions[t + TRIMMED] = acked;
    return true;
  }

  /** The originator sent a SYN-ACK, and the other side nothing yet: what follows tells that it is the responder. */
  #startedWithSynAck(slot: number): boolean {
    return this.state(slot, true) === SYN_ACK_SENT && this.state(slot, false) === INACTIVE;
  }

  #endpoint(slot: number, orig: boolean): number {
    const flipped = this.#slotFlags[slot]! & FLIPPED;
    return slot * 2 + (orig ? flipped : flipped ^ 1);
  }

  #setPartial(slot: number, partial: boolean): void {
    const flags = this.#slotFlags[slot]!;
    this.#slotFlags[slot] = partial ? flags | IS_PARTIAL : flags & ~IS_PARTIAL;
  }

  #setState(e: number, state: number): void {
    if (this.#words[e + STATE] === state) return;
    this.#words[e + PREVIOUS] = this.#words[e + STATE]!;
    this.#words[e + STATE] = state;
  }

  #nothingAcked(e: number): boolean {
    const ahead = (this.#words[e + ACKED]! - this.#words[e + START]!) >>> 0;
    return ahead <= 1 && this.#words[e + ACK_WRAPS] === 0;
  }

  /** Takes a SYN's (or the first segment's) sequence number as the stream's beginning. */
  #initEndpoint(e: number, syn: boolean, p: Packet, segment: number): void {
    const words = this.#words;
    const seq = p.tcpSeq >>> 0;
    const state = words[e + STATE]!;
    if (state === INACTIVE) {
      // Without a SYN, numbering starts as if there had been one just before.
      const start = syn ? seq : (seq - 1) >>> 0;
      this.#setStart(e, start, syn ? (seq + segment) >>> 0 : seq);
    } else if (!syn) {
      return;
    } else if (state === RESET) {
      if (words[e + PREVIOUS] === INACTIVE) this.#setStart(e, seq, (seq + segment) >>> 0);
    } else if (state === ESTABLISHED || state === PARTIAL || (state <= SYN_ACK_SENT && seq !== words[e + START])) {
      this.#setStart(e, seq, (seq + segment) >>> 0);
    }
  }

  #setStart(e: number, start: number, last: number): void {
    const words = this.#words;
    words[e + START] = start;
    words[e + ACKED] = start;
    words[e + LAST] = last;
    // The SYN itself may sit at the end of the number space.
    if (last < start) words[e + LAST_WRAPS] = 1;
  }

  /**
   * Puts the position in the stream of the segment's (or its acknowledgment's) number into `#at`, negative when it lies before the
   * stream's beginning. The last number seen is in column `lastAt`, its wraps in `wrapsAt`.
   */
  #locate(which: number, e: number, lastAt: number, wrapsAt: number, p: Packet): void {
    const words = this.#words;
    const number = which === SEGMENT ? p.tcpSeq >>> 0 : p.tcpAck >>> 0;
    const last = words[e + lastAt]!;
    let wraps = words[e + wrapsAt]!;
    const delta = (number - last) | 0;
    if (delta < 0) {
      if (wraps > 0 && number > last) wraps--;
    } else if (delta > 0 && number < last) wraps++;
    const start = words[e + START]!;
    this.#at[which] = wraps === 0 ? (number - start) | 0 : wraps * WRAP + number - start;
  }

  #advanceAck(q: number, p: Packet): void {
    const words = this.#words;
    const number = p.tcpAck >>> 0;
    const delta = (number - words[q + ACKED]!) | 0;
    if (delta <= 0 || (number === 0 && delta > TOO_LARGE)) return;
    if (number < words[q + ACKED]!) words[q + ACK_WRAPS]!++;
    words[q + ACKED] = number;
  }

  #advanceLast(row: number, e: number, segment: number, fromOrig: boolean, p: Packet): void {
    const words = this.#words;
    const flags = p.tcpFlags;
    const past = (p.tcpSeq + segment) >>> 0;
    const delta = (past - words[e + LAST]!) | 0;
    if ((flags & (SYN | RST)) !== 0 && (delta > TOO_LARGE || delta < -TOO_LARGE)) return;
    const onlySyn = words[e + LAST] === (words[e + START]! + 1) >>> 0;
    if (((flags & FIN) !== 0 && onlySyn) || (words[e + STATE] !== RESET && delta > 0)) {
      if (past < words[e + LAST]! && delta > 0) words[e + LAST_WRAPS]!++;
      words[e + LAST] = past;
    } else if (words[e + STATE] !== RESET && p.payloadLength > 0) {
      if (isPowerOfTen(++words[e + RETRANSMITS]!)) this.#history.add(row, T, fromOrig);
    }
  }

  #noteHistory(row: number, e: number, fromOrig: boolean, flags: number, position: number, length: number): void {
    const history = this.#history;
    const words = this.#words;
    const control = flags & (SYN | FIN | RST);
    const low = position >>> 0;
    switch (control) {
      case 0:
        if (length > 0) history.check(row, HIST_DATA_BIT, D, fromOrig);
        else if ((flags & ACK) !== 0) history.check(row, HIST_ACK_BIT, A, fromOrig);
        return;
      case SYN: {
        const code = (flags & ACK) !== 0 ? H : S;
        if (history.check(row, HIST_SYN_BIT, code, fromOrig) && low !== words[e + HIST_SYN]) {
          history.add(row, code, fromOrig);
        }
        words[e + HIST_SYN] = low;
        return;
      }
      case FIN: {
        const end = (low + length) >>> 0;
        if (history.check(row, HIST_FIN_BIT, F, fromOrig) && end !== words[e + HIST_FIN]) history.add(row, F, fromOrig);
        words[e + HIST_FIN] = end;
        return;
      }
      case RST:
        if (history.check(row, HIST_RST_BIT, R, fromOrig) && low !== words[e + HIST_RST]) history.add(row, R, fromOrig);
        words[e + HIST_RST] = low;
        return;
      default:
        if ((control & FIN) !== 0 && (control & RST) !== 0) history.check(row, HIST_FIN_RST_BIT, I, fromOrig);
        else history.check(row, HIST_MULTI_BIT, Q, fromOrig);
    }
  }

  /** The state machine. @returns TCP_… bits and DO_CLOSE. */
  #transition(row: number, slot: number, endpoint: number, fromOrig: boolean, p: Packet): number {
    const words = this.#words;
    const e = endpoint * WORDS;
    const q = (endpoint ^ 1) * WORDS;
    const fin = (p.tcpFlags & FIN) !== 0;
    const rst = (p.tcpFlags & RST) !== 0;
    switch (words[e + STATE]) {
      case INACTIVE:
        return this.#fromInactive(row, slot, endpoint, fromOrig, p);
      case SYN_SENT:
      case SYN_ACK_SENT:
        if (fin) this.#setState(e, CLOSED);
        if (rst) this.#setState(e, RESET);
        return fin || rst ? DO_CLOSE : 0;
      case PARTIAL:
      case ESTABLISHED:
        if ((p.tcpFlags & (SYN | ACK)) === SYN && words[e + STATE] === PARTIAL && words[q + STATE] === INACTIVE) {
          this.#setState(e, SYN_SENT);
        }
        if (fin && !rst) {
          this.#setState(e, CLOSED);
          // The peer's FIN was followed by a RST: this was a normal end after all.
          if (words[q + STATE] === RESET && words[q + PREVIOUS] === CLOSED) this.#setState(q, CLOSED);
        }
        if (rst) this.#setState(e, RESET);
        return fin || rst ? DO_CLOSE : 0;
      case CLOSED: {
        if (!rst || words[q + STATE] === CLOSED) return 0;
        this.#setState(e, RESET);
        return TCP_RESET_LATER | ((words[e + FLAGS]! & DID_CLOSE) === 0 ? DO_CLOSE : 0);
      }
      default:
        return 0;
    }
  }

  #fromInactive(row: number, slot: number, endpoint: number, fromOrig: boolean, p: Packet): number {
    const words = this.#words;
    const e = endpoint * WORDS;
    const q = (endpoint ^ 1) * WORDS;
    const ack = (p.tcpFlags & ACK) !== 0;
    let result = 0;
    if ((p.tcpFlags & SYN) !== 0) {
      if (fromOrig) {
        this.#setState(e, ack ? SYN_ACK_SENT : SYN_SENT);
        result |= TCP_ATTEMPT;
      } else {
        if (!ack && words[q + STATE] === SYN_ACK_SENT && p.tcpSeq >>> 0 === words[e + START]) {
          // The SYN comes after its SYN-ACK: the roles are the other way round.
          this.flip(slot);
          this.#history.flip(row);
          this.#setState(q, ESTABLISHED);
          this.#slotFlags[slot]! |= ORIG_SEEN;
          result |= TCP_FLIP;
        }
        if (words[q + STATE] === SYN_SENT) this.#setState(q, ESTABLISHED);
        this.#setState(e, ESTABLISHED);
      }
    }
    if ((p.tcpFlags & FIN) !== 0) {
      this.#setState(e, CLOSED);
      result |= DO_CLOSE;
    }
    if ((p.tcpFlags & RST) !== 0) {
      this.#setState(e, RESET);
      result |= DO_CLOSE;
    }
    if (words[e + STATE] !== INACTIVE) return result;
    // Some stacks acknowledge a SYN before they answer it: that is no partial connection yet.
    const early = !fromOrig && p.payloadLength === 0 && words[q + STATE] === SYN_SENT;
    if (early) return result;
    if (ack && words[q + STATE] === ESTABLISHED) {
      // The originator's SYN was missed; the answer to it was not.
      this.#setState(e, ESTABLISHED);
      this.#setPartial(slot, false);
      this.#slotFlags[slot]! |= fromOrig ? ORIG_SEEN : RESP_SEEN;
    } else {
      this.#setState(e, PARTIAL);
    }
    return result;
  }

  /** The stream of `endpoint` was acknowledged: what is missing below is a gap. */
  #ackReceived(row: number, slot: number, endpoint: number, isOrig: boolean): number {
    const at = this.#at[ACKNOWLEDGED]!;
    const e = endpoint * WORDS;
    const s = endpoint * POSITIONS;
    const finAt = this.#positions[s + FIN_AT]!;
    const upTo = this.#words[e + FINS]! > 0 && at >= finAt ? finAt - 1 : at;
    if (upTo <= this.#positions[s + TRIMMED]!) return 0;
    if (upTo > this.#positions[s + DELIVERED]!) this.#undelivered(row, slot, endpoint, upTo, isOrig);
    this.#positions[s + TRIMMED] = upTo;
    this.#deliver(endpoint);
    return this.#checkEof(slot, endpoint);
  }

  #undelivered(row: number, slot: number, endpoint: number, upTo: number, isOrig: boolean): void {
    const e = endpoint * WORDS;
    const s = endpoint * POSITIONS;
    const positions = this.#positions;
    // The made-up beginning of a stream that was joined in the middle.
    if (upTo <= 2 && (this.#slotFlags[slot]! & IS_PARTIAL) !== 0) return;
    if ((this.#words[e + FLAGS]! & SKIP) === 0) {
      let head = this.#words[e + HOLES]! - 1;
      while (head !== NONE && this.#intervals.from(head) < upTo) {
        this.#gap(row, endpoint, this.#intervals.from(head) - positions[s + DELIVERED]!, isOrig);
        positions[s + DELIVERED] = this.#intervals.to(head);
        head = this.#intervals.shift(head);
      }
      this.#words[e + HOLES] = head + 1;
      if (upTo > positions[s + DELIVERED]!) this.#gap(row, endpoint, upTo - positions[s + DELIVERED]!, isOrig);
    }
    if (upTo > positions[s + DELIVERED]!) positions[s + DELIVERED] = upTo;
  }

  #gap(row: number, endpoint: number, length: number, isOrig: boolean): void {
    if (length <= 0 || !this.#isClean(endpoint) || !this.#isClean(endpoint ^ 1)) return;
    this.#positions[endpoint * POSITIONS + MISSED]! += length;
    if (isPowerOfTen(++this.#words[endpoint * WORDS + GAPS]!)) this.#history.add(row, G, isOrig);
  }

  /** Established, or closed from there: elsewhere gaps are artefacts of numbers that cannot be trusted. */
  #isClean(endpoint: number): boolean {
    const e = endpoint * WORDS;
    const state = this.#words[e + STATE]!;
    return state === ESTABLISHED || (state === CLOSED && this.#words[e + PREVIOUS] === ESTABLISHED);
  }

  /** Moves on over ranges that have become contiguous. */
  #deliver(endpoint: number): void {
    const s = endpoint * POSITIONS;
    let head = this.#words[endpoint * WORDS + HOLES]! - 1;
    while (head !== NONE && this.#intervals.from(head) <= this.#positions[s + DELIVERED]!) {
      this.#positions[s + DELIVERED] = Math.max(this.#positions[s + DELIVERED]!, this.#intervals.to(head));
      head = this.#intervals.shift(head);
    }
    this.#words[endpoint * WORDS + HOLES] = head + 1;
  }

  /** `length` bytes came, beginning `skip` after the segment's own position (its SYN). */
  #dataSent(slot: number, endpoint: number, skip: number, length: number, isOrig: boolean): void {
    const at = this.#at[SEGMENT]! + skip;
    const e = endpoint * WORDS;
    const s = endpoint * POSITIONS;
    const words = this.#words;
    const positions = this.#positions;
    if ((words[e + FLAGS]! & SKIP) !== 0) return;
    const acked = words[e + ACK_WRAPS]! * WRAP + words[e + ACKED]! - words[e + START]!;
    const from = Math.max(at, acked, positions[s + TRIMMED]!);
    const to = at + length;
    if (to <= from) return;
    if (from <= positions[s + DELIVERED]!) {
      if (to > positions[s + DELIVERED]!) {
        positions[s + DELIVERED] = to;
        if (words[e + HOLES] !== 0) this.#deliver(endpoint);
      }
    } else {
      words[e + HOLES] = this.#intervals.insert(words[e + HOLES]! - 1, from, to) + 1;
    }
    const unacked = this.#nothingAcked(e);
    if (unacked && this.size(slot, isOrig) > MAX_ABOVE_HOLE) {
      // Nobody acknowledges: the other direction is probably not in the capture.
      positions[s + TRIMMED] = Math.max(positions[s + TRIMMED]!, positions[s + DELIVERED]!);
    }
    const head = words[e + HOLES]! - 1;
    if (head === NONE) return;
    let buffered = 0;
    let top = 0;
    for (let node = head; node !== NONE; node = this.#intervals.next(node)) {
      buffered += this.#intervals.to(node) - this.#intervals.from(node);
      top = this.#intervals.to(node);
    }
    if ((unacked && top - positions[s + DELIVERED]! > MAX_ABOVE_HOLE) || buffered > MAX_BUFFERED) {
      this.#dropHoles(endpoint);
      words[e + FLAGS]! |= SKIP;
    }
  }

  #dropHoles(endpoint: number): void {
    const e = endpoint * WORDS;
    if (this.#words[e + HOLES] === 0) return;
    this.#intervals.clear(this.#words[e + HOLES]! - 1);
    this.#words[e + HOLES] = 0;
  }

  /** Bytes are still to come (or to be acknowledged) on a side that has said it is done. */
  #dataPending(endpoint: number): boolean {
    const e = endpoint * WORDS;
    const words = this.#words;
    if ((words[e + FLAGS]! & SKIP) !== 0) return false;
    const delivered = words[e + START]! + this.#positions[endpoint * POSITIONS + DELIVERED]!;
    const last = words[e + LAST_WRAPS]! * WRAP + words[e + LAST]!;
    if (last < delivered) return false;
    if (delivered !== last - 1 && delivered !== last) return true;
    return words[e + STATE] !== RESET && this.#hasBlocks(endpoint ^ 1);
  }

  #hasBlocks(endpoint: number): boolean {
    const s = endpoint * POSITIONS;
    return (
      this.#words[endpoint * WORDS + HOLES] !== 0 || this.#positions[s + DELIVERED]! > this.#positions[s + TRIMMED]!
    );
  }

  #checkEof(slot: number, endpoint: number): number {
    const e = endpoint * WORDS;
    const words = this.#words;
    const state = words[e + STATE]!;
    if ((words[e + FLAGS]! & DID_EOF) !== 0) return 0;
    if (words[e + FINS] === 0 && state !== CLOSED && state !== RESET) return 0;
    if (this.#dataPending(endpoint)) return 0;
    words[e + FLAGS]! |= DID_EOF;
    if ((this.#slotFlags[slot]! & CLOSE_DEFERRED) === 0) return 0;
    const result = this.#connectionClosed(slot, endpoint);
    this.#slotFlags[slot]! &= ~CLOSE_DEFERRED;
    return result;
  }

  #connectionClosed(slot: number, endpoint: number): number {
    const e = endpoint * WORDS;
    const q = (endpoint ^ 1) * WORDS;
    const words = this.#words;
    if (this.#dataPending(endpoint)) {
      this.#slotFlags[slot]! |= CLOSE_DEFERRED;
      return 0;
    }
    this.#slotFlags[slot]! &= ~CLOSE_DEFERRED;
    if ((words[e + FLAGS]! & DID_CLOSE) !== 0) return 0;
    words[e + FLAGS]! |= DID_CLOSE;
    const complete =
      words[e + STATE] === RESET || (words[q + FLAGS]! & DID_CLOSE) !== 0 || words[q + STATE] === INACTIVE;
    return complete ? TCP_COMPLETE : 0;
  }

  #noteRtt(slot: number, fromOrig: boolean, p: Packet): void {
    if (!fromOrig || this.#rtt[slot] !== 0 || this.#synSec[slot]! < 0 || (p.tcpFlags & (SYN | RST)) !== 0) return;
    if (this.state(slot, false) !== ESTABLISHED) return;
    this.#rtt[slot] = p.sec - this.#synSec[slot]! + (p.nsec - this.#synNsec[slot]!) / 1e9;
    this.#synSec[slot] = -1;
  }

  #grow(): void {
    const slots = this.#slotFlags.length * 2;
    const words = new Uint32Array(slots * 2 * WORDS);
    words.set(this.#words);
    this.#words = words;
    const positions = new Float64Array(slots * 2 * POSITIONS);
    positions.set(this.#positions);
    this.#positions = positions;
    const slotFlags = new Uint8Array(slots);
    slotFlags.set(this.#slotFlags);
    this.#slotFlags = slotFlags;
    const synSec = new Float64Array(slots);
    synSec.set(this.#synSec);
    this.#synSec = synSec;
    const synNsec = new Uint32Array(slots);
    synNsec.set(this.#synNsec);
    this.#synNsec = synNsec;
    const rtt = new Float64Array(slots);
    rtt.set(this.#rtt);
    this.#rtt = rtt;
    const freeSlots = new Int32Array(slots);
    freeSlots.set(this.#freeSlots);
    this.#freeSlots = freeSlots;
  }
}

/** Set by the state machine: this side is done. */
const DO_CLOSE = 1 << 8;
