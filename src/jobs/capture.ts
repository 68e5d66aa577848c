/** `capture`: writes what arrives at a target to a file, and counts what was lost on the way. */

import { CopyFilter } from "../capture/dedup.ts";
import { Recorder, type RecorderOptions } from "../capture/format/recorder.ts";
import { openLiveSource } from "../capture/source/open.ts";
import { Cleanup } from "../core/cleanup.ts";
import { TapscopeError } from "../core/errors.ts";
import { nowNs } from "../core/time.ts";
import type { MirrorInfo } from "../mirror/mirror-info.ts";
import type { Session } from "../mirror/session.ts";
import { openTarget, type TargetRequest } from "./capture-target.ts";
import { Finish } from "./finish.ts";

/** How often what was captured reaches the file, and progress is told, milliseconds. */
const FLUSH_MS = 200;
/** How often tcpdump is asked what was dropped, milliseconds. */
const DROPS_MS = 1000;

export interface CaptureOptions {
  readonly target: TargetRequest;
  /** A path, or `-` for standard output. */
  readonly path: string;
  readonly format: RecorderOptions["format"];
  readonly ring?: RecorderOptions["ring"];
  /** pcap-filter(7); matches tagged and untagged frames alike. */
  readonly filter?: string | undefined;
  readonly snaplen?: number | undefined;
  /** The link-layer type where it is known: then the file's head is written at once. */
  readonly linktype?: number | undefined;
  /** Leave out copies that mirrors made of a packet. */
  readonly dedup?: boolean | undefined;
  readonly durationMs?: number | undefined;
  /** Ends after so many packets. */
  readonly count?: number | undefined;
  /** Ends the capture as its time would. */
  readonly signal?: AbortSignal | undefined;
  readonly onStart?: (device: string) => void;
  readonly onProgress?: (progress: CaptureCounts) => void;
}

export interface CaptureCounts {
  readonly packets: number;
  /** Sum of original lengths. */
  readonly bytes: number;
  /** Copies of packets that were left out; null: not looked for. */
  readonly copies: number | null;
  readonly received: number | null;
  readonly dropped_kernel: number | null;
  readonly dropped_interface: number | null;
}

/** What `capture --json` prints. */
export interface CaptureResult extends CaptureCounts {
  /** As given. */
  readonly file: string;
  /** The files there are: with a ring, those that were kept. */
  readonly files: readonly string[];
  readonly started_ns: bigint;
  readonly ended_ns: bigint;
  readonly mirror: MirrorInfo | null;
}

/** Captures until the time or count is reached, the signal aborts, or the device is gone. */
export async function capture(
  session: Session | null,
  options: CaptureOptions,
): Promise<{ result: CaptureResult; reason: string | null }> {
  using finish = new Finish(options.signal);
  await using cleanup = new Cleanup();
  const target = await openTarget(session, options.target, cleanup);
  const { path, format, ring, snaplen, filter } = options;
  const source = await openLiveSource({
    device: target.device,
    place: target.place,
    immediate: false,
    filter,
    snaplen,
  });
  cleanup.use("end the capture", source);
  const startedNs = nowNs();

  const recorder = new Recorder({
    path,
    format,
    ring,
    device: {
      name: target.device,
      ...(filter === undefined ? {} : { filter }),
      ...(snaplen === undefined ? {} : { snaplen }),
    },
  });
  if (options.linktype !== undefined) {
    recorder.begin(options.linktype);
    recorder.flush();
  }
  options.onStart?.(target.device);
  const limit = options.count ?? Number.POSITIVE_INFINITY;
  let packets = 0;
  let bytes = 0;
  const filterCopies = options.dedup ? new CopyFilter() : null;
  const running = source.run((frame) => {
    if (packets >= limit || filterCopies?.isCopy(frame)) return;
    recorder.write(frame);
    packets++;
    bytes += frame.origLen;
    if (packets === limit) finish.end();
  });
  const counts = (): CaptureCounts => ({
    packets,
    bytes,
    copies: filterCopies?.copies ?? null,
    received: source.drops?.received ?? null,
    dropped_kernel: source.drops?.kernel ?? null,
    dropped_interface: source.drops?.interface ?? null,
  });
  const flusher = setInterval(() => {
    try {
      recorder.flush();
    } catch (error) {
      finish.fail(error);
    }
    options.onProgress?.(counts());
  }, FLUSH_MS);
  const asker = setInterval(() => source.refreshDrops(), DROPS_MS);
  const timer = options.durationMs === undefined ? undefined : setTimeout(() => finish.end(), options.durationMs);

  let reason: string | null = null;
  try {
    await Promise.race([finish.ended, running]);
    await source.stop(packets < limit);
    ({ reason } = await running);
    if (packets === 0 && options.linktype === undefined) recorder.begin(source.linktype ?? 1);
    const { drops } = source;
    recorder.close(drops && { received: drops.received, dropped: drops.kernel + drops.interface });
  } catch (error) {
    if (!isReaderGone(error)) throw error;
  } finally {
    clearInterval(flusher);
    clearInterval(asker);
    clearTimeout(timer);
  }
  const result: CaptureResult = {
    file: path,
    files: recorder.files,
    ...counts(),
    started_ns: startedNs,
    ended_ns: nowNs(),
    mirror: target.mirror,
  };
  return { result, reason };
}

/** Who reads our standard output has had enough: no error (`capture -w - | head`). */
function isReaderGone(error: unknown): boolean {
  return error instanceof TapscopeError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "EPIPE";
}
