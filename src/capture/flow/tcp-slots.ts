/**
 * Where the numbers of TCP connections are kept: a slot of two endpoints for each, in one block of memory. Sequence numbers are kept as
 * on the wire with a count of wraps; positions in a stream are relative to its initial sequence number, so that its first byte is 1.
 */

/** Endpoint states, with Zeek's numbers (RFC 9293 §3.3.2 names the states differently). */
export const INACTIVE = 0;
export const SYN_SENT = 1;
export const SYN_ACK_SENT = 2;
export const PARTIAL = 3;
export const ESTABLISHED = 4;
export const CLOSED = 5;
export const RESET = 6;

// An endpoint in 32-bit words, and the same memory in 64-bit floats.
export const WORDS = 28;
export const FLOATS = WORDS / 2;
export const START = 0;
export const LAST = 1;
export const ACKED = 2;
export const LAST_WRAPS = 3;
export const ACK_WRAPS = 4;
export const HIST_SYN = 5;
export const HIST_FIN = 6;
export const HIST_RST = 7;
export const RETRANSMITS = 8;
export const GAPS = 9;
export const ZERO_WINDOWS = 10;
export const STATE = 11;
export const PREVIOUS = 12;
export const FINS = 13;
export const FLAGS = 14;
/** The first of the ranges that came ahead of a hole: a node of the interval pool + 1, so that 0 is none. */
export const HOLES = 15;
// Positions in its stream, floats.
export const DELIVERED = 8;
export const TRIMMED = 9;
export const MISSED = 10;
export const FIN_AT = 11;

// A slot: two endpoints, and in what they leave over numbers of the connection.
export const SLOT = WORDS * 2;
export const SLOT_FLOATS = FLOATS * 2;
export const SLOT_FLAGS = 24;
/** When the first SYN of the handshake was sent: nanoseconds; and seconds, a float, -1 when nothing is waited for. */
export const SYN_NSEC = 25;
export const SYN_SEC = 13;
/** How long the handshake took, seconds, 0 when unknown: a float. */
export const RTT = FLOATS + 13;

// Bits of FLAGS.
export const DID_CLOSE = 1;
export const DID_EOF = 2;
export const SKIP = 4;
// Bits of SLOT_FLAGS.
export const FLIPPED = 1;
export const IS_PARTIAL = 2;
export const ORIG_SEEN = 4;
export const RESP_SEEN = 8;
export const CLOSE_DEFERRED = 16;

/** Numbers of a sequence number space. */
export const WRAP = 2 ** 32;

export class TcpSlots {
  protected words: Uint32Array;
  protected floats: Float64Array;
  #slots: number;
  #freeSlots: Int32Array;
  #freeCount = 0;
  #used = 0;

  /** `slots`: how many there is room for in the beginning. */
  constructor(slots: number) {
    const memory = new ArrayBuffer(slots * SLOT * 4);
    this.words = new Uint32Array(memory);
    this.floats = new Float64Array(memory);
    this.#slots = slots;
    this.#freeSlots = new Int32Array(slots);
  }

  /** A fresh slot for a new connection. */
  open(): number {
    let slot: number;
    if (this.#freeCount > 0) slot = this.#freeSlots[--this.#freeCount]!;
    else {
      if (this.#used === this.#slots) this.#grow();
      slot = this.#used++;
    }
    const { words, floats } = this;
    for (let i = slot * SLOT; i < (slot + 1) * SLOT; i++) words[i] = 0;
    const at = slot * SLOT_FLOATS;
    // Streams begin at 1.
    floats[at + DELIVERED] = floats[at + FLOATS + DELIVERED] = 1;
    floats[at + TRIMMED] = floats[at + FLOATS + TRIMMED] = 1;
    floats[at + SYN_SEC] = -1;
    return slot;
  }

  close(slot: number): void {
    this.#freeSlots[this.#freeCount++] = slot;
  }

  state(slot: number, orig: boolean): number {
    return this.words[this.endpoint(slot, orig) * WORDS + STATE]!;
  }

  /** Bytes a side sent by its sequence numbers: what was acknowledged counts even when it was not seen. */
  size(slot: number, orig: boolean): number {
    const endpoint = this.endpoint(slot, orig);
    const base = endpoint * WORDS;
    const { words } = this;
    const halfOpen =
      words[base + PREVIOUS] === SYN_SENT &&
      words[base + STATE] === RESET &&
      words[(endpoint ^ 1) * WORDS + STATE] === INACTIVE;
    if (halfOpen && !this.nothingAcked(base)) return 0;
    const sent = words[base + LAST_WRAPS]! * WRAP + words[base + LAST]!;
    const acked = words[base + ACK_WRAPS]! * WRAP + words[base + ACKED]!;
    let size = Math.max(sent, acked) - words[base + START]!;
    if (size > 0) size--;
    if (words[base + FINS]! > 0 && size > 0) size--;
    return Math.max(size, 0);
  }

  missed(slot: number): number {
    const base = slot * 2 * FLOATS;
    return this.floats[base + MISSED]! + this.floats[base + FLOATS + MISSED]!;
  }

  retransmits(slot: number): number {
    const base = slot * 2 * WORDS;
    return this.words[base + RETRANSMITS]! + this.words[base + WORDS + RETRANSMITS]!;
  }

  /** From the SYN to the acknowledgment of its answer, seconds; 0 when the handshake was not seen. */
  rtt(slot: number): number {
    return this.floats[slot * SLOT_FLOATS + RTT]!;
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
    const flags = this.words[slot * SLOT + SLOT_FLAGS]!;
    const seen = ((flags & ORIG_SEEN) !== 0 ? RESP_SEEN : 0) | ((flags & RESP_SEEN) !== 0 ? ORIG_SEEN : 0);
    this.words[slot * SLOT + SLOT_FLAGS] = ((flags & (FLIPPED | CLOSE_DEFERRED)) ^ FLIPPED) | seen;
  }

  protected endpoint(slot: number, orig: boolean): number {
    const flipped = this.words[slot * SLOT + SLOT_FLAGS]! & FLIPPED;
    return slot * 2 + (orig ? flipped : flipped ^ 1);
  }

  protected setState(e: number, state: number): void {
    if (this.words[e + STATE] === state) return;
    this.words[e + PREVIOUS] = this.words[e + STATE]!;
    this.words[e + STATE] = state;
  }

  protected nothingAcked(e: number): boolean {
    const ahead = (this.words[e + ACKED]! - this.words[e + START]!) >>> 0;
    return ahead <= 1 && this.words[e + ACK_WRAPS] === 0;
  }

  #grow(): void {
    const slots = this.#slots * 2;
    const { words } = this;
    const memory = new ArrayBuffer(slots * SLOT * 4);
    this.words = new Uint32Array(memory);
    this.floats = new Float64Array(memory);
    this.words.set(words);
    const freeSlots = new Int32Array(slots);
    freeSlots.set(this.#freeSlots);
    this.#freeSlots = freeSlots;
    this.#slots = slots;
  }
}
