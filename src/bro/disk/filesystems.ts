/**
 * The file systems (and what else may fill a partition), one row each. A new one that this program reads itself is a
 * folder with a `FileTree` and its row; one that only the host's kernel reads is a row.
 */
import { type BlockDevice, DamagedError } from "./device.ts";
import type { FoundPartition } from "./disk.ts";
import { EXT } from "./ext4/filesystem.ts";
import { magic, recognises } from "./magic.ts";
import type { Partition } from "./partition/table.ts";
import type { FileSystem } from "./tree.ts";

const NEEDS_KERNEL = "--method kernel-nbd lets this host's kernel read it (needs root)";

/** The first that recognises a partition has it. */
export const FILE_SYSTEMS: readonly FileSystem[] = [
  EXT,
  {
    name: "xfs",
    magics: [magic(0, "XFSB")],
    mount: { type: "xfs", options: "nouuid", noReplay: "norecovery" },
    hint: NEEDS_KERNEL,
  },
  {
    name: "btrfs",
    magics: [magic(0x10040, "_BHRfS_M")],
    mount: { type: "btrfs", noReplay: "rescue=nologreplay" },
    hint: NEEDS_KERNEL,
  },
  { name: "swap", magics: [magic(4086, "SWAPSPACE2")] },
  {
    name: "luks",
    magics: [magic(0, "LUKS\xba\xbe")],
    hint: "the partition is encrypted inside the disk: open it with cryptsetup and extract from that device",
  },
  {
    name: "lvm",
    magics: [magic(512, "LABELONE")],
    hint: "the partition is an LVM volume: activate it and extract from the volume's device",
  },
  { name: "ntfs", magics: [magic(3, "NTFS    ")], mount: { type: "ntfs3" }, hint: NEEDS_KERNEL },
  { name: "fat", magics: [magic(82, "FAT32"), magic(54, "FAT1")], mount: { type: "vfat" }, hint: NEEDS_KERNEL },
  { name: "squashfs", magics: [magic(0, "hsqs")], mount: { type: "squashfs" }, hint: NEEDS_KERNEL },
];

/** Enough of a partition's start for every magic. */
const HEAD_BYTES = Math.max(...FILE_SYSTEMS.flatMap(({ magics }) => magics.map(({ at, bytes }) => at + bytes.length)));

/** What is in a partition of `disk`, by its first bytes and never by the type code in the partition table. */
export async function identifyContent(disk: BlockDevice, partition: Partition): Promise<FoundPartition> {
  const { start, size } = partition;
  const found = (content: string, filesystem: FileSystem | null = null) => ({ ...partition, content, filesystem });
  const head = Buffer.alloc(Math.max(0, Math.min(size, disk.size - start, HEAD_BYTES)));
  if (head.length === 0) return found("unreadable");
  try {
    await disk.read(start, head.length, head);
  } catch (error) {
    if (error instanceof DamagedError) return found("unreadable");
    throw error;
  }
  const filesystem = FILE_SYSTEMS.find(({ magics }) => recognises(magics, head));
  if (filesystem) return found(filesystem.name, filesystem);
  return found(head.every((byte) => byte === 0) ? "empty" : "unknown");
}
