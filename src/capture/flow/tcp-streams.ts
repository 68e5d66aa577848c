/**
 * The byte streams of TCP connections: what has come, what is missing, and when a side is done. The rules are those of Zeek's
 * reassembler (facts, not code).
 */
import type { History } from "./history.ts";
import { IntervalPool } from "./intervals.ts";
import {
  ACK_WRAPS,
  ACKED,
  CLOSE_DEFERRED,
  CLOSED,
  DELIVERED,
  DID_CLOSE,
  DID_EOF,
  ESTABLISHED,
  FIN_AT,
  FINS,
  FLAGS,
  FLOATS,
  GAPS,
  HOLES,
  INACTIVE,
  IS_PARTIAL,
  LAST,
  LAST_WRAPS,
  MISSED,
  PREVIOUS,
  RESET,
  SKIP,
  SLOT,
  SLOT_FLAGS,
  START,
  STATE,
  TcpSlots,
  TRIMMED,
  WORDS,
  WRAP,
} from "./tcp-slots.ts";

/** Unacknowledged bytes above a hole after which Zeek gives up on a stream, and buffered bytes of any kind. */
const MAX_ABOVE_HOLE = 16384;
const MAX_BUFFERED = 10 * 1024 * 1024;
const NONE = -1;
const G = 0x47;

// Columns of `at`.
export const SEGMENT = 0;
export const ACKNOWLEDGED = 1;

/** Asks the table to end the connection after the close delay: both sides are done. */
export const TCP_COMPLETE = 2;

/** Whether the nth event of a kind gets a letter: the 1st, 10th, 100th, … */
export function isPowerOfTen(n: number): boolean {
  let power = 1;
  while (power < n) power *= 10;
  return power === n;
}

export class TcpStreams extends TcpSlots {
  protected readonly history: History;
  /** Positions of the segment at hand: where it begins, and up to where it acknowledges. Passed as numbers they would be boxed. */
  protected readonly at = new Float64Array(2);
  readonly #intervals = new IntervalPool();

  constructor(history: History, slots: number) {
    super(slots);
    this.history = history;
  }

  override close(slot: number): void {
    this.#dropHoles(slot * 2);
    this.#dropHoles(slot * 2 + 1);
    super.close(slot);
  }

  /** The stream of `endpoint` was acknowledged: what is missing below is a gap. */
  protected ackReceived(row: number, slot: number, endpoint: number, isOrig: boolean): number {
    const at = this.at[ACKNOWLEDGED]!;
    const e = endpoint * WORDS;
    const s = endpoint * FLOATS;
    const finAt = this.floats[s + FIN_AT]!;
    const upTo = this.words[e + FINS]! > 0 && at >= finAt ? finAt - 1 : at;
    if (upTo <= this.floats[s + TRIMMED]!) return 0;
    if (upTo > this.floats[s + DELIVERED]!) this.#undelivered(row, slot, endpoint, upTo, isOrig);
    this.floats[s + TRIMMED] = upTo;
    this.#deliver(endpoint);
    return this.checkEof(slot, endpoint);
  }

  /** `length` bytes came, beginning `skip` after the segment's own position (its SYN). */
  protected dataSent(slot: number, endpoint: number, skip: number, length: number, isOrig: boolean): void {
    const at = this.at[SEGMENT]! + skip;
    const e = endpoint * WORDS;
    const s = endpoint * FLOATS;
    const { words } = this;
    const { floats } = this;
    if ((words[e + FLAGS]! & SKIP) !== 0) return;
    const acked = words[e + ACK_WRAPS]! * WRAP + words[e + ACKED]! - words[e + START]!;
    const from = Math.max(at, acked, floats[s + TRIMMED]!);
    const to = at + length;
    if (to <= from) return;
    if (from <= floats[s + DELIVERED]!) {
      if (to > floats[s + DELIVERED]!) {
        floats[s + DELIVERED] = to;
        if (words[e + HOLES] !== 0) this.#deliver(endpoint);
      }
    } else {
      words[e + HOLES] = this.#intervals.insert(words[e + HOLES]! - 1, from, to) + 1;
    }
    const unacked = this.nothingAcked(e);
    if (unacked && this.size(slot, isOrig) > MAX_ABOVE_HOLE) {
      // Nobody acknowledges: the other direction is probably not in the capture.
      floats[s + TRIMMED] = Math.max(floats[s + TRIMMED]!, floats[s + DELIVERED]!);
    }
    const head = words[e + HOLES]! - 1;
    if (head === NONE) return;
    let buffered = 0;
    let top = 0;
    for (let node = head; node !== NONE; node = this.#intervals.next(node)) {
      buffered += this.#intervals.to(node) - this.#intervals.from(node);
      top = this.#intervals.to(node);
    }
    if ((unacked && top - floats[s + DELIVERED]! > MAX_ABOVE_HOLE) || buffered > MAX_BUFFERED) {
      this.#dropHoles(endpoint);
      words[e + FLAGS]! |= SKIP;
    }
  }

  protected checkEof(slot: number, endpoint: number): number {
    const e = endpoint * WORDS;
    const { words } = this;
    const state = words[e + STATE]!;
    if ((words[e + FLAGS]! & DID_EOF) !== 0) return 0;
    if (words[e + FINS] === 0 && state !== CLOSED && state !== RESET) return 0;
    if (this.#dataPending(endpoint)) return 0;
    words[e + FLAGS]! |= DID_EOF;
    if ((this.words[slot * SLOT + SLOT_FLAGS]! & CLOSE_DEFERRED) === 0) return 0;
    const result = this.connectionClosed(slot, endpoint);
    this.words[slot * SLOT + SLOT_FLAGS]! &= ~CLOSE_DEFERRED;
    return result;
  }

  protected connectionClosed(slot: number, endpoint: number): number {
    const e = endpoint * WORDS;
    const q = (endpoint ^ 1) * WORDS;
    const { words } = this;
    if (this.#dataPending(endpoint)) {
      this.words[slot * SLOT + SLOT_FLAGS]! |= CLOSE_DEFERRED;
      return 0;
    }
    this.words[slot * SLOT + SLOT_FLAGS]! &= ~CLOSE_DEFERRED;
    if ((words[e + FLAGS]! & DID_CLOSE) !== 0) return 0;
    words[e + FLAGS]! |= DID_CLOSE;
    const complete =
      words[e + STATE] === RESET || (words[q + FLAGS]! & DID_CLOSE) !== 0 || words[q + STATE] === INACTIVE;
    return complete ? TCP_COMPLETE : 0;
  }

  #undelivered(row: number, slot: number, endpoint: number, upTo: number, isOrig: boolean): void {
    const e = endpoint * WORDS;
    const s = endpoint * FLOATS;
    const { floats } = this;
    // The made-up beginning of a stream that was joined in the middle.
    if (upTo <= 2 && (this.words[slot * SLOT + SLOT_FLAGS]! & IS_PARTIAL) !== 0) return;
    if ((this.words[e + FLAGS]! & SKIP) === 0) {
      let head = this.words[e + HOLES]! - 1;
      while (head !== NONE && this.#intervals.from(head) < upTo) {
        this.#gap(row, endpoint, this.#intervals.from(head) - floats[s + DELIVERED]!, isOrig);
        floats[s + DELIVERED] = this.#intervals.to(head);
        head = this.#intervals.shift(head);
      }
      this.words[e + HOLES] = head + 1;
      if (upTo > floats[s + DELIVERED]!) this.#gap(row, endpoint, upTo - floats[s + DELIVERED]!, isOrig);
    }
    if (upTo > floats[s + DELIVERED]!) floats[s + DELIVERED] = upTo;
  }

  #gap(row: number, endpoint: number, length: number, isOrig: boolean): void {
    if (length <= 0 || !this.#isClean(endpoint) || !this.#isClean(endpoint ^ 1)) return;
    this.floats[endpoint * FLOATS + MISSED]! += length;
    if (isPowerOfTen(++this.words[endpoint * WORDS + GAPS]!)) this.history.add(row, G, isOrig);
  }

  /** Established, or closed from there: elsewhere gaps are artefacts of numbers that cannot be trusted. */
  #isClean(endpoint: number): boolean {
    const e = endpoint * WORDS;
    const state = this.words[e + STATE]!;
    return state === ESTABLISHED || (state === CLOSED && this.words[e + PREVIOUS] === ESTABLISHED);
  }

  /** Moves on over ranges that have become contiguous. */
  #deliver(endpoint: number): void {
    const s = endpoint * FLOATS;
    let head = this.words[endpoint * WORDS + HOLES]! - 1;
    while (head !== NONE && this.#intervals.from(head) <= this.floats[s + DELIVERED]!) {
      this.floats[s + DELIVERED] = Math.max(this.floats[s + DELIVERED]!, this.#intervals.to(head));
      head = this.#intervals.shift(head);
    }
    this.words[endpoint * WORDS + HOLES] = head + 1;
  }

  #dropHoles(endpoint: number): void {
    const e = endpoint * WORDS;
    if (this.words[e + HOLES] === 0) return;
    this.#intervals.clear(this.words[e + HOLES]! - 1);
    this.words[e + HOLES] = 0;
  }

  /** Bytes are still to come (or to be acknowledged) on a side that has said it is done. */
  #dataPending(endpoint: number): boolean {
    const e = endpoint * WORDS;
    const { words } = this;
    if ((words[e + FLAGS]! & SKIP) !== 0) return false;
    const delivered = words[e + START]! + this.floats[endpoint * FLOATS + DELIVERED]!;
    const last = words[e + LAST_WRAPS]! * WRAP + words[e + LAST]!;
    if (last < delivered) return false;
    if (delivered !== last - 1 && delivered !== last) return true;
    return words[e + STATE] !== RESET && this.#hasBlocks(endpoint ^ 1);
  }

  #hasBlocks(endpoint: number): boolean {
    const s = endpoint * FLOATS;
    return this.words[endpoint * WORDS + HOLES] !== 0 || this.floats[s + DELIVERED]! > this.floats[s + TRIMMED]!;
  }
}
