/** What the matching found, counted: for each direction, for each source port, and what on the monitor belongs to none. */
import { type DelaySummary, Delays } from "./delays.ts";
import type { Stream } from "./events.ts";

export type VlanChange = "same" | "added" | "removed" | "rewritten";
export const VLAN_CHANGES: readonly VlanChange[] = ["same", "added", "removed", "rewritten"];

/** Examples kept of each kind. */
const EXAMPLES = 10;

/** A frame whose copy differs. Offsets count from the start of the frame, VLAN tags aside. */
export interface Difference {
  readonly timeNs: bigint;
  readonly length: number;
  readonly offset: number;
  /** The byte on the source and on the monitor; null where one of them ends before. */
  readonly source: number | null;
  readonly monitor: number | null;
}

/** A frame that never came. */
export interface Missing {
  readonly timeNs: bigint;
  readonly port: string;
  readonly length: number;
  /** What it was, e.g. `10.0.0.1 > 10.0.0.2 ICMP echo request, seq 3`. */
  readonly what: string;
}

export class DirectionTally {
  sourceFrames = 0;
  /** Copies on the monitor, duplicates included. */
  monitorFrames = 0;
  missing = 0;
  duplicated = 0;
  /** Copies that came after the copy of a later frame (RFC 4737 §3). */
  reordered = 0;
  altered = 0;
  truncated = 0;
  /** Copies that differ only in a checksum that the sender had left to its device. */
  offloaded = 0;
  /** Frames that were merged or cut into segments (GSO, GRO) between the two captures; all bytes came. */
  resegmented = 0;
  readonly vlan = { same: 0, added: 0, removed: 0, rewritten: 0 };
  readonly delays = new Delays();
  readonly differences: Difference[] = [];
  readonly missed: Missing[] = [];

  addDifference(difference: Difference): void {
    if (this.differences.length < EXAMPLES) this.differences.push(difference);
  }

  get wantsMissed(): boolean {
    return this.missed.length < EXAMPLES;
  }

  /** The change most copies had. */
  vlanChange(): VlanChange {
    return VLAN_CHANGES.reduce(
      (most, change) => (this.vlan[change] > this.vlan[most] ? change : most),
      "same" as VlanChange,
    );
  }

  delaySummary(): DelaySummary | null {
    return this.delays.summary();
  }
}

/** How much of what one source's capture saw came to the monitor. */
export interface StreamTally extends Pick<Stream, "port" | "direction"> {
  frames: number;
  seen: number;
  /** Copies that are whole unicast TCP or UDP packets, and how many of them hold no more than a part of their checksum. */
  checksummed: number;
  unfinished: number;
}

export class Tally {
  readonly in = new DirectionTally();
  readonly out = new DirectionTally();
  readonly streams: readonly StreamTally[];
  /** All frames captured on the monitor while the traffic ran, whatever they were. */
  monitorTotal = 0;
  /** Those that no source sent. */
  foreign = 0;
  /** Of these, those that carry the monitor's own address as their source. */
  chatter = 0;
  /** Bytes on the longest copy that was cut, VLAN tags aside; 0 when none was. */
  truncatedTo = 0;
  /** VLAN ids seen on copies that had a tag more than the source. */
  readonly vlansAdded = new Set<number>();

  constructor(streams: readonly Stream[]) {
    this.streams = streams.map(({ port, direction }) => ({
      port,
      direction,
      frames: 0,
      seen: 0,
      checksummed: 0,
      unfinished: 0,
    }));
  }
}
