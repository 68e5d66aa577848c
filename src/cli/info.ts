/** `tapscope info FILE…`. */
import type { Command } from "commander";
import type { CaptureDescription, InterfaceDescription } from "../capture/source/describe.ts";
import { messageOf, TapscopeError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { formatNs } from "../core/time.ts";
import { formatBitRate, formatDuration, formatScaled } from "../core/units.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";
import { tableLines } from "./table.ts";

/** Of more interfaces than this, those without packets are only counted. */
const MANY = 8;

export function registerInfo(program: Command): void {
  program
    .command("info")
    .description("what a capture file is: format, interfaces, packets, bytes, times, and whether it is whole")
    .argument("<file...>", "capture files (pcap, pcapng, snoop; also gzip, zstd, lz4), - for standard input")
    .addHelpText(
      "after",
      "\nExit code 1 when a file is damaged, cut short or not a capture; the others are still told.",
    )
    .action(async (files: string[], _, command: Command) => {
      const { describeCapture } = await import("../capture/source/describe.ts");
      const { json } = globalOptions(command);
      for (const [index, file] of files.entries()) {
        let read = true;
        const description = await describeCapture(file).catch((error: unknown) => {
          read = false;
          return unreadable(file, error);
        });
        if (description.status !== "ok") process.exitCode = EXIT_FAILED;
        if (json) {
          printJson(description);
          continue;
        }
        if (index > 0) print("");
        for (const line of read ? lines(description) : unreadableLines(file)) print(line);
        if (description.error !== null) note(`tapscope: ${sanitize(description.error)}`);
      }
    });
}

/** A file that cannot be opened or read does not stop the others. */
function unreadable(file: string, error: unknown): CaptureDescription {
  if (!(error instanceof TapscopeError)) throw error;
  return {
    file,
    format: null,
    compression: null,
    interfaces: [],
    packets: 0,
    bytes: 0,
    captured_bytes: 0,
    first_ns: null,
    last_ns: null,
    earliest_ns: null,
    latest_ns: null,
    out_of_order: 0,
    status: "unsupported",
    error: messageOf(error),
    warnings: [],
  };
}

function unreadableLines(file: string): string[] {
  return aligned([
    ["File", sanitize(file)],
    ["Status", "cannot be read"],
  ]);
}

function lines(info: CaptureDescription): string[] {
  const compressed = info.compression === null ? "" : `, compressed with ${info.compression}`;
  const rows: [string, string][] = [
    ["File", sanitize(info.file)],
    ["Format", info.format === null ? "not recognised" : `${info.format}${compressed}`],
    ["Status", info.status],
  ];
  if (info.format === null) return aligned(rows);
  rows.push(
    ["Packets", String(info.packets)],
    ["Bytes on the wire", count(info.bytes)],
    ["Bytes captured", count(info.captured_bytes)],
  );
  const { earliest_ns: earliest, latest_ns: latest } = info;
  if (earliest !== null && latest !== null) {
    rows.push(["Earliest packet", formatTime(earliest)], ["Latest packet", formatTime(latest)]);
    if (info.out_of_order > 0)
      rows.push(["Out of order", `${info.out_of_order} packets are earlier than the one before`]);
    const seconds = Number(latest - earliest) / 1e9;
    rows.push(["Duration", `${formatDuration(seconds * 1000)} (${formatNs(latest - earliest, 9)} s)`]);
    if (seconds > 0) {
      const rates = `${formatBitRate((info.bytes * 8) / seconds)}, ${formatScaled(info.packets / seconds)} packets/s`;
      rows.push(["Average rate", rates]);
    }
  }
  if (info.packets > 0) rows.push(["Average packet", `${(info.bytes / info.packets).toFixed(1)} bytes`]);
  for (const warning of info.warnings) rows.push(["Note", sanitize(warning)]);
  return [...aligned(rows), ...interfaceLines(info.interfaces)];
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  return rows.map(([name, value]) => `${`${name}:`.padEnd(19)} ${value}`);
}

function interfaceLines(interfaces: readonly InterfaceDescription[]): string[] {
  const shown = [...interfaces.entries()].filter(([, { packets }]) => packets > 0 || interfaces.length <= MANY);
  const hidden = interfaces.length - shown.length;
  const rows = shown.map(([index, entry]) => [
    index,
    entry.name ?? entry.description,
    `${entry.linktype_name} (${entry.linktype})`,
    entry.snaplen === 0 ? "no limit" : entry.snaplen,
    entry.time_resolution === null ? "impossible" : `${entry.time_resolution} s`,
    entry.packets,
    entry.dropped,
    entry.filter,
  ]);
  const headings = ["#", "INTERFACE", "LINK TYPE", "SNAPLEN", "CLOCK TICK", "PACKETS", "DROPPED", "FILTER"];
  const table = shown.length === 0 ? [] : tableLines(headings, rows);
  return [...table, ...(hidden > 0 ? [`and ${hidden} interfaces without packets`] : [])].map((line) => `  ${line}`);
}

function count(bytes: number): string {
  return bytes < 1000 ? String(bytes) : `${bytes} (${formatScaled(bytes, "B")})`;
}

/** UTC to the nanosecond, and seconds since the epoch as other tools print them. */
function formatTime(ns: bigint): string {
  const seconds = formatNs(ns, 9);
  const date = new Date(Number(ns / 1_000_000n));
  if (Number.isNaN(date.getTime())) return `${seconds} s since the epoch`;
  return `${date.toISOString().slice(0, -5).replace("T", " ")}.${seconds.split(".")[1]} UTC (${seconds})`;
}
