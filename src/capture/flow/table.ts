/**
 * The flow table: one row per connection, as Zeek understands it.
 *
 * `add` takes one decoded packet and allocates nothing. Rows are numbers; `id(row)` is a number that stays valid (and never comes
 * back) when the row is used again. What a row holds is read through the getters of `StoredRows`.
 * A connection ends by packet time: idle, closed, reset, its attempt unanswered, its 5-tuple reused, evicted, or at `finish`.
 */
import { ACK, type Packet, SYN, TCP, UDP, UDPLITE } from "../decode/packet.ts";
import { FlowKey, FORWARD, NO_MATCH, vlanWord } from "./flow-key.ts";
import { protocolName } from "./names.ts";
import { RowIndex } from "./row-index.ts";
import {
  BAD_CHECKSUMS,
  DEADLINE,
  DEADLINE_KIND,
  END,
  END_NSEC,
  ENDED,
  ENDING,
  FIRST,
  FIRST_NSEC,
  FRAGMENTS,
  FRAME_BYTES,
  FREE,
  GENERATION,
  HASH,
  IDLE,
  IP_BYTES,
  KEY_VLAN,
  LAST,
  LAST_NSEC,
  LIVE,
  META,
  ORIG,
  PACKETS,
  PARENT_HIGH,
  PARENT_LOW,
  PAYLOAD,
  PORTS,
  REASON,
  RESP,
  ROLE,
  ROLE_CARRIER,
  ROLE_HIDDEN,
  ROLE_TUNNEL_SHIFT,
  ROW_FLOATS,
  ROW_WORDS,
  STATE,
  StoredRows,
  TCP_SLOT,
  UID_HIGH,
  UID_LOW,
  VLAN,
} from "./rows.ts";
import { DNS_PORTS, TCP_SERVER_PORTS, UDP_SERVER_PORTS } from "./server-ports.ts";
import { TCP_ATTEMPT, TCP_ESTABLISHED, TCP_FLIP, TCP_RESET_LATER, TCP_UNPRODUCTIVE } from "./tcp.ts";
import { RESET } from "./tcp-slots.ts";
import { TCP_COMPLETE } from "./tcp-streams.ts";
import { TopRows } from "./top-rows.ts";
import { writeUid } from "./uid.ts";
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
const REASON_OPEN = 0;
const REASON_FIN = 1;
const REASON_RST = 2;
const REASON_IDLE = 3;
const REASON_ATTEMPT = 4;
const REASON_REUSE = 5;
const REASON_EOF = 6;
const REASON_EVICTED = 7;

// Zeek's defaults, seconds.
const TCP_IDLE = 300;
const OTHER_IDLE = 60;
/** Marks the flows of DNS_PORTS, too. */
const DNS_IDLE = 10;
const ATTEMPT_DELAY = 5;
const CLOSE_DELAY = 5;

// What DEADLINE_KIND says will happen at the deadline.
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

export class FlowTable extends StoredRows {
  /** Connections begun, and of them those thrown out because the table was full. */
  connections = 0;
  evicted = 0;
  /** Connections that have ended and were not shown, being mere carriers of tunnels. */
  hiddenConnections = 0;

  readonly #options: FlowTableOptions;
  readonly #maxRows: number;
  readonly #key: FlowKey;
  readonly #index = new RowIndex();
  readonly #wheel: Wheel;
  #live = 0;
  #held = 0;
  #freeRows: Int32Array;
  #freeCount = 0;

  /** Ended rows that wait until their second is over, and kept ones in the order in which they ended. */
  #ending: number[] = [];
  #kept: Int32Array;
  #keptHead = 0;
  #keptCount = 0;

  readonly #endedByProtocol = new Float64Array(256);

  /** The packet time in seconds, in an array: passed between functions as a number it would be boxed each time. */
  readonly #clock = new Float64Array(1);
  /** Of the packet at hand: how many connections its 5-tuple had at this very time, and whether it goes from originator to responder. */
  #ordinal = 0;
  #forward = true;

  constructor(options: FlowTableOptions = {}) {
    const maxRows = Math.max(1, Math.min(options.maxFlows ?? 1_000_000, ROW_BITS - 1));
    super(maxRows);
    this.#options = options;
    this.#maxRows = maxRows;
    this.#key = new FlowKey(options.vlanKey === true);
    this.#wheel = new Wheel(this.capacity);
    this.#freeRows = new Int32Array(this.capacity);
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

  /** A number for the connection in this row that no other connection gets. */
  id(row: number): number {
    return this.generation(row) * ROW_BITS + row;
  }

  /** The row of a connection, -1 when the table no longer holds it. */
  rowOf(id: number): number {
    const row = id % ROW_BITS;
    return row < this.used && this.words[row * ROW_WORDS + STATE] !== FREE && this.id(row) === id ? row : -1;
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
    const bad = ++this.words[row * ROW_WORDS + BAD_CHECKSUMS]!;
    this.tcp.badChecksum(row, bad, this.#forward);
  }

  /** Notes that a row carries a tunnel; `hide` keeps it from being shown and told: it is no connection of its own. */
  markCarrier(row: number, hide: boolean): void {
    const at = row * ROW_WORDS + ROLE;
    this.words[at] = (this.words[at]! & ~ROLE_HIDDEN) | ROLE_CARRIER | (hide ? ROLE_HIDDEN : 0);
  }

  /** Counts a bad checksum; the packet itself was or was not added, as the user wants it. */
  noteBadChecksum(row: number): void {
    this.words[row * ROW_WORDS + BAD_CHECKSUMS]!++;
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
    for (let row = 0; row < this.used; row++) {
      if (this.words[row * ROW_WORDS + STATE] === LIVE) this.#end(row, REASON_EOF, Number.POSITIVE_INFINITY);
    }
    this.#tellEnded();
  }

  /**
   * The rows with the largest values, largest first, written to `out`; as many as `out` holds. Of equal ones the earlier comes first.
   * @returns how many were written
   */
  top(value: RowValue, out: Int32Array, accept?: RowPredicate): number {
    const heap = new TopRows(out, this.#byBeginning);
    for (let row = 0; row < this.used; row++) {
      if (this.shown(row) && (!accept || accept(row))) heap.offer(value(row), row);
    }
    return heap.finish();
  }

  // Finding and opening rows.

  #rowFor(p: Packet, parent: number): number {
    const now = p.sec + p.nsec / 1e9;
    if (now >= this.#wheel.now + 1) this.advance(now);
    this.#clock[0] = now;
    const key = this.#key;
    key.read(p);
    this.#ordinal = 0;
    let row = this.#find(key);
    if (row >= 0 && !this.#continues(row, p)) row = -1;
    if (row >= 0 && parent < 0) return row;
    // Read before a row is evicted for this one: it could be the parent's.
    const parentHigh = parent < 0 ? 0 : this.words[parent * ROW_WORDS + UID_HIGH]!;
    const parentLow = parent < 0 ? 0 : this.words[parent * ROW_WORDS + UID_LOW]!;
    if (row >= 0) {
      this.#noteParent(row, parentHigh, parentLow);
      return row;
    }
    row = this.#open(p, key);
    this.words[row * ROW_WORDS + PARENT_HIGH] = parentHigh;
    this.words[row * ROW_WORDS + PARENT_LOW] = parentLow;
    return row;
  }

  /** The row that has the key, and in `#forward` which way it goes; -1 when there is none. */
  #find(key: FlowKey): number {
    const { hash } = key;
    const index = this.#index;
    const { words } = this;
    for (let place = index.find(hash, index.start(hash)); place >= 0; place = index.find(hash, place + 1)) {
      const row = index.row(place);
      const match = key.match(words, row * ROW_WORDS);
      if (match === NO_MATCH) continue;
      this.#forward = match === FORWARD;
      return row;
    }
    return -1;
  }

  #open(p: Packet, key: FlowKey): number {
    if (this.#held >= this.#maxRows) this.#evict();
    let row: number;
    if (this.#freeCount > 0) row = this.#freeRows[--this.#freeCount]!;
    else {
      if (this.used === this.capacity) this.#grow();
      row = this.used++;
    }
    this.connections++;
    this.#live++;
    this.#held++;
    const { words, floats } = this;
    const at = row * ROW_WORDS;
    const generation = words[at + GENERATION]!;
    for (let i = at; i < at + ROW_WORDS; i++) words[i] = 0;
    words[at + GENERATION] = generation + 1;

    const { ports } = key;
    const flip = this.#startsFlipped(p, key);
    this.#forward = !flip;
    const orig = at + (flip ? RESP : ORIG);
    const resp = at + (flip ? ORIG : RESP);
    const size = p.ipVersion === 6 ? 4 : 1;
    for (let i = 0; i < size; i++) {
      words[orig + i] = key.words[i]!;
      words[resp + i] = key.words[4 + i]!;
    }
    words[at + PORTS] = flip ? (ports << 16) | (ports >>> 16) : ports;
    words[at + META] = key.meta;
    words[at + VLAN] = p.vlanCount > 0 ? vlanWord(p) : 0;
    words[at + KEY_VLAN] = key.vlan;
    if (p.vlanCount > 2) this.vlanStacks.set(row, Array.from(p.vlans.subarray(0, p.vlanCount)));
    words[at + STATE] = LIVE;
    words[at + REASON] = REASON_OPEN;
    words[at + ROLE] = p.tunnel << ROLE_TUNNEL_SHIFT;
    words[at + FIRST_NSEC] = words[at + LAST_NSEC] = words[at + END_NSEC] = p.nsec;
    const time = row * ROW_FLOATS;
    floats[time + FIRST] = floats[time + LAST] = floats[time + END] = p.sec;
    floats[time + DEADLINE] = Number.POSITIVE_INFINITY;
    const watched = p.ipProto === UDP && DNS_PORTS[words[at + PORTS]! & 0xffff] === 1;
    words[at + IDLE] = watched ? DNS_IDLE : OTHER_IDLE;
    words[at + TCP_SLOT] = p.ipProto === TCP ? this.tcp.open() : -1;
    words[at + HASH] = key.hash;
    if (p.l2Src >= 0) putMac(p.l2Data, p.l2Src, this.bytes, this.macOffset(row, !flip));
    if (p.l2Dst >= 0) putMac(p.l2Data, p.l2Dst, this.bytes, this.macOffset(row, flip));
    this.history.clear(row);
    if (flip) this.history.flip(row);
    writeUid(words, at, key, p, this.#ordinal);
    this.#index.add(row, key.hash);
    this.#wheel.arm(row, this.#idleEnd(row));
    return row;
  }

  /** Zeek's guess at the true originator of a connection whose beginning was not seen; never a broadcast address. */
  #startsFlipped(p: Packet, key: FlowKey): boolean {
    const { srcPort, dstPort } = p;
    if (p.ipVersion === 4 && key.words[4] === -1) return false;
    if (p.ipProto === TCP) {
      if ((p.tcpFlags & (SYN | ACK)) === SYN || TCP_SERVER_PORTS[srcPort] === 0) return false;
      return TCP_SERVER_PORTS[dstPort] === 0 || ((p.tcpFlags & SYN) === 0 && srcPort < dstPort);
    }
    return p.ipProto === UDP && UDP_SERVER_PORTS[srcPort] === 1 && UDP_SERVER_PORTS[dstPort] === 0;
  }

  #noteParent(row: number, high: number, low: number): void {
    const { words } = this;
    const at = row * ROW_WORDS;
    if (words[at + PARENT_LOW] === low && words[at + PARENT_HIGH] === high) return;
    if (words[at + PARENT_LOW] === 0 && words[at + PARENT_HIGH] === 0) {
      words[at + PARENT_HIGH] = high;
      words[at + PARENT_LOW] = low;
      return;
    }
    const more = this.parents.get(row);
    if (!more) {
      this.parents.set(row, [high, low]);
      return;
    }
    for (let i = 0; i < more.length; i += 2) if (more[i] === high && more[i + 1] === low) return;
    if (more.length < MAX_PARENTS * 2) more.push(high, low);
  }

  #grow(): void {
    const rows = Math.min(this.capacity * 2, this.#maxRows);
    this.growRows(rows);
    const freeRows = new Int32Array(rows);
    freeRows.set(this.#freeRows);
    this.#freeRows = freeRows;
    this.#wheel.grow(rows);
  }

  // Counting.

  #count(row: number, p: Packet): void {
    let fromOrig = this.#forward;
    const { words, floats } = this;
    const at = row * ROW_WORDS;
    const time = row * ROW_FLOATS;
    const slot = words[at + TCP_SLOT]!;
    const { sec, nsec } = p;
    let result = 0;
    let lengthens = true;
    if (slot >= 0) {
      if (p.payload >= 0) {
        result = this.tcp.packet(row, slot, fromOrig, p);
        if ((result & TCP_FLIP) !== 0) {
          this.#swapRoles(row);
          fromOrig = !fromOrig;
        }
        lengthens = (result & TCP_UNPRODUCTIVE) === 0;
      } else lengthens = false;
    } else if (p.ipProto === UDP || p.ipProto === UDPLITE) {
      this.history.check(row, HIST_DATA_BIT, LETTER_D, fromOrig);
    }
    const end = floats[time + END]!;
    if (lengthens && (sec > end || (sec === end && nsec > words[at + END_NSEC]!))) {
      floats[time + END] = sec;
      words[at + END_NSEC] = nsec;
    }
    if (result !== 0) this.#applyTcp(row, slot, result);
    const last = floats[time + LAST]!;
    if (sec > last || (sec === last && nsec >= words[at + LAST_NSEC]!)) {
      floats[time + LAST] = sec;
      words[at + LAST_NSEC] = nsec;
    } else if (sec < floats[time + FIRST]! || (sec === floats[time + FIRST] && nsec < words[at + FIRST_NSEC]!)) {
      // Captures are not always in order of time: a connection begins with its earliest packet.
      floats[time + FIRST] = sec;
      words[at + FIRST_NSEC] = nsec;
    }
    const side = time + (fromOrig ? 0 : 1);
    floats[side + PACKETS]! += p.weight;
    floats[side + FRAME_BYTES]! += p.frameLength;
    floats[side + IP_BYTES]! += p.ipLength;
    floats[side + PAYLOAD]! += p.payloadLength;
    if (p.fragments > 0) words[at + FRAGMENTS]! += p.fragments;
  }

  #applyTcp(row: number, slot: number, result: number): void {
    const at = row * ROW_WORDS;
    if ((result & TCP_ESTABLISHED) !== 0) this.words[at + IDLE] = TCP_IDLE;
    if ((result & TCP_COMPLETE) !== 0) {
      const reset = this.tcp.state(slot, true) === RESET || this.tcp.state(slot, false) === RESET;
      this.#setDeadline(row, reset ? DEADLINE_RESET : DEADLINE_CLOSED, CLOSE_DELAY);
    } else if ((result & TCP_RESET_LATER) !== 0 && this.words[at + DEADLINE_KIND] !== DEADLINE_CLOSED) {
      this.#setDeadline(row, DEADLINE_RESET, CLOSE_DELAY);
    } else if ((result & TCP_ATTEMPT) !== 0) {
      this.#setDeadline(row, DEADLINE_ATTEMPT, ATTEMPT_DELAY);
    }
  }

  /** Every number of one side becomes the other side's; the tracker has changed its own. */
  #swapRoles(row: number): void {
    const { words, floats, bytes } = this;
    const at = row * ROW_WORDS;
    for (let i = 0; i < 4; i++) swap(words, at + ORIG + i, at + RESP + i);
    const ports = words[at + PORTS]!;
    words[at + PORTS] = (ports << 16) | (ports >>> 16);
    for (let i = PACKETS; i <= PAYLOAD; i += 2) swap(floats, row * ROW_FLOATS + i, row * ROW_FLOATS + i + 1);
    for (let i = 0; i < 6; i++) swap(bytes, this.macOffset(row, true) + i, this.macOffset(row, false) + i);
  }

  // Lifetimes.

  /** Whether a packet that comes now still belongs to the connection in `row`; ends it if not. */
  #continues(row: number, p: Packet): boolean {
    const { words, floats } = this;
    const at = row * ROW_WORDS;
    const time = row * ROW_FLOATS;
    const now = this.#clock[0]!;
    // Seldom has it been silent for so long that it is worth to look exactly.
    if (p.sec - floats[time + END]! >= words[at + IDLE]! - 2 && now >= this.#idleEnd(row)) {
      this.#end(row, REASON_IDLE, this.#idleEnd(row));
      return false;
    }
    if (now >= floats[time + DEADLINE]! && this.#deadlinePassed(row)) return false;
    if ((p.tcpFlags & SYN) !== 0 && words[at + TCP_SLOT]! >= 0 && this.tcp.isReuse(words[at + TCP_SLOT]!, p)) {
      if (floats[time + FIRST] === p.sec && words[at + FIRST_NSEC] === p.nsec) this.#ordinal++;
      this.#end(row, REASON_REUSE, now);
      return false;
    }
    return true;
  }

  /** When the row ends if nothing more comes. */
  #idleEnd(row: number): number {
    const { words, floats } = this;
    const at = row * ROW_WORDS;
    const time = row * ROW_FLOATS;
    const idle = words[at + IDLE]!;
    const last = floats[time + END]! + words[at + END_NSEC]! / 1e9;
    if (idle !== DNS_IDLE) return last + idle;
    const first = floats[time + FIRST]! + words[at + FIRST_NSEC]! / 1e9;
    return first + DNS_IDLE * Math.ceil((last - first + DNS_IDLE - 1) / DNS_IDLE);
  }

  /** The deadline has come: ends the row, or forgets the deadline where its cause is gone. */
  #deadlinePassed(row: number): boolean {
    const at = row * ROW_WORDS;
    const kind = this.words[at + DEADLINE_KIND]!;
    if (kind === DEADLINE_ATTEMPT && !this.tcp.attemptFailed(this.words[at + TCP_SLOT]!)) {
      this.floats[row * ROW_FLOATS + DEADLINE] = Number.POSITIVE_INFINITY;
      this.words[at + DEADLINE_KIND] = DEADLINE_NONE;
      return false;
    }
    const reason = kind === DEADLINE_ATTEMPT ? REASON_ATTEMPT : kind === DEADLINE_CLOSED ? REASON_FIN : REASON_RST;
    this.#end(row, reason, this.floats[row * ROW_FLOATS + DEADLINE]!);
    return true;
  }

  readonly #visit = (row: number): void => {
    const deadline = this.floats[row * ROW_FLOATS + DEADLINE]!;
    if (deadline <= this.#clock[0]! && this.#deadlinePassed(row)) return;
    const idle = this.#idleEnd(row);
    if (idle <= this.#clock[0]!) this.#end(row, REASON_IDLE, idle);
    else this.#wheel.arm(row, Math.min(idle, this.floats[row * ROW_FLOATS + DEADLINE]!));
  };

  #setDeadline(row: number, kind: number, delay: number): void {
    const deadline = this.#clock[0]! + delay;
    this.words[row * ROW_WORDS + DEADLINE_KIND] = kind;
    this.floats[row * ROW_FLOATS + DEADLINE] = deadline;
    this.#wheel.arm(row, Math.min(deadline, this.#idleEnd(row)));
  }

  /** Takes a row out of the index; it waits among the ended until its second is over. */
  #end(row: number, reason: number, deadline: number): void {
    const at = row * ROW_WORDS;
    this.#index.remove(row, this.words[at + HASH]!);
    this.#wheel.disarm(row);
    this.words[at + STATE] = ENDING;
    this.words[at + REASON] = reason;
    this.floats[row * ROW_FLOATS + DEADLINE] = deadline;
    this.#live--;
    this.#ending.push(row);
  }

  #tellEnded(): void {
    const ending = this.#ending;
    if (ending.length > 1) ending.sort(this.#byEnd);
    const { onEnd, keepEnded } = this.#options;
    for (const row of ending) {
      if (!this.shown(row)) this.hiddenConnections++;
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
    this.floats[a * ROW_FLOATS + DEADLINE]! - this.floats[b * ROW_FLOATS + DEADLINE]! || this.#byBeginning(a, b);

  readonly #byBeginning = (a: number, b: number): number =>
    this.firstSec(a) - this.firstSec(b) ||
    this.firstNsec(a) - this.firstNsec(b) ||
    this.uidHigh(a) - this.uidHigh(b) ||
    this.uidLow(a) - this.uidLow(b);

  #keep(row: number): void {
    this.words[row * ROW_WORDS + STATE] = ENDED;
    if (this.#keptCount === this.#kept.length) {
      const larger = new Int32Array(this.#kept.length * 2);
      for (let i = 0; i < this.#keptCount; i++) larger[i] = this.#kept[(this.#keptHead + i) % this.#kept.length]!;
      this.#kept = larger;
      this.#keptHead = 0;
    }
    this.#kept[(this.#keptHead + this.#keptCount++) % this.#kept.length] = row;
  }

  #release(row: number): void {
    const at = row * ROW_WORDS;
    const slot = this.words[at + TCP_SLOT]!;
    if (slot >= 0) this.tcp.close(slot);
    this.words[at + STATE] = FREE;
    this.#held--;
    if (this.parents.size > 0) this.parents.delete(row);
    if (this.vlanStacks.size > 0) this.vlanStacks.delete(row);
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
}

function putMac(from: Uint8Array, offset: number, to: Uint8Array, at: number): void {
  for (let i = 0; i < 6; i++) to[at + i] = from[offset + i]!;
}

function swap(column: Int32Array | Float64Array | Uint8Array, a: number, b: number): void {
  const value = column[a]!;
  column[a] = column[b]!;
  column[b] = value;
}
