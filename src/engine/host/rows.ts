/**
 * The rows of the flow table as the host sees them: numbers from 0 on, some of them free. `id(row)` is a number that stays valid, and
 * never comes back, when the row is used again. `orig` in the getters: the originator's side, else the responder's.
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
// Of apps/look.ts.
const DECIDED = 255;

const COUNTERS_AT = startOf("COUNTERS");
const SCRATCH_AT = startOf("SCRATCH");

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
  readonly #count;

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
    this.#count = gettersOf(view, COUNTERS);
  }

  /** Where the engine has the record of a row, and back: -1 for 0, which is no row. */
  address(row: number): number {
    return this.#start + row * ROW.size;
  }

  rowAt(address: number): number {
    return address === 0 ? -1 : (address - this.#start) / ROW.size;
  }

  /** Rows are 0 to `rows` - 1. */
  get rows(): number {
    return this.#count.used(COUNTERS_AT);
  }

  /** Rows in use: live connections, and ended ones that are kept or wait to be reported. */
  get size(): number {
    return this.#count.held(COUNTERS_AT);
  }

  /** Connections that have not ended. */
  get live(): number {
    return this.#count.live(COUNTERS_AT);
  }

  /** Connections begun. */
  get connections(): number {
    return this.#count.connections(COUNTERS_AT);
  }

  /** Of them those thrown out because the table was full. */
  get evicted(): number {
    return this.#count.evicted(COUNTERS_AT);
  }

  /** Calls `visit` for each row that holds a connection, live or ended, that is to be shown. */
  each(visit: (row: number) => void): void {
    const { rows } = this;
    for (let row = 0; row < rows; row++) if (this.shown(row)) visit(row);
  }

  /** A number for the connection in this row that no other connection gets. */
  id(row: number): number {
    return this.generation(row) * ROW_BITS + row;
  }

  /** The row of a connection, -1 when the table no longer holds it. */
  rowOf(id: number): number {
    const row = id % ROW_BITS;
    return row < this.rows && this.#row.state(this.address(row)) !== FREE && this.id(row) === id ? row : -1;
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
    const [first, second] = [this.firstNs(a), this.firstNs(b)];
    if (first !== second) return first < second ? -1 : 1;
    return this.uidHigh(a) - this.uidHigh(b) || this.uidLow(a) - this.uidLow(b);
  };

  /** Whether the row holds a connection, live or ended, that is to be shown. */
  shown(row: number): boolean {
    return this.#row.state(this.address(row)) !== FREE && (this.#row.role(this.address(row)) & ROLE_HIDDEN) === 0;
  }

  ended(row: number): boolean {
    return this.#row.state(this.address(row)) > LIVE;
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
    return orig ? this.#row.orig(this.address(row)) : this.#row.resp(this.address(row));
  }

  missedBytes(row: number): number {
    return (
      this.#endpoint.missed(this.#row.endpointA(this.address(row))) +
      this.#endpoint.missed(this.#row.endpointB(this.address(row)))
    );
  }

  /** TCP segments whose payload had been seen before. */
  retransmits(row: number): number {
    return (
      this.#endpoint.retransmits(this.#row.endpointA(this.address(row))) +
      this.#endpoint.retransmits(this.#row.endpointB(this.address(row)))
    );
  }

  /** TCP segments of one side that came ahead of a hole. */
  outOfOrder(row: number, orig: boolean): number {
    return this.#endpoint.outOfOrder(this.#endpointOf(row, orig));
  }

  /** TCP segments of one side that closed the window. */
  zeroWindows(row: number, orig: boolean): number {
    return this.#notes.zeroWindows(
      this.#isA(row, orig) ? this.#row.notesA(this.address(row)) : this.#row.notesB(this.address(row)),
    );
  }

  /** All TCP control bits that one side has sent. */
  tcpFlags(row: number, orig: boolean): number {
    return this.#endpoint.seenFlags(this.#endpointOf(row, orig));
  }

  #isA(row: number, orig: boolean): boolean {
    return ((this.#row.tcp(this.address(row)) & FLIPPED) === 0) === orig;
  }

  #endpointOf(row: number, orig: boolean): number {
    return this.#isA(row, orig) ? this.#row.endpointA(this.address(row)) : this.#row.endpointB(this.address(row));
  }

  /** Frames that reassembled packets of this connection came in. */
  fragments(row: number): number {
    return this.#row.fragments(this.address(row));
  }

  badChecksums(row: number): number {
    return this.#row.badChecksums(this.address(row));
  }

  /** Duration of the TCP handshake in seconds, 0 when unknown. */
  rtt(row: number): number {
    return this.#row.rtt(this.address(row)) / 1e9;
  }

  isTcp(row: number): boolean {
    return this.protocol(row) === TCP;
  }

  /** The earliest and the latest packet, nanoseconds since the epoch. */
  firstNs(row: number): bigint {
    return this.#first(this.address(row));
  }

  lastNs(row: number): bigint {
    return this.#last(this.address(row));
  }

  /** The earliest and the latest packet, seconds since the epoch to a fraction of a microsecond. */
  firstTime(row: number): number {
    return this.#row.first(this.address(row)) / 1e9;
  }

  lastTime(row: number): number {
    return this.#row.last(this.address(row)) / 1e9;
  }

  /** Zeek's duration, which leaves out what came after both sides had closed, seconds. */
  duration(row: number): number {
    return (this.#row.end(this.address(row)) - this.#row.first(this.address(row))) / 1e9;
  }

  /** 32-bit words of an address, most significant first; an IPv4 address is word 0. */
  addressWord(row: number, orig: boolean, word: number): number {
    const at = (orig ? this.#row.origAddress(this.address(row)) : this.#row.respAddress(this.address(row))) + word * 4;
    const { bytes } = this.#view;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  isV6(row: number): boolean {
    return (this.#row.meta(this.address(row)) & META_V6) !== 0;
  }

  /** An ICMP message without a counterpart: the flow has one direction. */
  isOneWay(row: number): boolean {
    return (this.#row.meta(this.address(row)) & META_ONE_WAY) !== 0;
  }

  /** Port, or ICMP type (originator) and counterpart or code (responder); 0 without ports. */
  port(row: number, orig: boolean): number {
    return orig ? this.#row.origPort(this.address(row)) : this.#row.respPort(this.address(row));
  }

  /** IANA protocol number. */
  protocol(row: number): number {
    return this.#row.meta(this.address(row)) & 0xff;
  }

  /** The outer VLAN id of the first packet, 0 for none. */
  vlan(row: number): number {
    return this.#row.vlan(this.address(row)) & 0xffff;
  }

  innerVlan(row: number): number {
    return this.#row.vlan(this.address(row)) >>> 16;
  }

  /** All VLAN ids of the first packet, outermost first. */
  vlans(row: number): number[] {
    const deep = this.#engine.deepVlans(this.address(row));
    if (deep > 0) return Array.from(new Uint16Array(this.#view.memory.buffer, SCRATCH_AT, deep));
    return [this.vlan(row), this.innerVlan(row)].filter((vlan) => vlan !== 0);
  }

  /** The MAC address of a side in the first packet: 6 bytes of `bytes` from this offset. */
  macOffset(row: number, orig: boolean): number {
    return orig ? this.#row.origMac(this.address(row)) : this.#row.respMac(this.address(row));
  }

  /** The engine's memory; not to be kept over a call that counts packets. */
  get bytes(): Uint8Array {
    return this.#view.bytes;
  }

  /** TUNNEL_ number of what carried the first packet, an ordinal of TUNNELS from 1; 0 for none. */
  tunnel(row: number): number {
    return this.#row.tunnel(this.address(row));
  }

  /** Index into CLOSE_REASONS. */
  reason(row: number): number {
    return this.#row.reason(this.address(row));
  }

  uidHigh(row: number): number {
    return this.#row.uidHigh(this.address(row));
  }

  uidLow(row: number): number {
    return this.#row.uidLow(this.address(row));
  }

  /** Whether packets of this row carried other packets. */
  isCarrier(row: number): boolean {
    return (this.#row.role(this.address(row)) & ROLE_CARRIER) !== 0;
  }

  /** The application recognised in payload, an ordinal of APPS from 1; 0 for none. */
  app(row: number): number {
    return this.#row.app(this.address(row));
  }

  /** Nothing more will be found out of what it speaks. */
  isDecided(row: number): boolean {
    return this.#row.tries(this.address(row)) === DECIDED;
  }

  /** How many connections the row has held. */
  generation(row: number): number {
    return this.#row.generation(this.address(row));
  }

  /** A field of the table of fields (tables/fields.ts), by its ordinal: a number, NaN where it is unset. */
  fieldNumber(field: number, row: number): number {
    return this.#engine.fieldNumber(field, this.address(row));
  }

  /** The same of a field that is text; undefined where it is unset. */
  fieldText(field: number, row: number): string | undefined {
    const length = this.#engine.fieldText(field, this.address(row));
    if (length < 0) return undefined;
    return Buffer.from(this.#view.memory.buffer, SCRATCH_AT, length).toString("utf8");
  }
}
