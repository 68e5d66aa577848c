/** `tapscope zeek <file…|target> <directory>`: the logs Zeek would write. */
import { type Command, Option } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { formatScaled, parseDuration } from "../core/units.ts";
import type { ZeekResult } from "../jobs/zeek.ts";
import type { ZeekLogFormat } from "../service/log/zeek-lines.ts";
import { openSessionOfTarget } from "./capture.ts";
import { globalOptions, note, printJson } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";
import { Shutdown } from "./shutdown.ts";

interface ZeekCommandOptions {
  readonly port?: string;
  readonly mirror?: readonly string[];
  readonly bridge?: string;
  readonly filter?: string;
  readonly format: ZeekLogFormat;
  readonly rotate?: string;
  readonly duration?: string;
  readonly dedup?: boolean;
  readonly hashFiles?: boolean;
  readonly checksums?: "verify";
}

const HELP = `
Which logs there are, and their fields: docs/reference/protocol-logs.md. They are linked by uid, as Zeek's are; zeek-cut and
tapscope bro logs, cut, follow and compare read them.

Examples:
  tapscope zeek run.pcapng logs/
  tapscope zeek --format json monday.pcap tuesday.pcap logs/
  tapscope zeek --mirror mega_tap0 --mirror mega_tap1 --rotate 1h logs/`;

export function registerZeek(program: Command): void {
  program
    .command("zeek")
    .description("write the logs Zeek would write: conn, dns, http, ssl and more, from files or a live mirror")
    .argument("<file|directory...>", "capture files, - for standard input, and last the folder of the logs")
    .option("--port <port>", "live: log what arrives at this port or device")
    .option("--mirror <port>", "live: mirror this port to a monitor port of its own; repeatable", collect)
    .option("--bridge <bridge>", "live: mirror a whole bridge to a monitor port of its own")
    .option("--filter <bpf>", "only packets that match, as tcpdump takes it; tagged and untagged alike")
    .addOption(new Option("--format <format>", "of the logs").choices(["tsv", "json"]).default("tsv"))
    .option("--rotate <time>", "begin new files every so often: 1h; finished ones are named as zeekctl names them")
    .option("--duration <time>", "live: end after this time: 10s, 5m")
    .option("--dedup", "leave out copies of packets that a mirror made")
    .option("--hash-files", "MD5, SHA-1 and SHA-256 of carried files in files.log")
    .addOption(new Option("--checksums <mode>", "verify: as Zeek without -C").choices(["verify"]))
    .addHelpText("after", HELP)
    .action(async (paths: string[], options: ZeekCommandOptions, command: Command) => {
      const { json } = globalOptions(command);
      const directory = paths.at(-1)!;
      const files = paths.slice(0, -1);
      const { port, mirror, bridge, filter } = options;
      const live = (port ?? mirror ?? bridge) !== undefined;
      if (!live && files.length === 0) {
        throw new UsageError("what is to be logged?", {
          hint: "tapscope zeek <file> <directory>, or --port, --mirror or --bridge with a directory",
        });
      }
      if (live && files.length > 0) throw new UsageError("give files, or what to capture on: not both");
      if (!live && options.duration !== undefined)
        throw new UsageError("--duration is for a live capture, not for files");
      const common = {
        directory,
        filter,
        format: options.format,
        dedup: options.dedup ?? false,
        hashFiles: options.hashFiles ?? false,
        verifyChecksums: options.checksums === "verify",
        rotateMs: options.rotate === undefined ? undefined : parseDuration(options.rotate),
      };
      const { zeekOfFiles, zeekOfTarget } = await import("../jobs/zeek.ts");
      if (!live) {
        const result = await zeekOfFiles(files, common, ({ status, error }) => {
          if (error !== null) note(`tapscope: ${sanitize(error)}`);
          if (status !== "ok") process.exitCode = EXIT_FAILED;
        });
        show(result, json);
        return;
      }
      await using session = await openSessionOfTarget(command, port, mirror !== undefined || bridge !== undefined);
      using shutdown = new Shutdown();
      const { result, reason } = await zeekOfTarget(session, {
        ...common,
        target: { port, mirror, bridge },
        durationMs: options.duration === undefined ? undefined : parseDuration(options.duration),
        signal: shutdown.signal,
        onStart: (device) => {
          if (!json) note(`logging ${sanitize(device)} to ${sanitize(directory)}; Ctrl-C ends it`);
        },
      });
      if (reason !== null) note(`capture ended: ${sanitize(reason)}`);
      show(result, json);
      process.exitCode = reason === null ? shutdown.exitCode(true) : EXIT_FAILED;
    });
}

function collect(value: string, values: readonly string[] = []): readonly string[] {
  return [...values, value];
}

function show(result: ZeekResult, json: boolean): void {
  if (json) {
    printJson(result);
    return;
  }
  for (const { path, rows } of result.logs) note(`${String(rows).padStart(9)} ${sanitize(path)}`);
  const dropped = result.dropped_kernel === null ? "" : `, ${result.dropped_kernel} dropped by kernel`;
  note(`${formatScaled(result.packets)} packets, ${formatScaled(result.connections)} connections${dropped}`);
  if (result.given_up > 0) {
    note(`note: the payload of ${result.given_up} connections was not read to its end, to keep memory bounded`);
  }
}
