/** The options of every command that reads a disk, and what those commands have in common. */
import type { Command } from "commander";
import type { Disk, OpenOptions } from "../bro/disk/disk.ts";
import { sanitize } from "../core/text.ts";
import { parseInteger } from "../core/units.ts";
import { choice } from "./choice.ts";
import { note } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";
import { untilSignal } from "./until-signal.ts";

/** As commander parses them. */
export interface DiskFlags {
  readonly method: "auto" | "native" | "qemu-nbd" | "kernel-nbd";
  readonly partition?: number;
  readonly replay: boolean;
  readonly live?: boolean;
  readonly keyFile?: string;
  readonly snapshot?: string;
  readonly backingDir: readonly string[];
}

const METHODS = ["auto", "native", "qemu-nbd", "kernel-nbd"] as const;
export function withDiskOptions(command: Command): Command {
  return command
    .option("--method <method>", `how the disk is read: ${METHODS.join(", ")}`, choice(METHODS, "--method"), "auto")
    .option(
      "--partition <n>",
      "the partition (0: the whole disk); needed when several hold a filesystem",
      (text: string) => parseInteger(text, "--partition", 0, 65535),
    )
    .option("--no-replay", "leave the journal of a killed VM alone: the tree as it was before its last changes")
    .option("--live", "read the disk of a VM that still runs; what is read may be inconsistent")
    .option("--key-file <file>", "the passphrase of an encrypted image")
    .option("--snapshot <name>", "the disk as it was at an internal snapshot")
    .option("--backing-dir <dir>", "a folder that backing files may be opened from; may be repeated", collect, []);
}

/** For an option that may be repeated. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

export function openOptions(flags: DiskFlags, signal: AbortSignal): OpenOptions {
  return {
    method: flags.method,
    replay: flags.replay,
    live: flags.live ?? false,
    backingDirs: flags.backingDir,
    signal,
    ...(flags.partition !== undefined && { partition: flags.partition }),
    ...(flags.keyFile !== undefined && { keyFile: flags.keyFile }),
    ...(flags.snapshot !== undefined && { snapshot: flags.snapshot }),
  };
}

/** Opens a disk for `use`, and then says what was found wrong with it. */
export async function withDisk(
  image: string,
  flags: DiskFlags,
  use: (disk: Disk, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await untilSignal(async (signal) => {
    const { openDisk } = await import("../bro/disk/open.ts");
    await using disk = await openDisk(image, openOptions(flags, signal));
    await use(disk, signal);
    const { warnings, damaged } = await disk.verdict();
    for (const warning of warnings) note(`warning: ${sanitize(warning)}`);
    if (damaged) process.exitCode = EXIT_FAILED;
  });
}
