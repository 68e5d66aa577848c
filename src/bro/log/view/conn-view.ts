/** Answers of conn.log to the requests of the flow screens: what the capture's thread answers for packets. */

import { rowsAtRanks } from "../../../capture/live/ranking.ts";
import type {
  CaptureState,
  FlowRow,
  FlowsAnswer,
  FlowsQuery,
  OverviewAnswer,
  OverviewQuery,
  PacketsAnswer,
  Snapshot,
  SortKey,
  TalkerRow,
  TalkersAnswer,
  TalkersQuery,
  ViewRequest,
} from "../../../capture/live/snapshot.ts";
import { messageOf } from "../../../core/errors.ts";
import { connFilter } from "./conn-filter.ts";
import type { ConnRow } from "./conn-rows.ts";

/** Rows kept: some 600 bytes each. */
export const MOST_ROWS = 1_000_000;

/** Rows of other logs that belong to a connection, as lines; null: not known yet. */
export type LogRowsOf = (uid: string) => readonly string[] | null;

export class ConnView {
  readonly #conns: ConnRow[] = [];
  readonly #logRowsOf: LogRowsOf;
  #packets = 0;
  #bytes = 0;
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  #asked = "";
  #filter = "";
  #filterError: string | null = null;
  #matches: (conn: ConnRow) => boolean = () => true;

  constructor(logRowsOf: LogRowsOf) {
    this.#logRowsOf = logRowsOf;
  }

  /** Connections held. */
  get size(): number {
    return this.#conns.length;
  }

  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(conn: ConnRow): void {
    const { row, detail } = conn;
    this.#conns.push(conn);
    this.#packets += row.origPackets + row.respPackets;
    this.#bytes += row.origBytes + row.respBytes;
    if (row.firstMs === 0) return;
    this.#firstMs = Math.min(this.#firstMs, row.firstMs);
    this.#lastMs = Math.max(this.#lastMs, detail.lastMs);
  }

  answer(request: ViewRequest, state: CaptureState): Snapshot {
    this.#useFilter(request.filter);
    const seconds = Math.max(0, this.#lastMs - this.#firstMs) / 1000 || 0;
    return {
      seq: request.seq,
      state,
      atMs: Date.now(),
      elapsedMs: seconds * 1000,
      packets: this.#packets,
      bytes: this.#bytes,
      drops: null,
      packetsPerSec: seconds > 0 ? this.#packets / seconds : 0,
      bitsPerSec: seconds > 0 ? (this.#bytes * 8) / seconds : 0,
      peakBitsPerSec: 0,
      rateHistory: [],
      notIp: 0,
      malformed: 0,
      held: this.#conns.length,
      filter: this.#filter,
      filterError: this.#filterError,
      bpf: null,
      recording: null,
      reading: { progress: state === "ended" ? 1 : null, speed: 0, paused: false },
      flows: request.flows && this.#flows(request.flows),
      packetList: request.packets && NO_PACKETS,
      talkers: request.talkers && this.#talkers(request.talkers),
      overview: request.overview && this.#overview(request.overview),
    };
  }

  /** A wrong filter changes nothing but `#filterError`. */
  #useFilter(text: string): void {
    if (text === this.#asked) return;
    this.#asked = text;
    try {
      this.#matches = connFilter(text);
      this.#filter = text;
      this.#filterError = null;
    } catch (error) {
      this.#filterError = messageOf(error);
    }
  }

  #each(visit: (index: number) => void): void {
    for (let index = 0; index < this.#conns.length; index++) if (this.#matches(this.#conns[index]!)) visit(index);
  }

  #flows({ sort, descending, offset, rows, pin, records }: FlowsQuery): FlowsAnswer {
    const pinned = pin === null ? undefined : this.#conns[pin.id];
    const value = VALUES[sort];
    const sign = descending ? -1 : 1;
    const compare = (a: number, b: number): number => {
      const [x, y] = [value(this.#conns[a]!.row), value(this.#conns[b]!.row)];
      return (x < y ? -sign : x > y ? sign : 0) || a - b;
    };
    let scrollable = pinned && !this.#matches(pinned) ? 1 : 0;
    this.#each(() => scrollable++);
    const others = (visit: (index: number) => void) =>
      this.#each((index) => {
        if (index !== pin?.id) visit(index);
      });
    const held = pinned ? 1 : 0;
    const from = Math.max(0, Math.min(offset, scrollable - rows));
    const visible = rowsAtRanks(others, scrollable - held, compare, from, rows - held);
    if (pinned) visible.splice(Math.min(pin!.line, visible.length), 0, pin!.id);
    return {
      scrollable,
      offset: from,
      rows: visible.map((index) => this.#conns[index]!.row),
      records: records ? visible.map((index) => recordOf(this.#conns[index]!)) : [],
      pinned: pinned
        ? { row: pinned.row, detail: { ...pinned.detail, logRows: this.#logRowsOf(pinned.detail.uid) ?? [] } }
        : null,
    };
  }

  #talkers({ key, sort, descending, offset, rows }: TalkersQuery): TalkersAnswer {
    const groups = this.#groups(key);
    const value = (row: TalkerRow): number | string =>
      ({
        flows: row.flows,
        sent: row.sentBytes,
        received: row.receivedBytes,
        rate: row.sentBytes + row.receivedBytes,
        name: row.name,
      })[sort];
    const sign = descending ? -1 : 1;
    groups.sort((a, b) => (value(a) < value(b) ? -sign : value(a) > value(b) ? sign : 0));
    const from = Math.max(0, Math.min(offset, groups.length - rows));
    return { total: groups.length, offset: from, rows: groups.slice(from, from + rows) };
  }

  #groups(key: TalkersQuery["key"]): TalkerRow[] {
    const groups = new Map<string, { -readonly [K in keyof TalkerRow]: TalkerRow[K] }>();
    const add = (
      name: string,
      filter: string,
      packets: readonly [number, number],
      bytes: readonly [number, number],
    ) => {
      if (name === "") return;
      let group = groups.get(name);
      if (!group) {
        group = {
          name,
          flows: 0,
          sentPackets: 0,
          sentBytes: 0,
          receivedPackets: 0,
          receivedBytes: 0,
          rateBps: 0,
          share: 0,
          filter,
        };
        groups.set(name, group);
      }
      group.flows++;
      group.sentPackets += packets[0];
      group.receivedPackets += packets[1];
      group.sentBytes += bytes[0];
      group.receivedBytes += bytes[1];
    };
    this.#each((index) => {
      const { row, detail } = this.#conns[index]!;
      const sent = [
        [row.origPackets, row.respPackets],
        [row.origBytes, row.respBytes],
      ] as const;
      const received = [
        [row.respPackets, row.origPackets],
        [row.respBytes, row.origBytes],
      ] as const;
      if (key === "host") {
        add(row.origAddress, `host ${row.origAddress}`, ...sent);
        if (row.respAddress !== row.origAddress) add(row.respAddress, `host ${row.respAddress}`, ...received);
      } else if (key === "port") {
        if (row.respPort !== null) add(`${row.respPort}/${row.proto}`, `${row.proto}.port == ${row.respPort}`, ...sent);
      } else if (key === "app") add(row.app, `flow.app == "${row.app}"`, ...sent);
      else if (key === "vlan") {
        for (const vlan of row.vlans) add(String(vlan), `vlan.id == ${vlan}`, ...sent);
      } else if (key === "mac") {
        add(detail.origMac, "", ...sent);
        add(detail.respMac, "", ...received);
      }
    });
    const all = [...groups.values()];
    const total = all.reduce((sum, { sentBytes, receivedBytes }) => sum + sentBytes + receivedBytes, 0);
    for (const group of all) group.share = total > 0 ? (group.sentBytes + group.receivedBytes) / total : 0;
    return all;
  }

  /** Bytes by when the connections began: a step of the graph is a part of the log's time. */
  #overview({ steps, step, rows }: OverviewQuery): OverviewAnswer {
    const span = Math.max(1, (this.#lastMs - this.#firstMs) / 1000 / step || 1);
    const width = Math.max(1, Math.min(steps, Math.ceil(span)));
    const up = new Array<number>(width).fill(0);
    const down = new Array<number>(width).fill(0);
    const states = new Map<string, number>();
    let live = 0;
    this.#each((index) => {
      const { row } = this.#conns[index]!;
      live++;
      states.set(row.state, (states.get(row.state) ?? 0) + 1);
      if (row.firstMs === 0) return;
      const at = Math.min(width - 1, Math.floor(((row.firstMs - this.#firstMs) / 1000 / step / span) * width));
      const seconds = (span / width) * step;
      up[at]! += (row.origBytes * 8) / seconds;
      down[at]! += (row.respBytes * 8) / seconds;
    });
    const top = (key: TalkersQuery["key"]) =>
      this.#talkers({ key, sort: "rate", descending: true, offset: 0, rows }).rows;
    return {
      up,
      down,
      hosts: top("host"),
      apps: top("app"),
      states: [...states].sort((a, b) => b[1] - a[1]),
      begun: 0,
      ended: 0,
      live,
      warnings: [],
    };
  }
}

const VALUES: Readonly<Record<SortKey, (row: FlowRow) => number | string>> = {
  proto: (row) => row.proto,
  orig: (row) => row.origAddress,
  resp: (row) => row.respAddress,
  vlan: (row) => row.vlans[0] ?? 0,
  app: (row) => row.app,
  name: (row) => row.serverName,
  state: (row) => row.state,
  packets: (row) => row.origPackets + row.respPackets,
  bytes: (row) => row.origBytes + row.respBytes,
  rate: (row) => row.rateBps,
  rtt: () => 0,
  retrans: () => 0,
  ooo: () => 0,
  zero: () => 0,
  missed: (row) => row.missed,
  duration: (row) => row.durationMs,
  start: (row) => row.firstMs,
};

const NO_PACKETS: PacketsAnswer = {
  rows: [],
  selected: null,
  before: 0,
  after: 0,
  ring: { packets: 0, bytes: 0, capacity: 0, seconds: 0, snaplen: 0 },
  complete: true,
};

/** The row as the log has it. */
function recordOf({ row, detail }: ConnRow): Record<string, unknown> {
  return {
    ts: row.firstMs / 1000,
    uid: detail.uid,
    "id.orig_h": row.origAddress,
    "id.orig_p": row.origPort ?? 0,
    "id.resp_h": row.respAddress,
    "id.resp_p": row.respPort ?? 0,
    proto: row.proto,
    ...(row.app !== "" && { service: row.app }),
    duration: row.durationMs / 1000,
    conn_state: row.state,
    history: row.history,
    missed_bytes: row.missed,
    orig_pkts: row.origPackets,
    orig_ip_bytes: row.origBytes,
    resp_pkts: row.respPackets,
    resp_ip_bytes: row.respBytes,
  };
}
