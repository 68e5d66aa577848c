/**
 * TCP connections as Zeek follows them: the two endpoints' states, sequence space, retransmissions and history letters. The rules are
 * those of Zeek's TCP session adapter and endpoint (facts, not code).
 */
import { ACK, FIN, type Packet, RST, SYN } from "../decode/packet.ts";
import {
  ACK_WRAPS,
  ACKED,
  CLOSED,
  DELIVERED,
  DID_CLOSE,
  ESTABLISHED,
  FIN_AT,
  FINS,
  FLAGS,
  FLIPPED,
  FLOATS,
  HIST_FIN,
  HIST_RST,
  HIST_SYN,
  HOLES,
  INACTIVE,
  IS_PARTIAL,
  LAST,
  LAST_WRAPS,
  ORIG_SEEN,
  PARTIAL,
  PREVIOUS,
  RESET,
  RESP_SEEN,
  RETRANSMITS,
  RTT,
  SLOT,
  SLOT_FLAGS,
  SLOT_FLOATS,
  START,
  STATE,
  SYN_ACK_SENT,
  SYN_NSEC,
  SYN_SEC,
  SYN_SENT,
  TRIMMED,
  WORDS,
  WRAP,
  ZERO_WINDOWS,
} from "./tcp-slots.ts";
import { ACKNOWLEDGED, isPowerOfTen, SEGMENT, TcpStreams } from "./tcp-streams.ts";

// What `packet` asks the table to do, besides TCP_COMPLETE.
export const TCP_ATTEMPT = 1; // a SYN was sent: the attempt may time out
export const TCP_ESTABLISHED = 4; // the handshake is over: the long idle timeout holds
export const TCP_FLIP = 8; // the roles were the wrong way round
export const TCP_RESET_LATER = 16; // a FIN was followed by a RST of the same side
export const TCP_UNPRODUCTIVE = 32; // both sides had closed before: does not make the connection longer
/** Set by the state machine: this side is done. */
const DO_CLOSE = 1 << 8;

/** Jumps of the sequence number beyond this are not believed in SYN and RST segments. */
const TOO_LARGE = 1 << 20;

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
const H = 0x48;
const I = 0x49;
const Q = 0x51;
const R = 0x52;
const S = 0x53;
const T = 0x54;
const W = 0x57;

function isHandshake(state: number): boolean {
  return state <= SYN_ACK_SENT;
}

export class TcpTracker extends TcpStreams {
  /** Whether a SYN of the 5-tuple begins another connection rather than belonging to this one. */
  isReuse(slot: number, p: Packet): boolean {
    if ((p.tcpFlags & SYN) === 0 || p.payload < 0) return false;
    const { words } = this;
    const orig = this.endpoint(slot, true);
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
    if (isPowerOfTen(count)) this.history.add(row, C, fromOrig);
  }

  /**
   * Takes a segment of the connection `row` (its history) and `slot` (its endpoints).
   * @returns what the table must do, a set of TCP_… bits; after TCP_FLIP the roles have changed.
   */
  packet(row: number, slot: number, originator: boolean, p: Packet): number {
    if (this.#takesInOrder(row, slot, originator, p)) return 0;
    let fromOrig = originator;
    let result = 0;
    const { words } = this;
    const flags = p.tcpFlags;
    const length = p.payloadLength;
    const syn = (flags & SYN) !== 0;
    const fin = (flags & FIN) !== 0;
    const rst = (flags & RST) !== 0;
    const ack = (flags & ACK) !== 0;

    if (!syn && !rst && (ack || length > 0) && this.#startedWithSynAck(slot)) {
      this.flip(slot);
      this.history.flipFromStart(row);
      fromOrig = !fromOrig;
      words[this.endpoint(slot, false) * WORDS + PREVIOUS] = SYN_ACK_SENT;
      words[this.endpoint(slot, false) * WORDS + STATE] = ESTABLISHED;
      result |= TCP_FLIP;
    }

    const endpoint = this.endpoint(slot, fromOrig);
    const peer = endpoint ^ 1;
    const e = endpoint * WORDS;
    const q = peer * WORDS;
    const slotFlags = this.words[slot * SLOT + SLOT_FLAGS]!;
    if (fromOrig) {
      if ((slotFlags & ORIG_SEEN) === 0) this.#setPartial(slot, !syn || ack);
    } else if ((slotFlags & (RESP_SEEN | IS_PARTIAL)) === 0) this.#setPartial(slot, !syn);

    const segment = (rst ? 0 : length) + (syn ? 1 : 0) + (fin ? 1 : 0);
    this.#initEndpoint(e, syn, p, segment);

    this.#locate(SEGMENT, e, LAST, LAST_WRAPS, p);
    const underflow = this.at[SEGMENT]! < 0;
    this.#noteHistory(row, e, fromOrig, flags, this.at[SEGMENT]! | 0, length);
    if (p.tcpWindow === 0 && !rst && words[q + STATE] !== CLOSED && words[e + STATE] !== RESET) {
      if (isPowerOfTen(++words[e + ZERO_WINDOWS]!)) this.history.add(row, W, fromOrig);
    }
    if ((words[e + FLAGS]! & words[q + FLAGS]! & DID_CLOSE) !== 0) result |= TCP_UNPRODUCTIVE;

    if (fin) {
      words[e + FINS]!++;
      this.floats[endpoint * FLOATS + FIN_AT] = this.at[SEGMENT]! + segment;
    }
    if (ack) {
      if (words[q + STATE] === INACTIVE) {
        this.at[ACKNOWLEDGED] = 1;
        words[q + START] = words[q + ACKED] = words[q + LAST] = (p.tcpAck - 1) >>> 0;
      } else {
        this.#locate(ACKNOWLEDGED, q, ACKED, ACK_WRAPS, p);
        if (this.at[ACKNOWLEDGED]! < 0) this.at[ACKNOWLEDGED] = 0;
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
      result |= this.ackReceived(row, slot, peer, !fromOrig);
      this.#noteRtt(slot, fromOrig, p);
    }
    if (syn && !ack) {
      this.floats[slot * SLOT_FLOATS + SYN_SEC] = p.sec;
      this.words[slot * SLOT + SYN_NSEC] = p.nsec;
    }
    this.words[slot * SLOT + SLOT_FLAGS]! |= fromOrig ? ORIG_SEEN : RESP_SEEN;

    // A segment that was captured in part is not content; its bytes become a gap when they are acknowledged.
    if (length > 0 && !rst && !underflow && p.payloadCaptured >= length) {
      this.dataSent(slot, endpoint, syn ? 1 : 0, length, fromOrig);
    }
    result |= this.checkEof(slot, endpoint);
    if ((transition & DO_CLOSE) !== 0) result |= this.connectionClosed(slot, endpoint);
    return result;
  }

  /**
   * The common case in short: an established connection, nothing but data or an acknowledgment, in order, without holes or
   * wraps. Anything else is left to `packet`, which comes to the same end by the long way.
   */
  #takesInOrder(row: number, slot: number, fromOrig: boolean, p: Packet): boolean {
    const { words } = this;
    const { floats } = this;
    const slotFlags = this.words[slot * SLOT + SLOT_FLAGS]!;
    if ((p.tcpFlags & (SYN | FIN | RST | ACK)) !== ACK || p.tcpWindow === 0) return false;
    if (
      (slotFlags & (ORIG_SEEN | RESP_SEEN)) !== (ORIG_SEEN | RESP_SEEN) ||
      this.floats[slot * SLOT_FLOATS + SYN_SEC]! >= 0
    )
      return false;
    const endpoint = slot * 2 + (((slotFlags & FLIPPED) ^ (fromOrig ? 0 : 1)) & 1);
    const e = endpoint * WORDS;
    const q = (endpoint ^ 1) * WORDS;
    const length = p.payloadLength;
    const seq = p.tcpSeq >>> 0;
    if (words[e + STATE] !== ESTABLISHED || words[q + STATE] !== ESTABLISHED || seq !== words[e + LAST]) return false;
    if ((words[e + HOLES]! | words[q + HOLES]! | words[e + LAST_WRAPS]! | words[q + ACK_WRAPS]!) !== 0) return false;
    const at = seq - words[e + START]!;
    const acked = (p.tcpAck >>> 0) - words[q + START]!;
    const s = endpoint * FLOATS;
    const t = (endpoint ^ 1) * FLOATS;
    if (p.tcpAck >>> 0 < words[q + ACKED]! || acked > floats[t + DELIVERED]! || acked < floats[t + TRIMMED]!)
      return false;
    if (length > 0) {
      const past = seq + length;
      if (at !== floats[s + DELIVERED] || past > 0xffffffff || p.payloadCaptured < length) return false;
      if (words[e + ACK_WRAPS] !== 0 || words[e + ACKED]! > seq || words[e + ACKED]! - words[e + START]! <= 1)
        return false;
      words[e + LAST] = past;
      floats[s + DELIVERED] = at + length;
      this.history.check(row, HIST_DATA_BIT, D, fromOrig);
    } else {
      this.history.check(row, HIST_ACK_BIT, A, fromOrig);
    }
    words[q + ACKED] = p.tcpAck >>> 0;
    floats[t + TRIMMED] = acked;
    return true;
  }

  /** The originator sent a SYN-ACK, and the other side nothing yet: what follows tells that it is the responder. */
  #startedWithSynAck(slot: number): boolean {
    return this.state(slot, true) === SYN_ACK_SENT && this.state(slot, false) === INACTIVE;
  }

  #setPartial(slot: number, partial: boolean): void {
    const flags = this.words[slot * SLOT + SLOT_FLAGS]!;
    this.words[slot * SLOT + SLOT_FLAGS] = partial ? flags | IS_PARTIAL : flags & ~IS_PARTIAL;
  }

  /** Takes a SYN's (or the first segment's) sequence number as the stream's beginning. */
  #initEndpoint(e: number, syn: boolean, p: Packet, segment: number): void {
    const { words } = this;
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
    const { words } = this;
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
    const { words } = this;
    const number = which === SEGMENT ? p.tcpSeq >>> 0 : p.tcpAck >>> 0;
    const last = words[e + lastAt]!;
    let wraps = words[e + wrapsAt]!;
    const delta = (number - last) | 0;
    if (delta < 0) {
      if (wraps > 0 && number > last) wraps--;
    } else if (delta > 0 && number < last) wraps++;
    const start = words[e + START]!;
    this.at[which] = wraps === 0 ? (number - start) | 0 : wraps * WRAP + number - start;
  }

  #advanceAck(q: number, p: Packet): void {
    const { words } = this;
    const number = p.tcpAck >>> 0;
    const delta = (number - words[q + ACKED]!) | 0;
    if (delta <= 0 || (number === 0 && delta > TOO_LARGE)) return;
    if (number < words[q + ACKED]!) words[q + ACK_WRAPS]!++;
    words[q + ACKED] = number;
  }

  #advanceLast(row: number, e: number, segment: number, fromOrig: boolean, p: Packet): void {
    const { words } = this;
    const flags = p.tcpFlags;
    const past = (p.tcpSeq + segment) >>> 0;
    const delta = (past - words[e + LAST]!) | 0;
    if ((flags & (SYN | RST)) !== 0 && (delta > TOO_LARGE || delta < -TOO_LARGE)) return;
    const onlySyn = words[e + LAST] === (words[e + START]! + 1) >>> 0;
    if (((flags & FIN) !== 0 && onlySyn) || (words[e + STATE] !== RESET && delta > 0)) {
      if (past < words[e + LAST]! && delta > 0) words[e + LAST_WRAPS]!++;
      words[e + LAST] = past;
    } else if (words[e + STATE] !== RESET && p.payloadLength > 0) {
      if (isPowerOfTen(++words[e + RETRANSMITS]!)) this.history.add(row, T, fromOrig);
    }
  }

  #noteHistory(row: number, e: number, fromOrig: boolean, flags: number, position: number, length: number): void {
    const history = this.history;
    const { words } = this;
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
    const { words } = this;
    const e = endpoint * WORDS;
    const q = (endpoint ^ 1) * WORDS;
    const fin = (p.tcpFlags & FIN) !== 0;
    const rst = (p.tcpFlags & RST) !== 0;
    switch (words[e + STATE]) {
      case INACTIVE:
        return this.#fromInactive(row, slot, endpoint, fromOrig, p);
      case SYN_SENT:
      case SYN_ACK_SENT:
        if (fin) this.setState(e, CLOSED);
        if (rst) this.setState(e, RESET);
        return fin || rst ? DO_CLOSE : 0;
      case PARTIAL:
      case ESTABLISHED:
        if ((p.tcpFlags & (SYN | ACK)) === SYN && words[e + STATE] === PARTIAL && words[q + STATE] === INACTIVE) {
          this.setState(e, SYN_SENT);
        }
        if (fin && !rst) {
          this.setState(e, CLOSED);
          // The peer's FIN was followed by a RST: this was a normal end after all.
          if (words[q + STATE] === RESET && words[q + PREVIOUS] === CLOSED) this.setState(q, CLOSED);
        }
        if (rst) this.setState(e, RESET);
        return fin || rst ? DO_CLOSE : 0;
      case CLOSED: {
        if (!rst || words[q + STATE] === CLOSED) return 0;
        this.setState(e, RESET);
        return TCP_RESET_LATER | ((words[e + FLAGS]! & DID_CLOSE) === 0 ? DO_CLOSE : 0);
      }
      default:
        return 0;
    }
  }

  #fromInactive(row: number, slot: number, endpoint: number, fromOrig: boolean, p: Packet): number {
    const { words } = this;
    const e = endpoint * WORDS;
    const q = (endpoint ^ 1) * WORDS;
    const ack = (p.tcpFlags & ACK) !== 0;
    let result = 0;
    if ((p.tcpFlags & SYN) !== 0) {
      if (fromOrig) {
        this.setState(e, ack ? SYN_ACK_SENT : SYN_SENT);
        result |= TCP_ATTEMPT;
      } else {
        if (!ack && words[q + STATE] === SYN_ACK_SENT && p.tcpSeq >>> 0 === words[e + START]) {
          // The SYN comes after its SYN-ACK: the roles are the other way round.
          this.flip(slot);
          this.history.flip(row);
          this.setState(q, ESTABLISHED);
          this.words[slot * SLOT + SLOT_FLAGS]! |= ORIG_SEEN;
          result |= TCP_FLIP;
        }
        if (words[q + STATE] === SYN_SENT) this.setState(q, ESTABLISHED);
        this.setState(e, ESTABLISHED);
      }
    }
    if ((p.tcpFlags & FIN) !== 0) {
      this.setState(e, CLOSED);
      result |= DO_CLOSE;
    }
    if ((p.tcpFlags & RST) !== 0) {
      this.setState(e, RESET);
      result |= DO_CLOSE;
    }
    if (words[e + STATE] !== INACTIVE) return result;
    // Some stacks acknowledge a SYN before they answer it: that is no partial connection yet.
    const early = !fromOrig && p.payloadLength === 0 && words[q + STATE] === SYN_SENT;
    if (early) return result;
    if (ack && words[q + STATE] === ESTABLISHED) {
      // The originator's SYN was missed; the answer to it was not.
      this.setState(e, ESTABLISHED);
      this.#setPartial(slot, false);
      this.words[slot * SLOT + SLOT_FLAGS]! |= fromOrig ? ORIG_SEEN : RESP_SEEN;
    } else {
      this.setState(e, PARTIAL);
    }
    return result;
  }

  #noteRtt(slot: number, fromOrig: boolean, p: Packet): void {
    if (
      !fromOrig ||
      this.floats[slot * SLOT_FLOATS + RTT] !== 0 ||
      this.floats[slot * SLOT_FLOATS + SYN_SEC]! < 0 ||
      (p.tcpFlags & (SYN | RST)) !== 0
    )
      return;
    if (this.state(slot, false) !== ESTABLISHED) return;
    this.floats[slot * SLOT_FLOATS + RTT] =
      p.sec - this.floats[slot * SLOT_FLOATS + SYN_SEC]! + (p.nsec - this.words[slot * SLOT + SYN_NSEC]!) / 1e9;
    this.floats[slot * SLOT_FLOATS + SYN_SEC] = -1;
  }
}
