/** The answer of `verify`, as `--json` prints it. Keys are fixed (docs/guide/verify.md); times in nanoseconds. */
import type { DelaySummary } from "../match/delays.ts";
import type { Difference, Missing, VlanChange } from "../match/tally.ts";
import type { MirrorCounts } from "./facts.ts";

/**
 * - `faithful` what the sources sent was seen on the monitor: all of it, once, unaltered
 * - `unfaithful` it was not
 * - `untested` nothing was sent, or it could not be captured
 */
export type Verdict = "faithful" | "unfaithful" | "untested";

export interface Cause {
  readonly code: CauseCode;
  readonly message: string;
  /** What to do about it. */
  readonly hint: string | null;
}

export type CauseCode =
  | "vswitchd-down"
  | "no-mirror"
  | "dangling-source"
  | "dangling-output"
  | "other-bridge"
  | "not-applied"
  | "stale"
  | "wrong-source"
  | "one-direction"
  | "vlan-selection"
  | "filter"
  | "snaplen"
  | "monitor-down"
  | "output-in-use"
  | "stale-flows"
  | "lost-after-copy"
  | "lost-before-copy"
  | "source-drops"
  | "several-mirrors"
  | "duplicated"
  | "altered"
  | "reordered"
  | "offloads"
  | "unfinished-checksums"
  | "path-mtu"
  | "capture-drops"
  | "capture-failed"
  | "no-source"
  | "wrong-path"
  | "nothing-sent"
  | "arp-failed"
  | "nd-failed"
  | "no-route"
  | "no-replies"
  | "not-answered"
  | "command-failed"
  | "unknown";

type Timed<T> = Omit<T, "timeNs"> & { readonly time_ns: bigint };

export interface DirectionReport {
  readonly direction: "in" | "out";
  readonly source_frames: number;
  /** Duplicates included. */
  readonly monitor_frames: number;
  readonly missing: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly altered: number;
  readonly truncated: number;
  /** Differ in a checksum left to the device; merged or cut into segments: neither counts against the mirror. */
  readonly checksum_offloaded: number;
  readonly resegmented: number;
  /** The change most copies had; null when there were none. */
  readonly vlan: VlanChange | null;
  readonly vlan_frames: Readonly<Record<VlanChange, number>>;
  readonly delay_ns: DelaySummary | null;
  /** The first ten of each. */
  readonly differences: readonly Timed<Difference>[];
  readonly missing_frames: readonly Timed<Missing>[];
}

export interface PingSequence {
  readonly seq: number;
  /** On the monitor. */
  readonly request_seen: boolean;
  readonly reply_seen: boolean;
  /** Between request and reply on the monitor. */
  readonly wire_rtt_ns: number | null;
  /** As ping said it. */
  readonly ping_rtt_ns: number | null;
}

export interface PingReport {
  readonly address: string;
  /** Where it ran. */
  readonly from: string;
  readonly sent: number;
  readonly received: number;
  readonly requests_seen: number;
  readonly replies_seen: number;
  /** Sequence numbers of which the monitor missed the request or the reply. */
  readonly missing_seq: readonly number[];
  readonly sequences: readonly PingSequence[];
  /** What ping complained of. */
  readonly complaint: string | null;
  /** The largest packet that was answered with the don't-fragment flag (--df); null when it was not looked for, or none was. */
  readonly largest: LargestPacket | null;
}

export interface LargestPacket {
  /** Payload of the echo request. */
  readonly payload_bytes: number;
  /** The IP packet. */
  readonly packet_bytes: number;
  /** Of the device that pinged; packets larger than this are not sent. */
  readonly mtu: number;
}

export interface VerifyReport {
  readonly verdict: Verdict;
  readonly monitor: string;
  /** What was captured at the source, port by port, and how much of it the monitor saw. */
  readonly sources: readonly {
    readonly port: string;
    readonly direction: "in" | "out";
    readonly frames: number;
    readonly seen: number;
  }[];
  readonly directions: readonly DirectionReport[];
  readonly monitor_frames: number;
  readonly foreign_frames: number;
  /** Of the foreign frames, those the monitor's own device sent. */
  readonly chatter_frames: number;
  readonly ping: PingReport | null;
  readonly inject: { readonly interface: string; readonly sent: number; readonly seen: number } | null;
  readonly command: {
    readonly argv: readonly string[];
    readonly exit_code: number | null;
    readonly signal: string | null;
  } | null;
  readonly ovs: { readonly before: MirrorCounts | null; readonly after: MirrorCounts | null };
  readonly captures: readonly { readonly file: string | null; readonly what: string; readonly dropped: number }[];
  readonly causes: readonly Cause[];
  /** What does not change the verdict but should be known. */
  readonly notes: readonly Cause[];
  readonly started_ns: bigint;
  readonly ended_ns: bigint;
}
