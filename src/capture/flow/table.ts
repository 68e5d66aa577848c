/**
 * The flow table: one row per connection, as Zeek understands it, in columns of typed arrays.
 *
 * `add` takes one decoded packet and allocates nothing. Rows are numbers; `id(row)` is a number that stays valid (and never comes
 * back) when the row is used again. Values are read through the getters; text is made only when asked for (record.ts).
 * A connection ends by packet time: idle, closed, reset, its attempt unanswered, its 5-tuple reused, evicted, or at `finish`.
 */
import { ACK, ICMP, ICMPV6, type Packet, SYN, TCP, UDP, UDPLITE } from "../decode/packet.ts";
import { grownF64, grownI32, grownU8, grownU32, swap } from "./columns.ts";
import { History } from "./history.ts";
import { ICMP_COUNTERPART, ICMPV6_COUNTERPART, ONE_WAY } from "./icmp-pairs.ts";
import { protocolName } from "./names.ts";
import { DNS_PORTS, TCP_SERVER_PORTS, UDP_SERVER_PORTS } from "./server-ports.ts";
import {
  RESET,
  TCP_ATTEMPT,
  TCP_COMPLETE,
  TCP_ESTABLISHED,
  TCP_FLIP,
  TCP_RESET_LATER,
  TCP_UNPRODUCTIVE,
  TcpTracker,
} from "./tcp.ts";
import { TopRows } from "./top-rows.ts";
import { Wheel } from "./wheel.ts";

export interface FlowTableOptions {
  /** Rows held at once, ended ones that are kept included; beyond it the one that would end first is evicted. Default 1,000,000. */
  readonly maxFlows?: number;
  /** Ended connections stay in the table until evicted (a live view). Default: they are released after `onEnd`. */
  readonly keepEnded?: boolean;
  /** The outer two VLAN ids are part of the key. */
  readonly vlanKey?: boolean;
  /** Called for each connection that has ended, in the order in which they end; ties by first time, then uid. */
  readonly onEnd?: (row: number) => void;
}

/** Why a connection ended; `reason(row)` is an index. */
export const CLOSE_REASONS = ["", "fin", "rst", "idle", "attempt", "reuse", "eof", "evicted"] as const;
export const REASON_OPEN = 0;
export const REASON_FIN = 1;
export const REASON_RST = 2;
export const REASON_IDLE = 3;
export const REASON_ATTEMPT = 4;
export const REASON_REUSE = 5;
export const REASON_EOF = 6;
export const REASON_EVICTED = 7;

// Zeek's defaults, seconds.
const TCP_IDLE = 300;
const OTHER_IDLE = 60;
/** Marks the flows of DNS_PORTS, too. */
const DNS_IDLE = 10;
const ATTEMPT_DELAY = 5;
const CLOSE_DELAY = 5;

// Columns of `#keys`.
const ORIG = 0;
const RESP = 4;
const PORTS = 8;
const META = 9;
const VLAN = 10;
const KEY_VLAN = 11;
const KEYS = 12;
// Columns of `#counts`: the originator's, then the responder's.
const PACKETS = 0;
const FRAME_BYTES = 2;
const IP_BYTES = 4;
const PAYLOAD = 6;
const COUNTS = 8;
// Columns of `#times` and `#nsecs`: of the first and the last packet, and where Zeek's duration ends.
const FIRST = 0;
const LAST = 1;
const END = 2;
const DEADLINE = 3;
const IDLE = 3;
const TIMES = 4;
// Columns of `#marks`.
const UID_HIGH = 0;
const UID_LOW = 1;
const PARENT_HIGH = 2;
const PARENT_LOW = 3;
const FRAGMENTS = 4;
const BAD_CHECKSUMS = 5;
const GENERATION = 6;
const MARKS = 8;

// Bits of META above the protocol number.
const META_V6 = 1 << 8;
const META_ONE_WAY = 1 << 9;

/** What a row is: free, a connection, one that ended and waits for its turn to be told, one that ended and is kept. */
const FREE = 0;
const LIVE = 1;
const ENDING = 2;
const ENDED = 3;

// What `#deadlineKind` says will happen at the deadline.
const DEADLINE_NONE = 0;
const DEADLINE_ATTEMPT = 1;
const DEADLINE_CLOSED = 2;
const DEADLINE_RESET = 3;

const HIST_DATA_BIT = 8;
const LETTER_D = 0x44;
const ROW_BITS = 2 ** 26;
/** Further parents that are kept of a connection whose tunnel changes. */
const MAX_PARENTS = 16;

/** A row's value, for sorting and filtering. */
export type RowValue = (row: number) => number;
export type RowPredicate = (row: number) => boolean;

export class FlowTable {
  readonly tcp: TcpTracker;
  readonly history: History;
  /** Connections begun, and of them those thrown out because the table was full. */
  connections = 0;
  evicted = 0;
  /** Connections that have ended and were not shown, being mere carriers of tunnels. */
  hiddenConnections = 0;

  readonly #options: FlowTableOptions;
  readonly #maxRows: number;
  readonly #seed = (Math.random() * 2 ** 32) | 0;
  readonly #wheel: Wheel;
  #capacity = 1024;
  #used = 0;
  #live = 0;
  #held = 0;
  #freeRows = new Int32Array(1024);
  #freeCount = 0;
  /** Pairs of (row + 1, hash), open addressing with linear probing. */
  #slots = new Int32Array(8192);
  #mask = 4095;

  #keys = new Int32Array(1024 * KEYS);
  #counts = new Float64Array(1024 * COUNTS);
  #times = new Float64Array(1024 * TIMES);
  #nsecs = new Uint32Array(1024 * TIMES);
  #marks = new Int32Array(1024 * MARKS);
  #macs = new Uint8Array(1024 * 12);
  #tcpSlots = new Int32Array(1024);
  #hashes = new Int32Array(1024);
  #state = new Uint8Array(1024);
  #reasons = new Uint8Array(1024);
  #deadlineKind = new Uint8Array(1024);
  #tunnels = new Uint8Array(1024);
  #hidden = new Uint8Array(1024);
  #carriers = new Uint8Array(1024);
  /** What is rare: further parents, VLAN stacks deeper than two. */
  readonly #moreParents = new Map<number, number[]>();
  readonly #deepVlans = new Map<number, readonly number[]>();

  /** Ended rows that wait until their second is over, and kept ones in the order in which they ended. */
  #ending: number[] = [];
  #kept: Int32Array;
  #keptHead = 0;
  #keptCount = 0;

  readonly #endedByProtocol = new Float64Array(256);

  /** The packet time in seconds, in an array: passed between functions as a number it would be boxed each time. */
  readonly #clock = new Float64Array(1);
  #ordinal = 0;
  // The packet being looked up: source, destination, ports, meta; and whether it goes from originator to responder.
  readonly #words = new Int32Array(8);
  #forward = true;

  constructor(options: FlowTableOptions = {}) {
    this.#options = options;
    this.#maxRows = Math.max(1, Math.min(options.maxFlows ?? 1_000_000, ROW_BITS - 1));
    this.history = new History(this.#capacity);
    this.tcp = new TcpTracker(this.history);
    this.#wheel = new Wheel(this.#capacity);
    this.#kept = new Int32Array(options.keepEnded ? 1024 : 0);
  }

  /** Connections that have not ended. */
  get live(): number {
    return this.#live;
  }

  /** Rows in use: live connections, and ended ones that are kept or wait to be told. */
  get size(): number {
    return this.#held;
  }

  /** One above the highest row ever used: rows are 0 to `rows` - 1, some of them free. */
  get rows(): number {
    return this.#used;
  }

  /** Whether the row holds a connection, live or ended, that is to be shown. */
  shown(row: number): boolean {
    const state = this.#state[row]!;
    return state !== FREE && this.#hidden[row] === 0;
  }

  ended(row: number): boolean {
    return this.#state[row]! > LIVE;
  }

  /** A number for the connection in this row that no other connection gets. */
  id(row: number): number {
    return this.#marks[row * MARKS + GENERATION]! * ROW_BITS + row;
  }

  /** How many connections the row has held: with the row, what `id` is made of. */
  generation(row: number): number {
    return this.#marks[row * MARKS + GENERATION]!;
  }

  /** The row of a connection, -1 when the table no longer holds it. */
  rowOf(id: number): number {
    const row = id % ROW_BITS;
    return row < this.#used && this.#state[row] !== FREE && this.id(row) === id ? row : -1;
  }

  /**
   * Counts one packet, whose transport header was decoded, and returns its row.
   * @param parent the row of the packet around this one, -1 for none
   */
  add(p: Packet, parent = -1): number {
    const row = this.#rowFor(p, parent);
    this.#count(row, p);
    return row;
  }

  /**
   * Takes a packet with a wrong checksum as Zeek does without -C: its connection exists, and its history says so, but it
   * counts for nothing. A wrong IP header or ICMP checksum does not even make a connection.
   */
  addBad(p: Packet, parent = -1): void {
    if (p.ipProto !== TCP && p.ipProto !== UDP) return;
    const row = this.#rowFor(p, parent);
    const bad = ++this.#marks[row * MARKS + BAD_CHECKSUMS]!;
    this.tcp.badChecksum(row, bad, this.#forward);
  }

  #rowFor(p: Packet, parent: number): number {
    const now = p.sec + p.nsec / 1e9;
    if (now >= this.#wheel.now + 1) this.advance(now);
    this.#clock[0] = now;
    const meta = this.#readKey(p);
    const ports = this.#ports;
    const hash = this.#hash(ports, meta);
    this.#ordinal = 0;
    let row = this.#find(hash, ports, meta);
    if (row >= 0 && !this.#continues(row, p)) row = -1;
    // Read before a row is evicted for this one: it could be the parent's.
    const parentHigh = parent < 0 ? 0 : this.#marks[parent * MARKS + UID_HIGH]!;
    const parentLow = parent < 0 ? 0 : this.#marks[parent * MARKS + UID_LOW]!;
    if (row < 0) {
      row = this.#open(p, hash, ports, meta);
      this.#marks[row * MARKS + PARENT_HIGH] = parentHigh;
      this.#marks[row * MARKS + PARENT_LOW] = parentLow;
    } else if (parent >= 0) this.#noteParent(row, parentHigh, parentLow);
    return row;
  }

  /** Lets time pass: ends what has been idle, and tells `onEnd` what ended before this second. Seconds since the epoch. */
  advance(now: number): void {
    this.#clock[0] = now;
    this.#wheel.advance(Math.floor(now), this.#visit);
    if (this.#ending.length > 0) this.#tellEnded();
  }

  /** Ended connections by the name of their protocol. */
  connectionsByProtocol(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let protocol = 0; protocol < 256; protocol++) {
      const count = this.#endedByProtocol[protocol]!;
      const name = protocolName(protocol);
      if (count > 0) counts[name] = (counts[name] ?? 0) + count;
    }
    return counts;
  }

  /** The capture is over: every connection ends. */
  finish(): void {
    this.#tellEnded();
    for (let row = 0; row < this.#used; row++) {
      if (this.#state[row] === LIVE) this.#end(row, REASON_EOF, Number.POSITIVE_INFINITY);
    }
    this.#tellEnded();
  }

  /**
   * The rows with the largest values, largest first, written to `out`; as many as `out` holds. Of equal ones the earlier comes first.
   * @returns how many were written
   */
  top(value: RowValue, out: Int32Array, accept?: RowPredicate): number {
    const heap = new TopRows(out, this.#byBeginning);
    for (let row = 0; row < this.#used; row++) {
      if (this.#state[row] === FREE || this.#hidden[row] === 1 || (accept && !accept(row))) continue;
      heap.offer(value(row), row);
    }
    return heap.finish();
  }

  // Values of a row. `orig`: the originator's side, else the responder's.

  packets(row: number, orig: boolean): number {
    return this.#counts[row * COUNTS + PACKETS + (orig ? 0 : 1)]!;
  }

  /** Lengths of whole frames on the wire; for the inner layers of tunnels too. */
  frameBytes(row: number, orig: boolean): number {
    return this.#counts[row * COUNTS + FRAME_BYTES + (orig ? 0 : 1)]!;
  }

  /** IP total lengths. */
  ipBytes(row: number, orig: boolean): number {
    return this.#counts[row * COUNTS + IP_BYTES + (orig ? 0 : 1)]!;
  }

  /** What transport headers carried, retransmissions included. */
  payloadBytes(row: number, orig: boolean): number {
    return this.#counts[row * COUNTS + PAYLOAD + (orig ? 0 : 1)]!;
  }

  /** Zeek's `orig_bytes`, `resp_bytes`: sequence space for TCP, payload for the others. */
  streamBytes(row: number, orig: boolean): number {
    const slot = this.#tcpSlots[row]!;
    return slot >= 0 ? this.tcp.size(slot, orig) : this.payloadBytes(row, orig);
  }

  missedBytes(row: number): number {
    const slot = this.#tcpSlots[row]!;
    return slot >= 0 ? this.tcp.missed(slot) : 0;
  }

  /** TCP segments whose payload had been seen before. */
  retransmits(row: number): number {
    const slot = this.#tcpSlots[row]!;
    return slot >= 0 ? this.tcp.retransmits(slot) : 0;
  }

  /** Duration of the TCP handshake in seconds, 0 when unknown. */
  rtt(row: number): number {
    const slot = this.#tcpSlots[row]!;
    return slot >= 0 ? this.tcp.rtt(slot) : 0;
  }

  /** Frames that reassembled packets of this connection came in. */
  fragments(row: number): number {
    return this.#marks[row * MARKS + FRAGMENTS]!;
  }

  badChecksums(row: number): number {
    return this.#marks[row * MARKS + BAD_CHECKSUMS]!;
  }

  firstSec(row: number): number {
    return this.#times[row * TIMES + FIRST]!;
  }

  firstNsec(row: number): number {
    return this.#nsecs[row * TIMES + FIRST]!;
  }

  lastSec(row: number): number {
    return this.#times[row * TIMES + LAST]!;
  }

  lastNsec(row: number): number {
    return this.#nsecs[row * TIMES + LAST]!;
  }

  /** Whole seconds of Zeek's duration, which leaves out what came after both sides had closed. */
  durationSec(row: number): number {
    const at = row * TIMES;
    const borrow = this.#nsecs[at + END]! < this.#nsecs[at + FIRST]! ? 1 : 0;
    return this.#times[at + END]! - this.#times[at + FIRST]! - borrow;
  }

  /** The rest of it, nanoseconds. */
  durationNsec(row: number): number {
    const at = row * TIMES;
    const difference = this.#nsecs[at + END]! - this.#nsecs[at + FIRST]!;
    return difference < 0 ? difference + 1e9 : difference;
  }

  /** 32-bit words of an address, most significant first; an IPv4 address is word 0. */
  addressWord(row: number, orig: boolean, word: number): number {
    return this.#keys[row * KEYS + (orig ? ORIG : RESP) + word]! >>> 0;
  }

  isV6(row: number): boolean {
    return (this.#keys[row * KEYS + META]! & META_V6) !== 0;
  }

  /** An ICMP message without a counterpart: the flow has one direction. */
  isOneWay(row: number): boolean {
    return (this.#keys[row * KEYS + META]! & META_ONE_WAY) !== 0;
  }

  /** Port, or ICMP type (originator) and counterpart or code (responder); 0 without ports. */
  port(row: number, orig: boolean): number {
    const ports = this.#keys[row * KEYS + PORTS]!;
    return orig ? ports >>> 16 : ports & 0xffff;
  }

  /** IANA protocol number. */
  protocol(row: number): number {
    return this.#keys[row * KEYS + META]! & 0xff;
  }

  /** The outer VLAN id of the first packet, 0 for none. */
  vlan(row: number): number {
    return this.#keys[row * KEYS + VLAN]! & 0xffff;
  }

  innerVlan(row: number): number {
    return this.#keys[row * KEYS + VLAN]! >>> 16;
  }

  /** All VLAN ids of the first packet when there are more than two. */
  deepVlans(row: number): readonly number[] | undefined {
    return this.#deepVlans.get(row);
  }

  /** The MAC address of a side in the first packet: 6 bytes of `macs()` from this offset. */
  macOffset(row: number, orig: boolean): number {
    return row * 12 + (orig ? 0 : 6);
  }

  macs(): Uint8Array {
    return this.#macs;
  }

  /** TUNNEL_ number of what carried the first packet. */
  tunnel(row: number): number {
    return this.#tunnels[row]!;
  }

  /** Index into CLOSE_REASONS. */
  reason(row: number): number {
    return this.#reasons[row]!;
  }

  /** The TCP slot for `tcp`, -1 for other protocols. */
  tcpSlot(row: number): number {
    return this.#tcpSlots[row]!;
  }

  uidHigh(row: number): number {
    return this.#marks[row * MARKS + UID_HIGH]! >>> 0;
  }

  uidLow(row: number): number {
    return this.#marks[row * MARKS + UID_LOW]! >>> 0;
  }

  /** The uid numbers (high, low) of the connection around this one; both 0 for none. */
  parentHigh(row: number): number {
    return this.#marks[row * MARKS + PARENT_HIGH]! >>> 0;
  }

  parentLow(row: number): number {
    return this.#marks[row * MARKS + PARENT_LOW]! >>> 0;
  }

  /** Further parents, when the tunnel changed: pairs of (high, low) as signed numbers. */
  moreParents(row: number): readonly number[] | undefined {
    return this.#moreParents.get(row);
  }

  /** Notes that a row carries a tunnel; `hide` keeps it from being shown and told: it is no connection of its own. */
  markCarrier(row: number, hide: boolean): void {
    this.#hidden[row] = hide ? 1 : 0;
    this.#carriers[row] = 1;
  }

  /** Whether packets of this row carried other packets. */
  isCarrier(row: number): boolean {
    return this.#carriers[row] === 1;
  }

  /** Counts a bad checksum; the packet itself was or was not added, as the user wants it. */
  noteBadChecksum(row: number): void {
    this.#marks[row * MARKS + BAD_CHECKSUMS]!++;
  }

  // Keys.

  #ports = 0;

  /** Fills `#words` and `#ports`, returns the META word. */
  #readKey(p: Packet): number {
    const { data, src, dst, ipProto } = p;
    const words = this.#words;
    let meta = ipProto;
    if (p.ipVersion === 4) {
      words[0] = (data[src]! << 24) | (data[src + 1]! << 16) | (data[src + 2]! << 8) | data[src + 3]!;
      words[4] = (data[dst]! << 24) | (data[dst + 1]! << 16) | (data[dst + 2]! << 8) | data[dst + 3]!;
    } else {
      meta |= META_V6;
      for (let i = 0; i < 4; i++) {
        const s = src + i * 4;
        const d = dst + i * 4;
        words[i] = (data[s]! << 24) | (data[s + 1]! << 16) | (data[s + 2]! << 8) | data[s + 3]!;
        words[4 + i] = (data[d]! << 24) | (data[d + 1]! << 16) | (data[d + 2]! << 8) | data[d + 3]!;
      }
    }
    if (ipProto === ICMP || ipProto === ICMPV6) {
      const counterpart = (ipProto === ICMP ? ICMP_COUNTERPART : ICMPV6_COUNTERPART)[p.icmpType]!;
      if (counterpart === ONE_WAY) meta |= META_ONE_WAY;
      this.#ports = (p.icmpType << 16) | (counterpart === ONE_WAY ? p.icmpCode : counterpart);
    } else {
      this.#ports = (p.srcPort << 16) | p.dstPort;
    }
    this.#keyVlan = this.#options.vlanKey && p.vlanCount > 0 ? vlanWord(p) : 0;
    return meta;
  }

  #keyVlan = 0;

  /** The same for both directions. */
  #hash(ports: number, meta: number): number {
    const words = this.#words;
    let source = Math.imul(words[0]! ^ Math.imul(ports >>> 16, 0x9e3779b1), 0x85ebca6b);
    let target = Math.imul(words[4]! ^ Math.imul(ports & 0xffff, 0x9e3779b1), 0x85ebca6b);
    if ((meta & META_V6) !== 0) {
      for (let i = 1; i < 4; i++) {
        source = Math.imul((source ^ (source >>> 15)) + words[i]!, 0xc2b2ae35);
        target = Math.imul((target ^ (target >>> 15)) + words[4 + i]!, 0xc2b2ae35);
      }
    }
    source ^= source >>> 15;
    target ^= target >>> 15;
    let hash = Math.imul(source + target + (source ^ target) * 31, 0x27d4eb2f) ^ this.#seed ^ this.#keyVlan ^ meta;
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return hash ^ (hash >>> 13);
  }

  /** The row of the key in `#words`, and in `#forward` which way it goes; -1 when there is none. */
  #find(hash: number, ports: number, meta: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = slots[slot * 2]! - 1;
      if (row < 0) return -1;
      if (slots[slot * 2 + 1] === hash && this.#matches(row, ports, meta)) return row;
    }
  }

  #matches(row: number, ports: number, meta: number): boolean {
    const keys = this.#keys;
    const words = this.#words;
    const at = row * KEYS;
    if (keys[at + META] !== meta || keys[at + KEY_VLAN] !== this.#keyVlan) return false;
    const v6 = (meta & META_V6) !== 0;
    if (keys[at + PORTS] === ports && keys[at] === words[0] && keys[at + 4] === words[4]) {
      if (!v6 || (sameTail(keys, at, words, 0) && sameTail(keys, at + 4, words, 4))) {
        this.#forward = true;
        return true;
      }
    }
    if ((meta & META_ONE_WAY) !== 0) return false;
    const swapped = (ports << 16) | (ports >>> 16);
    if (keys[at + PORTS] === swapped && keys[at] === words[4] && keys[at + 4] === words[0]) {
      if (!v6 || (sameTail(keys, at, words, 4) && sameTail(keys, at + 4, words, 0))) {
        this.#forward = false;
        return true;
      }
    }
    return false;
  }

  // Lifetimes.

  /** Whether a packet that comes now still belongs to the connection in `row`; ends it if not. */
  #continues(row: number, p: Packet): boolean {
    const now = this.#clock[0]!;
    const at = row * TIMES;
    const silent = this.#times[at + END]! + this.#nsecs[at + END]! / 1e9 + this.#nsecs[at + IDLE]! - 1;
    if (now >= silent && now >= this.#idleEnd(row)) {
      this.#end(row, REASON_IDLE, this.#idleEnd(row));
      return false;
    }
    if (now >= this.#times[at + DEADLINE]! && this.#deadlinePassed(row)) return false;
    const slot = this.#tcpSlots[row]!;
    if (slot >= 0 && (p.tcpFlags & SYN) !== 0 && this.tcp.isReuse(slot, p)) {
      if (this.#times[at + FIRST] === p.sec && this.#nsecs[at + FIRST] === p.nsec) this.#ordinal++;
      this.#end(row, REASON_REUSE, now);
      return false;
    }
    return true;
  }

  /** When the row ends if nothing more comes. */
  #idleEnd(row: number): number {
    const at = row * TIMES;
    const idle = this.#nsecs[at + IDLE]!;
    const last = this.#times[at + END]! + this.#nsecs[at + END]! / 1e9;
    if (idle !== DNS_IDLE) return last + idle;
    const first = this.#times[at + FIRST]! + this.#nsecs[at + FIRST]! / 1e9;
    return first + DNS_IDLE * Math.ceil((last - first + DNS_IDLE - 1) / DNS_IDLE);
  }

  /** The deadline has come: ends the row, or forgets the deadline where its cause is gone. */
  #deadlinePassed(row: number): boolean {
    const at = row * TIMES + DEADLINE;
    const kind = this.#deadlineKind[row]!;
    const deadline = this.#times[at]!;
    if (kind === DEADLINE_ATTEMPT && !this.tcp.attemptFailed(this.#tcpSlots[row]!)) {
      this.#times[at] = Number.POSITIVE_INFINITY;
      this.#deadlineKind[row] = DEADLINE_NONE;
      return false;
    }
    const reason = kind === DEADLINE_ATTEMPT ? REASON_ATTEMPT : kind === DEADLINE_CLOSED ? REASON_FIN : REASON_RST;
    this.#end(row, reason, deadline);
    return true;
  }

  readonly #visit = (row: number): void => {
    const deadline = this.#times[row * TIMES + DEADLINE]!;
    if (deadline <= this.#clock[0]! && this.#deadlinePassed(row)) return;
    const idle = this.#idleEnd(row);
    if (idle <= this.#clock[0]!) this.#end(row, REASON_IDLE, idle);
    else this.#wheel.arm(row, Math.min(idle, this.#times[row * TIMES + DEADLINE]!));
  };

  #setDeadline(row: number, kind: number, delay: number): void {
    const at = this.#clock[0]! + delay;
    this.#deadlineKind[row] = kind;
    this.#times[row * TIMES + DEADLINE] = at;
    this.#wheel.arm(row, Math.min(at, this.#idleEnd(row)));
  }

  /** Takes a row out of the index; it waits among the ended until its second is over. */
  #end(row: number, reason: number, at: number): void {
    this.#unindex(row);
    this.#wheel.disarm(row);
    this.#state[row] = ENDING;
    this.#reasons[row] = reason;
    this.#times[row * TIMES + DEADLINE] = at;
    this.#live--;
    this.#ending.push(row);
  }

  #tellEnded(): void {
    const ending = this.#ending;
    if (ending.length > 1) ending.sort(this.#byEnd);
    const { onEnd, keepEnded } = this.#options;
    for (const row of ending) {
      if (this.#hidden[row] === 1) this.hiddenConnections++;
      else {
        this.#endedByProtocol[this.protocol(row)]!++;
        onEnd?.(row);
      }
      if (keepEnded) this.#keep(row);
      else this.#release(row);
    }
    ending.length = 0;
  }

  // Equal infinities give NaN, which is no difference either.
  readonly #byEnd = (a: number, b: number): number =>
    this.#times[a * TIMES + DEADLINE]! - this.#times[b * TIMES + DEADLINE]! || this.#byBeginning(a, b);

  readonly #byBeginning = (a: number, b: number): number =>
    this.firstSec(a) - this.firstSec(b) ||
    this.firstNsec(a) - this.firstNsec(b) ||
    this.uidHigh(a) - this.uidHigh(b) ||
    this.uidLow(a) - this.uidLow(b);

  #keep(row: number): void {
    this.#state[row] = ENDED;
    if (this.#keptCount === this.#kept.length) {
      const larger = new Int32Array(this.#kept.length * 2);
      for (let i = 0; i < this.#keptCount; i++) larger[i] = this.#kept[(this.#keptHead + i) % this.#kept.length]!;
      this.#kept = larger;
      this.#keptHead = 0;
    }
    this.#kept[(this.#keptHead + this.#keptCount++) % this.#kept.length] = row;
  }

  #release(row: number): void {
    const slot = this.#tcpSlots[row]!;
    if (slot >= 0) this.tcp.close(slot);
    this.#state[row] = FREE;
    this.#held--;
    if (this.#moreParents.size > 0) this.#moreParents.delete(row);
    if (this.#deepVlans.size > 0) this.#deepVlans.delete(row);
    this.#freeRows[this.#freeCount++] = row;
  }

  /** Makes room for one more row: an ended one that was kept, else the connection that would end first. */
  #evict(): void {
    this.#tellEnded();
    if (this.#held < this.#maxRows) return;
    if (this.#keptCount > 0) {
      const row = this.#kept[this.#keptHead]!;
      this.#keptHead = (this.#keptHead + 1) % this.#kept.length;
      this.#keptCount--;
      this.#release(row);
      return;
    }
    this.evicted++;
    this.#end(this.#wheel.first(), REASON_EVICTED, this.#clock[0]!);
    this.#evict();
  }

  // Rows.

  #open(p: Packet, hash: number, ports: number, meta: number): number {
    if (this.#held >= this.#maxRows) this.#evict();
    let row: number;
    if (this.#freeCount > 0) row = this.#freeRows[--this.#freeCount]!;
    else {
      if (this.#used === this.#capacity) this.#grow();
      row = this.#used++;
    }
    this.connections++;
    this.#live++;
    this.#held++;
    const key = row * KEYS;
    const words = this.#words;
    const { ipProto } = p;
    const flip = this.#startsFlipped(p);
    const v6 = p.ipVersion === 6;
    for (let i = 0; i < 4; i++) {
      const source = i === 0 || v6 ? words[i]! : 0;
      const target = i === 0 || v6 ? words[4 + i]! : 0;
      this.#keys[key + ORIG + i] = flip ? target : source;
      this.#keys[key + RESP + i] = flip ? source : target;
    }
    this.#keys[key + PORTS] = flip ? (ports << 16) | (ports >>> 16) : ports;
    this.#keys[key + META] = meta;
    this.#keys[key + VLAN] = p.vlanCount > 0 ? vlanWord(p) : 0;
    this.#keys[key + KEY_VLAN] = this.#keyVlan;
    if (p.vlanCount > 2) this.#deepVlans.set(row, Array.from(p.vlans.subarray(0, p.vlanCount)));
    this.#forward = !flip;

    for (let i = row * COUNTS; i < (row + 1) * COUNTS; i++) this.#counts[i] = 0;
    const time = row * TIMES;
    for (let i = FIRST; i <= END; i++) {
      this.#times[time + i] = p.sec;
      this.#nsecs[time + i] = p.nsec;
    }
    this.#times[time + DEADLINE] = Number.POSITIVE_INFINITY;
    const watched = ipProto === UDP && DNS_PORTS[this.port(row, false)] === 1;
    this.#nsecs[time + IDLE] = watched ? DNS_IDLE : OTHER_IDLE;
    this.#deadlineKind[row] = DEADLINE_NONE;
    this.#state[row] = LIVE;
    this.#reasons[row] = REASON_OPEN;
    this.#tunnels[row] = p.tunnel;
    this.#hidden[row] = 0;
    this.#carriers[row] = 0;
    putMac(p.l2Data, p.l2Src, this.#macs, row * 12 + (flip ? 6 : 0));
    putMac(p.l2Data, p.l2Dst, this.#macs, row * 12 + (flip ? 0 : 6));
    this.history.clear(row);
    if (flip) this.history.flip(row);
    this.#tcpSlots[row] = ipProto === TCP ? this.tcp.open() : -1;
    this.#nameRow(row, p);
    this.#index(row, hash);
    this.#wheel.arm(row, this.#idleEnd(row));
    return row;
  }

  /** Zeek's guess at the true originator of a connection whose beginning was not seen; never a broadcast address. */
  #startsFlipped(p: Packet): boolean {
    const { srcPort, dstPort } = p;
    if (p.ipVersion === 4 && this.#words[4] === -1) return false;
    if (p.ipProto === TCP) {
      if ((p.tcpFlags & (SYN | ACK)) === SYN || TCP_SERVER_PORTS[srcPort] === 0) return false;
      return TCP_SERVER_PORTS[dstPort] === 0 || ((p.tcpFlags & SYN) === 0 && srcPort < dstPort);
    }
    return p.ipProto === UDP && UDP_SERVER_PORTS[srcPort] === 1 && UDP_SERVER_PORTS[dstPort] === 0;
  }

  /** The uid: a hash of first time, 5-tuple and the ordinal of its reuse at that very time. */
  #nameRow(row: number, p: Packet): void {
    const marks = this.#marks;
    const at = row * MARKS;
    const words = this.#words;
    let high = 0x243f6a88;
    let low = 0x85a308d3;
    const v6 = p.ipVersion === 6;
    for (let i = -6; i < 8; i++) {
      // Words that an IPv4 address does not have hold what an earlier packet left.
      if (!v6 && i > 0 && i !== 4) continue;
      let word = 0;
      if (i === -6) word = p.sec;
      else if (i === -5) word = Math.floor(p.sec / 2 ** 32);
      else if (i === -4) word = p.nsec;
      else if (i === -3) word = this.#ports;
      else if (i === -2) word = this.#ordinal;
      else if (i === -1) word = p.ipProto | (p.depth << 8) | (this.#keyVlan << 12);
      else word = words[i]!;
      high = Math.imul((high ^ word) | 0, 0x9e3779b1);
      high ^= high >>> 15;
      low = Math.imul((low + (word ^ high)) | 0, 0x85ebca77);
      low ^= low >>> 13;
      high = (high + low) | 0;
    }
    high = Math.imul(high ^ (high >>> 16), 0xc2b2ae3d);
    low = Math.imul(low ^ (low >>> 16) ^ high, 0x27d4eb2f);
    marks[at + UID_HIGH] = high ^ (high >>> 13);
    marks[at + UID_LOW] = low ^ (low >>> 15);
    marks[at + FRAGMENTS] = 0;
    marks[at + BAD_CHECKSUMS] = 0;
    marks[at + GENERATION]!++;
  }

  #noteParent(row: number, high: number, low: number): void {
    const marks = this.#marks;
    const at = row * MARKS;
    if (marks[at + PARENT_LOW] === low && marks[at + PARENT_HIGH] === high) return;
    if (marks[at + PARENT_LOW] === 0 && marks[at + PARENT_HIGH] === 0) {
      marks[at + PARENT_HIGH] = high;
      marks[at + PARENT_LOW] = low;
      return;
    }
    const more = this.#moreParents.get(row);
    if (!more) {
      this.#moreParents.set(row, [high, low]);
      return;
    }
    for (let i = 0; i < more.length; i += 2) if (more[i] === high && more[i + 1] === low) return;
    if (more.length < MAX_PARENTS * 2) more.push(high, low);
  }

  // Counting.

  #count(row: number, p: Packet): void {
    let fromOrig = this.#forward;
    const time = row * TIMES;
    const slot = this.#tcpSlots[row]!;
    let productive = true;
    if (slot >= 0) {
      if (p.payload >= 0) {
        const result = this.tcp.packet(row, slot, fromOrig, p);
        if ((result & TCP_FLIP) !== 0) {
          this.#swapRoles(row);
          fromOrig = !fromOrig;
        }
        productive = (result & TCP_UNPRODUCTIVE) === 0;
        if (productive) this.#extend(time, p);
        if (result !== 0) this.#applyTcp(row, result);
      }
    } else {
      if (p.ipProto === UDP || p.ipProto === UDPLITE) this.history.check(row, HIST_DATA_BIT, LETTER_D, fromOrig);
      this.#extend(time, p);
    }
    if (isLater(p, this.#times[time + LAST]!, this.#nsecs[time + LAST]!)) {
      this.#times[time + LAST] = p.sec;
      this.#nsecs[time + LAST] = p.nsec;
    } else if (p.sec < this.#times[time + FIRST]!) this.#beginEarlier(time, p);
    else if (p.sec === this.#times[time + FIRST] && p.nsec < this.#nsecs[time + FIRST]!) this.#beginEarlier(time, p);
    const counts = this.#counts;
    const at = row * COUNTS + (fromOrig ? 0 : 1);
    counts[at + PACKETS]! += p.weight;
    counts[at + FRAME_BYTES]! += p.frameLength;
    counts[at + IP_BYTES]! += p.ipLength;
    counts[at + PAYLOAD]! += p.payloadLength;
    if (p.fragments > 0) this.#marks[row * MARKS + FRAGMENTS]! += p.fragments;
  }

  /** Captures are not always in order of time: a connection begins with its earliest packet. */
  #beginEarlier(time: number, p: Packet): void {
    this.#times[time + FIRST] = p.sec;
    this.#nsecs[time + FIRST] = p.nsec;
  }

  #extend(time: number, p: Packet): void {
    if (isLater(p, this.#times[time + END]!, this.#nsecs[time + END]!)) {
      this.#times[time + END] = p.sec;
      this.#nsecs[time + END] = p.nsec;
    }
  }

  #applyTcp(row: number, result: number): void {
    if ((result & TCP_ESTABLISHED) !== 0) this.#nsecs[row * TIMES + IDLE] = TCP_IDLE;
    if ((result & TCP_COMPLETE) !== 0) {
      this.#setDeadline(row, this.#wasReset(row) ? DEADLINE_RESET : DEADLINE_CLOSED, CLOSE_DELAY);
    } else if ((result & TCP_RESET_LATER) !== 0 && this.#deadlineKind[row] !== DEADLINE_CLOSED) {
      this.#setDeadline(row, DEADLINE_RESET, CLOSE_DELAY);
    } else if ((result & TCP_ATTEMPT) !== 0) {
      this.#setDeadline(row, DEADLINE_ATTEMPT, ATTEMPT_DELAY);
    }
  }

  #wasReset(row: number): boolean {
    const slot = this.#tcpSlots[row]!;
    return this.tcp.state(slot, true) === RESET || this.tcp.state(slot, false) === RESET;
  }

  /** Every number of one side becomes the other side's; the tracker has changed its own. */
  #swapRoles(row: number): void {
    const key = row * KEYS;
    for (let i = 0; i < 4; i++) swap(this.#keys, key + ORIG + i, key + RESP + i);
    const ports = this.#keys[key + PORTS]!;
    this.#keys[key + PORTS] = (ports << 16) | (ports >>> 16);
    for (let i = 0; i < COUNTS; i += 2) swap(this.#counts, row * COUNTS + i, row * COUNTS + i + 1);
    for (let i = 0; i < 6; i++) swap(this.#macs, row * 12 + i, row * 12 + 6 + i);
  }

  // The index.

  #index(row: number, hash: number): void {
    if (this.#live * 2 > this.#mask) this.#rehash();
    this.#hashes[row] = hash;
    place(this.#slots, this.#mask, row, hash);
  }

  #rehash(): void {
    const mask = this.#mask * 2 + 1;
    const slots = new Int32Array((mask + 1) * 2);
    for (let i = 0; i < this.#slots.length; i += 2) {
      if (this.#slots[i] !== 0) place(slots, mask, this.#slots[i]! - 1, this.#slots[i + 1]!);
    }
    this.#slots = slots;
    this.#mask = mask;
  }

  /** Removes a row, and moves back what its slot had pushed away. */
  #unindex(row: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = this.#hashes[row]! & mask;
    while (slots[hole * 2] !== row + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; slots[slot * 2] !== 0; slot = (slot + 1) & mask) {
      const home = slots[slot * 2 + 1]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole * 2] = slots[slot * 2]!;
      slots[hole * 2 + 1] = slots[slot * 2 + 1]!;
      hole = slot;
    }
    slots[hole * 2] = 0;
  }

  #grow(): void {
    const rows = Math.min(this.#capacity * 2, this.#maxRows);
    this.#keys = grownI32(this.#keys, rows * KEYS);
    this.#counts = grownF64(this.#counts, rows * COUNTS);
    this.#times = grownF64(this.#times, rows * TIMES);
    this.#nsecs = grownU32(this.#nsecs, rows * TIMES);
    this.#marks = grownI32(this.#marks, rows * MARKS);
    this.#macs = grownU8(this.#macs, rows * 12);
    this.#tcpSlots = grownI32(this.#tcpSlots, rows);
    this.#hashes = grownI32(this.#hashes, rows);
    this.#freeRows = grownI32(this.#freeRows, rows);
    this.#state = grownU8(this.#state, rows);
    this.#reasons = grownU8(this.#reasons, rows);
    this.#deadlineKind = grownU8(this.#deadlineKind, rows);
    this.#tunnels = grownU8(this.#tunnels, rows);
    this.#hidden = grownU8(this.#hidden, rows);
    this.#carriers = grownU8(this.#carriers, rows);
    this.history.grow(rows);
    this.#wheel.grow(rows);
    this.#capacity = rows;
  }
}

/** Words 1 to 3 of an IPv6 address. */
function sameTail(keys: Int32Array, at: number, words: Int32Array, from: number): boolean {
  return keys[at + 1] === words[from + 1] && keys[at + 2] === words[from + 2] && keys[at + 3] === words[from + 3];
}

function vlanWord(p: Packet): number {
  return p.vlans[0]! | (p.vlanCount > 1 ? p.vlans[1]! << 16 : 0);
}

function isLater(p: Packet, sec: number, nsec: number): boolean {
  return p.sec > sec || (p.sec === sec && p.nsec > nsec);
}

/** Copies a MAC address, or six zeros for none (`offset` -1). */
function putMac(from: Uint8Array, offset: number, to: Uint8Array, at: number): void {
  for (let i = 0; i < 6; i++) to[at + i] = offset < 0 ? 0 : from[offset + i]!;
}

function place(slots: Int32Array, mask: number, row: number, hash: number): void {
  let slot = hash & mask;
  while (slots[slot * 2] !== 0) slot = (slot + 1) & mask;
  slots[slot * 2] = row + 1;
  slots[slot * 2 + 1] = hash;
}
