/**
 * What crosses between the capture worker and the main thread: a view request goes in, a snapshot comes out
 * (docs/ARCHITECTURE.md, "The packet path"). Both are plain data; a snapshot holds the visible rows only.
 */

/** What the flow table can be sorted by. */
export type SortKey = "proto" | "orig" | "resp" | "app" | "state" | "packets" | "bytes" | "rate" | "duration";

/** The rows the screen shows now. */
export interface ViewRequest {
  /** Chosen by the asker; the snapshot that answers carries it. */
  readonly seq: number;
  readonly sort: SortKey;
  readonly descending: boolean;
  /** Rank of the first visible row, from 0. */
  readonly offset: number;
  readonly rows: number;
  /** The flow that is wanted too, wherever it stands: by its `id`, or by its rank. */
  readonly selected: { readonly id: number } | { readonly rank: number } | null;
  /** Keep the flows as they are now (the first 10,000 in the order of the moment) until a request says false. */
  readonly hold: boolean;
  /** A display filter (docs/reference/display-filter.md): only flows that match are shown; empty for all. */
  readonly filter: string;
  /** Give the rows as connection records too (not while held). */
  readonly records: boolean;
}

/** One flow of the table, ready to be written into cells. Text is as the packets gave it: not yet safe for a terminal. */
export interface FlowRow {
  /** Names the flow as long as the capture runs. */
  readonly id: number;
  readonly proto: string;
  readonly origAddress: string;
  /** Null where the protocol has no ports. */
  readonly origPort: number | null;
  readonly respAddress: string;
  readonly respPort: number | null;
  readonly app: string;
  /** The server's name as the client gave it (TLS, HTTP, …), or empty. */
  readonly serverName: string;
  /** Zeek's conn_state. */
  readonly state: string;
  readonly history: string;
  /** VLAN ids, outermost first. */
  readonly vlans: readonly number[];
  readonly origPackets: number;
  readonly respPackets: number;
  /** Bytes on the wire from the IP header on, by the originator. */
  readonly origBytes: number;
  readonly respBytes: number;
  /** Bits per second over the last second. */
  readonly rateBps: number;
  readonly firstMs: number;
  readonly durationMs: number;
}

/** tcpdump's own counts (pcap_stats(3PCAP)). */
export interface Drops {
  readonly received: number;
  readonly kernel: number;
  readonly interface: number;
}

/** How far a capture is. */
export type CaptureState = "starting" | "running" | "ended";

/** The answer to a view request. */
export interface Snapshot {
  readonly seq: number;
  readonly state: CaptureState;
  /** Wall clock of the worker, milliseconds. */
  readonly atMs: number;
  /** Since the capture began. */
  readonly elapsedMs: number;
  readonly packets: number;
  /** Sum of original lengths. */
  readonly bytes: number;
  /** Null while unknown, and for files. */
  readonly drops: Drops | null;
  /** Of the last whole second. */
  readonly packetsPerSec: number;
  readonly bitsPerSec: number;
  readonly peakBitsPerSec: number;
  /** Bits per second of the last 60 seconds, oldest first. */
  readonly rateHistory: readonly number[];
  /** Packets that belong to no IP flow (ARP, STP, LLDP, …). */
  readonly notIp: number;
  readonly malformed: number;
  readonly flows: number;
  /** The display filter the rows have passed: that of the request, or the last valid one before it. */
  readonly filter: string;
  /** What is wrong with the request's filter, null when nothing is. */
  readonly filterError: string | null;
  /** Flows that can be scrolled to: all, those that match, or those held. */
  readonly scrollable: number;
  readonly offset: number;
  readonly rows: readonly FlowRow[];
  /** The same rows as `flows --format json` writes them, where they were asked for. */
  readonly records: readonly unknown[];
  /** Null when none was asked for or it is gone. */
  readonly selected: { readonly rank: number; readonly row: FlowRow } | null;
}
