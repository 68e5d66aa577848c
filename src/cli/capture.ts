/** `tapscope capture <target> -w <file|->`. */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { formatDuration, formatScaled, parseDuration, parseInteger, parseSize } from "../core/units.ts";
import type { CaptureCounts, CaptureResult } from "../jobs/capture.ts";
import type { Session } from "../mirror/session.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";
import { openSession } from "./open-session.ts";
import { Shutdown } from "./shutdown.ts";

/** What `targetOptions` adds. */
export interface FilterOptions {
  readonly filter?: string;
  readonly filterAtCapture?: string;
  readonly dedup?: boolean;
}

interface CaptureCommandOptions extends FilterOptions {
  readonly write: string;
  readonly mirror?: readonly string[];
  readonly bridge?: string;
  readonly snaplen?: string;
  readonly duration?: string;
  readonly count?: string;
  readonly ring?: string;
  readonly format?: "pcapng" | "pcap";
}

/** The two ways of naming what is to be captured besides a port; `watch` has them too. */
export function targetOptions(command: Command): Command {
  return command
    .option("--mirror <port...>", "mirror these ports to a monitor port of its own, and capture there")
    .option("--bridge <bridge>", "mirror a whole bridge to a monitor port of its own, and capture there")
    .option("--filter <bpf>", "capture filter, as tcpdump takes it (pcap-filter(7)); matches tagged frames too")
    .option("--filter-at-capture <bpf>", "the same, by the name that a refused mirror create --filter gives it")
    .option("--dedup", "leave out copies of a packet that mirrors made (seen within 50 ms), and count them");
}

/** The capture filter of either name. @throws UsageError for both */
export function captureFilter({ filter, filterAtCapture }: FilterOptions): string | undefined {
  if (filter !== undefined && filterAtCapture !== undefined)
    throw new UsageError("--filter and --filter-at-capture are one option: give one of them");
  return filter ?? filterAtCapture;
}

/**
 * The switch that is meant, or null where that is not clear but the target is a device or a file here: it needs none.
 * @param changes a mirror is to be made
 */
export async function openSessionOfTarget(
  command: Command,
  target: string | undefined,
  changes: boolean,
): Promise<Session | null> {
  try {
    return await openSession(command, changes);
  } catch (error) {
    if (error instanceof UsageError && !changes && target !== undefined && isHere(target)) return null;
    throw error;
  }
}

function isHere(name: string): boolean {
  return existsSync(name) || (!name.includes("/") && existsSync(`/sys/class/net/${name}`));
}

export function registerCapture(program: Command): void {
  targetOptions(
    program
      .command("capture")
      .description("write what arrives at a port to a capture file, whole and with its VLAN tags")
      .argument("[target]", "a port or device; default: the output of the only mirror")
      .requiredOption("-w, --write <file>", "the file to write; - is standard output"),
  )
    .option("--snaplen <bytes>", "keep only the first bytes of each frame")
    .option("--duration <time>", "end after this time: 10s, 5m")
    .option("--count <n>", "end after this many packets")
    .option("--ring <size>x<n>", "keep the newest n files of this size each: 100Mx10")
    .addOption(
      new Option("--format <format>", "file format (default: pcap for a name that ends in .pcap, else pcapng)").choices(
        ["pcapng", "pcap"],
      ),
    )
    .action(async (port: string | undefined, options: CaptureCommandOptions, command: Command) => {
      const { json, dryRun } = globalOptions(command);
      const { mirror, bridge, dedup, write: path } = options;
      const filter = captureFilter(options);
      const format = options.format ?? (path.endsWith(".pcap") ? "pcap" : "pcapng");
      if (path === "") throw new UsageError("--write needs the name of a file, or - for standard output");
      const ring = options.ring === undefined ? undefined : parseRing(options.ring, path);
      const [snaplen, count] = [
        options.snaplen === undefined ? undefined : parseInteger(options.snaplen, "--snaplen", 1, 262_144),
        options.count === undefined ? undefined : parseInteger(options.count, "--count", 1, Number.MAX_SAFE_INTEGER),
      ];
      const durationMs = options.duration === undefined ? undefined : parseDuration(options.duration);
      const { capture } = await import("../jobs/capture.ts");
      await using session = await openSessionOfTarget(command, port, mirror !== undefined || bridge !== undefined);
      if (dryRun) {
        const { sayCommands } = await import("../jobs/capture-target.ts");
        return await sayCommands(session, { port, mirror, bridge }, { filter, snaplen, immediate: false }, print);
      }
      const shown = process.stderr.isTTY && !json;
      const started = performance.now();
      using shutdown = new Shutdown();
      const { result, reason } = await capture(session, {
        signal: shutdown.signal,
        target: { port, mirror, bridge },
        path,
        format,
        ring,
        filter,
        snaplen,
        dedup,
        durationMs,
        count,
        onStart: (device) => {
          if (!json) note(`capturing on ${sanitize(device)} to ${path === "-" ? "standard output" : sanitize(path)}`);
        },
        ...(shown
          ? {
              onProgress: (counts) =>
                process.stderr.write(`\r\x1b[K${progressLine(counts, performance.now() - started)}`),
            }
          : {}),
      });
      if (shown) process.stderr.write("\r\x1b[K");
      if (reason !== null) note(`capture ended: ${sanitize(reason)}`);
      if (json) (path === "-" ? noteJson : printJson)(result);
      else note(summaryLine(result));
      process.exitCode = reason === null ? shutdown.exitCode(true) : EXIT_FAILED;
    });
}

/** With the capture itself on standard output, all else goes to standard error. */
function noteJson(value: CaptureResult): void {
  note(JSON.stringify(value, (_, part) => (typeof part === "bigint" ? part.toString() : part)));
}

/** `<size>x<n>`. @throws UsageError */
export function parseRing(text: string, path: string): { readonly bytes: number; readonly files: number } {
  const match = /^(.+)x(\d+)$/.exec(text);
  if (!match) throw new UsageError(`not a ring: '${text}'`, { hint: "<size>x<files>, such as 100Mx10" });
  if (path === "-") throw new UsageError("--ring needs files to write, not standard output");
  const bytes = parseSize(match[1]!);
  if (bytes < 1000) throw new UsageError(`a ring's files need at least 1k, not ${match[1]}`);
  return { bytes, files: parseInteger(match[2]!, "the number of files", 1, 99_999) };
}

function progressLine(counts: CaptureCounts, ms: number): string {
  const { packets, bytes, dropped_kernel: kernel, dropped_interface: byInterface } = counts;
  const dropped = kernel === null ? "" : `, ${kernel + (byInterface ?? 0)} dropped`;
  const rate = `${formatScaled((packets / ms) * 1000)} packets/s`;
  return `${formatDuration(ms)}: ${packets} packets, ${formatScaled(bytes, "B")}, ${rate}${dropped}`;
}

/** As tcpdump says it. */
function summaryLine(result: CaptureResult): string {
  const counts = [`${result.packets} packets captured`];
  if (result.copies !== null) counts.push(`${result.copies} copies left out`);
  if (result.received !== null) {
    counts.push(
      `${result.received} received by filter`,
      `${result.dropped_kernel} dropped by kernel`,
      `${result.dropped_interface} dropped by interface`,
    );
  }
  return counts.join(", ");
}
