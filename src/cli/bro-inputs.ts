/** What the commands on logs are given: log files, folders, or the disk of a VM, read as it is. */
import { stat } from "node:fs/promises";
import type { Disk } from "../bro/disk/disk.ts";
import { fileInput, type LogInput } from "../bro/log/input.ts";
import { peekLog } from "../bro/log/peek.ts";
import { findLogs } from "../bro/log/set.ts";
import { sanitize } from "../core/text.ts";
import { note } from "./context.ts";
import { type DiskFlags, openOptions } from "./disk-options.ts";
import { EXIT_FAILED } from "./exit.ts";

/** Logs that can be read as long as this is not disposed of. */
export interface OpenLogs extends AsyncDisposable {
  readonly inputs: readonly LogInput[];
}

/** Says what is wrong with an input on stderr; the exit code will say so too. */
export function complain(sentence: string): void {
  note(`tapscope: ${sanitize(sentence)}`);
  process.exitCode = EXIT_FAILED;
}

/**
 * The logs that paths stand for. A file that is neither a log nor compressed is taken for a disk image.
 * @throws TapscopeError where a path or a disk cannot be opened
 */
export async function openLogs(paths: readonly string[], flags: DiskFlags, signal: AbortSignal): Promise<OpenLogs> {
  const inputs: LogInput[] = [];
  const disks: Disk[] = [];
  const dispose = async () => {
    for (const disk of disks) {
      const { warnings, damaged } = await disk.verdict();
      for (const warning of warnings) note(`warning: ${sanitize(warning)}`);
      if (damaged) process.exitCode = EXIT_FAILED;
      await disk[Symbol.asyncDispose]();
    }
  };
  try {
    for (const path of paths) {
      if (await isDisk(path, signal)) {
        const { openDisk } = await import("../bro/disk/open.ts");
        const disk = await openDisk(path, openOptions(flags, signal));
        disks.push(disk);
        inputs.push(...(await logsOfDisk(disk, signal)));
      } else inputs.push(...(await findLogs([path], complain)));
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { inputs, [Symbol.asyncDispose]: dispose };
}

async function isDisk(path: string, signal: AbortSignal): Promise<boolean> {
  if (path === "-") return false;
  const facts = await stat(path).catch(() => null);
  if (facts?.isBlockDevice()) return true;
  if (!facts?.isFile() || facts.size === 0) return false;
  return (await peekLog(fileInput(path, facts.size), signal)).format === "other";
}

async function logsOfDisk(disk: Disk, signal: AbortSignal): Promise<LogInput[]> {
  const { logFilesOf } = await import("../bro/disk/walk.ts");
  const found: LogInput[] = [];
  const options = { signal, onBroken: (path: string, why: string) => complain(`${path}: ${why}`) };
  for await (const { path, size, chunks } of logFilesOf(disk, undefined, options)) {
    found.push({ name: path, size, path: null, chunks: () => chunks(signal) });
  }
  return found;
}
