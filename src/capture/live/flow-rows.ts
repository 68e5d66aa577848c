/** The flow table as a screen sees it: comparisons by every sort key, and one row as text and numbers. */
import { formatAddress } from "../../engine/host/endpoint.ts";
import { tunnelName } from "../../engine/host/engine.ts";
import { textField } from "../../engine/host/fields.ts";
import type { FlowMeter } from "../../engine/host/meter.ts";
import { hasPorts } from "../../engine/host/protocols.ts";
import type { Rows } from "../../engine/host/rows.ts";
import type { LearnedNames } from "./learned-names.ts";
import type { Compare } from "./ranking.ts";
import type { ResponseTimes } from "./response-times.ts";
import type { FlowDetail, FlowRow, SortKey } from "./snapshot.ts";

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: "icmp",
  2: "igmp",
  6: "tcp",
  17: "udp",
  33: "dccp",
  58: "icmp6",
  132: "sctp",
  136: "udplite",
};
const PROTOCOL_NAMES = Array.from({ length: 256 }, (_, number) => PROTOCOLS[number] ?? `ip-${number}`);

/** Both sides' bits per second, oldest first. */
export interface SideTrends {
  readonly orig: readonly number[];
  readonly resp: readonly number[];
}

/** The capture's own end is no end of a flow. */
const AT_END = "eof";
const NO_TREND: SideTrends = { orig: [], resp: [] };

/** What is known of flows besides the table. */
export interface FlowKnowledge {
  readonly names: LearnedNames;
  readonly responses: ResponseTimes;
  /** Bits per second of a row. */
  readonly rate: (row: number) => number;
  readonly trend: (row: number) => SideTrends;
}

export class FlowRows {
  readonly #meter: FlowMeter;
  readonly #table: Rows;
  readonly #known: FlowKnowledge;
  readonly #text;

  constructor(meter: FlowMeter, known: FlowKnowledge) {
    this.#meter = meter;
    this.#table = meter.table;
    this.#known = known;
    const text = (name: Parameters<typeof textField>[1]) => textField(meter.table, name);
    this.#text = {
      ...{ app: text("app"), service: text("service"), basis: text("service_basis"), serverName: text("server_name") },
      ...{ state: text("conn_state"), history: text("history"), closeReason: text("close_reason") },
    };
  }

  /** The flow ended before the capture did. */
  ended(row: number): boolean {
    return this.#table.ended(row) && this.#text.closeReason(row) !== AT_END;
  }

  packets(row: number): number {
    return this.#table.packets(row, true) + this.#table.packets(row, false);
  }

  bytes(row: number): number {
    return this.#table.ipBytes(row, true) + this.#table.ipBytes(row, false);
  }

  /**
   * An order in which no two rows are equal: of what is equal by `sort`, flows that go on come before those that have ended, and
   * of these those that ended last.
   */
  compare(sort: SortKey, descending: boolean): Compare {
    const table = this.#table;
    const by = this.#ascending(sort);
    const rest: Compare = (a, b) => {
      const ended = Number(this.ended(a)) - Number(this.ended(b));
      if (ended !== 0) return ended;
      return (this.ended(a) ? table.lastTime(b) - table.lastTime(a) : 0) || a - b;
    };
    return descending ? (a, b) => by(b, a) || rest(a, b) : (a, b) => by(a, b) || rest(a, b);
  }

  #ascending(sort: SortKey): Compare {
    const table = this.#table;
    switch (sort) {
      case "proto":
        return (a, b) => byText(PROTOCOL_NAMES[table.protocol(a)]!, PROTOCOL_NAMES[table.protocol(b)]!);
      case "orig":
        return (a, b) => this.#byEndpoint(a, b, true);
      case "resp":
        return (a, b) => this.#byEndpoint(a, b, false);
      case "vlan":
        return (a, b) => table.vlan(a) - table.vlan(b) || table.innerVlan(a) - table.innerVlan(b);
      case "app":
        return (a, b) => byText(this.app(a), this.app(b));
      case "name":
        return (a, b) => byText(this.#text.serverName(a) ?? "", this.#text.serverName(b) ?? "");
      case "state":
        return (a, b) => byText(this.state(a), this.state(b));
      case "packets":
        return (a, b) => this.packets(a) - this.packets(b);
      case "bytes":
        return (a, b) => this.bytes(a) - this.bytes(b);
      case "rate":
        return (a, b) => this.#known.rate(a) - this.#known.rate(b);
      case "rtt":
        return (a, b) => (this.#rtt(a)?.ms ?? -1) - (this.#rtt(b)?.ms ?? -1);
      case "retrans":
        return (a, b) => table.retransmits(a) - table.retransmits(b);
      case "ooo":
        return (a, b) => this.#both(a, "outOfOrder") - this.#both(b, "outOfOrder");
      case "zero":
        return (a, b) => this.#both(a, "zeroWindows") - this.#both(b, "zeroWindows");
      case "missed":
        return (a, b) => table.missedBytes(a) - table.missedBytes(b);
      case "duration":
        return (a, b) => table.duration(a) - table.duration(b);
      case "start":
        return (a, b) => table.firstTime(a) - table.firstTime(b);
    }
  }

  /** A count of both sides. */
  #both(row: number, count: "outOfOrder" | "zeroWindows"): number {
    return this.#table[count](row, true) + this.#table[count](row, false);
  }

  #byEndpoint(a: number, b: number, orig: boolean): number {
    const table = this.#table;
    let order = Number(table.isV6(a)) - Number(table.isV6(b));
    for (let word = 0; order === 0 && word < 4; word++) {
      order = table.addressWord(a, orig, word) - table.addressWord(b, orig, word);
    }
    return order === 0 ? table.port(a, orig) - table.port(b, orig) : order;
  }

  #rtt(row: number): (Pick<FlowRow, "rttMs" | "rttKind"> & { readonly ms: number }) | undefined {
    const handshake = this.#table.rtt(row);
    if (handshake > 0) return { ms: handshake * 1000, rttMs: handshake * 1000, rttKind: "tcp" };
    const response = this.#known.responses.of(this.#table.id(row));
    return response && { ms: response.ms, rttMs: response.ms, rttKind: response.kind };
  }

  /** @param follow its trend is wanted, and will be */
  row(row: number, follow = true): FlowRow {
    const table = this.#table;
    const { names } = this.#known;
    const protocol = table.protocol(row);
    const port = (orig: boolean): number | null => (hasPorts(protocol) ? table.port(row, orig) : null);
    const { orig, resp } = follow ? this.#known.trend(row) : NO_TREND;
    const rtt = this.#rtt(row);
    const serverName = this.#text.serverName(row) ?? "";
    const respAddress = this.address(row, false);
    return {
      id: table.id(row),
      proto: PROTOCOL_NAMES[protocol]!,
      origAddress: this.address(row, true),
      origPort: port(true),
      respAddress,
      respPort: port(false),
      app: this.app(row),
      appGuessed: this.#text.basis(row) === "port",
      serverName,
      learnedName: serverName === "" ? names.of(respAddress) : "",
      state: this.state(row),
      history: this.#text.history(row) ?? "",
      ended: this.ended(row),
      vlans: table.vlans(row),
      origPackets: table.packets(row, true),
      respPackets: table.packets(row, false),
      origBytes: table.ipBytes(row, true),
      respBytes: table.ipBytes(row, false),
      rateBps: this.#known.rate(row),
      trend: orig.map((bits, second) => bits + resp[second]!),
      rttMs: rtt?.rttMs ?? null,
      rttKind: rtt?.rttKind ?? null,
      retransmits: table.isTcp(row) ? table.retransmits(row) : null,
      outOfOrder: table.isTcp(row) ? this.#both(row, "outOfOrder") : null,
      zeroWindows: table.isTcp(row) ? this.#both(row, "zeroWindows") : null,
      missed: table.missedBytes(row),
      firstMs: table.firstTime(row) * 1000,
      durationMs: table.duration(row) * 1000,
    };
  }

  detail(row: number): FlowDetail {
    const table = this.#table;
    const record = this.#meter.record(row) as unknown as Record<string, string | undefined>;
    const { orig, resp } = this.#known.trend(row);
    return {
      uid: record.uid ?? "",
      communityId: record.community_id ?? "",
      origMac: record.orig_l2_addr ?? "",
      respMac: record.resp_l2_addr ?? "",
      origFlags: table.isTcp(row) ? table.tcpFlags(row, true) : 0,
      respFlags: table.isTcp(row) ? table.tcpFlags(row, false) : 0,
      origPayload: table.payloadBytes(row, true),
      respPayload: table.payloadBytes(row, false),
      origTrend: [...orig],
      respTrend: [...resp],
      lastMs: table.lastTime(row) * 1000,
      closeReason: record.close_reason ?? "",
      badChecksums: table.badChecksums(row),
      fragments: table.fragments(row),
      tunnel: tunnelName(table.tunnel(row)),
    };
  }

  /** Connection records as JSON objects, as `flows --format json` writes them. */
  records(rows: readonly number[]): unknown[] {
    return rows.map((row) => this.#meter.record(row));
  }

  app(row: number): string {
    return this.#text.app(row) ?? this.#text.service(row) ?? "";
  }

  /** Zeek's conn_state. */
  state(row: number): string {
    return this.#text.state(row) ?? "";
  }

  address(row: number, orig: boolean): string {
    return formatAddress(this.#table, row, orig);
  }
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
