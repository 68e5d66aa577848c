/** The captures of `verify`: one on the monitor, one for each source and direction, all at once. */
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { Tcpdump } from "../../capture/source/tcpdump.ts";
import type { Cleanup } from "../../core/cleanup.ts";
import { TapscopeError } from "../../core/errors.ts";
import type { Device } from "../../mirror/devices.ts";
import type { Matcher } from "../../verify/match/matcher.ts";
import { Spool } from "../../verify/match/spool.ts";
import type { SourceCapture } from "./places.ts";

/** Kernel buffers of all captures together, and of one at least and at most, KiB. */
const BUFFERS_KIB = 256 * 1024;
const BUFFER_KIB = [4096, 65_536] as const;

type Look = SourceCapture["look"];

interface RunningCapture {
  readonly what: string;
  /** Null when nothing is captured: the device is down and gets nothing, or it could not be. */
  readonly source: Tcpdump | null;
  readonly spool: Spool;
  readonly done: Promise<{ readonly reason: string | null }>;
}

export interface CapturesOptions {
  readonly monitor: Device;
  readonly sources: readonly SourceCapture[];
  /** Where the captures are kept, if they are. */
  readonly saveDir: string | undefined;
  readonly cleanup: Cleanup;
  /** Gets the error of a capture that cannot go on: a full disk. */
  readonly onError: (error: unknown) => void;
}

export class Captures {
  /** What could not be captured, or only in part. */
  readonly failures: { readonly message: string; readonly hint: string | null }[] = [];
  /** Nothing can be said: the monitor could not be captured. */
  monitorFailed = false;
  readonly #options: CapturesOptions;
  /** The monitor's first, then the sources' in their order: as the matcher numbers its streams. */
  #running: readonly RunningCapture[] = [];

  private constructor(options: CapturesOptions) {
    this.#options = options;
  }

  /** All captures listen when this resolves, but those that are in `failures`. */
  static async start(options: CapturesOptions): Promise<Captures> {
    const captures = new Captures(options);
    const { monitor, sources } = options;
    const share = Math.floor(BUFFERS_KIB / (sources.length + 1));
    const bufferKib = Math.min(BUFFER_KIB[1], Math.max(BUFFER_KIB[0], share));
    captures.#running = await Promise.all([
      captures.#start(`monitor ${monitor.name}`, monitor, "inout", bufferKib, "monitor.pcap"),
      ...sources.map(({ port, direction, device, look }) => {
        const file = `source-${device.name.replaceAll(/[^\w.-]/g, "_")}-${direction}.pcap`;
        return captures.#start(`${port} ${direction}`, device, look, bufferKib, file);
      }),
    ]);
    captures.monitorFailed = monitor.up && captures.#running[0]!.source === null;
    return captures;
  }

  async #start(
    what: string,
    device: Device,
    direction: Look,
    bufferKib: number,
    file: string,
  ): Promise<RunningCapture> {
    const { saveDir, cleanup, onError } = this.#options;
    const spool = new Spool(saveDir === undefined ? null : join(saveDir, file));
    cleanup.add("close a capture", () => spool[Symbol.dispose]());
    const idle = { what, source: null, spool, done: Promise.resolve({ reason: null }) };
    if (!device.up) return idle;
    const { name, place } = device;
    try {
      const source = await Tcpdump.start({ device: name, place, immediate: false, direction, bufferKib });
      cleanup.use("stop tcpdump", source);
      const done = source.run((frame) => spool.write(frame));
      done.catch(onError);
      return { what, source, spool, done };
    } catch (error) {
      if (!(error instanceof TapscopeError)) throw error;
      // Where a program is missing, all captures fail alike.
      if (!this.failures.some(({ message }) => message === error.message))
        this.failures.push({ message: error.message, hint: error.hint ?? null });
      return idle;
    }
  }

  /** Ends all captures, with `drain` once they have what has come until now. */
  async stop(drain: boolean): Promise<void> {
    await Promise.all(
      this.#running.map(async ({ source, spool, done, what }) => {
        await source?.stop(drain);
        const { reason } = await done;
        if (reason !== null)
          this.failures.push({ message: `the capture of ${what} ended early: ${reason}`, hint: null });
        spool.endWriting();
      }),
    );
  }

  /** Feeds a matcher, always from the capture that is behind in time. */
  async match(matcher: Matcher): Promise<void> {
    const sinks = this.#running.map(
      (_, stream) => (frame: Parameters<Matcher["push"]>[1]) => matcher.push(stream, frame),
    );
    for (let stream = matcher.hungriest; stream !== undefined; stream = matcher.hungriest) {
      if (!this.#running[stream]!.spool.read(sinks[stream]!)) matcher.end(stream);
      await turn();
    }
    matcher.finish();
  }

  /** What each capture was of, where it is kept, and how many frames the kernel dropped from it. The monitor's is the first. */
  summary(): { readonly file: string | null; readonly what: string; readonly dropped: number }[] {
    return this.#running.map(({ spool, what, source }) => {
      const drops = source?.drops;
      return { file: spool.file, what, dropped: drops ? drops.kernel + drops.interface : 0 };
    });
  }
}
