/**
 * The rows of the flow table: everything that is known of a connection but its TCP state, in one block of memory, so that counting a
 * packet touches few cache lines. A row is ROW_WORDS 32-bit words, or ROW_FLOATS 64-bit floats, of that block. Text is made only when
 * asked for (record.ts).
 */
import { History } from "./history.ts";
import { TcpTracker } from "./tcp.ts";

export const ROW_WORDS = 56;
export const ROW_FLOATS = ROW_WORDS / 2;
const ROW_BYTES = ROW_WORDS * 4;

// Words of a row. Addresses have four, of which IPv4 uses the first.
export const ORIG = 0;
export const RESP = 4;
export const PORTS = 8;
export const META = 9;
/** The outer two VLAN ids of the first packet, and those that are part of the key. */
export const VLAN = 10;
export const KEY_VLAN = 11;
/** The slot of the TCP tracker, -1 for other protocols. */
export const TCP_SLOT = 12;
export const HASH = 13;
export const STATE = 14;
/** Bits, ROLE_…. */
export const ROLE = 15;
/** Nanoseconds of the three times below. */
export const FIRST_NSEC = 40;
export const LAST_NSEC = 41;
export const END_NSEC = 42;
/** How long the row may be silent, seconds. */
export const IDLE = 43;
export const UID_HIGH = 44;
export const UID_LOW = 45;
export const PARENT_HIGH = 46;
export const PARENT_LOW = 47;
export const FRAGMENTS = 48;
export const BAD_CHECKSUMS = 49;
export const GENERATION = 50;
export const REASON = 51;
export const DEADLINE_KIND = 52;
/** Two MAC addresses, bytes. */
const MACS = 53 * 4;

// Floats of a row. Counts: the originator's, then the responder's.
export const PACKETS = 8;
export const FRAME_BYTES = 10;
export const IP_BYTES = 12;
export const PAYLOAD = 14;
/** Seconds of the first and the last packet, and of where Zeek's duration ends. */
export const FIRST = 16;
export const LAST = 17;
export const END = 18;
/** When something happens to the row, seconds; once it has ended, when it did. */
export const DEADLINE = 19;

// Bits of META above the protocol number.
export const META_V6 = 1 << 8;
export const META_ONE_WAY = 1 << 9;

/** What `STATE` is: free, a connection, one that ended and waits for its turn to be told, one that ended and is kept. */
export const FREE = 0;
export const LIVE = 1;
export const ENDING = 2;
export const ENDED = 3;

/** Bits of ROLE: packets of the row carried others; it is not to be shown. The upper half is what carried its first packet. */
export const ROLE_CARRIER = 1;
export const ROLE_HIDDEN = 2;
export const ROLE_TUNNEL_SHIFT = 16;

/** Rows there is room for in the beginning: memory that is not touched costs nothing. */
const START_ROWS = 32_768;

/** `orig` in the getters: the originator's side, else the responder's. */
export class StoredRows {
  readonly tcp: TcpTracker;
  readonly history: History;
  protected capacity: number;
  /** One above the highest row ever used. */
  protected used = 0;
  /** The rows, seen as words, floats and bytes. */
  protected words: Int32Array;
  protected floats: Float64Array;
  protected bytes: Uint8Array;
  /** What is rare: further parents (pairs of words), VLAN stacks deeper than two. */
  protected readonly parents = new Map<number, number[]>();
  protected readonly vlanStacks = new Map<number, readonly number[]>();

  constructor(maxRows: number) {
    this.capacity = Math.min(START_ROWS, maxRows);
    const memory = new ArrayBuffer(this.capacity * ROW_BYTES);
    this.words = new Int32Array(memory);
    this.floats = new Float64Array(memory);
    this.bytes = new Uint8Array(memory);
    this.history = new History(this.capacity);
    this.tcp = new TcpTracker(this.history, this.capacity);
  }

  protected growRows(rows: number): void {
    const { bytes } = this;
    const memory = new ArrayBuffer(rows * ROW_BYTES);
    this.words = new Int32Array(memory);
    this.floats = new Float64Array(memory);
    this.bytes = new Uint8Array(memory);
    this.bytes.set(bytes);
    this.history.grow(rows);
    this.capacity = rows;
  }

  /** Rows are 0 to `rows` - 1, some of them free. */
  get rows(): number {
    return this.used;
  }

  /** Whether the row holds a connection, live or ended, that is to be shown. */
  shown(row: number): boolean {
    const at = row * ROW_WORDS;
    return this.words[at + STATE] !== FREE && (this.words[at + ROLE]! & ROLE_HIDDEN) === 0;
  }

  ended(row: number): boolean {
    return this.words[row * ROW_WORDS + STATE]! > LIVE;
  }

  packets(row: number, orig: boolean): number {
    return this.floats[row * ROW_FLOATS + PACKETS + (orig ? 0 : 1)]!;
  }

  /** Lengths of whole frames on the wire; for the inner layers of tunnels too. */
  frameBytes(row: number, orig: boolean): number {
    return this.floats[row * ROW_FLOATS + FRAME_BYTES + (orig ? 0 : 1)]!;
  }

  /** IP total lengths. */
  ipBytes(row: number, orig: boolean): number {
    return this.floats[row * ROW_FLOATS + IP_BYTES + (orig ? 0 : 1)]!;
  }

  /** What transport headers carried, retransmissions included. */
  payloadBytes(row: number, orig: boolean): number {
    return this.floats[row * ROW_FLOATS + PAYLOAD + (orig ? 0 : 1)]!;
  }

  /** Zeek's `orig_bytes`, `resp_bytes`: sequence space for TCP, payload for the others. */
  streamBytes(row: number, orig: boolean): number {
    const slot = this.tcpSlot(row);
    return slot >= 0 ? this.tcp.size(slot, orig) : this.payloadBytes(row, orig);
  }

  missedBytes(row: number): number {
    const slot = this.tcpSlot(row);
    return slot >= 0 ? this.tcp.missed(slot) : 0;
  }

  /** TCP segments whose payload had been seen before. */
  retransmits(row: number): number {
    const slot = this.tcpSlot(row);
    return slot >= 0 ? this.tcp.retransmits(slot) : 0;
  }

  /** Duration of the TCP handshake in seconds, 0 when unknown. */
  rtt(row: number): number {
    const slot = this.tcpSlot(row);
    return slot >= 0 ? this.tcp.rtt(slot) : 0;
  }

  /** The TCP slot for `tcp`, -1 for other protocols. */
  tcpSlot(row: number): number {
    return this.words[row * ROW_WORDS + TCP_SLOT]!;
  }

  /** Frames that reassembled packets of this connection came in. */
  fragments(row: number): number {
    return this.words[row * ROW_WORDS + FRAGMENTS]!;
  }

  badChecksums(row: number): number {
    return this.words[row * ROW_WORDS + BAD_CHECKSUMS]!;
  }

  firstSec(row: number): number {
    return this.floats[row * ROW_FLOATS + FIRST]!;
  }

  firstNsec(row: number): number {
    return this.words[row * ROW_WORDS + FIRST_NSEC]!;
  }

  lastSec(row: number): number {
    return this.floats[row * ROW_FLOATS + LAST]!;
  }

  lastNsec(row: number): number {
    return this.words[row * ROW_WORDS + LAST_NSEC]!;
  }

  /** Whole seconds of Zeek's duration, which leaves out what came after both sides had closed. */
  durationSec(row: number): number {
    const at = row * ROW_WORDS;
    const borrow = this.words[at + END_NSEC]! < this.words[at + FIRST_NSEC]! ? 1 : 0;
    return this.floats[row * ROW_FLOATS + END]! - this.floats[row * ROW_FLOATS + FIRST]! - borrow;
  }

  /** The rest of it, nanoseconds. */
  durationNsec(row: number): number {
    const at = row * ROW_WORDS;
    const difference = this.words[at + END_NSEC]! - this.words[at + FIRST_NSEC]!;
    return difference < 0 ? difference + 1e9 : difference;
  }

  /** 32-bit words of an address, most significant first; an IPv4 address is word 0. */
  addressWord(row: number, orig: boolean, word: number): number {
    return this.words[row * ROW_WORDS + (orig ? ORIG : RESP) + word]! >>> 0;
  }

  isV6(row: number): boolean {
    return (this.words[row * ROW_WORDS + META]! & META_V6) !== 0;
  }

  /** An ICMP message without a counterpart: the flow has one direction. */
  isOneWay(row: number): boolean {
    return (this.words[row * ROW_WORDS + META]! & META_ONE_WAY) !== 0;
  }

  /** Port, or ICMP type (originator) and counterpart or code (responder); 0 without ports. */
  port(row: number, orig: boolean): number {
    const ports = this.words[row * ROW_WORDS + PORTS]!;
    return orig ? ports >>> 16 : ports & 0xffff;
  }

  /** IANA protocol number. */
  protocol(row: number): number {
    return this.words[row * ROW_WORDS + META]! & 0xff;
  }

  /** The outer VLAN id of the first packet, 0 for none. */
  vlan(row: number): number {
    return this.words[row * ROW_WORDS + VLAN]! & 0xffff;
  }

  innerVlan(row: number): number {
    return this.words[row * ROW_WORDS + VLAN]! >>> 16;
  }

  /** All VLAN ids of the first packet when there are more than two. */
  deepVlans(row: number): readonly number[] | undefined {
    return this.vlanStacks.get(row);
  }

  /** The MAC address of a side in the first packet: 6 bytes of `macs()` from this offset. */
  macOffset(row: number, orig: boolean): number {
    return row * ROW_BYTES + MACS + (orig ? 0 : 6);
  }

  macs(): Uint8Array {
    return this.bytes;
  }

  /** TUNNEL_ number of what carried the first packet. */
  tunnel(row: number): number {
    return this.words[row * ROW_WORDS + ROLE]! >>> ROLE_TUNNEL_SHIFT;
  }

  /** Index into CLOSE_REASONS. */
  reason(row: number): number {
    return this.words[row * ROW_WORDS + REASON]!;
  }

  uidHigh(row: number): number {
    return this.words[row * ROW_WORDS + UID_HIGH]! >>> 0;
  }

  uidLow(row: number): number {
    return this.words[row * ROW_WORDS + UID_LOW]! >>> 0;
  }

  /** The uid numbers (high, low) of the connection around this one; both 0 for none. */
  parentHigh(row: number): number {
    return this.words[row * ROW_WORDS + PARENT_HIGH]! >>> 0;
  }

  parentLow(row: number): number {
    return this.words[row * ROW_WORDS + PARENT_LOW]! >>> 0;
  }

  /** Further parents, when the tunnel changed: pairs of (high, low) as signed numbers. */
  moreParents(row: number): readonly number[] | undefined {
    return this.parents.get(row);
  }

  /** Whether packets of this row carried other packets. */
  isCarrier(row: number): boolean {
    return (this.words[row * ROW_WORDS + ROLE]! & ROLE_CARRIER) !== 0;
  }

  /** How many connections the row has held. */
  generation(row: number): number {
    return this.words[row * ROW_WORDS + GENERATION]!;
  }
}
