/** `tapscope watch [target]`: live flows in the terminal UI, or as text or JSON at intervals. */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import type { Snapshot } from "../capture/live/snapshot.ts";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { parseDuration, parseInteger, parseSize } from "../core/units.ts";
import type { Interval, TextShow, WatchOptions, WatchSource, WatchSummary } from "../jobs/watch.ts";
import type { MirrorStatus } from "../mirror/status.ts";
import { captureFilter, type FilterOptions, openSessionOfTarget, targetOptions } from "./capture.ts";
import { globalOptions, jsonText, note, print, printJson } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";
import { Shutdown } from "./shutdown.ts";

/** Columns of a table that goes into a pipe. */
const PIPE_COLS = 132;

interface WatchCommandOptions extends FilterOptions {
  readonly mirror?: readonly string[];
  readonly bridge?: string;
  readonly text?: boolean;
  readonly allFlows?: boolean;
  readonly interval?: string;
  readonly duration?: string;
  readonly packetRing?: string;
  readonly snaplen?: string;
  readonly play?: string | true;
  readonly background?: "light" | "dark";
}

export function registerWatch(program: Command): void {
  targetOptions(
    program
      .command("watch")
      .description("live flows in the terminal: a port's, a mirror's, a capture file's, or a conn.log's")
      .argument(
        "[target]",
        "a port or device, a capture file, - for a capture on standard input, or a conn.log or a folder with one; default: the output of the only mirror",
      ),
  )
    .option("--text", "a table at every interval instead of the terminal UI (also without a terminal)")
    .option("--all-flows", "with --json: the last object has all flows, not only the 20 largest")
    .option("--interval <time>", "how often a table is printed (default: 2s)")
    .option("--duration <time>", "end after this time: 10s, 5m")
    .option("--packet-ring <size>", "memory for the newest packets, which can be looked at and saved (default: 64M)")
    .option(
      "--snaplen <bytes>",
      "bytes kept of each packet; 0 keeps them whole, and shows them a moment later (default: 512)",
    )
    .option("--play [speed]", "play a file at this many times its speed (default: 1)")
    .addOption(
      new Option("--background <kind>", "the terminal's background (default: the terminal is asked)").choices([
        "light",
        "dark",
      ]),
    )
    .action(async (target: string | undefined, options: WatchCommandOptions, command: Command) => {
      const { json, dryRun } = globalOptions(command);
      const filter = captureFilter(options);
      const intervalMs = parseDuration(options.interval ?? "2s");
      const durationMs = options.duration === undefined ? undefined : parseDuration(options.duration);
      const changes = options.mirror !== undefined || options.bridge !== undefined;
      const path = !changes && (target === "-" || target?.includes("/"));
      await using session = path ? null : await openSessionOfTarget(command, target, changes);
      const { watch, WATCH_CAPTURE } = await import("../jobs/watch.ts");
      const { isPort } = await import("../jobs/capture-target.ts");
      const isFile = path || (!changes && existsSync(target ?? "") && !(session && (await isPort(session, target!))));
      const { isLog } = await import("../bro/log/set.ts");
      const source: WatchSource =
        isFile && target !== "-" && (await isLog(target!))
          ? { kind: "logs", path: target! }
          : isFile
            ? { kind: "file", path: target!, play: playOf(options.play) }
            : { kind: "port", session, target: { port: target, mirror: options.mirror, bridge: options.bridge } };
      if (dryRun && source.kind === "port") {
        const { sayCommands } = await import("../jobs/capture-target.ts");
        return await sayCommands(source.session, source.target, { filter, ...WATCH_CAPTURE }, print);
      }
      if (options.play !== undefined && source.kind === "port") throw new UsageError("--play is for a capture file");
      if (source.kind === "logs" && (filter ?? options.play ?? options.dedup) !== undefined) {
        throw new UsageError("a log has no packets: --filter, --dedup and --play are for captures", {
          hint: "/ on the screen filters its connections",
        });
      }
      if (options.allFlows && !json) throw new UsageError("--all-flows goes with --json");
      const shown = await showOf(command, { text: options.text === true, intervalMs, background: options.background });
      const show = options.allFlows && "onInterval" in shown ? { ...shown, ...allFlowsPrinter() } : shown;
      using shutdown = new Shutdown();
      const summary = await watch({
        signal: shutdown.signal,
        source,
        filter,
        dedup: options.dedup,
        durationMs,
        ring: options.packetRing === undefined ? undefined : parseSize(options.packetRing),
        snaplen: options.snaplen === undefined ? undefined : parseInteger(options.snaplen, "--snaplen", 0, 262_144),
        show,
        note: (line) => note(`note: ${sanitize(line)}`),
      });
      if (options.allFlows) print("]}");
      endOfWatch(summary, shutdown, json || source.kind === "logs");
    });
}

/** @throws UsageError for what is no speed */
function playOf(text: string | true | undefined): number | null {
  if (text === undefined) return null;
  const speed = text === true ? 1 : Number(text.replace(/x$/, ""));
  if (!(speed > 0 && speed <= 1024)) throw new UsageError(`--play takes a speed up to 1024, not '${text}'`);
  return speed;
}

/** The terminal UI where there can be one and nothing else is asked for, else text or JSON. */
export async function showOf(
  command: Command,
  {
    text,
    intervalMs,
    background,
  }: { readonly text: boolean; readonly intervalMs: number; readonly background?: "light" | "dark" | undefined },
): Promise<WatchOptions["show"]> {
  const { json, color } = globalOptions(command);
  const plain = json || text || !process.stdout.isTTY || (await refusedHere());
  return plain ? { intervalMs, records: json, onInterval: await printer(json) } : { color, background };
}

/** Tells how a watch ended, and sets the exit code; to be called when all is cleaned up. */
export function endOfWatch(summary: WatchSummary, shutdown: Shutdown, json: boolean): void {
  tellEnd(summary, json);
  process.exitCode = summary.reason === null ? shutdown.exitCode(true) : EXIT_FAILED;
  if (summary.taken) return;
  shutdown[Symbol.dispose]();
  process.kill(process.pid, shutdown.received === "SIGHUP" ? "SIGHUP" : "SIGTERM");
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

/** Prints the last object without its end, and into it the flows that come after: there may be more than a string can hold. */
function allFlowsPrinter(): Pick<TextShow, "onInterval" | "onRecords"> {
  return {
    onInterval: ({ snapshot, strip, final }) => {
      const text = jsonText(intervalJson(snapshot, strip));
      process.stdout.write(final ? text.slice(0, -"]}".length) : `${text}\n`);
    },
    onRecords: (records) => void process.stdout.write(records.map((record) => `,${jsonText(record)}`).join("")),
  };
}

/** What `watch --json` prints an interval (one object a line). */
function intervalJson(snapshot: Snapshot, strip: MirrorStatus | null): Record<string, unknown> {
  const { atMs, packets, bytes, packetsPerSec, bitsPerSec, drops, flows } = snapshot;
  return {
    time_ns: BigInt(Math.trunc(atMs)) * 1_000_000n,
    packets,
    bytes,
    pps: packetsPerSec,
    bps: bitsPerSec,
    dropped: drops ? drops.kernel + drops.interface : null,
    mirrored: strip?.mirrored ?? null,
    verdict: strip?.verdict ?? null,
    flows: flows?.records ?? [],
  };
}

function tellEnd({ packets, copies, drops, reason, mirror, mirrorRemoved }: WatchSummary, json: boolean): void {
  if (reason !== null) note(`capture ended: ${sanitize(reason)}`);
  if (json) return;
  const counts = [`${packets} packets captured`];
  if (copies !== null) counts.push(`${copies} copies left out`);
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
