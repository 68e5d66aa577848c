/** The report as people read it: the verdict, the figures, the reasons. */
import { sanitize } from "../../core/text.ts";
import { formatNs } from "../../core/time.ts";
import type { Cause, DirectionReport, PingReport, VerifyReport } from "./report.ts";

const WORDS = { in: "into the switch", out: "out of the switch" };
/** Examples shown of each kind. */
const SHOWN = 3;

/** Lines for a terminal: text from packets and OVSDB is safe. */
export function reportLines(report: VerifyReport): string[] {
  const lines = [headline(report), ""];
  if (report.directions.some(({ source_frames }) => source_frames > 0)) lines.push(...table(report.directions), "");
  const seen = report.sources.filter((source) => source.frames > 0);
  if (seen.length > 2) {
    for (const { port, direction, frames: sent, seen: copies } of seen)
      lines.push(`${port} ${direction}: ${copies} of ${frames(sent)} seen on the monitor`);
    lines.push("");
  }
  if (report.ping) lines.push(...pingLines(report.ping));
  if (report.inject) {
    const { interface: device, sent, seen: came } = report.inject;
    lines.push(`injected: ${frames(sent)} out of ${device}, ${came} seen on the monitor`);
  }
  lines.push(`monitor: ${frames(report.monitor_frames)}${foreign(report)}`);
  lines.push(`Open vSwitch: ${counts(report)}`);
  lines.push(...report.directions.flatMap(examples));
  for (const cause of report.causes) lines.push("", ...causeLines("cause", cause));
  for (const note of report.notes) lines.push("", ...causeLines("note", note));
  return lines.map((line) => sanitize(line));
}

function headline(report: VerifyReport): string {
  const { verdict, directions } = report;
  const sources = [...new Set(report.sources.map(({ port }) => port))].join(", ");
  const sent = directions.reduce((sum, d) => sum + d.source_frames, 0);
  const from = sources === "" ? "" : ` of ${sources}`;
  if (verdict === "untested") return `untested: nothing can be said of ${report.monitor}`;
  if (verdict === "faithful") {
    return sent === 0
      ? `faithful: ${report.monitor} saw all that was to be seen`
      : `faithful: ${report.monitor} saw all ${frames(sent)}${from}, once and unaltered`;
  }
  const wrong = (["missing", "duplicated", "altered", "truncated"] as const).flatMap((what) => {
    const count = directions.reduce((sum, d) => sum + d[what], 0);
    return count > 0 ? [`${count} ${what}`] : [];
  });
  if (wrong.length === 0) return `unfaithful: ${report.monitor} did not see all of the traffic`;
  return `unfaithful: of ${frames(sent)}${from}: ${wrong.join(", ")} on ${report.monitor}`;
}

function frames(count: number): string {
  return `${count} frame${count === 1 ? "" : "s"}`;
}

function table(directions: readonly DirectionReport[]): string[] {
  const rows: [string, (d: DirectionReport) => string][] = [
    ["seen on the source", (d) => String(d.source_frames)],
    ["seen on the monitor", (d) => String(d.monitor_frames)],
    ["missing", (d) => share(d.missing, d.source_frames)],
    ["duplicated", (d) => String(d.duplicated)],
    ["reordered", (d) => String(d.reordered)],
    ["altered", (d) => String(d.altered)],
    ["truncated", (d) => String(d.truncated)],
    ["VLAN tag", (d) => d.vlan ?? "-"],
    ["delay added min", (d) => duration(d.delay_ns?.min)],
    ["            p50", (d) => duration(d.delay_ns?.p50)],
    ["            p99", (d) => duration(d.delay_ns?.p99)],
    ["            max", (d) => duration(d.delay_ns?.max)],
  ];
  const heads = directions.map(({ direction }) => `${direction} (${WORDS[direction]})`);
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(20)}${cells.map((cell) => cell.padStart(width)).join("")}`;
  return [line("", heads), ...rows.map(([name, cell]) => line(name, directions.map(cell)))];
}

function share(count: number, of: number): string {
  return count === 0 ? "0" : `${count} (${((count / of) * 100).toFixed(1)} %)`;
}

function duration(ns: number | undefined): string {
  if (ns === undefined) return "-";
  const size = Math.abs(ns);
  if (size < 1e6) return `${(ns / 1e3).toFixed(1)} us`;
  return size < 1e9 ? `${(ns / 1e6).toFixed(2)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}

function pingLines(ping: PingReport): string[] {
  const lines = [
    `ping ${ping.address} from ${ping.from}: ${ping.sent} sent, ${ping.received} answered; on the monitor ${ping.requests_seen} requests, ${ping.replies_seen} replies`,
  ];
  if (ping.largest) {
    const { packet_bytes: packet, payload_bytes: payload, mtu } = ping.largest;
    lines.push(
      `  largest packet that passes unfragmented: ${packet} bytes (payload ${payload}); the device's MTU is ${mtu}`,
    );
  }
  if (ping.missing_seq.length > 0) lines.push(`  not seen whole: icmp_seq ${ranges(ping.missing_seq)}`);
  const both = ping.sequences.filter(({ wire_rtt_ns, ping_rtt_ns }) => wire_rtt_ns !== null && ping_rtt_ns !== null);
  if (both.length > 0) {
    const middle = (values: number[]): number => values.sort((a, b) => a - b)[(values.length - 1) >> 1]!;
    const wire = middle(both.map(({ wire_rtt_ns }) => wire_rtt_ns!));
    const said = middle(both.map(({ ping_rtt_ns }) => ping_rtt_ns!));
    lines.push(`  round trip, median: ${duration(wire)} on the monitor, ${duration(said)} as ping says`);
  }
  return lines;
}

/** `1-3, 7`: at most ten parts. */
function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    let j = i;
    while (numbers[j + 1] === numbers[j]! + 1) j++;
    parts.push(i === j ? String(numbers[i]) : `${numbers[i]}-${numbers[j]}`);
    i = j + 1;
  }
  return parts.length <= 10 ? parts.join(", ") : `${parts.slice(0, 10).join(", ")}, …`;
}

function foreign({ foreign_frames: count, chatter_frames: chatter }: VerifyReport): string {
  if (count === 0) return "";
  return `, ${count} of no source${chatter > 0 ? ` (${chatter} sent by the monitor itself)` : ""}`;
}

function counts({ ovs: { before, after } }: VerifyReport): string {
  if (!before || !after) return "has no count of a mirror that ends there";
  return `counted ${before.packets} copies before, ${after.packets} after (it counts every 5 s)`;
}

function examples(direction: DirectionReport): string[] {
  const lines = direction.missing_frames
    .slice(0, SHOWN)
    .map((m) => `  missing (${direction.direction}): ${clock(m.time_ns)} ${m.length} bytes, ${m.what}`);
  const more = direction.missing - lines.length;
  if (lines.length > 0 && more > 0) lines.push(`  … and ${more} more`);
  for (const d of direction.differences.slice(0, SHOWN)) {
    const bytes = `${hex(d.source)} was sent, ${hex(d.monitor)} came`;
    lines.push(
      `  altered (${direction.direction}): ${clock(d.time_ns)} ${d.length} bytes, first at byte ${d.offset}: ${bytes}`,
    );
  }
  return lines;
}

function hex(byte: number | null): string {
  return byte === null ? "nothing" : `0x${byte.toString(16).padStart(2, "0")}`;
}

/** Seconds of the day with microseconds, UTC: `14:03:07.123456`. */
function clock(ns: bigint): string {
  const time = new Date(Number(ns / 1_000_000n)).toISOString().slice(11, 19);
  return `${time}${formatNs(ns % 1_000_000_000n).slice(1)}`;
}

function causeLines(kind: string, { code, message, hint }: Cause): string[] {
  return [`${kind} (${code}): ${message}`, ...(hint === null ? [] : [`  to do: ${hint}`])];
}
