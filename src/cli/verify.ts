/** `tapscope verify`: proves that a mirror tells the truth, or says why it does not. */
import { isIP } from "node:net";
import { type Command, Option } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { parseDuration, parseInteger } from "../core/units.ts";
import type { TrafficRequest } from "../jobs/verify/verify.ts";
import type { Verdict } from "../verify/judge/report.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { EXIT_DONE, EXIT_FAILED, EXIT_NO } from "./exit.ts";
import { openSession } from "./open-session.ts";
import { Shutdown } from "./shutdown.ts";

interface VerifyOptions {
  readonly source?: readonly string[];
  readonly direction: "in" | "out" | "both";
  readonly ping?: string;
  readonly from?: string;
  readonly interface?: string;
  readonly count?: string;
  readonly size?: string;
  readonly df?: boolean;
  readonly interval?: string;
  readonly duration?: string;
  readonly inject?: string;
  readonly save?: string;
}

const EXIT_OF: Record<Verdict, number> = { faithful: EXIT_DONE, unfaithful: EXIT_NO, untested: EXIT_FAILED };

const PINGS = 10;
const PING_INTERVAL_S = 0.2;
const INJECT_INTERVAL_MS = 5;

export function registerVerify(program: Command): void {
  program
    .command("verify")
    .description(
      "send traffic, capture it at the source and on the monitor, and say whether the mirror tells the truth",
    )
    .argument("<monitor>", "the tap that gets the copies")
    .argument("[command...]", "after --: the traffic is what this command makes")
    .option(
      "--source <tap...>",
      "what was mirrored: ports, or a whole bridge (default: the sources of the monitor's mirrors)",
    )
    .addOption(
      new Option("--direction <direction>", "judge only what enters the switch by the sources (in), or leaves it (out)")
        .choices(["in", "out", "both"])
        .default("both"),
    )
    .option("--ping <ip>", "the traffic is a ping of this address, IPv4 or IPv6")
    .option("--from <host>", "who pings, or runs the command: a network namespace (in a lab a or b), host or switch")
    .option("--interface <if>", "the device to ping by, or to inject out of")
    .option("--count <n>", `echo requests to send (default: ${PINGS})`)
    .option("--size <bytes>", "payload of an echo request (default: 56)")
    .option("--df", "with --ping: find the largest packet that passes with the don't-fragment flag, and ping with it")
    .option(
      "--interval <duration>",
      `between two echo requests, or injected frames (default: ${PING_INTERVAL_S} s, 5 ms)`,
    )
    .option("--duration <time>", "the traffic ends after that time; alone: capture what passes by itself")
    .option("--inject <n>", "the traffic is n marked frames, sent out of --interface or the first source")
    .option("--save <dir>", "keep the captures and the report in this folder")
    .addHelpText(
      "after",
      `
Verdicts: faithful (exit 0): all was seen, once, unaltered. unfaithful (exit 3): it was not; the causes say why.
untested (exit 1): nothing was sent, or it could not be captured. The report is on stdout in every case.`,
    )
    .action(async (monitor: string, argv: string[], options: VerifyOptions, command: Command) => {
      const { json } = globalOptions(command);
      const traffic = trafficOf(argv, options);
      const durationMs = options.duration === undefined ? undefined : parseDuration(options.duration);
      const { verifyMirror } = await import("../jobs/verify/verify.ts");
      await using session = await openSession(command, false);
      using shutdown = new Shutdown();
      const report = await verifyMirror(session, {
        monitor,
        sources: options.source,
        directions: options.direction === "both" ? undefined : [options.direction],
        traffic,
        durationMs,
        saveDir: options.save,
        signal: shutdown.signal,
        onStage: (stage) => note(sanitize(stage)),
      });
      if (json) printJson(report);
      else {
        const { reportLines } = await import("../verify/judge/text.ts");
        for (const line of reportLines(report)) print(line);
      }
      process.exitCode = shutdown.exitCode(true) || EXIT_OF[report.verdict];
    });
}

function trafficOf(argv: readonly string[], options: VerifyOptions): TrafficRequest {
  const kinds = [options.ping !== undefined, options.inject !== undefined, argv.length > 0].filter(Boolean).length;
  if (kinds > 1) throw new UsageError("give one kind of traffic: --ping, --inject, or a command after --");
  if (kinds === 0 && options.duration === undefined) {
    throw new UsageError("what traffic shall be looked at?", {
      hint: "--ping <ip>, --inject <n>, a command after --, or --duration <time> for what passes by itself",
    });
  }
  const { from, interface: device } = options;
  if (options.ping !== undefined) return pingOf(options.ping, options);
  for (const name of ["count", "size", "df"] as const) {
    if (options[name] !== undefined) throw new UsageError(`--${name} goes with --ping`);
  }
  if (options.inject !== undefined) {
    if (from !== undefined)
      throw new UsageError("--from goes with --ping or a command", { hint: "--interface says where to inject" });
    const intervalMs = options.interval === undefined ? INJECT_INTERVAL_MS : parseDuration(options.interval);
    return {
      kind: "inject",
      count: parseInteger(options.inject, "--inject", 1, 1_000_000),
      intervalMs,
      interface: device,
    };
  }
  if (device !== undefined || options.interval !== undefined)
    throw new UsageError(`--${device === undefined ? "interval" : "interface"} goes with --ping or --inject`);
  if (argv.length > 0) return { kind: "command", argv, from };
  if (from !== undefined) throw new UsageError("--from goes with --ping or a command");
  return { kind: "passive" };
}

function pingOf(
  address: string,
  { from, interface: device, count, size, interval, df }: VerifyOptions,
): TrafficRequest {
  if (isIP(address) === 0) {
    throw new UsageError(`not an IP address: '${sanitize(address)}'`, { hint: "--ping takes an IPv4 or IPv6 address" });
  }
  if (df && size !== undefined) throw new UsageError("--df finds the size: --size does not go with it");
  return {
    kind: "ping",
    from,
    ping: {
      address,
      count: count === undefined ? PINGS : parseInteger(count, "--count", 1, 65_535),
      size: size === undefined ? null : parseInteger(size, "--size", 0, 65_507),
      intervalS: interval === undefined ? PING_INTERVAL_S : parseDuration(interval) / 1000,
      interface: device,
      dontFragment: df ?? false,
    },
  };
}
