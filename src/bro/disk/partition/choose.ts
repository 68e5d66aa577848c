/** Which partition of a disk is read. */
import { TapscopeError } from "../../../core/errors.ts";
import type { FoundPartition } from "../disk.ts";
import { FILE_SYSTEMS } from "../filesystems.ts";
import type { PartitionTable } from "./table.ts";

interface Choice {
  readonly table: PartitionTable;
  readonly partitions: readonly FoundPartition[];
  /** The whole disk as a partition. */
  readonly whole: FoundPartition;
  /** The number asked for. */
  readonly wanted: number | undefined;
  /** The host's kernel reads the filesystem, not this program. */
  readonly kernel: boolean;
}

/**
 * The partition asked for, else the only one with a filesystem that can be read.
 * @throws TapscopeError `E_PARTITION…`, `E_FS_…` when there is none, or several to choose from.
 */
export function choosePartition(image: string, { table, partitions, whole, wanted, kernel }: Choice): FoundPartition {
  const canRead = ({ filesystem }: FoundPartition) => (kernel ? filesystem?.mount : filesystem?.reader) !== undefined;
  const list = partitions.map((p) => `${p.number} (${describeSize(p.size)}, ${p.content})`).join(", ");
  if (wanted !== undefined) {
    const found = wanted === 0 ? whole : partitions.find((partition) => partition.number === wanted);
    if (found && kernel && !canRead(found)) {
      throw new TapscopeError(
        "E_FS_UNKNOWN",
        `partition ${wanted} of ${image} holds no filesystem to mount (${found.content})`,
      );
    }
    // Without the kernel, opening it says what is wrong with it.
    if (found) return found;
    throw new TapscopeError("E_PARTITION", `there is no partition ${wanted} in ${image}`, {
      hint: list ? `there are: ${list}` : "there is no partition table: leave --partition out",
    });
  }
  const candidates = partitions.filter(canRead);
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length > 1) {
    throw new TapscopeError("E_PARTITION_CHOICE", `${image} has several partitions with a filesystem: ${list}`, {
      hint: "choose one with --partition N",
    });
  }
  if (canRead(whole)) return whole;
  if (partitions.length > 0) {
    const cut = partitions.some((partition) => partition.content === "unreadable");
    throw new TapscopeError(
      "E_FS_UNKNOWN",
      `no partition of ${image} holds ${kernel ? "a filesystem to mount" : readableNames()}: ${list}`,
      {
        hint: cut ? "the image is cut: get a whole copy of it" : hintFor(partitions),
      },
    );
  }
  const damaged = table.warnings.length > 0 ? ` (${table.warnings.join("; ")})` : "";
  if (whole.content === "empty" && damaged === "") {
    const nothing = "no partition table and no filesystem (it begins with nothing but zeros)";
    throw new TapscopeError("E_FS_EMPTY", `there is nothing to extract in ${image}: ${nothing}`, {
      hint: "did the VM ever start with this disk?",
    });
  }
  const held = whole.content === "unknown" || whole.content === "empty" ? "no filesystem it knows" : whole.content;
  throw new TapscopeError("E_FS_UNKNOWN", `${image} has no partition table, and holds ${held}${damaged}`, {
    hint: hintFor([whole]),
  });
}

/** "an ext2, ext3 or ext4 filesystem". */
function readableNames(): string {
  return FILE_SYSTEMS.flatMap(({ reader }) => reader?.reads ?? []).join(" or ");
}

function hintFor(partitions: readonly FoundPartition[]): string | undefined {
  const found = new Set(partitions.map(({ filesystem }) => filesystem));
  return FILE_SYSTEMS.find((row) => found.has(row) && row.hint !== undefined)?.hint;
}

function describeSize(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
