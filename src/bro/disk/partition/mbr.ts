/**
 * The DOS partition table: four primary entries, and logical partitions in a chain of extended boot records.
 *
 * Entry:  0 status · 4 type · 8 first sector (32) · 12 sectors (32);  table at 446, signature 55 AA at 510
 */
import { type BlockDevice, DamagedError, readBytes } from "../device.ts";
import type { Partition, PartitionTable } from "./table.ts";

const SECTOR = 512;
const EXTENDED = [0x05, 0x0f, 0x85];
/** More logical partitions than any system numbers. */
const MAX_LOGICAL = 128;

interface Entry {
  readonly type: number;
  readonly first: number;
  readonly sectors: number;
}

/** Null when the disk has no such table (a filesystem's boot sector may carry its signature too). */
export async function readMbr(disk: BlockDevice): Promise<PartitionTable | null> {
  const entries = disk.size < SECTOR ? null : entriesOf(await readBytes(disk, 0, SECTOR));
  if (!entries?.some((entry) => entry.sectors > 0)) return null;
  if (entries.some((entry) => entry.type !== 0 && entry.sectors > 0 && entry.first === 0)) return null;
  const partitions: Partition[] = [];
  const warnings: string[] = [];
  for (const [index, entry] of entries.entries()) {
    if (entry.type !== 0 && entry.sectors > 0 && !EXTENDED.includes(entry.type)) {
      partitions.push(toPartition(index + 1, entry.first, entry.sectors));
    }
  }
  const extended = entries.find((entry) => EXTENDED.includes(entry.type) && entry.sectors > 0);
  if (extended) await readLogical(disk, extended.first, partitions, warnings);
  return { scheme: "mbr", partitions, warnings };
}

/** Each extended boot record has one partition (relative to itself) and a link (relative to the first record). */
async function readLogical(disk: BlockDevice, base: number, found: Partition[], warnings: string[]): Promise<void> {
  const seen = new Set<number>();
  let number = 5;
  for (let record = base; ; number++) {
    if (seen.has(record) || seen.size >= MAX_LOGICAL) {
      warnings.push("the chain of logical partitions runs in a circle");
      return;
    }
    seen.add(record);
    let entries: Entry[] | null;
    try {
      entries = entriesOf(await readBytes(disk, record * SECTOR, SECTOR));
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      warnings.push(`the boot record of logical partition ${number} cannot be read: ${error.message}`);
      return;
    }
    if (!entries) {
      warnings.push(`logical partition ${number} has no boot record`);
      return;
    }
    const [partition, link] = entries as [Entry, Entry];
    if (partition.type !== 0 && partition.sectors > 0) {
      found.push(toPartition(number, record + partition.first, partition.sectors));
    }
    if (!EXTENDED.includes(link.type) || link.sectors === 0) return;
    record = base + link.first;
  }
}

function entriesOf(sector: Buffer): Entry[] | null {
  if (sector.readUInt16LE(510) !== 0xaa55) return null;
  return [446, 462, 478, 494].map((at) => ({
    type: sector[at + 4]!,
    first: sector.readUInt32LE(at + 8),
    sectors: sector.readUInt32LE(at + 12),
  }));
}

function toPartition(number: number, first: number, sectors: number): Partition {
  return { number, start: first * SECTOR, size: sectors * SECTOR };
}
