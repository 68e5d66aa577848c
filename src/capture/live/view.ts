/**
 * What the capture worker knows, and its answers to view requests: flows, packets of the ring, talkers, overview. Its clock is
 * the packets' own, so that a backlog is counted into the seconds it belongs to.
 */
import { messageOf } from "../../core/errors.ts";
import type { FlowMeter } from "../../engine/host/meter.ts";
import { protocolNumber } from "../../engine/host/protocols.ts";
import { RECORD_FORMATS } from "../../engine/host/record-formats.ts";
import { flowFilter } from "../filter/display-rows.ts";
import type { Frame } from "../frame.ts";
import { openMeter } from "../meter.ts";
import { FlowList } from "./flow-list.ts";
import { FlowRows } from "./flow-rows.ts";
import { LearnedNames } from "./learned-names.ts";
import { type OverviewSource, OverviewSum } from "./overview.ts";
import { PacketList, type PacketMatch } from "./packet-list.ts";
import { PacketRing } from "./packet-ring.ts";
import { RowRates, TotalRate } from "./rates.ts";
import { ResponseTimes } from "./response-times.ts";
import type {
  CaptureState,
  Drops,
  OverviewAnswer,
  OverviewQuery,
  PacketScope,
  ReadingState,
  RecordingState,
  Snapshot,
  TalkersAnswer,
  TalkersQuery,
  ViewRequest,
} from "./snapshot.ts";
import { TalkerSum } from "./talkers.ts";
import { Walk } from "./walk.ts";

/** Seconds of the whole capture's rate that every screen shows. */
const STRIP_SECONDS = 60;
/** A second is taken to be over without a packet when the wall clock is so far past it, milliseconds. */
const IDLE_MS = 1500;
/** Answers of DNS come from here (mDNS and LLMNR teach names too, but of neighbours that may say anything). */
const DNS_PORT = 53;
const UDP = protocolNumber("udp");

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
  readonly meter: FlowMeter;
  readonly ring: PacketRing;
  readonly rows: FlowRows;
  readonly #live: boolean;
  readonly #total = new TotalRate();
  readonly #rates: RowRates;
  readonly #names = new LearnedNames();
  readonly #responses = new ResponseTimes();
  /** What sums over flows are made of. */
  readonly #sumSource: OverviewSource;
  readonly #talkerWalk: Walk<TalkerSum>;
  readonly #overviewWalk: Walk<OverviewSum>;
  readonly #list: FlowList;
  readonly #packets: PacketList;
  readonly #startMs: number;
  /** Gets records while they are written. */
  #takeRecords: ((bytes: Uint8Array) => void) | null = null;
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
    this.meter = openMeter({
      keepEnded: true,
      // Of a live capture that was asked for headers, what the snaplen cut off was there.
      cutIsSeen: snaplen > 0,
      // Connections that end are not written: records are asked for.
      onEnd: () => {},
      onRecords: (bytes) => this.#takeRecords?.(bytes),
    });
    const { table } = this.meter;
    this.#rates = new RowRates(table);
    const mean = (row: number): number => {
      const seconds = table.duration(row);
      return seconds > 0 ? ((table.wireBytes(row, true) + table.wireBytes(row, false)) * 8) / seconds : 0;
    };
    this.#rate = live ? (row) => this.#rates.of(row) : mean;
    this.rows = new FlowRows(this.meter, {
      names: this.#names,
      responses: this.#responses,
      rate: this.#rate,
      trend: (row) => this.#rates.trend(row),
    });
    this.#sumSource = {
      ...{ table, rate: this.#rate },
      app: (row) => this.rows.app(row),
      state: (row) => this.rows.state(row),
      ovsPort: (mac) => this.#ports.get(mac),
    };
    this.#talkerWalk = new Walk(table);
    this.#overviewWalk = new Walk(table);
    this.#list = new FlowList(table, this.rows);
    this.ring = new PacketRing(ring);
    this.#packets = new PacketList(this.ring, snaplen, (scope) => this.matchOf(scope));
  }

  /** Counts a frame. */
  add(frame: Frame): void {
    if (frame.hasTime) this.#see(frame.sec, frame.nsec);
    const { meter } = this;
    const outer = meter.add(frame);
    if (outer < 0) {
      this.ring.add(frame, -1);
      return;
    }
    const inner = meter.innermost;
    const row = inner < 0 ? outer : inner;
    const id = meter.table.id(row);
    this.ring.add(frame, id, row === outer ? id : meter.table.id(outer));
    this.#study(id);
  }

  /** Learns names from DNS answers, and response times. */
  #study(id: number): void {
    const p = this.meter.packet;
    if (!p.transport) return;
    this.#responses.look(id, p);
    if (p.srcPort === DNS_PORT && p.protocol === UDP && p.payload >= 0) this.#names.learn(p.data, p.payload, p.end);
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
      talkers: request.talkers && this.#talkers(request.talkers),
      overview: request.overview && this.#overview(request.overview),
    };
  }

  #talkers(query: TalkersQuery): TalkersAnswer {
    const begin = (): TalkerSum => new TalkerSum(this.#sumSource, query.key);
    return this.#talkerWalk.step(`${query.key} ${this.#filter}`, begin, this.#wanted).page(query);
  }

  #overview(query: OverviewQuery): OverviewAnswer {
    const totals = {
      ...{ total: this.#total, live: this.meter.table.live },
      ...{ begun: this.#begunPerSec, ended: this.#endedPerSec },
    };
    const begin = (): OverviewSum => new OverviewSum(this.#sumSource);
    return this.#overviewWalk.step(this.#filter, begin, this.#wanted).answer(totals, query);
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

  /** Rows that match the filter. */
  readonly #wanted = (row: number): boolean => this.meter.table.shown(row) && this.#matches(row);

  /** Writes the records of the flows that match the filter. @returns how many */
  writeRecords(format: "csv" | "json", take: (bytes: Uint8Array) => void): number {
    const { header, footer } = RECORD_FORMATS[format];
    let written = 0;
    take(Buffer.from(header()));
    this.meter.startRecords(format);
    this.#takeRecords = take;
    try {
      for (let row = 0; row < this.meter.table.rows; row++) {
        if (!this.#wanted(row)) continue;
        this.meter.writeRecord(row);
        written++;
      }
      this.meter.flushRecords();
    } finally {
      this.#takeRecords = null;
    }
    take(Buffer.from(footer()));
    return written;
  }

  /** Which packets of the ring belong to a scope. */
  matchOf(scope: PacketScope): PacketMatch {
    const { table } = this.meter;
    if (scope.of === "all") return () => true;
    if (scope.of === "flow") {
      return (number) => this.ring.flow(number) === scope.id || this.ring.carrier(number) === scope.id;
    }
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
