/** What the views need of the flow table: getters over its rows. Whatever holds flows and has these can be shown. */

export interface FlowGetters {
  /** Rows are 0 to `rows` - 1, some of them free. */
  readonly rows: number;
  /** Connections held, ended ones included; those that have not ended; those begun so far. */
  readonly size: number;
  readonly live: number;
  readonly connections: number;
  /** The row holds a connection, live or ended, that is to be shown. */
  shown(row: number): boolean;
  ended(row: number): boolean;
  /** A number that names the connection for good, and back: -1 when it is gone. */
  id(row: number): number;
  rowOf(id: number): number;
  protocol(row: number): number;
  isV6(row: number): boolean;
  addressWord(row: number, orig: boolean, word: number): number;
  port(row: number, orig: boolean): number;
  vlan(row: number): number;
  innerVlan(row: number): number;
  deepVlans(row: number): readonly number[] | undefined;
  macs(): Uint8Array;
  macOffset(row: number, orig: boolean): number;
  packets(row: number, orig: boolean): number;
  ipBytes(row: number, orig: boolean): number;
  frameBytes(row: number, orig: boolean): number;
  payloadBytes(row: number, orig: boolean): number;
  firstSec(row: number): number;
  firstNsec(row: number): number;
  lastSec(row: number): number;
  lastNsec(row: number): number;
  durationSec(row: number): number;
  durationNsec(row: number): number;
  rtt(row: number): number;
  retransmits(row: number): number;
  missedBytes(row: number): number;
  fragments(row: number): number;
  badChecksums(row: number): number;
  tunnel(row: number): number;
  reason(row: number): number;
}

/** Zeek's duration of a row, milliseconds. */
export function durationMs(table: FlowGetters, row: number): number {
  return table.durationSec(row) * 1000 + table.durationNsec(row) / 1e6;
}
