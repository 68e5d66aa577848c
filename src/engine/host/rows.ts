/**
 * The rows of the flow table as the host sees them. A row is the address of its record in the engine's memory; `id(row)` is a number that
 * stays valid, and never comes back, when the row is used again.
 */
import { COUNTERS, ENDPOINT, ENDPOINT_NOTES, ROW, SIDE } from "../layout/layouts.ts";
import { startOf } from "../layout/memory-map.ts";
import type { EngineExports } from "./exports.ts";
import { type TopOrder, TopRows } from "./top-rows.ts";
import { bigintGetter, gettersOf, type MemoryView } from "./view.ts";

/** Rows there can be: their ordinal and their generation make one exact number. */
const ROW_BITS = 2 ** 24;

// Numbers of engine/table/row.ts and tcp/endpoint.ts.
const FREE = 0;
const LIVE = 1;
const ROLE_CARRIER = 1;
const ROLE_HIDDEN = 2;
const META_V6 = 1 << 8;
const META_ONE_WAY = 1 << 9;
const FLIPPED = 1;
const TCP = 6;

/** A row's value, for sorting and filtering. */
export type RowValue = (row: number) => number;
export type RowPredicate = (row: number) => boolean;

export class Rows {
  readonly #view: MemoryView;
  readonly #engine: EngineExports;
  readonly #start: number;
  readonly #row;
  readonly #side;
  readonly #endpoint;
  readonly #notes;
  readonly #first;
  readonly #last;
  readonly #used: () => number;

  constructor(engine: EngineExports, view: MemoryView) {
    this.#engine = engine;
    this.#view = view;
    this.#start = engine.rowsStart.value >>> 0;
    this.#row = gettersOf(view, ROW);
    this.#side = gettersOf(view, SIDE);
    this.#endpoint = gettersOf(view, ENDPOINT);
    this.#notes = gettersOf(view, ENDPOINT_NOTES);
    this.#first = bigintGetter(view, ROW, "first");
    this.#last = bigintGetter(view, ROW, "last");
    const counters = gettersOf(view, COUNTERS);
    const at = startOf("COUNTERS");
    this.#used = () => counters.used(at);
  }

  /** Calls `visit` for each row that holds a connection, live or ended, that is to be shown. */
  each(visit: (row: number) => void): void {
    const end = this.#start + this.#used() * ROW.size;
    for (let row = this.#start; row < end; row += ROW.size) if (this.shown(row)) visit(row);
  }

  /** The ordinal of a row: 0 for the first; below `count`. */
  ordinal(row: number): number {
    return (row - this.#start) / ROW.size;
  }

  /** Rows ever used. */
  get count(): number {
    return this.#used();
  }

  /** A number for the connection in this row that no other connection gets. */
  id(row: number): number {
    return this.#row.generation(row) * ROW_BITS + this.ordinal(row);
  }

  /** The row of a connection, -1 when the table no longer holds it. */
  rowOf(id: number): number {
    const ordinal = id % ROW_BITS;
    const row = this.#start + ordinal * ROW.size;
    return ordinal < this.#used() && this.#row.state(row) !== FREE && this.id(row) === id ? row : -1;
  }

  /**
   * The rows with the largest values, largest first; of equal ones the earlier comes first.
   * @param count how many at the most
   */
  top(value: RowValue, count: number, accept?: RowPredicate): number[] {
    const heap = new TopRows(count, this.#byBeginning);
    this.each((row) => {
      if (!accept || accept(row)) heap.offer(value(row), row);
    });
    return heap.finish();
  }

  readonly #byBeginning: TopOrder = (a, b) => {
    const [first, second] = [this.#first(a), this.#first(b)];
    if (first !== second) return first < second ? -1 : 1;
    return this.uidHigh(a) - this.uidHigh(b) || this.uidLow(a) - this.uidLow(b);
  };

  /** Whether the row holds a connection, live or ended, that is to be shown. */
  shown(row: number): boolean {
    return this.#row.state(row) !== FREE && (this.#row.role(row) & ROLE_HIDDEN) === 0;
  }

  ended(row: number): boolean {
    return this.#row.state(row) > LIVE;
  }

  packets(row: number, orig: boolean): number {
    return this.#side.packets(this.#sideOf(row, orig));
  }

  /** Lengths of whole frames on the wire; for the inner layers of tunnels too. */
  wireBytes(row: number, orig: boolean): number {
    return this.#side.wireBytes(this.#sideOf(row, orig));
  }

  /** IP total lengths. */
  ipBytes(row: number, orig: boolean): number {
    return this.#side.ipBytes(this.#sideOf(row, orig));
  }

  /** What transport headers carried, retransmissions included. */
  payloadBytes(row: number, orig: boolean): number {
    return this.#side.payloadBytes(this.#sideOf(row, orig));
  }

  #sideOf(row: number, orig: boolean): number {
    return orig ? this.#row.orig(row) : this.#row.resp(row);
  }

  missedBytes(row: number): number {
    return this.#endpoint.missed(this.#row.endpointA(row)) + this.#endpoint.missed(this.#row.endpointB(row));
  }

  /** TCP segments whose payload had been seen before. */
  retransmits(row: number): number {
    return this.#endpoint.retransmits(this.#row.endpointA(row)) + this.#endpoint.retransmits(this.#row.endpointB(row));
  }

  /** TCP segments of one side that came ahead of a hole. */
  outOfOrder(row: number, orig: boolean): number {
    return this.#endpoint.outOfOrder(this.#endpointOf(row, orig));
  }

  /** TCP segments of one side that closed the window. */
  zeroWindows(row: number, orig: boolean): number {
    return this.#notes.zeroWindows(this.#isA(row, orig) ? this.#row.notesA(row) : this.#row.notesB(row));
  }

  /** All TCP control bits that one side has sent. */
  tcpFlags(row: number, orig: boolean): number {
    return this.#endpoint.seenFlags(this.#endpointOf(row, orig));
  }

  #isA(row: number, orig: boolean): boolean {
    return ((this.#row.tcp(row) & FLIPPED) === 0) === orig;
  }

  #endpointOf(row: number, orig: boolean): number {
    return this.#isA(row, orig) ? this.#row.endpointA(row) : this.#row.endpointB(row);
  }

  /** Duration of the TCP handshake in seconds, 0 when unknown. */
  rtt(row: number): number {
    return this.#row.rtt(row) / 1e9;
  }

  isTcp(row: number): boolean {
    return this.protocol(row) === TCP;
  }

  /** The earliest and the latest packet, nanoseconds since the epoch. */
  firstNs(row: number): bigint {
    return this.#first(row);
  }

  lastNs(row: number): bigint {
    return this.#last(row);
  }

  /** The earliest and the latest packet, seconds since the epoch to a fraction of a microsecond. */
  firstTime(row: number): number {
    return this.#row.first(row) / 1e9;
  }

  lastTime(row: number): number {
    return this.#row.last(row) / 1e9;
  }

  /** Zeek's duration, which leaves out what came after both sides had closed, seconds. */
  duration(row: number): number {
    return (this.#row.end(row) - this.#row.first(row)) / 1e9;
  }

  /** 32-bit words of an address, most significant first; an IPv4 address is word 0. */
  addressWord(row: number, orig: boolean, word: number): number {
    const at = (orig ? this.#row.origAddress(row) : this.#row.respAddress(row)) + word * 4;
    const { bytes } = this.#view;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  isV6(row: number): boolean {
    return (this.#row.meta(row) & META_V6) !== 0;
  }

  /** An ICMP message without a counterpart: the flow has one direction. */
  isOneWay(row: number): boolean {
    return (this.#row.meta(row) & META_ONE_WAY) !== 0;
  }

  /** Port, or ICMP type (originator) and counterpart or code (responder); 0 without ports. */
  port(row: number, orig: boolean): number {
    return orig ? this.#row.origPort(row) : this.#row.respPort(row);
  }

  /** IANA protocol number. */
  protocol(row: number): number {
    return this.#row.meta(row) & 0xff;
  }

  /** The outer VLAN id of the first packet, 0 for none. */
  vlan(row: number): number {
    return this.#row.vlan(row) & 0xffff;
  }

  innerVlan(row: number): number {
    return this.#row.vlan(row) >>> 16;
  }

  /** The MAC address of a side in the first packet: 6 bytes of `bytes` from this offset. */
  macOffset(row: number, orig: boolean): number {
    return orig ? this.#row.origMac(row) : this.#row.respMac(row);
  }

  /** The engine's memory; not to be kept over a call that counts packets. */
  get bytes(): Uint8Array {
    return this.#view.bytes;
  }

  /** TUNNEL_ number of what carried the first packet, an ordinal of TUNNELS from 1; 0 for none. */
  tunnel(row: number): number {
    return this.#row.tunnel(row);
  }

  /** Index into CLOSE_REASONS. */
  reason(row: number): number {
    return this.#row.reason(row);
  }

  uidHigh(row: number): number {
    return this.#row.uidHigh(row);
  }

  uidLow(row: number): number {
    return this.#row.uidLow(row);
  }

  /** Whether packets of this row carried other packets. */
  isCarrier(row: number): boolean {
    return (this.#row.role(row) & ROLE_CARRIER) !== 0;
  }

  /** How many connections the row has held. */
  generation(row: number): number {
    return this.#row.generation(row);
  }

  /** A field of the table of fields (tables/fields.ts), by its ordinal: a number, NaN where it is unset. */
  fieldNumber(field: number, row: number): number {
    return this.#engine.fieldNumber(field, row);
  }

  /** The same of a field that is text; undefined where it is unset. */
  fieldText(field: number, row: number): string | undefined {
    const length = this.#engine.fieldText(field, row);
    if (length < 0) return undefined;
    const at = startOf("SCRATCH");
    return Buffer.from(this.#view.memory.buffer, at, length).toString("utf8");
  }
}
