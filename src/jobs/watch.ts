/** `watch`: live flows of a port or a capture file, in the terminal UI or as text at intervals. */
import { DISPLAY_WORDS } from "../capture/filter/display-fields.ts";
import type { CaptureJob, CaptureOutcome } from "../capture/live/messages.ts";
import type { Drops, FlowsQuery, Snapshot, ViewRequest } from "../capture/live/snapshot.ts";
import { CaptureThread } from "../capture/live/thread.ts";
import { Cleanup } from "../core/cleanup.ts";
import type { MirrorInfo } from "../mirror/mirror-info.ts";
import type { Session } from "../mirror/session.ts";
import type { MirrorStatus } from "../mirror/status.ts";
import { startVswitchd } from "../mirror/target.ts";
import type { Subject } from "../tui/model.ts";
import { type CaptureTarget, openTarget, type TargetRequest } from "./capture-target.ts";
import { Finish } from "./finish.ts";
import { followMirror, followPorts, type MirrorFollower } from "./mirror-follow.ts";
import { type FlowSource, LogSource } from "./watch-logs.ts";
import { type ScreenChoice, showScreen } from "./watch-screen.ts";

/** Headers and the names clients ask for: docs/decisions/0013-what-live-captures-keep.md. */
export const WATCH_CAPTURE = { snaplen: 512, immediate: true } as const;
/** With more of each frame, immediate delivery loses packets at high rates. */
const MOST_IMMEDIATE = 512;
/** Bytes of the packet ring where nothing else is said: with headers only, some 200,000 packets. */
export const PACKET_RING = 64e6;
/** Flows of an interval's text. */
const TEXT_ROWS = 20;
/** Records that cross the threads at once. */
const PORTION = 2000;

export type WatchSource =
  | { readonly kind: "port"; readonly session: Session | null; readonly target: TargetRequest }
  /** `path` may be `-`: standard input. `play`: times the speed of its packets; null: at once. */
  | { readonly kind: "file"; readonly path: string; readonly play: number | null }
  /** A conn.log, or a folder of logs with one. */
  | { readonly kind: "logs"; readonly path: string };

/** One interval as text or JSON is made from it. */
export interface Interval {
  readonly snapshot: Snapshot;
  readonly strip: MirrorStatus | null;
  /** The capture is over: this is the sum of it. */
  readonly final: boolean;
}

export interface TextShow {
  readonly intervalMs: number;
  /** Each interval's flows come as connection records too. */
  readonly records: boolean;
  readonly onInterval: (interval: Interval) => void;
  /** Where it is given, the last interval is followed by the records of all flows that it does not hold, in portions. */
  readonly onRecords?: ((records: readonly unknown[]) => void) | undefined;
}

export interface WatchOptions {
  readonly source: WatchSource;
  /** pcap-filter(7). */
  readonly filter?: string | undefined;
  /** Leave out copies that mirrors made of a packet. */
  readonly dedup?: boolean | undefined;
  readonly durationMs?: number | undefined;
  /** Bytes of the packet ring, default `PACKET_RING`. */
  readonly ring?: number | undefined;
  /** Bytes kept of each packet of a port, default those of `WATCH_CAPTURE`; 0: all, which the kernel then gives in blocks. */
  readonly snaplen?: number | undefined;
  /** The terminal UI, or what gets an interval's text. */
  readonly show: ScreenChoice | TextShow;
  /** What the user should know before anything is seen. */
  readonly note?: ((line: string) => void) | undefined;
  /** Packets are being captured. */
  readonly onStart?: (() => void) | undefined;
  /** Ends it as its user would. */
  readonly signal?: AbortSignal | undefined;
}

export interface WatchSummary {
  /** Copies that were left out; null: not looked for. */
  readonly copies: number | null;
  /** False: the terminal has stopped reading, and the write it does not take would keep this process from ending. */
  readonly taken: boolean;
  readonly packets: number;
  readonly bytes: number;
  readonly drops: Drops | null;
  /** Why it ended although nobody asked it to, or what is wrong with the file; else null. */
  readonly reason: string | null;
  /** The mirror that was watched. */
  readonly mirror: MirrorInfo | null;
  /** The mirror was made for this job, and is gone. */
  readonly mirrorRemoved: boolean;
}

/** Watches until the user quits, the time is over, or, as text, the capture or file has ended. Leaves nothing behind. */
export async function watch(options: WatchOptions): Promise<WatchSummary> {
  using end = new Finish(options.signal);
  const { source, filter, dedup } = options;
  let target: CaptureTarget | null = null;
  let taken = true;
  let outcome: CaptureOutcome;
  {
    await using cleanup = new Cleanup();
    if (source.kind === "port") target = await openTarget(source.session, source.target, cleanup);
    const thread: FlowSource = cleanup.use(
      "end the capture",
      source.kind === "logs" ? new LogSource(source.path) : new CaptureThread(jobOf(options, source, target)),
    );
    for (const lack of await Promise.race([thread.started, failing(end)])) options.note?.(lack);
    const strip =
      target?.mirror && source.kind === "port" && source.session
        ? await followMirror(source.session, target.mirror, target.own, filter, cleanup, dedup)
        : null;
    if (target?.mirror && source.kind === "port" && source.session) {
      followPorts(source.session, target.mirror.bridge, (ports) => thread.usePorts(ports), cleanup);
    }
    const down = await vswitchdDown(source, target);
    if (down !== null) options.note?.(down);
    options.onStart?.();
    const timer = options.durationMs === undefined ? undefined : setTimeout(() => end.end(), options.durationMs);
    cleanup.add("stop the clock", () => clearTimeout(timer));
    const subject: Subject = {
      target: source.kind === "port" ? target!.device : source.path,
      live: source.kind === "port",
      played: source.kind === "file" && source.play !== null,
      mirrored: target?.mirror != null,
      filterWords: DISPLAY_WORDS,
    };
    if ("color" in options.show) taken = await showScreen(options.show, subject, thread, strip, end);
    else await showText(options.show, subject, thread, strip, end);
    thread.stop();
    outcome = await thread.ended;
    if ("onInterval" in options.show) {
      const snapshot = await ask(thread, textRequest("bytes", options.show.records));
      options.show.onInterval({ snapshot, strip: strip?.see(snapshot) ?? null, final: true });
      if (options.show.onRecords) await askForRest(thread, snapshot, options.show.onRecords);
    }
  }
  const reason = outcome.reason ?? (await vswitchdDown(source, target));
  return { taken, ...outcome, reason, mirror: target?.mirror ?? null, mirrorRemoved: target?.own ?? false };
}

/** Why nothing is mirrored whatever is sent, where a mirror is watched; else null. */
async function vswitchdDown(source: WatchSource, target: CaptureTarget | null): Promise<string | null> {
  if (source.kind !== "port" || !source.session || !target?.mirror) return null;
  const { session } = source;
  const problem = await session.vswitchdProblem().catch(() => undefined);
  return problem === undefined ? null : `${problem}: nothing is mirrored; start it: ${startVswitchd(session.target)}`;
}

/** Rejects when the job fails before it has begun. */
async function failing(end: Finish): Promise<never> {
  await end.ended;
  return await new Promise(() => {});
}

function jobOf(
  { filter, ring = PACKET_RING, snaplen, dedup }: WatchOptions,
  source: Exclude<WatchSource, { kind: "logs" }>,
  target: CaptureTarget | null,
): CaptureJob {
  if (source.kind === "file") return { kind: "file", path: source.path, filter, play: source.play, ring, dedup };
  const { device, place } = target!;
  const kept =
    snaplen === undefined
      ? WATCH_CAPTURE
      : { snaplen: snaplen || undefined, immediate: snaplen > 0 && snaplen <= MOST_IMMEDIATE };
  return { kind: "device", device, place, ...kept, filter, ring, dedup };
}

async function showText(
  { intervalMs, records, onInterval }: TextShow,
  { live, target }: Subject,
  thread: FlowSource,
  strip: MirrorFollower | null,
  end: Finish,
): Promise<void> {
  // A capture on standard input may be one that is still being made.
  const interval =
    live || target === "-" ? setInterval(() => thread.request(textRequest("rate", records)), intervalMs) : undefined;
  thread.onSnapshot((snapshot) => {
    try {
      onInterval({ snapshot, strip: strip?.see(snapshot) ?? null, final: false });
    } catch (error) {
      end.fail(error);
    }
  });
  try {
    await Promise.race([end.ended, thread.ended]);
  } finally {
    clearInterval(interval);
  }
}

function textRequest(sort: FlowsQuery["sort"], records: boolean): ViewRequest {
  return {
    ...{ seq: 0, filter: "", hold: false, packets: null, talkers: null, overview: null },
    flows: { sort, descending: true, offset: 0, rows: TEXT_ROWS, pin: null, frozen: false, ended: true, records },
  };
}

/** The records of all flows behind those that a last snapshot shows; nothing moves any more. */
async function askForRest(thread: FlowSource, first: Snapshot, take: (records: readonly unknown[]) => void) {
  const request = textRequest("bytes", true);
  const all = first.flows?.scrollable ?? 0;
  for (let next = first.flows?.records.length ?? 0, turn = 1; next < all; turn++) {
    const { flows } = await ask(
      thread,
      { ...request, flows: { ...request.flows!, offset: next, rows: PORTION } },
      turn,
    );
    // The last portion begins earlier than it was asked for.
    const records = flows?.records.slice(next - flows.offset) ?? [];
    if (records.length === 0) return;
    take(records);
    next += records.length;
  }
}

/** One answer, whatever was asked before. */
async function ask(thread: FlowSource, request: ViewRequest, turn = 0): Promise<Snapshot> {
  const seq = Number.MAX_SAFE_INTEGER - turn;
  return await new Promise((resolve, reject) => {
    thread.onSnapshot((snapshot) => {
      if (snapshot.seq === seq) resolve(snapshot);
    });
    thread.ended.catch(reject);
    thread.request({ ...request, seq });
  });
}
