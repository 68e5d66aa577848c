/** Partitions of a disk, and what each holds, told by content and never by its type code. */
import { type BlockDevice, DamagedError } from "../device.ts";
import { readGpt } from "./gpt.ts";
import { readMbr } from "./mbr.ts";

/** `start` and `size` in bytes. Number 0 is the whole disk. */
export interface Partition {
  readonly number: number;
  readonly start: number;
  readonly size: number;
}

export interface PartitionTable {
  readonly scheme: "gpt" | "mbr" | "none";
  /** As the table has them; some may lie beyond the end of a cut disk. */
  readonly partitions: readonly Partition[];
  /** What is wrong with the table, sentences. */
  readonly warnings: readonly string[];
}

/** Reads the partition table of a disk: GPT (its backup where the first is damaged), then MBR. */
export async function readPartitionTable(disk: BlockDevice): Promise<PartitionTable> {
  return (await readGpt(disk)) ?? (await readMbr(disk)) ?? { scheme: "none", partitions: [], warnings: [] };
}

/** What starts at byte `start` of a disk. `unreadable`: a cut image ends before it; `empty`: nothing but zeros. */
export type Content =
  | "ext"
  | "xfs"
  | "btrfs"
  | "swap"
  | "luks"
  | "lvm"
  | "ntfs"
  | "fat"
  | "squashfs"
  | "empty"
  | "unreadable"
  | "unknown";

const MAGICS: readonly (readonly [Content, number, Buffer])[] = [
  ["ext", 1080, Buffer.from([0x53, 0xef])],
  ["xfs", 0, Buffer.from("XFSB")],
  ["btrfs", 0x10040, Buffer.from("_BHRfS_M")],
  ["swap", 4086, Buffer.from("SWAPSPACE2")],
  ["luks", 0, Buffer.from("LUKS\xba\xbe", "latin1")],
  ["lvm", 512, Buffer.from("LABELONE")],
  ["ntfs", 3, Buffer.from("NTFS    ")],
  ["fat", 82, Buffer.from("FAT32")],
  ["fat", 54, Buffer.from("FAT1")],
  ["squashfs", 0, Buffer.from("hsqs")],
];

export async function identifyContent(disk: BlockDevice, { start, size }: Partition): Promise<Content> {
  const head = Buffer.alloc(Math.max(0, Math.min(size, disk.size - start, 0x11000)));
  if (head.length === 0) return "unreadable";
  try {
    await disk.read(start, head.length, head);
  } catch (error) {
    if (error instanceof DamagedError) return "unreadable";
    throw error;
  }
  for (const [content, offset, magic] of MAGICS) {
    if (head.subarray(offset, offset + magic.length).equals(magic)) return content;
  }
  return head.every((byte) => byte === 0) ? "empty" : "unknown";
}
