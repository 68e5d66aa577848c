/** `tapscope bro cut`: columns of Zeek's logs, as zeek-cut takes its options. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { CutSummary } from "../bro/log/cut/cut.ts";
import type { CutOptions, TimeFormat } from "../bro/log/cut/options.ts";
import type { PeekedLog } from "../bro/log/peek.ts";
import { nearestName } from "../capture/filter/display-fields.ts";
import { UsageError } from "../core/errors.ts";
import { sanitize, sanitizeBytes } from "../core/text.ts";
import { parseTimeUs } from "../core/time.ts";
import { choice } from "./choice.ts";
import { globalOptions, note } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";
import { untilSignal } from "./until-signal.ts";

const FORMATS = ["tsv", "json", "csv"] as const;

interface CutFlags {
  readonly c?: boolean;
  readonly C?: boolean;
  readonly m?: boolean;
  readonly M?: boolean;
  readonly n?: boolean;
  readonly d?: boolean;
  readonly D?: string;
  readonly u?: boolean;
  readonly U?: string;
  readonly F?: string;
  readonly format: (typeof FORMATS)[number];
  readonly where?: string;
  readonly since?: string;
  readonly until?: string;
}

export function registerCut(bro: Command): void {
  const cut = bro
    .command("cut")
    .description("columns of Zeek's logs, as zeek-cut gives them: of files, folders, compressed and JSON logs")
    .usage("[options] [field...] [file...]")
    .argument("[field-or-file...]", "fields in the order wanted, and files; no field: all, no file: standard input")
    .option("-c", "with the header lines of the first block")
    .option("-C", "with the header lines of all blocks")
    .option("-m", "of the header only the names of the fields; of the first block")
    .option("-M", "of the header only the names of the fields; of all blocks")
    .option("-n", "all fields except those named")
    .option("-d", "times as local time, %Y-%m-%dT%H:%M:%S%z or as $ZEEK_CUT_TIMEFMT says")
    .option("-D <format>", "times as local time in this format (strftime)")
    .option("-u", "as -d, in UTC")
    .option("-U <format>", "as -D, in UTC")
    .option("-F <character>", "what is written between fields (default: what the log has)")
    .option("--format <format>", `how rows are written: ${FORMATS.join(", ")}`, choice(FORMATS, "--format"), "tsv")
    .option("--where <filter>", "only rows that match: id.resp_p == 443 and service == ssl")
    .option(
      "--since <time>",
      "only rows whose ts is at or after this: seconds since 1970, or 2026-11-23T10:00:00 (UTC)",
    )
    .option("--until <time>", "only rows whose ts is before this")
    .addHelpText("after", HELP)
    .action(runCut);
  // Of options that contradict each other zeek-cut heeds the last.
  for (const group of CONTRADICTING) {
    for (const name of group) {
      cut.on(`option:${name}`, () => {
        for (const other of group) if (other !== name) cut.setOptionValue(other, undefined);
      });
    }
  }
}

const CONTRADICTING = [
  ["c", "C", "m", "M"],
  ["d", "D", "u", "U"],
];

const HELP = `
An argument is a file if it has a / in it, or if it exists and is not a field of the logs; what follows -- are files.
A folder stands for the logs in it, those of one kind in the order of time.
Damaged logs give what is whole, and exit code 1.

Examples:
  tapscope bro cut ts id.orig_h id.resp_h conn.log
  tapscope bro cut -u ts uid query -- logs/2026-11-23/dns.*.log.gz
  tapscope bro cut --format json --where 'id.resp_p == 443 and orig_bytes > 1M' conn.log
  zcat conn.*.log.gz | tapscope bro cut id.resp_p service | sort | uniq -c | sort -rn`;

async function runCut(words: readonly string[], flags: CutFlags, command: Command): Promise<void> {
  const { json } = globalOptions(command);
  if (json && flags.format === "csv") throw new UsageError("--json and --format csv contradict each other");
  const given = cutAtDashes(process.argv, words);
  await untilSignal(async (signal) => {
    const complain = (sentence: string) => {
      note(`tapscope: ${sanitize(sentence)}`);
      process.exitCode = EXIT_FAILED;
    };
    const { fields, logs } = await fieldsAndLogs(given, complain, signal);
    let checked = logs !== null;
    if (logs?.length === 0) return;
    const options = optionsOf(flags, fields, json, logs);
    const { fileInput } = await import("../bro/log/input.ts");
    const { cutLogs } = await import("../bro/log/cut/cut.ts");
    await cutLogs(logs ? logs.map((log) => log.input) : [fileInput("-", null)], {
      options,
      known: knownFields(logs),
      signal,
      write: process.stdout.isTTY ? showSafely : writeBytes,
      onSchema(schema) {
        if (!checked) requireFields(fields, schema.format === "json" ? null : schema.fields);
        checked = true;
      },
      done: (summary) => noteSummary(summary, complain),
    });
  });
}

function noteSummary(summary: CutSummary, complain: (sentence: string) => void): void {
  const { name, format, damage, missing, unconverted } = summary;
  if (format === "other") complain(`${name} is not a Zeek log: it has neither a header nor rows of JSON`);
  // A log that was not closed is whole as far as it goes.
  for (const sentence of damage) if (!sentence.startsWith("no #close")) complain(`${name}: ${sentence}`);
  if (missing.length > 0) note(`note: ${sanitize(name)}: rows without ${sanitize(missing.join(", "))}`);
  if (unconverted > 0) note(`note: ${sanitize(name)}: ${unconverted} times are left as they are: not times after 1970`);
}

/** commander hands on what is before and behind `--` together: the command line says where it was. */
function cutAtDashes(argv: readonly string[], words: readonly string[]): Given {
  const dashes = argv.indexOf("--");
  const count = dashes < 0 ? words.length : Math.max(0, words.length - (argv.length - dashes - 1));
  return { words: words.slice(0, count), files: words.slice(count) };
}

interface Given {
  /** Fields and files. */
  readonly words: readonly string[];
  /** Files, whatever they are called. */
  readonly files: readonly string[];
}

/** Which words are fields, and the logs that the others stand for; `logs` is null for standard input. */
async function fieldsAndLogs(
  { words, files }: Given,
  complain: (sentence: string) => void,
  signal: AbortSignal,
): Promise<{ readonly fields: readonly string[]; readonly logs: readonly PeekedLog[] | null }> {
  const { findLogs, groupLogs } = await import("../bro/log/set.ts");
  const look = async (path: string) => {
    const complaints: string[] = [];
    const kinds = await groupLogs(
      await findLogs([path], (line) => complaints.push(line)),
      (line) => complaints.push(line),
      signal,
    );
    if (kinds.length === 0 && complaints.length === 0)
      complaints.push(`${path} is not a Zeek log, nor a folder with logs in it`);
    return { path, logs: kinds.flatMap((kind) => kind.logs), complaints };
  };
  const paths = [...words.filter((word) => word.includes("/") || existsSync(word)), ...files];
  const looked = await Promise.all(paths.map(look));
  const names = new Set(looked.flatMap(({ logs }) => logs).flatMap((log) => log.fields));
  const isField = (path: string) => !path.includes("/") && !files.includes(path) && names.has(path);
  const taken = looked.filter(({ path }) => !isField(path));
  const fields = words.filter((word) => !paths.includes(word) || isField(word));
  if (taken.length === 0) return { fields, logs: null };
  for (const line of taken.flatMap(({ complaints }) => complaints)) complain(line);
  const logs = taken.flatMap((one) => one.logs);
  if (logs.length > 0) requireFields(fields, knownFields(logs));
  return { fields, logs };
}

/** Null when not all are known: a row of JSON has only those that are set. */
function knownFields(logs: readonly PeekedLog[] | null): readonly string[] | null {
  if (logs === null || logs.some((log) => log.format === "json")) return null;
  return [...new Set(logs.flatMap((log) => log.fields))];
}

function requireFields(fields: readonly string[], known: readonly string[] | null): void {
  const unknown = known && fields.find((field) => !known.includes(field));
  if (unknown === null || unknown === undefined) return;
  const near = nearestName(unknown, known!);
  throw new UsageError(`'${unknown}' is neither a field of these logs nor a file`, {
    hint: near ? `did you mean ${near}?` : `their fields: ${known!.join(" ")}`,
  });
}

function optionsOf(
  flags: CutFlags,
  fields: readonly string[],
  json: boolean,
  logs: readonly PeekedLog[] | null,
): CutOptions {
  const format = json ? "json" : flags.format;
  const separator = flags.F ?? null;
  if (separator !== null && [...separator].length !== 1) throw new UsageError("-F takes a single character");
  if (separator !== null && format !== "tsv") throw new UsageError(`-F is for TSV, not for ${format}`);
  const except = flags.n ?? false;
  // Rows of JSON differ in what they have: columns are those that the first rows of all logs show.
  const shown = [...new Set(logs?.flatMap((log) => log.fields) ?? [])];
  const settle =
    format !== "json" && (logs?.some((log) => log.format === "json") ?? false) && (except || fields.length === 0);
  return {
    columns: settle ? shown.filter((name) => !fields.includes(name)) : fields,
    except: settle ? false : except,
    header: flags.c || flags.m ? "first" : flags.C || flags.M ? "all" : "none",
    minimal: (flags.m ?? flags.M) !== undefined,
    separator,
    time: timeFormat(flags),
    format,
    where: flags.where ?? "",
    sinceUs: flags.since === undefined ? null : parseTimeUs(flags.since),
    untilUs: flags.until === undefined ? null : parseTimeUs(flags.until),
  };
}

function timeFormat({ d, D, u, U }: CutFlags): TimeFormat | null {
  const preset = process.env.ZEEK_CUT_TIMEFMT ?? process.env.BRO_CUT_TIMEFMT ?? "%Y-%m-%dT%H:%M:%S%z";
  if (U !== undefined || u) return { format: U ?? preset, utc: true };
  if (D !== undefined || d) return { format: D ?? preset, utc: false };
  return null;
}

/** @returns whether standard output is done with the bytes: files and pipes take what they are given at once */
function writeBytes(bytes: Uint8Array): boolean {
  process.stdout.write(bytes);
  return process.stdout.writableLength === 0;
}

/** To a terminal: what a row holds was written by machines under experiment. */
function showSafely(bytes: Uint8Array): boolean {
  const lines = splitLines(bytes);
  process.stdout.write(lines.map((line) => `${sanitizeCells(line)}\n`).join(""));
  return true;
}

function splitLines(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at);
    const stop = end < 0 ? bytes.length : end;
    lines.push(bytes.subarray(at, stop));
    at = stop + 1;
  }
  return lines;
}

/** Tabs between fields stay. */
function sanitizeCells(line: Uint8Array): string {
  const cells: string[] = [];
  for (let at = 0; at <= line.length; ) {
    const end = line.indexOf(0x09, at);
    const stop = end < 0 ? line.length : end;
    cells.push(sanitizeBytes(line.subarray(at, stop)));
    at = stop + 1;
  }
  return cells.join("\t");
}
