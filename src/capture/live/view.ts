/**
 * What the capture worker knows, and its answers to view requests: flows, packets of the ring, talkers, overview. Its clock is
 * the packets' own, so that a backlog is counted into the seconds it belongs to.
 */
import { messageOf } from "../../core/errors.ts";
import type { FlowMeter } from "../../engine/host/meter.ts";
import { flowFilter } from "../filter/display-rows.ts";
import type { Frame } from "../frame.ts";
import { openMeter } from "../meter.ts";
import { durationMs, flowTexts } from "./flow-getters.ts";
import { FlowList } from "./flow-list.ts";
import { FlowRows } from "./flow-rows.ts";
import { LearnedNames } from "./learned-names.ts";
import { overview } from "./overview.ts";
import { PacketList, type PacketMatch } from "./packet-list.ts";
import { PacketRing } from "./packet-ring.ts";
import { RowRates, TotalRate } from "./rates.ts";
import { ResponseTimes } from "./response-times.ts";
import type {
  CaptureState,
  Drops,
  PacketScope,
  ReadingState,
  RecordingState,
  Snapshot,
  ViewRequest,
} from "./snapshot.ts";
import { talkers } from "./talkers.ts";

/** Seconds of the whole capture's rate that every screen shows. */
const STRIP_SECONDS = 60;
/** A second is taken to be over without a packet when the wall clock is so far past it, milliseconds. */
const IDLE_MS = 1500;
/** Answers of DNS come from here (mDNS and LLMNR teach names too, but of neighbours that may say anything). */
const DNS_PORT = 53;
const UDP = 17;

export interface ViewOptions {
  /** Rates are of the last seconds (a live capture, a played file); else means over the capture and the flows' lives. */
  readonly live: boolean;
  /** Bytes of the packet ring. */
  readonly ring: number;
  /** Bytes kept of each packet; 0: all. */
  readonly snaplen: number;
}

/** What the worker adds to an answer. */
export interface AnswerContext {
  readonly state: CaptureState;
  readonly drops: Drops | null;
  readonly bpf: string | null;
  readonly recording: RecordingState | null;
  readonly reading: ReadingState | null;
}

export class FlowView {
  readonly meter: FlowMeter = openMeter({ keepEnded: true });
  readonly ring: PacketRing;
  readonly rows: FlowRows;
  readonly #live: boolean;
  readonly #total = new TotalRate();
  readonly #rates: RowRates;
  readonly #names = new LearnedNames();
  readonly #responses = new ResponseTimes();
  readonly #list: FlowList;
  readonly #packets: PacketList;
  readonly #startMs: number;
  readonly #rate: (row: number) => number;
  /** The second of packet time that is being counted. */
  #second = Number.NaN;
  /** For telling an idle capture from a process that was stopped. */
  #idleMs = Number.NaN;
  #idlePackets = 0;
  #connections = 0;
  #ended = 0;
  #begunPerSec = 0;
  #endedPerSec = 0;
  /** The display filter in force, the one asked for last, and what is wrong with that. */
  #filter = "";
  #asked = "";
  #filterError: string | null = null;
  #matches: (row: number) => boolean = () => true;
  #ports: ReadonlyMap<string, string> = new Map();
  // Time of the first and last frame, seconds.
  #first = Number.NaN;
  #last = Number.NaN;

  constructor({ live, ring, snaplen }: ViewOptions, nowMs: number) {
    this.#live = live;
    this.#startMs = nowMs;
    const { table } = this.meter;
    const texts = flowTexts(table);
    this.#rates = new RowRates(table);
    const mean = (row: number): number => {
      const ms = durationMs(table, row);
      return ms > 0 ? ((table.wireBytes(row, true) + table.wireBytes(row, false)) * 8000) / ms : 0;
    };
    this.#rate = live ? (row) => this.#rates.of(row) : mean;
    this.rows = new FlowRows(this.meter, {
      texts,
      names: this.#names,
      responses: this.#responses,
      rate: this.#rate,
      trend: (row) => this.#rates.trend(row),
    });
    this.#list = new FlowList(table, this.rows);
    this.ring = new PacketRing(ring);
    this.#packets = new PacketList(this.ring, snaplen, (scope) => this.matchOf(scope));
  }

  /** Counts a frame. */
  add(frame: Frame): void {
    if (frame.hasTime) this.#see(frame.sec, frame.nsec);
    const row = this.meter.add(frame);
    const id = row < 0 ? -1 : this.meter.table.id(row);
    this.ring.add(frame, id);
    const p = this.meter.packet;
    if (row >= 0 && p.transport) {
      this.#responses.look(id, p);
      if (p.srcPort === DNS_PORT && p.protocol === UDP && p.payload >= 0) this.#names.learn(p.data, p.payload, p.end);
    }
  }

  #see(sec: number, nsec: number): void {
    const time = sec + nsec / 1e9;
    if (!(time >= this.#first)) this.#first = time;
    if (!(time <= this.#last)) this.#last = time;
    if (sec > this.#second) this.#turn(sec);
    else if (Number.isNaN(this.#second)) this.#second = sec;
  }

  /** The seconds before `sec` are over. */
  #turn(sec: number): void {
    const gap = sec - this.#second - 1;
    this.#second = sec;
    const { meter } = this;
    this.#total.tick(meter.packets, meter.bytes, gap);
    if (!this.#live) return;
    meter.advance(sec);
    this.#rates.tick(gap);
    this.#total.directions(this.#rates.upBytes, this.#rates.downBytes, gap);
    const { connections, live } = meter.table;
    this.#begunPerSec = connections - this.#connections;
    this.#connections = connections;
    this.#endedPerSec = connections - live - this.#ended;
    this.#ended = connections - live;
  }

  /** To be called about once a second while live: ends the seconds in which no packet comes. */
  idle(nowMs: number): void {
    const pause = nowMs - this.#idleMs;
    const quiet = this.meter.packets === this.#idlePackets;
    this.#idleMs = nowMs;
    this.#idlePackets = this.meter.packets;
    // After Ctrl-Z and fg packets of the time between are still to come.
    if (!quiet || !(pause < 2 * IDLE_MS) || Number.isNaN(this.#second)) return;
    const sec = Math.floor((nowMs - IDLE_MS) / 1000) + 1;
    if (sec > this.#second) this.#turn(sec);
  }

  /** Which port of the switch each MAC address was last seen on. */
  usePorts(ports: ReadonlyMap<string, string>): void {
    this.#ports = ports;
  }

  answer(request: ViewRequest, context: AnswerContext, nowMs: number): Snapshot {
    this.#useFilter(request.filter);
    const { meter } = this;
    const span = this.#last - this.#first;
    const mean = (count: number): number => (span > 0 ? count / span : 0);
    const source = {
      ...{ table: meter.table, total: this.#total, begun: this.#begunPerSec, ended: this.#endedPerSec },
      app: (row: number) => this.rows.app(row),
      rate: this.#rate,
      state: (row: number) => this.rows.state(row),
      ovsPort: (mac: string) => this.#ports.get(mac),
    };
    return {
      seq: request.seq,
      ...context,
      atMs: nowMs,
      elapsedMs: this.#live && context.reading === null ? nowMs - this.#startMs : span > 0 ? span * 1000 : 0,
      packets: meter.packets,
      bytes: meter.bytes,
      packetsPerSec: this.#live ? this.#total.packetsPerSec : mean(meter.packets),
      bitsPerSec: this.#live ? this.#total.bitsPerSec : mean(meter.bytes * 8),
      peakBitsPerSec: this.#total.peakBitsPerSec,
      rateHistory: this.#live ? this.#total.history.slice(-STRIP_SECONDS) : [],
      notIp: meter.notIp,
      malformed: meter.malformed,
      held: meter.table.size,
      filter: this.#filter,
      filterError: this.#filterError,
      flows: request.flows && this.#list.answer(request.flows, request.hold, this.#matches),
      packetList: request.packets && this.#packets.answer(request.packets, this.#filter, this.#first),
      talkers: request.talkers && talkers(source, this.#each, request.talkers),
      overview: request.overview && overview(source, this.#each, request.overview),
    };
  }

  /** A wrong filter changes nothing but `#filterError`. A held screen is held anew: its flows are others. */
  #useFilter(text: string): void {
    if (text === this.#asked) return;
    this.#asked = text;
    try {
      this.#matches = flowFilter(text, this.meter.table);
      this.#filter = text;
      this.#filterError = null;
      this.#list.forget();
    } catch (error) {
      this.#filterError = messageOf(error);
    }
  }

  /** Rows that are shown: those that match the filter. */
  readonly #each = (visit: (row: number) => void): void => {
    const { table } = this.meter;
    for (let row = 0; row < table.rows; row++) if (table.shown(row) && this.#matches(row)) visit(row);
  };

  /** Rows that the table on screen can be scrolled to. */
  matching(): number[] {
    const rows: number[] = [];
    this.#each((row) => rows.push(row));
    return rows;
  }

  /** Which packets of the ring belong to a scope. */
  matchOf(scope: PacketScope): PacketMatch {
    const { table } = this.meter;
    if (scope.of === "all") return () => true;
    if (scope.of === "flow") return (number) => this.ring.flow(number) === scope.id;
    const known = new Map<number, boolean>();
    return (number) => {
      const id = this.ring.flow(number);
      let matches = known.get(id);
      if (matches === undefined) {
        const row = id < 0 ? -1 : table.rowOf(id);
        matches = row >= 0 && this.#matches(row);
        known.set(id, matches);
      }
      return matches;
    };
  }

  /** Packets of the ring that are younger than so many seconds, by packet time. */
  lastSeconds(seconds: number): PacketMatch {
    const from = this.#last - seconds;
    return (number) => this.ring.time(number) >= from;
  }
}
