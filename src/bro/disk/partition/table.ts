/** The partitions of a disk. */
import type { BlockDevice } from "../device.ts";
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
