/** Numeric columns of the flow table by the names users give them (`--sort`). */
import type { FlowTable, RowValue } from "./table.ts";

export function sortColumns(table: FlowTable): Readonly<Record<string, RowValue>> {
  const both = (value: (row: number, orig: boolean) => number): RowValue => {
    return (row) => value.call(table, row, true) + value.call(table, row, false);
  };
  return {
    bytes: both(table.frameBytes),
    packets: both(table.packets),
    ip_bytes: both(table.ipBytes),
    payload: both(table.payloadBytes),
    orig_bytes: (row) => table.streamBytes(row, true),
    resp_bytes: (row) => table.streamBytes(row, false),
    orig_pkts: (row) => table.packets(row, true),
    resp_pkts: (row) => table.packets(row, false),
    duration: (row) => table.durationSec(row) + table.durationNsec(row) / 1e9,
    ts: (row) => table.firstSec(row) + table.firstNsec(row) / 1e9,
    missed_bytes: (row) => table.missedBytes(row),
    retransmits: (row) => table.retransmits(row),
  };
}

/** The names `sortColumns` knows. */
export const SORT_COLUMNS = [
  "bytes",
  "packets",
  "ip_bytes",
  "payload",
  "orig_bytes",
  "resp_bytes",
  "orig_pkts",
  "resp_pkts",
  "duration",
  "ts",
  "missed_bytes",
  "retransmits",
] as const;
