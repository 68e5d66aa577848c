/** What is known of a watched mirror: OVS's own count next to what was captured, and the verdict (docs/guide/watch.md). */

/** What comparing the two counts says; `DELETED`: the mirror is gone from OVSDB. */
export type Verdict = "OK" | "LOSS" | "WAIT" | "STALE" | "NO TRAFFIC" | "N/A" | "DELETED";

/** Two counts of the same packets, taken for the same span of time. */
export interface ComparedCounts {
  /** Packets OVS says it mirrored. */
  readonly mirrored: number;
  /** Packets captured, from a little before to a little after that span: it may be the greater one without any harm. */
  readonly captured: number;
  /** When OVS gave its count, milliseconds before now. */
  readonly ageMs: number;
}

export interface MirrorStatus {
  readonly name: string;
  /** The mirrored ports, as `mirror list` names them. */
  readonly sources: string;
  /** Packets OVS says it has mirrored since the capture began; null before its first answer. */
  readonly mirrored: number | null;
  /** The counts the verdict rests on; null before the first comparison. */
  readonly compared: ComparedCounts | null;
  readonly verdict: Verdict;
  /** When OVS's next count comes, milliseconds from now; null: not known, but it counts every 5 s. */
  readonly dueMs: number | null;
  /** Packets that are certainly missing. */
  readonly lost: number;
  /** Why a verdict cannot be given. */
  readonly reason?: string;
}

/** One stage a mirrored packet goes through, with the number that was read for it. */
export interface MirrorStage {
  readonly title: string;
  /** Packets since the capture began; null: not known. */
  readonly packets: number | null;
  readonly bytes: number | null;
  /** Packets this stage itself says it dropped; null: it does not say. */
  readonly dropped: number | null;
  /** Where the number was read. */
  readonly source: string;
  /** Age of the number, milliseconds; null: it is counted here, now. */
  readonly ageMs: number | null;
}

/** The way of a watched mirror's packets, from the switch to the record, and what is odd about it. */
export interface MirrorFunnel {
  readonly stages: readonly MirrorStage[];
  /** What selects and who owns it, one `name: value` each. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly warnings: readonly string[];
}
