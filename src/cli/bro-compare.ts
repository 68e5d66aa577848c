/** `tapscope bro compare`: did Bro see what the capture saw? */
import type { Command } from "commander";
import { CLASSES } from "../bro/compare/classify.ts";
import type { Comparison, Difference } from "../bro/compare/compare.ts";
import type { Conn } from "../bro/compare/conn.ts";
import type { Frame } from "../capture/frame.ts";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { parseInteger } from "../core/units.ts";
import { complain, openLogs } from "./bro-inputs.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { type DiskFlags, withDiskOptions } from "./disk-options.ts";
import { EXIT_FAILED, EXIT_NO } from "./exit.ts";
import { tableLines } from "./table.ts";
import { untilSignal } from "./until-signal.ts";

interface CompareFlags extends DiskFlags {
  readonly top: number;
  readonly write?: string;
}

export function registerCompare(bro: Command): void {
  withDiskOptions(bro.command("compare"))
    .description("did Bro see what the capture saw? Holds conn.log against captures, connection by connection")
    .usage("[options] <capture...> <logs>")
    .argument("<path...>", "capture files, and last a conn.log, a folder of logs, or the disk image of a VM")
    .option("--top <n>", "differences listed", (text: string) => parseInteger(text, "--top", 0, 1_000_000), 20)
    .option("--write <pcapng>", "write the packets of the connections that differ to this file")
    .addHelpText("after", HELP)
    .action(runCompare);
}

const HELP = `
Connections are aligned by their 5-tuples and times; how far the two clocks are apart is found out from the pairs. The classes,
and what evidence each needs: docs/reference/compare.md.
Exit code 0: agree, or every difference is explained; 3: they differ; 1: a capture or log is damaged.

Examples:
  tapscope bro compare run.pcapng logs/
  tapscope bro compare run.pcapng bro.qcow2 --write missing.pcapng
  tapscope bro compare --json a.pcap b.pcap conn.log | jq .loss`;

async function runCompare(operands: readonly string[], flags: CompareFlags, command: Command): Promise<void> {
  const { json } = globalOptions(command);
  if (operands.length < 2) throw new UsageError("bro compare needs at least one capture and, last, the logs");
  const captures = operands.slice(0, -1);
  await untilSignal(async (signal) => {
    const { groupLogs } = await import("../bro/log/set.ts");
    const { compareLogs } = await import("../bro/compare/compare.ts");
    await using opened = await openLogs(operands.slice(-1), flags, signal);
    const comparison = await compareLogs(captures, await groupLogs(opened.inputs, complain, signal), signal);
    if (signal.aborted) return;
    noteDamage(comparison);
    if (json) printJson(keysOf(comparison, flags.top));
    else show(comparison, flags.top);
    if (flags.write !== undefined) await writePackets(flags.write, captures, comparison, signal);
    if (comparison.verdict === "differ") process.exitCode = EXIT_NO;
  });
}

function noteDamage({ capture, log }: Comparison): void {
  for (const { error, status } of capture.summaries) {
    if (error !== null) note(`tapscope: ${sanitize(error)}`);
    if (status !== "ok") process.exitCode = EXIT_FAILED;
  }
  for (const { name, damage } of log.summaries) {
    if (damage.length > 0) note(`${sanitize(name)}: ${sanitize(damage.join("; "))}`);
    if (damage.some((sentence) => !sentence.startsWith("no #close"))) process.exitCode = EXIT_FAILED;
  }
}

const ns = (us: number) => (Number.isNaN(us) ? null : BigInt(Math.round(us)) * 1000n);
const known = (count: number) => (Number.isNaN(count) ? null : count);

function keysOf(comparison: Comparison, top: number): Record<string, unknown> {
  const { verdict, connections, packets, clock, differences, loss, fields, capture, log } = comparison;
  return {
    verdict,
    connections,
    packets,
    differences: differences.slice(0, top).map(differenceKeys),
    differences_count: differences.length,
    clock: { offset_ns: ns(clock.offsetUs), pairs: clock.pairs, spread_ns: ns(clock.spreadUs) },
    loss: loss && {
      packets: loss.packets,
      connections: loss.connections,
      first_ns: ns(loss.firstUs),
      last_ns: ns(loss.lastUs),
    },
    fields,
    capture: {
      files: capture.summaries.map(({ file, status }) => ({ file, status })),
      dropped: capture.dropped,
      first_ns: ns(capture.startUs),
      last_ns: ns(capture.endUs),
    },
    log: {
      files: log.summaries.map(({ name, rows, damage }) => ({
        path: name,
        rows,
        damage: damage.length > 0 ? damage.join("; ") : null,
      })),
      drops: log.drops,
      not_compared: log.lacks,
      first_ns: ns(log.startUs),
      last_ns: ns(log.endUs),
    },
  };
}

function differenceKeys(difference: Difference): Record<string, unknown> {
  const { explained, cause, capture, log, missingPackets } = difference;
  const side = (conns: readonly Conn[]) =>
    conns.map(({ uid, startUs, endUs, state, history, service, swapped, ends }) => {
      const [orig, resp] = swapped ? [ends[1], ends[0]] : ends;
      return {
        uid,
        first_ns: ns(startUs),
        last_ns: ns(endUs),
        conn_state: state,
        history,
        service,
        orig_pkts: known(orig.packets),
        resp_pkts: known(resp.packets),
        orig_ip_bytes: known(orig.ipBytes),
        resp_ip_bytes: known(resp.ipBytes),
        orig_bytes: known(orig.bytes),
        resp_bytes: known(resp.bytes),
      };
    });
  const { proto, orig, resp } = (capture[0] ?? log[0])!;
  return {
    class: difference.class,
    explained,
    cause,
    proto,
    orig,
    resp,
    missing_packets: known(missingPackets),
    capture: side(capture),
    log: side(log),
  };
}

function show(comparison: Comparison, top: number): void {
  const { verdict, connections, packets, clock, differences, loss, fields, log } = comparison;
  const rows = CLASSES.filter((name) => connections[name] !== undefined).map((name) => {
    const open = differences
      .filter((one) => one.class === name && !one.explained)
      .reduce((sum, { capture, log }) => sum + Math.max(capture.length, log.length), 0);
    return [name, connections[name]!, open > 0 ? open : null];
  });
  for (const line of tableLines(["class", "connections", "unexplained"], rows)) print(line);
  print("");
  print(`packets: ${packets.capture} in the capture, ${packets.log} in the log`);
  print(clockText(clock));
  const { state, service, roles } = fields;
  if (state + service + roles > 0) {
    print(`equal in packets and bytes, but not in all: state ${state}, service ${service}, roles ${roles}`);
  }
  if (log.lacks.length > 0) print(`not compared, the log has no such column: ${log.lacks.map(sanitize).join(", ")}`);
  for (const sentence of log.drops) print(sanitize(sentence));
  if (loss !== null) {
    print(
      `the log lacks ${loss.packets} packets of ${loss.connections} connections, from ${utc(loss.firstUs)} to ${utc(loss.lastUs)}`,
    );
  }
  if (differences.length > 0 && top > 0) {
    print("");
    const cells = differences.slice(0, top).map((one) => {
      const { proto, orig, resp, startUs } = (one.capture[0] ?? one.log[0])!;
      return [
        one.class,
        utc(startUs),
        proto,
        orig,
        resp,
        known(one.missingPackets),
        one.explained ? one.cause : `? ${one.cause}`,
      ];
    });
    for (const line of tableLines(
      ["class", "start (UTC)", "proto", "originator", "responder", "missing", "why"],
      cells,
    ))
      print(line);
    if (differences.length > top) print(`and ${differences.length - top} more: --top, --json`);
  }
  print("");
  print(`verdict: ${verdict}`);
}

function clockText({ offsetUs, pairs, spreadUs }: Comparison["clock"]): string {
  if (pairs === 0) return "clocks: no pair of connections shows how far they are apart";
  const seconds = (Math.abs(offsetUs) / 1e6).toFixed(6);
  const way = offsetUs < 0 ? "behind" : "ahead of";
  return `clocks: the log's is ${seconds} s ${way} the capture's (${pairs} pairs, spread ${Math.round(spreadUs)} us)`;
}

function utc(us: number): string | null {
  const date = new Date(us / 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace("T", " ").slice(0, 23);
}

async function writePackets(
  path: string,
  captures: readonly string[],
  { differences }: Comparison,
  signal: AbortSignal,
): Promise<void> {
  const { PcapngWriter } = await import("../capture/format/pcapng-writer.ts");
  const { readPacketsOf } = await import("../bro/compare/capture-side.ts");
  if (captures.includes("-"))
    throw new UsageError("--write reads the captures a second time: standard input cannot be");
  const conns = differences.flatMap(({ capture }) => capture);
  const uids = new Set(conns.flatMap(({ uid, parents }) => [uid, ...parents]));
  using writer = new PcapngWriter(path);
  const interfaces = new Map<number, number>();
  let packets = 0;
  const write = (frame: Frame) => {
    let id = interfaces.get(frame.linktype);
    if (id === undefined) {
      id = writer.addInterface({ name: `linktype ${frame.linktype}`, linktype: frame.linktype });
      interfaces.set(frame.linktype, id);
    }
    writer.write(frame, id);
    packets++;
  };
  await readPacketsOf(captures, uids, write, signal);
  note(`${packets} packets of ${conns.length} connections that differ are in ${sanitize(path)}`);
}
