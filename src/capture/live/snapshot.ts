/**
 * What crosses between the capture worker and the main thread: a view request goes in, a snapshot comes out
 * (docs/ARCHITECTURE.md, "The packet path"). Both are plain data. A request names what each screen needs of it, a snapshot
 * holds the visible rows of that and no more. All text is as the packets gave it: not yet safe for a terminal.
 */

/** What the flow table can be sorted by. */
export type SortKey =
  | "proto"
  | "orig"
  | "resp"
  | "vlan"
  | "app"
  | "name"
  | "state"
  | "packets"
  | "bytes"
  | "rate"
  | "rtt"
  | "retrans"
  | "ooo"
  | "zero"
  | "missed"
  | "duration"
  | "start";

/** What the screen shows now. Null: nothing of that is on screen. */
export interface ViewRequest {
  /** Chosen by the asker; the snapshot that answers carries it. */
  readonly seq: number;
  /** A display filter (docs/reference/display-filter.md): only flows that match are shown; empty for all. */
  readonly filter: string;
  /** Keep the flows as they are now (the first 10,000 in the order of the moment) until a request says false. */
  readonly hold: boolean;
  readonly flows: FlowsQuery | null;
  readonly packets: PacketsQuery | null;
  readonly talkers: TalkersQuery | null;
  readonly overview: OverviewQuery | null;
}

export interface FlowsQuery {
  readonly sort: SortKey;
  readonly descending: boolean;
  /** Rank of the first visible row, from 0. */
  readonly offset: number;
  readonly rows: number;
  /** A flow that stays on its line (0 is the first visible one), whatever its rank and the filter. */
  readonly pin: { readonly id: number; readonly line: number } | null;
  /** Keep the order of rows as it is now until a request says false; their values go on. */
  readonly frozen: boolean;
  /** Flows that have ended are wanted too. */
  readonly ended: boolean;
  /** Give the rows as connection records too (not while held). */
  readonly records: boolean;
}

/** How a round-trip time was measured: TCP's handshake, or one request and its one reply. */
export type RttKind = "tcp" | "dns" | "ntp" | "echo";

/** One flow of the table, ready to be written into cells. */
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
  /** `app` is a guess from the port alone. */
  readonly appGuessed: boolean;
  /** The server's name as the client gave it (TLS, HTTP, DNS, …), or empty. */
  readonly serverName: string;
  /** Where there is no such name: the responder's name by a DNS answer that was seen, or empty. */
  readonly learnedName: string;
  /** Zeek's conn_state. */
  readonly state: string;
  readonly history: string;
  /** It ended before the capture did. */
  readonly ended: boolean;
  /** VLAN ids, outermost first. */
  readonly vlans: readonly number[];
  readonly origPackets: number;
  readonly respPackets: number;
  /** Bytes on the wire from the IP header on, by the originator. */
  readonly origBytes: number;
  readonly respBytes: number;
  /** Bits per second, averaged over about the last 5 s. Of a file: the mean over the flow's life. */
  readonly rateBps: number;
  /** Bits per second of the last seconds, oldest first; empty for flows that were not on screen. */
  readonly trend: readonly number[];
  /** Round-trip time in milliseconds; null: not measured. */
  readonly rttMs: number | null;
  readonly rttKind: RttKind | null;
  /** TCP segments seen again; null for other protocols. */
  readonly retransmits: number | null;
  /** TCP segments that came ahead of a hole, and those that closed the window; null for other protocols. */
  readonly outOfOrder: number | null;
  readonly zeroWindows: number | null;
  /** Bytes that were acknowledged but never seen. */
  readonly missed: number;
  readonly firstMs: number;
  readonly durationMs: number;
}

/** What the detail pane shows besides the row. */
export interface FlowDetail {
  readonly uid: string;
  readonly communityId: string;
  readonly origMac: string;
  readonly respMac: string;
  /** TCP control bits that each side has sent. */
  readonly origFlags: number;
  readonly respFlags: number;
  readonly origPayload: number;
  readonly respPayload: number;
  /** Bits per second of each side, second by second, oldest first. */
  readonly origTrend: readonly number[];
  readonly respTrend: readonly number[];
  readonly lastMs: number;
  /** Why it ended (docs/reference/conn-records.md), or empty. */
  readonly closeReason: string;
  readonly badChecksums: number;
  readonly fragments: number;
  /** What carried it: `vxlan`, `gre`, …, or empty. */
  readonly tunnel: string;
  /** Of a conn.log: the rows of the other logs about the connection; empty while they are looked for. */
  readonly logRows?: readonly string[];
}

export interface FlowsAnswer {
  /** Flows that can be scrolled to: all, those that match, or those held. */
  readonly scrollable: number;
  readonly offset: number;
  /** The visible rows, the pinned one among them on its line. */
  readonly rows: readonly FlowRow[];
  /** The same rows as `flows --format json` writes them, where they were asked for. */
  readonly records: readonly unknown[];
  /** Of the pinned flow; null when none was asked for or it is gone. Its detail may be gone where the screen still holds its row. */
  readonly pinned: { readonly row: FlowRow; readonly detail: FlowDetail | null } | null;
}

/** Which packets of the ring are shown. */
export type PacketScope =
  | { readonly of: "all" }
  /** Of flows that match the display filter. */
  | { readonly of: "filtered" }
  | { readonly of: "flow"; readonly id: number };

export interface PacketsQuery {
  readonly scope: PacketScope;
  /** Number of the first visible packet; null: the newest are shown. */
  readonly top: number | null;
  readonly rows: number;
  /** Number of the packet whose layers and bytes are wanted; null: the newest, or where `top` is given the first. */
  readonly selected: number | null;
  /** How many packets the selection is to move by from there, within the scope. */
  readonly move: number;
}

/** One line of the packet list. */
export interface PacketRow {
  /** Ordinal since the capture began, from 1. */
  readonly number: number;
  /** Seconds since the capture's first packet. */
  readonly time: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  /** On the wire. */
  readonly length: number;
  readonly info: string;
}

/** A field of a header: which bytes it comes from, and what they say. */
export interface DissectedField {
  /** Wireshark's name of it, or empty. */
  readonly name: string;
  readonly label: string;
  readonly value: string;
  /** Within the packet. */
  readonly offset: number;
  readonly length: number;
}

export interface DissectedLayer {
  readonly title: string;
  readonly summary: string;
  readonly offset: number;
  readonly length: number;
  readonly fields: readonly DissectedField[];
}

export interface PacketsAnswer {
  readonly rows: readonly PacketRow[];
  readonly selected: {
    readonly number: number;
    readonly layers: readonly DissectedLayer[];
    readonly bytes: Uint8Array;
    readonly wireLength: number;
  } | null;
  /** Packets of the scope before the first row and after the last one, as far as the ring has been looked through. */
  readonly before: number;
  readonly after: number;
  readonly ring: RingState;
  /** The whole ring has been looked through for this scope. */
  readonly complete: boolean;
}

/** How full the packet ring is. */
export interface RingState {
  readonly packets: number;
  readonly bytes: number;
  readonly capacity: number;
  /** Seconds between its oldest and its newest packet. */
  readonly seconds: number;
  /** Bytes kept of each packet; 0: all. */
  readonly snaplen: number;
}

/** What talkers are grouped by. */
export type TalkerKey = "host" | "port" | "app" | "vlan" | "mac" | "ovs-port";

export interface TalkersQuery {
  readonly key: TalkerKey;
  readonly sort: "flows" | "sent" | "received" | "rate" | "name";
  readonly descending: boolean;
  readonly offset: number;
  readonly rows: number;
}

export interface TalkerRow {
  readonly name: string;
  readonly flows: number;
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  readonly receivedBytes: number;
  readonly rateBps: number;
  /** Of the rate of all, or, where nothing moves, of their bytes: 0 to 1. */
  readonly share: number;
  /** The display filter that shows its flows. */
  readonly filter: string;
}

export interface TalkersAnswer {
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly TalkerRow[];
}

export interface OverviewQuery {
  /** Seconds a step of the graph lasts. */
  readonly step: 1 | 10;
  readonly steps: number;
  /** Rows of each small table. */
  readonly rows: number;
}

export interface OverviewAnswer {
  /** Bits per second from originators and from responders, a step each, oldest first. */
  readonly up: readonly number[];
  readonly down: readonly number[];
  readonly hosts: readonly TalkerRow[];
  readonly apps: readonly TalkerRow[];
  /** Flows by conn_state, most first. */
  readonly states: readonly (readonly [state: string, flows: number])[];
  /** Flows that began and ended in the last second. */
  readonly begun: number;
  readonly ended: number;
  readonly live: number;
  readonly warnings: readonly string[];
}

/** tcpdump's own counts (pcap_stats(3PCAP)). */
export interface Drops {
  readonly received: number;
  readonly kernel: number;
  readonly interface: number;
}

/** How far a capture is. */
export type CaptureState = "starting" | "running" | "ended";

/** A file that packets are being written to. */
export interface RecordingState {
  readonly path: string;
  readonly packets: number;
  readonly bytes: number;
}

/** How far the reading of a file is. */
export interface ReadingState {
  /** 0 to 1; null where the length is not known. */
  readonly progress: number | null;
  /** Times the speed of the capture; 0: as fast as it can be read. */
  readonly speed: number;
  readonly paused: boolean;
}

/** The answer to a view request. */
export interface Snapshot {
  readonly seq: number;
  readonly state: CaptureState;
  /** Wall clock of the worker, milliseconds. */
  readonly atMs: number;
  /** Since the capture began; of a file: from its first to its last packet. */
  readonly elapsedMs: number;
  readonly packets: number;
  /** Sum of original lengths. */
  readonly bytes: number;
  /** Null while unknown, and for files. */
  readonly drops: Drops | null;
  /** Of the last whole second of packet time; of a file: means over it. */
  readonly packetsPerSec: number;
  readonly bitsPerSec: number;
  readonly peakBitsPerSec: number;
  /** Bits per second of the last 60 seconds, oldest first; empty for a file. */
  readonly rateHistory: readonly number[];
  /** Packets that belong to no IP flow (ARP, STP, LLDP, …). */
  readonly notIp: number;
  readonly malformed: number;
  /** Flows in the table, ended ones included. */
  readonly held: number;
  /** The display filter the rows have passed: that of the request, or the last valid one before it. */
  readonly filter: string;
  /** What is wrong with the request's filter, null when nothing is. */
  readonly filterError: string | null;
  /** The capture filter in force; null for none. */
  readonly bpf: string | null;
  readonly recording: RecordingState | null;
  /** Null for a live capture. */
  readonly reading: ReadingState | null;
  readonly flows: FlowsAnswer | null;
  readonly packetList: PacketsAnswer | null;
  readonly talkers: TalkersAnswer | null;
  readonly overview: OverviewAnswer | null;
}
