/** `tapscope watch [target]`: live flows in the terminal UI, or as text or JSON at intervals. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { Snapshot } from "../capture/live/snapshot.ts";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { parseDuration } from "../core/units.ts";
import type { Interval, WatchOptions, WatchSource, WatchSummary } from "../jobs/watch.ts";
import type { Session } from "../mirror/session.ts";
import type { MirrorStrip } from "../tui/model.ts";
import { targetOptions } from "./capture.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";
import { openSwitch } from "./open-switch.ts";

/** Columns of a table that goes into a pipe. */
const PIPE_COLS = 132;

interface WatchCommandOptions {
  readonly mirror?: readonly string[];
  readonly bridge?: string;
  readonly filter?: string;
  readonly text?: boolean;
  readonly interval?: string;
  readonly duration?: string;
}

export function registerWatch(program: Command): void {
  targetOptions(
    program
      .command("watch")
      .description("live flows in the terminal: a port's, a mirror's, or a capture file's")
      .argument("[target]", "a port or device, or a capture file; default: the output of the only mirror"),
  )
    .option("--text", "a table at every interval instead of the terminal UI (also without a terminal)")
    .option("--interval <time>", "how often a table is printed (default: 2s)")
    .option("--duration <time>", "end after this time: 10s, 5m")
    .action(async (target: string | undefined, options: WatchCommandOptions, command: Command) => {
      const { json, dryRun } = globalOptions(command);
      const { filter } = options;
      const intervalMs = parseDuration(options.interval ?? "2s");
      const durationMs = options.duration === undefined ? undefined : parseDuration(options.duration);
      const changes = options.mirror !== undefined || options.bridge !== undefined;
      await using session = await switchUnlessFile(command, target, changes);
      const { watch, WATCH_CAPTURE } = await import("../jobs/watch.ts");
      const source: WatchSource =
        session === null
          ? { kind: "file", path: target! }
          : { kind: "port", session, target: { port: target, mirror: options.mirror, bridge: options.bridge } };
      if (dryRun && source.kind === "port") {
        const { sayCommands } = await import("../jobs/capture-target.ts");
        return await sayCommands(source.session, source.target, { filter, ...WATCH_CAPTURE }, print);
      }
      const show = await showOf(command, { text: options.text === true, intervalMs });
      const summary = await watch({
        source,
        filter,
        durationMs,
        show,
        note: (line) => note(`note: ${sanitize(line)}`),
      });
      await endOfWatch(summary, json);
    });
}

/** The switch that is meant, or null when the target is a capture file: that is watched whatever switches there are. */
async function switchUnlessFile(
  command: Command,
  target: string | undefined,
  changes: boolean,
): Promise<Session | null> {
  if (target === undefined || changes || !(target.includes("/") || existsSync(target))) {
    return await openSwitch(command, changes);
  }
  if (target.includes("/")) return null;
  const { isPort } = await import("../jobs/capture-target.ts");
  const session = await openSwitch(command, false).catch(nullIfUnclear);
  let port = false;
  try {
    port = session !== null && (await isPort(session, target));
    return port ? session : null;
  } finally {
    if (!port) await session?.[Symbol.asyncDispose]();
  }
}

/** It is not clear which switch is meant. */
function nullIfUnclear(error: unknown): null {
  if (error instanceof UsageError) return null;
  throw error;
}

/** The terminal UI where there can be one and nothing else is asked for, else text or JSON. */
export async function showOf(
  command: Command,
  { text, intervalMs }: { readonly text: boolean; readonly intervalMs: number },
): Promise<WatchOptions["show"]> {
  const { json, color } = globalOptions(command);
  const plain = json || text || !process.stdout.isTTY || (await refusedHere());
  return plain ? { intervalMs, records: json, onInterval: await printer(json) } : { color };
}

/** Tells how a watch ended, and sets the exit code; to be called when all is cleaned up. */
export async function endOfWatch(summary: WatchSummary, json: boolean): Promise<void> {
  const { exitCodeOf } = await import("../jobs/signals.ts");
  tellEnd(summary, json);
  if (!summary.taken) process.kill(process.pid, summary.ending === "SIGHUP" ? "SIGHUP" : "SIGTERM");
  process.exitCode = summary.reason === null ? exitCodeOf(summary.ending) : EXIT_FAILED;
}

/** Says why there can be no terminal UI here, if so. */
async function refusedHere(): Promise<boolean> {
  const { refusal } = await import("../tui/terminal/environment.ts");
  const why = refusal(process.env);
  if (why !== null) note(`note: no terminal UI here (${why}): text instead`);
  return why !== null;
}

/** What prints the intervals. */
async function printer(json: boolean): Promise<(interval: Interval) => void> {
  if (json) return ({ snapshot, strip }) => printJson(intervalJson(snapshot, strip));
  const { renderPlain } = await import("../tui/plain.ts");
  const { glyphsOf } = await import("../tui/terminal/environment.ts");
  const glyphs = glyphsOf(process.env);
  const cols = process.stdout.columns ?? PIPE_COLS;
  return ({ snapshot, strip, final }) => {
    if (final) print("summary:");
    for (const line of renderPlain(snapshot, strip, final ? "bytes" : "rate", cols, glyphs)) print(line);
  };
}

/** What `watch --json` prints an interval (DESIGN: one object a line). */
function intervalJson(snapshot: Snapshot, strip: MirrorStrip | null): Record<string, unknown> {
  const { atMs, packets, bytes, packetsPerSec, bitsPerSec, drops, records } = snapshot;
  return {
    time_ns: BigInt(Math.trunc(atMs)) * 1_000_000n,
    packets,
    bytes,
    pps: packetsPerSec,
    bps: bitsPerSec,
    dropped: drops ? drops.kernel + drops.interface : null,
    mirrored: strip?.mirrored ?? null,
    verdict: strip?.verdict ?? null,
    flows: records,
  };
}

function tellEnd({ packets, drops, reason, mirror, mirrorRemoved }: WatchSummary, json: boolean): void {
  if (reason !== null) note(`capture ended: ${sanitize(reason)}`);
  if (json) return;
  const counts = [`${packets} packets captured`];
  if (drops) {
    counts.push(
      `${drops.received} received by filter`,
      `${drops.kernel} dropped by kernel`,
      `${drops.interface} dropped by interface`,
    );
  }
  note(counts.join(", "));
  if (mirrorRemoved)
    note(`mirror ${sanitize(mirror!.name)} and its port ${sanitize(mirror!.output ?? "")} are removed`);
}
