/** The flow table as a screen sees it: comparisons by every sort key, and one row as text and numbers. */
import { formatIpv4, formatIpv6 } from "../flow/address.ts";
import { ByteWriter } from "../flow/byte-writer.ts";
import { connState } from "../flow/names.ts";
import type { FlowLabels } from "../flow/record.ts";
import { jsonFormat } from "../flow/record-formats.ts";
import type { FlowTable } from "../flow/table.ts";
import type { Compare } from "./ranking.ts";
import type { FlowRow, SortKey } from "./snapshot.ts";

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
const WITH_PORTS = new Set([6, 17, 33, 132, 136]);

export class FlowRows {
  readonly #table: FlowTable;
  /** Bits per second of a row. */
  readonly #rate: (row: number) => number;
  readonly #labels: FlowLabels;

  constructor(table: FlowTable, rate: (row: number) => number, labels: FlowLabels) {
    this.#table = table;
    this.#rate = rate;
    this.#labels = labels;
  }

  packets(row: number): number {
    return this.#table.packets(row, true) + this.#table.packets(row, false);
  }

  bytes(row: number): number {
    return this.#table.ipBytes(row, true) + this.#table.ipBytes(row, false);
  }

  /** An order in which no two rows are equal: what is equal by `sort` stays in the order of the table. */
  compare(sort: SortKey, descending: boolean): Compare {
    const by = this.#ascending(sort);
    return descending ? (a, b) => by(b, a) || a - b : (a, b) => by(a, b) || a - b;
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
      case "app":
        return (a, b) => byText(this.#app(a), this.#app(b));
      case "state":
        return (a, b) => byText(connState(table, a), connState(table, b));
      case "packets":
        return (a, b) => this.packets(a) - this.packets(b);
      case "bytes":
        return (a, b) => this.bytes(a) - this.bytes(b);
      case "rate":
        return (a, b) => this.#rate(a) - this.#rate(b);
      case "duration":
        return (a, b) => durationMs(table, a) - durationMs(table, b);
    }
  }

  #byEndpoint(a: number, b: number, orig: boolean): number {
    const table = this.#table;
    let order = Number(table.isV6(a)) - Number(table.isV6(b));
    for (let word = 0; order === 0 && word < 4; word++) {
      order = table.addressWord(a, orig, word) - table.addressWord(b, orig, word);
    }
    return order === 0 ? table.port(a, orig) - table.port(b, orig) : order;
  }

  row(row: number): FlowRow {
    const table = this.#table;
    const protocol = table.protocol(row);
    const port = (orig: boolean): number | null => (WITH_PORTS.has(protocol) ? table.port(row, orig) : null);
    return {
      id: table.id(row),
      proto: PROTOCOL_NAMES[protocol]!,
      origAddress: this.#address(row, true),
      origPort: port(true),
      respAddress: this.#address(row, false),
      respPort: port(false),
      app: this.#app(row),
      serverName: this.#labels.serverName(row) ?? "",
      state: connState(table, row),
      history: table.history.text(row),
      vlans: table.deepVlans(row) ?? [table.vlan(row), table.innerVlan(row)].filter((vlan) => vlan !== 0),
      origPackets: table.packets(row, true),
      respPackets: table.packets(row, false),
      origBytes: table.ipBytes(row, true),
      respBytes: table.ipBytes(row, false),
      rateBps: this.#rate(row),
      firstMs: table.firstSec(row) * 1000 + table.firstNsec(row) / 1e6,
      durationMs: durationMs(table, row),
    };
  }

  /** Connection records as JSON objects, as `flows --format json` writes them. */
  records(rows: readonly number[]): unknown[] {
    const writer = new ByteWriter();
    return rows.map((row) => {
      writer.length = 0;
      jsonFormat.write(writer, this.#table, row, this.#labels);
      return JSON.parse(writer.bytes.toString("utf8", 0, writer.length));
    });
  }

  #app(row: number): string {
    return this.#labels.app(row) ?? this.#labels.service(row) ?? "";
  }

  #address(row: number, orig: boolean): string {
    const word = (index: number): number => this.#table.addressWord(row, orig, index);
    return this.#table.isV6(row) ? formatIpv6(word(0), word(1), word(2), word(3)) : formatIpv4(word(0));
  }
}

/** Zeek's duration of a row, milliseconds. */
export function durationMs(table: FlowTable, row: number): number {
  return table.durationSec(row) * 1000 + table.durationNsec(row) / 1e6;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
