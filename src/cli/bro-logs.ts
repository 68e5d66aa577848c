/** `tapscope bro logs`: what is in a folder of Zeek's logs, or on the disk of the VM that wrote them. */
import type { Command } from "commander";
import type { Counted } from "../bro/log/overview/byte-counter.ts";
import type { LogOverview, Overview, TopValues } from "../bro/log/overview/overview.ts";
import { decodeText } from "../bro/log/values.ts";
import { messageOf } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { formatScaled, parseInteger } from "../core/units.ts";
import { complain, openLogs } from "./bro-inputs.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { type DiskFlags, withDiskOptions } from "./disk-options.ts";
import { tableLines, utc } from "./table.ts";
import { untilSignal } from "./until-signal.ts";

/** Cells of the graph of bytes over time. */
const PARTS = 60;
/** Damaged logs are listed up to here; --json has them all. */
const LISTED = 10;

interface LogsFlags extends DiskFlags {
  readonly top: number;
}

export function registerLogs(bro: Command): void {
  withDiskOptions(bro.command("logs"))
    .description(
      "what is in Zeek's logs: kinds, rows, times, damage; hosts, services, ports and bytes over time; notices",
    )
    .argument("<path...>", "folders of logs, log files, or the disk image of a VM")
    .option("--top <n>", "values listed of each field", (text: string) => parseInteger(text, "--top", 1, 1000), 5)
    .addHelpText("after", HELP)
    .action(runLogs);
}

const HELP = `
Of a folder all logs are read, rotated, dated and compressed ones too. A disk image is read without being changed or mounted.
--json prints one object a log, then one with the summary. Exit code 1 when a log is damaged; one without #close is not.

Examples:
  tapscope bro logs logs/
  tapscope bro logs bro.qcow2
  tapscope bro logs --json logs/ | jq -c 'select(.damage)'`;

async function runLogs(paths: readonly string[], flags: LogsFlags, command: Command): Promise<void> {
  const { json } = globalOptions(command);
  await untilSignal(async (signal) => {
    const { overviewOf } = await import("../bro/log/overview/overview.ts");
    await using opened = await openLogs(paths, flags, signal);
    const logs: LogOverview[] = [];
    const overview = await overviewOf(opened.inputs, {
      top: flags.top,
      parts: PARTS,
      signal,
      onLog(log) {
        if (json) printJson(logKeys(log));
        else logs.push(log);
        if (damageOf(log).length > 0) process.exitCode = 1;
      },
      onError: (error, { name }) => complain(`${name}: ${messageOf(error)}`),
    });
    if (signal.aborted) return;
    if (overview.kinds.length === 0) complain(`there is no Zeek log in ${paths.join(", ")}`);
    else if (json) printJson({ summary: summaryKeys(overview) });
    else await show(overview, logs);
  });
}

/** What is wrong with a log; that it was not closed is normal for a machine that was ended. */
function damageOf({ damage }: LogOverview): string[] {
  return damage.filter((sentence) => !sentence.startsWith("no #close"));
}

const seconds = (us: number | null) => (us === null ? null : us / 1e6);

function logKeys({ name, kind, rows, size, firstUs, lastUs, damage }: LogOverview): Record<string, unknown> {
  const what = damage.length > 0 ? damage.join("; ") : null;
  return { path: name, kind, rows, bytes: size, first: seconds(firstUs), last: seconds(lastUs), damage: what };
}

function summaryKeys({ kinds, values, bytesOverTime }: Overview): Record<string, unknown> {
  return {
    kinds: kinds.map(({ kind, files, rows, bytes, firstUs, lastUs, damaged }) => ({
      kind,
      files,
      rows,
      bytes,
      first: seconds(firstUs),
      last: seconds(lastUs),
      damaged,
    })),
    values: values.map(({ kind, field, distinct, estimated, top }) => ({
      kind,
      field,
      distinct,
      estimated,
      top: top.map(({ key, rows, sent, received }) => ({
        value: decodeText(key),
        rows,
        ...(kind === "conn" && { sent_bytes: sent, received_bytes: received }),
      })),
    })),
    bytes_over_time: bytesOverTime && {
      start: seconds(bytesOverTime.startUs),
      width: bytesOverTime.widthSeconds,
      bytes: bytesOverTime.bytes,
    },
  };
}

async function show(overview: Overview, logs: readonly LogOverview[]): Promise<void> {
  const rows = overview.kinds.map(({ kind, files, rows, bytes, firstUs, lastUs, damaged }) => [
    kind,
    files,
    rows,
    utc(firstUs),
    utc(lastUs),
    formatScaled(bytes, "B"),
    damaged > 0 ? damaged : null,
  ]);
  for (const line of tableLines(["kind", "files", "rows", "first (UTC)", "last (UTC)", "size", "damaged"], rows))
    print(line);
  showDamage(logs);
  await showTime(overview);
  for (const values of overview.values) showValues(values);
}

function showDamage(logs: readonly LogOverview[]): void {
  const damaged = logs.filter((log) => log.damage.length > 0);
  for (const { name, damage } of damaged.slice(0, LISTED)) note(`${sanitize(name)}: ${damage.join("; ")}`);
  if (damaged.length > LISTED) note(`and ${damaged.length - LISTED} more damaged logs: --json lists them`);
}

async function showTime({ bytesOverTime }: Overview): Promise<void> {
  if (bytesOverTime === null || !bytesOverTime.bytes.some((sum) => sum > 0)) return;
  const { sparkline } = await import("../tui/format.ts");
  const { glyphsOf } = await import("../tui/terminal/environment.ts");
  const { startUs, widthSeconds, bytes } = bytesOverTime;
  const most = Math.max(...bytes);
  const end = startUs + bytes.length * widthSeconds * 1e6;
  print("");
  print(`bytes of connections by when they began, ${widthSeconds} s a cell, at most ${formatScaled(most, "B")}:`);
  print(`${utc(startUs)} |${sparkline(bytes, bytes.length, glyphsOf(process.env))}| ${utc(end)}`);
}

/** How fields are called in headings. */
const TITLES: Readonly<Record<string, string>> = {
  "conn hosts": "top hosts",
  "conn ports": "top ports of responders",
  "conn service": "services",
  "conn conn_state": "states",
  "conn proto": "protocols",
  "dns query": "DNS queries",
  "dns rcode_name": "DNS answers",
  "dns qtype_name": "DNS query types",
  "files mime_type": "file types",
  "files source": "sources of files",
  "http host": "HTTP hosts",
  "http status_code": "HTTP status",
  "http method": "HTTP methods",
  "notice note": "notices",
  "ssl server_name": "TLS server names",
  "ssl version": "TLS versions",
  "weird name": "weird",
};

function showValues({ kind, field, distinct, estimated, top }: TopValues): void {
  const more = distinct > top.length ? ` (of ${distinct}${estimated ? " or more, estimated" : ""})` : "";
  print("");
  print(`${TITLES[`${kind} ${field}`] ?? `${kind} ${field}`}${more}:`);
  const withBytes = kind === "conn";
  const headings = withBytes ? [field, "connections", "sent", "received"] : [field, "rows"];
  const cells = ({ key, rows, sent, received }: Counted) =>
    withBytes ? [decodeText(key), rows, formatScaled(sent, "B"), formatScaled(received, "B")] : [decodeText(key), rows];
  for (const line of tableLines(headings, top.map(cells))) print(`  ${line}`);
}
