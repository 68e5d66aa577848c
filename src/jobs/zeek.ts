/** `zeek`: the logs Zeek would write, from capture files or from a live mirror. */
import type { CaptureSummary } from "../capture/format/summary.ts";
import type { Frame } from "../capture/frame.ts";
import { readCapture } from "../capture/source/file.ts";
import { openLiveSource } from "../capture/source/open.ts";
import { Cleanup } from "../core/cleanup.ts";
import type { MirrorInfo } from "../mirror/mirror-info.ts";
import type { Session } from "../mirror/session.ts";
import { ConnectionLogs, type ConnectionLogsOptions } from "../service/connection-logs.ts";
import { LogFiles, type WrittenLog } from "../service/log/log-files.ts";
import { zeekJson, zeekTsv } from "../service/log/zeek-lines.ts";
import { openTarget, type TargetRequest } from "./capture-target.ts";
import { Finish } from "./finish.ts";

/** How often time passes for connections that are silent, logs reach their files, and tcpdump is asked what was dropped, milliseconds. */
const TICK_MS = 1000;

export interface ZeekOptions extends ConnectionLogsOptions {
  /** The folder of the logs; made if it is not there. */
  readonly directory: string;
  /** Files of so much packet time, named as zeekctl names them. */
  readonly rotateMs?: number | undefined;
  /** pcap-filter(7). */
  readonly filter?: string | undefined;
}

/** What `zeek --json` prints. */
export interface ZeekResult {
  readonly logs: readonly WrittenLog[];
  readonly packets: number;
  readonly connections: number;
  /** Packets that the kernel dropped before they were seen; null for files. */
  readonly dropped_kernel: number | null;
  readonly dropped_interface: number | null;
  /** Connections whose payload was not read to its end, to keep memory bounded. */
  readonly given_up: number;
  readonly mirror: MirrorInfo | null;
}

function openLogs(options: ZeekOptions): ConnectionLogs {
  const rotateNs = options.rotateMs === undefined ? null : BigInt(options.rotateMs) * 1_000_000n;
  const files = new LogFiles(options.directory, options.format === "tsv" ? zeekTsv : zeekJson, rotateNs);
  return new ConnectionLogs(files, options);
}

/** Logs capture files, in the order of time; `onFile` is told how each was read. */
export async function zeekOfFiles(
  files: readonly string[],
  options: ZeekOptions,
  onFile: (summary: CaptureSummary) => void,
): Promise<ZeekResult> {
  const logs = openLogs(options);
  const sink = (frame: Frame) => logs.frame(frame);
  try {
    for (const file of files) {
      onFile(await readCapture(file, sink, options.filter === undefined ? {} : { filter: options.filter }));
    }
  } catch (error) {
    logs.close();
    throw error;
  }
  return resultOf(logs, null, null);
}

export interface LiveZeekOptions extends ZeekOptions {
  readonly target: TargetRequest;
  readonly durationMs?: number | undefined;
  /** Ends it as its time would. */
  readonly signal?: AbortSignal | undefined;
  readonly onStart?: (device: string) => void;
}

/** Logs what arrives at a target until the time is reached, the signal aborts, or the device is gone. */
export async function zeekOfTarget(
  session: Session | null,
  options: LiveZeekOptions,
): Promise<{ result: ZeekResult; reason: string | null }> {
  using finish = new Finish(options.signal);
  await using cleanup = new Cleanup();
  const target = await openTarget(session, options.target, cleanup);
  const source = await openLiveSource({
    device: target.device,
    place: target.place,
    immediate: false,
    filter: options.filter,
  });
  cleanup.use("end the capture", source);
  const logs = openLogs(options);
  options.onStart?.(target.device);
  const running = source.run((frame) => logs.frame(frame));
  const ticker = setInterval(() => {
    try {
      logs.advance(Date.now() / 1000);
      logs.flush();
    } catch (error) {
      finish.fail(error);
    }
    source.refreshDrops();
  }, TICK_MS);
  const timer = options.durationMs === undefined ? undefined : setTimeout(() => finish.end(), options.durationMs);
  try {
    await Promise.race([finish.ended, running]);
    await source.stop(true);
    const { reason, drops } = await running;
    return { result: resultOf(logs, drops ?? { kernel: 0, interface: 0 }, target.mirror), reason };
  } catch (error) {
    logs.close();
    throw error;
  } finally {
    clearInterval(ticker);
    clearTimeout(timer);
  }
}

function resultOf(
  logs: ConnectionLogs,
  drops: { readonly kernel: number; readonly interface: number } | null,
  mirror: MirrorInfo | null,
): ZeekResult {
  const written = logs.close();
  return {
    logs: written,
    packets: logs.meter.packets,
    connections: logs.meter.connections,
    dropped_kernel: drops?.kernel ?? null,
    dropped_interface: drops?.interface ?? null,
    given_up: logs.givenUp,
    mirror,
  };
}
