/** `tapscope flows FILE…`: the connections of capture files, as Zeek would log them. */
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { CaptureSummary } from "../capture/format/summary.ts";
import { TapscopeError, UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { formatScaled, parseInteger } from "../core/units.ts";
import type { FlowMeter } from "../engine/host/meter.ts";
import type { RecordExport } from "../jobs/export-records.ts";
import { wholeNumber } from "./choice.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";
import {
  checkExports,
  type ExportFlags,
  exportOptions,
  exportsRecords,
  openExport,
  tellExported,
} from "./flow-exports.ts";
import { alsoTo, FLOW_FORMATS, type FlowFormat, NO_OUTPUT, outputOf, writeOut } from "./flow-output.ts";
import { Shutdown } from "./shutdown.ts";

/** Connections held while they wait to be sorted. */
const MAX_SORTED = 4_000_000;
/** Connections that fit into the engine's memory. */
const MAX_FLOWS = 8_000_000;
/** A share of copies above this is worth a word. */
const COPIES_WORTH_A_WORD = 0.01;

interface FlowsOptions extends ExportFlags {
  readonly filter?: string;
  readonly where?: string;
  readonly uid?: readonly string[];
  readonly write?: string;
  readonly format?: FlowFormat | undefined;
  readonly sort?: string;
  readonly top?: string;
  readonly summary?: boolean;
  readonly follow?: boolean;
  readonly dedup?: boolean;
  readonly inner?: boolean;
  readonly vlanKey?: boolean;
  readonly checksums?: "verify";
  readonly maxFlows?: string;
  readonly fields?: boolean;
}

export function registerFlows(program: Command): void {
  exportOptions(
    program
      .command("flows")
      .description("the connections of capture files, as Zeek would log them")
      .argument("[file...]", "capture files in the order of time, - for standard input"),
  )
    .addOption(new Option("--format <format>", "how to write them").choices(FLOW_FORMATS))
    .option("--filter <bpf>", "only packets that match, as tcpdump takes it; tagged and untagged alike")
    .option("--where <filter>", "only connections that match, as Wireshark's display filters: tcp.port == 80")
    .option("--uid <uid...>", "only connections with these uids")
    .option(
      "--write <file>",
      "instead of a list, the packets of these connections to a pcapng file (reads the files twice)",
    )
    .option("--sort <field>", "largest first: bytes, packets, duration, ts, … (default: as they end)")
    .option("--top <n>", "only the n largest (by bytes, or as --sort says)", wholeNumber)
    .option("--summary", "totals instead of connections")
    .option("--follow", "the file is still being written: go on until interrupted")
    .option("--dedup", "leave out copies of packets that a mirror made")
    .option("--inner", "of tunnels show what they carry, not the carriers")
    .option("--vlan-key", "the same 5-tuple in another VLAN is another connection")
    .option(
      "--max-flows <n>",
      "connections held at once, about 470 bytes each, 8 million at the most; beyond it those that would end first are ended early (default: 1 million, 4 when sorted)",
      wholeNumber,
    )
    .addOption(new Option("--checksums <mode>", "verify: as Zeek without -C").choices(["verify"]))
    .option("--fields", "what records hold, what --sort and --where know")
    .addHelpText("after", HELP)
    .action(async (files: string[], options: FlowsOptions, command: Command) => {
      const { json, dryRun } = globalOptions(command);
      if (dryRun && (options.write ?? options.ipfix ?? options.publish) !== undefined) {
        throw new UsageError("--write, --ipfix and --publish have no --dry-run");
      }
      if (options.fields) {
        if (files.length > 0) throw new UsageError("--fields reads no file");
        (await import("./flow-fields.ts")).printFields(json);
        return;
      }
      if (files.length === 0) throw new UsageError("no capture file is named", { hint: "- for standard input" });
      if (json && options.format !== undefined && options.format !== "json") {
        throw new UsageError(`--json and --format ${options.format} contradict each other`);
      }
      if ((options.where ?? options.uid ?? options.write) !== undefined && options.summary) {
        throw new UsageError("--where, --uid and --write choose connections: --summary has none");
      }
      if (options.write !== undefined) return await write(files, options, options.write, json);
      if (options.summary && (options.format ?? "json") !== "json") {
        throw new UsageError(`--summary is no list of connections: --format ${options.format} says nothing of it`, {
          hint: "--summary --json for a program to read",
        });
      }
      if (options.summary && (options.sort ?? options.top) !== undefined) {
        throw new UsageError("--sort and --top choose connections: --summary has none");
      }
      checkExports(options);
      if (options.summary && exportsRecords(options)) throw new UsageError("--summary has no connections to send");
      if (options.follow && files.length > 1) throw new UsageError("--follow takes one file");
      await run(
        files,
        { ...options, format: options.format ?? (json ? "json" : exportsRecords(options) ? undefined : "table") },
        json || options.format === "json",
      );
    });
}

const HELP = `
The fields are those of Zeek's conn.log and a few more (docs/reference/conn-records.md).
Exit code 1 when a file is damaged or cut short; everything before the damage is shown.

Examples:
  tapscope flows capture.pcap
  tapscope flows --top 10 --sort duration capture.pcapng
  tapscope flows --where 'net 10.0.0.0/8 and tcp.port in {80 443} and flow.bytes > 1M' capture.pcap
  tapscope flows --where 'tls.sni contains "example"' --write example.pcapng capture.pcap
  tapscope flows --uid C4MssSI2qsZE0 --write one.pcapng capture.pcap
  tapscope flows --format zeek capture.pcap | zeek-cut id.orig_h id.resp_h service
  tcpdump -i tap0 -U -w - | tapscope flows --json -
  tapscope flows --format parquet capture.pcap > flows.parquet
  tapscope flows --ipfix udp://collector:4739 --biflow capture.pcap`;

async function run(files: readonly string[], options: FlowsOptions, json: boolean): Promise<void> {
  const { openMeter } = await import("../capture/meter.ts");
  const { textField } = await import("../engine/host/fields.ts");
  const { RECORD_FORMATS } = await import("../engine/host/record-formats.ts");
  const { isSortField, SORT_FIELDS, sortValue } = await import("../engine/host/sort-fields.ts");
  const column = options.sort ?? "bytes";
  if (!isSortField(column)) {
    throw new UsageError(`cannot sort by '${column}'`, { hint: `one of ${SORT_FIELDS.join(", ")}` });
  }
  const sorted = !options.summary && (options.sort !== undefined || options.top !== undefined);
  const most = sorted ? MAX_SORTED : undefined;
  const maxFlows = options.maxFlows === undefined ? most : parseInteger(options.maxFlows, "--max-flows", 1, MAX_FLOWS);
  const byService: Record<string, number> = {};
  const each = options.summary
    ? (row: number) => countService(byService, service(row))
    : (row: number) => {
        if (accept(row)) output.write(row);
      };
  // The engine writes records by itself where nobody has to look at each connection.
  const chooses = (options.where ?? options.uid) !== undefined;
  const sending = exportsRecords(options) ? await openExport(options) : undefined;
  const direct =
    !options.summary &&
    !sorted &&
    !chooses &&
    !sending &&
    options.format !== undefined &&
    options.format in RECORD_FORMATS;
  const meter: FlowMeter = openMeter({
    ...meterOptions(options),
    estimateDuplicates: options.summary !== true,
    keepEnded: sorted,
    ...(maxFlows === undefined ? {} : { maxFlows }),
    ...(sorted || direct ? {} : { onEnd: each }),
    writesRecords: direct,
    onRecords: writeOut,
  });
  const service = textField(meter.table, "service");
  const accept = (await acceptor(options))(meter.table);
  const shown = options.summary || options.format === undefined ? NO_OUTPUT : await outputOf(options.format, meter);
  const output = sending ? alsoTo(sending, shown, meter) : shown;
  output.begin();
  await readAll(files, meter, options.filter, options.follow ? () => output.flush() : undefined, sending);
  meter.finish();
  if (sorted) {
    const count = options.top ? parseInteger(options.top, "--top", 1, MAX_SORTED) : meter.table.size;
    const wanted = Math.min(count, meter.table.size);
    for (const row of meter.table.top(sortValue(meter.table, column), wanted, accept)) output.write(row);
  }
  output.end();
  if (sending) tellExported(await sending.close());
  if (options.summary) showSummary(meter, byService, json);
  warn(meter, options);
}

/** Which rows `--where` and `--uid` let through. */
async function acceptor({
  where,
  uid,
}: Pick<FlowsOptions, "where" | "uid">): Promise<(rows: FlowMeter["table"]) => (row: number) => boolean> {
  const { flowFilter } = await import("../capture/filter/display-rows.ts");
  const { textField } = await import("../engine/host/fields.ts");
  const uids = uid && new Set(uid);
  return (rows) => {
    const matches = where === undefined ? () => true : flowFilter(where, rows);
    if (!uids) return matches;
    const uidOf = textField(rows, "uid");
    return (row) => uids.has(uidOf(row) ?? "") && matches(row);
  };
}

/** `--write`: the packets of the chosen connections. */
async function write(files: readonly string[], options: FlowsOptions, path: string, json: boolean): Promise<void> {
  if (files.includes("-") || options.follow) {
    throw new UsageError("--write reads its files twice: standard input and --follow cannot be");
  }
  if ((options.format ?? options.sort ?? options.top) !== undefined) {
    throw new UsageError("--write gives packets, not a list: --format, --sort and --top say nothing of it");
  }
  if (files.some((file) => resolve(file) === resolve(path)))
    throw new UsageError("--write would overwrite its own input");
  const { writeFlows } = await import("../capture/write-flows.ts");
  const chosen = [options.where, options.uid?.join(" "), options.filter].filter((part) => part !== undefined);
  const { connections, packets, fragments, summaries } = await writeFlows({
    files,
    path,
    filter: options.filter,
    meter: meterOptions(options),
    accept: await acceptor(options),
    comment: `tapscope flows${chosen.length > 0 ? `: ${chosen.join("; ")}` : ""}`,
  });
  for (const summary of summaries) report(summary);
  if (fragments > 0) note(`note: ${fragments} fragments of datagrams that are not whole are left out`);
  if (json) printJson({ file: path, connections, packets });
  else note(`${packets} packets of ${connections} connections written to ${sanitize(path)}`);
}

/** What a connection is. */
function meterOptions(options: FlowsOptions) {
  return {
    inner: options.inner ?? false,
    dedup: options.dedup ?? false,
    vlanKey: options.vlanKey ?? false,
    verifyChecksums: options.checksums === "verify",
  };
}

/** Reads the files one after another into the same table; a bad one does not stop the others. */
async function readAll(
  files: readonly string[],
  meter: FlowMeter,
  filter: string | undefined,
  flush: (() => void) | undefined,
  sending: RecordExport | undefined,
): Promise<void> {
  const { meterCapture } = await import("../capture/meter.ts");
  // A file that is whole is read to its end in no time; one that is followed has none.
  using shutdown = flush ? new Shutdown() : undefined;
  const timer = flush ? setInterval(flush, 250) : undefined;
  try {
    for (const file of files) {
      try {
        const read = {
          ...(filter === undefined ? {} : { filter }),
          ...(sending ? { pause: () => sending.pause() } : {}),
          ...(shutdown ? { follow: true, signal: shutdown.signal } : {}),
        };
        report(await meterCapture(meter, file, read));
      } catch (error) {
        if (!(error instanceof TapscopeError) || error instanceof UsageError || files.length === 1) throw error;
        note(`tapscope: ${sanitize(error.message)}`);
        process.exitCode = EXIT_FAILED;
      }
    }
  } finally {
    clearInterval(timer);
  }
  const code = shutdown?.exitCode(true);
  if (code) process.exitCode = code;
}

function report(summary: CaptureSummary): void {
  if (summary.error !== null) note(`tapscope: ${sanitize(summary.error)}`);
  if (summary.status !== "ok") process.exitCode = EXIT_FAILED;
}

function countService(counts: Record<string, number>, service: string | undefined): void {
  for (const name of service?.split(",") ?? []) counts[name] = (counts[name] ?? 0) + 1;
}

function showSummary(meter: FlowMeter, byService: Readonly<Record<string, number>>, json: boolean): void {
  const totals = {
    packets: meter.packets,
    bytes: meter.bytes,
    connections: meter.connections,
    not_ip: meter.notIpByName(),
    malformed: meter.malformed,
    unsupported: meter.unsupported,
    duplicates: meter.duplicates,
    evicted: meter.evicted,
    fragments: meter.fragments,
    by_service: byService,
    by_proto: meter.connectionsByProtocol(),
  };
  if (json) {
    printJson(totals);
    return;
  }
  for (const [name, value] of Object.entries(totals)) {
    const text =
      typeof value === "number"
        ? String(value)
        : Object.entries(value)
            .map(([key, count]) => `${key} ${count}`)
            .join(", ") || "-";
    print(`${`${name}:`.padEnd(12)} ${text}`);
  }
}

function warn(meter: FlowMeter, options: FlowsOptions): void {
  const { duplicates, packets, evicted } = meter;
  if (!options.dedup && duplicates > packets * COPIES_WORTH_A_WORD) {
    const share = ((duplicates / packets) * 100).toFixed(1);
    note(
      `note: about ${formatScaled(duplicates)} of ${formatScaled(packets)} packets (${share} %) are copies of one seen within 50 ms, as mirrors make them: --dedup leaves them out`,
    );
  }
  if (meter.cutPackets > 0) {
    note(
      `note: ${formatScaled(meter.cutPackets)} of ${formatScaled(packets)} packets were not kept whole (snaplen): as in Zeek, payload that was cut off counts as missed; orig_cut_bytes and resp_cut_bytes have how much it was`,
    );
  }
  if (evicted > 0)
    note(`note: ${evicted} connections were ended early to keep memory bounded: --max-flows allows more`);
}
