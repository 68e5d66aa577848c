/** What every live source gives: frames into a sink, drop counts, and an end that loses nothing. */
import type { FrameSink } from "../frame.ts";
import type { Drops } from "../live/snapshot.ts";

export interface LiveOptions {
  readonly device: string;
  /** pcap-filter(7) expression. */
  readonly filter?: string | undefined;
  /** Bytes kept of each frame; default all. */
  readonly snaplen?: number | undefined;
  /** Hand on each packet as it comes rather than in blocks: for screens. With a full snaplen this loses packets. */
  readonly immediate: boolean;
}

/** How a capture ended. */
export interface CaptureEnd {
  /** Final counts; null when the source has none. */
  readonly drops: Drops | null;
  /** Why it ended although nobody asked it to, e.g. the device disappeared; else null. */
  readonly reason: string | null;
}

export interface LiveSource extends AsyncDisposable {
  /** What this source cannot tell, one sentence each. */
  readonly lacks: readonly string[];
  /** Counts as they were last told; null when the source has none. */
  readonly drops: Drops | null;
  /** LINKTYPE_ value, null as long as it is not known. */
  readonly linktype: number | null;
  /** Asks for new counts; `drops` has them soon after. */
  refreshDrops(): void;
  /** Hands each frame to `sink` until the capture ends. To be called once. */
  run(sink: FrameSink): Promise<CaptureEnd>;
  /** Ends the capture, with `drain` once what has reached the device until now has been handed on; `run` then resolves. */
  stop(drain: boolean): Promise<void>;
}
