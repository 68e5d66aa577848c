// What the parts report, as Markdown: printed as it comes, and kept for the file that a run leaves.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";

/** A table of the rows' keys, in the order in which they come up; what a row does not have is empty. */
export function tableOf(rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? "")))];
  const widths = columns.map((_, n) => Math.max(3, ...cells.map((row) => row[n].length)));
  const line = (row) =>
    `| ${row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n]) : cell.padStart(widths[n]))).join(" | ")} |`;
  const rule = `| ${widths.map((width, n) => (n === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join("\n");
}

const load = () => loadavg()[0].toFixed(1);

/** Sentences on what a run was made with. */
export function setting(builds) {
  const cpu = cpus();
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "latin1").trim();
  const version = execFileSync("git", ["describe", "--always", "--dirty"], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  }).trim();
  return [
    `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC, ${version}${builds.length > 1 ? ` against ${builds[1].name}` : ""}.`,
    `${cpu.length} x ${cpu[0].model.trim()}, ${(totalmem() / 1e9).toFixed(0)} GB, Linux ${kernel}, Node ${process.versions.node}.`,
    `Load when it began: ${load()}.`,
  ].join("\n");
}

export const ending = () => `Load when it ended: ${load()}.`;
