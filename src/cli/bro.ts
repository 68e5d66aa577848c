/** `tapscope bro …`: the logs on a VM's disk, and what can be done with logs. */
import type { Command } from "commander";
import type { Disk } from "../bro/disk/disk.ts";
import type { ExtractReport, Progress } from "../bro/disk/extract/extract.ts";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { formatScaled } from "../core/units.ts";
import { registerCompare } from "./bro-compare.ts";
import { registerCut } from "./bro-cut.ts";
import { registerFollow } from "./bro-follow.ts";
import { registerLogs } from "./bro-logs.ts";
import { choice } from "./choice.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { collect, type DiskFlags, openOptions, withDisk, withDiskOptions } from "./disk-options.ts";
import { EXIT_FAILED, reportError } from "./exit.ts";
import { tableLines, utc } from "./table.ts";
import { untilSignal } from "./until-signal.ts";

interface ExtractFlags extends DiskFlags {
  readonly path?: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly links: "none" | "safe";
}

/** Skipped things are listed up to here; the manifest has them all. */
const LISTED = 20;

export function registerBro(program: Command): void {
  const bro = program
    .command("bro")
    .description("Bro/Zeek logs: out of a VM's disk, their columns, what is in them, and whether Bro saw all");

  withDiskOptions(bro.command("extract"))
    .description(
      "copy the logs out of disk images, without root and without touching them; one disk goes straight into <dir>, several into a folder each",
    )
    .usage("[options] <disk...> <dir>")
    .argument(
      "<disk...>",
      "disk images (qcow2, raw, vmdk, vdi, vhdx, LUKS) or block devices, then the folder: new, or empty",
    )
    .option("--path <path>", "the guest's directory to extract (default: /bro where there is one, else all)")
    .option("--include <glob>", "only files like this; may be repeated", collect, [])
    .option("--exclude <glob>", "no files or directories like this; may be repeated", collect, [])
    .option(
      "--links <which>",
      "none: record links, make none; safe: make those that stay inside",
      choice(["none", "safe"], "--links"),
      "none",
    )
    .action(extractDisks);

  withDiskOptions(bro.command("ls"))
    .description("list a directory of a disk's filesystem")
    .argument("<disk>", "a disk image or block device")
    .argument("[path]", "the guest's directory (default: /bro where there is one, else /)")
    .option("-r, --recursive", "with everything below it")
    .action(runLs);

  withDiskOptions(bro.command("cat"))
    .description("write a file of a disk's filesystem to standard output")
    .argument("<disk>", "a disk image or block device")
    .argument("<path>", "the guest's file; without a leading / below /bro, where there is one")
    .action(runCat);

  registerCut(bro);
  registerLogs(bro);
  registerFollow(bro);
  registerCompare(bro);
}

async function extractDisks(operands: readonly string[], flags: ExtractFlags, command: Command): Promise<void> {
  const { json, verbose } = globalOptions(command);
  if (operands.length < 2) {
    throw new UsageError("bro extract needs at least one disk and, last, the folder to extract to");
  }
  const [images, dir] = [operands.slice(0, -1), operands.at(-1)!];
  await untilSignal(async (signal) => {
    const { runExtract } = await import("../jobs/extract.ts");
    const bar = process.stderr.isTTY ? new ProgressBar() : null;
    try {
      const { reports, failures } = await runExtract({
        images,
        dir,
        ...openOptions(flags, signal),
        include: flags.include,
        exclude: flags.exclude,
        links: flags.links,
        ...(flags.path !== undefined && { path: flags.path }),
        onSwept: (sentence) => note(sanitize(sentence)),
        ...(bar && { onProgress: (progress) => bar.show(progress) }),
      });
      bar?.clear();
      for (const report of reports) await tellReport(report, json);
      for (const { error } of failures) reportError(error, { json, verbose });
      if (failures.length > 0 || reports.some((report) => report.damaged)) process.exitCode = EXIT_FAILED;
    } finally {
      bar?.clear();
    }
  }, "nothing was kept");
}

async function tellReport(report: ExtractReport, json: boolean): Promise<void> {
  const { logKeys } = await import("../bro/disk/extract/manifest.ts");
  if (json) {
    const { journalDetail, skippedCount, logs, incomplete, ...rest } = report;
    return printJson({
      ...rest,
      journal_detail: journalDetail,
      skipped_count: skippedCount,
      incomplete,
      logs: logs.map((log) => ({ path: log.path, ...logKeys(log) })),
    });
  }
  const journal =
    report.journal === "replayed"
      ? `journal replayed: ${report.journalDetail}`
      : `journal ${report.journal === "clean" ? "clean" : "not replayed"}`;
  const where = report.partition === null ? "whole disk" : `partition ${report.partition}`;
  note(
    `${sanitize(report.image)}: ${report.format}, ${where}, ${report.filesystem}, ${journal}; read by method ${report.method}`,
  );
  for (const warning of report.warnings) note(`warning: ${sanitize(warning)}`);
  if (report.journal === "ignored" && report.journalDetail && !report.warnings.includes(report.journalDetail)) {
    note(`warning: ${sanitize(report.journalDetail)}`);
  }
  for (const { path, why } of report.skipped.slice(0, LISTED)) note(`skipped ${sanitize(path)}: ${sanitize(why)}`);
  if (report.skippedCount > LISTED)
    note(`skipped ${report.skippedCount - LISTED} more: see ${sanitize(report.manifest)}`);
  const took = `${report.files} files, ${formatScaled(report.bytes, "B")} from ${report.root}`;
  note(`${took} are in ${sanitize(report.destination)} (record: ${sanitize(report.manifest)})`);
  if (report.logs.length > 0) for (const line of logTable(report)) print(line);
}

function logTable(report: ExtractReport): string[] {
  return tableLines(
    ["log", "kind", "rows", "first", "last", "damage"],
    report.logs.map((log) => [log.path, log.kind, log.rows, utc(log.firstUs), utc(log.lastUs), log.damage ?? "none"]),
  );
}

async function runLs(
  image: string,
  path: string | undefined,
  flags: DiskFlags & { recursive?: boolean },
  command: Command,
): Promise<void> {
  const { json } = globalOptions(command);
  await withDisk(image, flags, async (disk, signal) => {
    const { listTree } = await import("../bro/disk/list.ts");
    const root = await disk.resolve(path);
    if (!json) note(`${sanitize(image)}: ${describeDisk(disk)}; ${sanitize(root.path)}`);
    for await (const entry of listTree(disk.tree, root, { recursive: flags.recursive ?? false, signal })) {
      if (entry.why !== null) process.exitCode = EXIT_FAILED;
      if (json) printJson(entry.keys);
      else print(entry.line);
    }
  });
}

async function runCat(image: string, path: string, flags: DiskFlags, command: Command): Promise<void> {
  globalOptions(command);
  await withDisk(image, flags, async (disk, signal) => {
    const { catFile } = await import("../bro/disk/list.ts");
    const base = path.startsWith("/") ? "" : (await disk.resolve()).path;
    const { reference } = await disk.resolve(`${base}/${path}`);
    await catFile(disk.tree, reference, `${base}/${path}`, process.stdout, signal);
  });
}

function describeDisk(disk: Disk): string {
  const where = disk.partition === 0 ? "whole disk" : `partition ${disk.partition}`;
  const journal =
    disk.tree.journal === "replayed" ? `journal replayed: ${disk.tree.journalDetail}` : `journal ${disk.tree.journal}`;
  return `${disk.format}, ${where}, ${disk.tree.type}, ${journal}`;
}

/** One line on the terminal, rewritten: bytes, files, rate. */
class ProgressBar {
  readonly #started = performance.now();
  #shown = false;
  #last = 0;

  show({ image, bytes, totalBytes, files, totalFiles }: Progress): void {
    const now = performance.now();
    if (now - this.#last < 100) return;
    this.#last = now;
    const part = totalBytes > 0 ? Math.min(1, bytes / totalBytes) : 0;
    const bar = "#".repeat(Math.round(part * 20)).padEnd(20, ".");
    const rate = formatScaled((bytes / (now - this.#started)) * 1000, "B/s");
    const text = `${sanitize(image)} [${bar}] ${formatScaled(bytes, "B")} of ${formatScaled(totalBytes, "B")}, ${files} of ${totalFiles} files, ${rate}`;
    process.stderr.write(`\r\x1b[K${text.slice(-Math.max(20, (process.stderr.columns ?? 80) - 1))}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) process.stderr.write("\r\x1b[K");
    this.#shown = false;
  }
}
