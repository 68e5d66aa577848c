/**
 * The GUID partition table (UEFI specification §5.3): header at the disk's second block, its copy at the last one, both
 * with CRC32. Sectors of 512 and of 4096 bytes are tried.
 *
 * Header:  0 "EFI PART" · 12 size · 16 crc · 24 own block · 72 entries' block · 80 count · 84 entry size · 88 entries' crc
 * Entry:   0 type GUID · 32 first block · 40 last block
 */

import { crc32 } from "../checksum.ts";
import { type BlockDevice, DamagedError, readBytes, toSafeNumber } from "../device.ts";
import type { Partition, PartitionTable } from "./table.ts";

const SIGNATURE = "EFI PART";
/** 128 entries of 128 bytes are usual; this bounds what a hostile header makes us read. */
const MAX_TABLE_BYTES = 1 << 20;

/** Null when neither the table nor its copy is there. */
export async function readGpt(disk: BlockDevice): Promise<PartitionTable | null> {
  const problems: string[] = [];
  for (const sector of [512, 4096]) {
    for (const [name, at] of [["table", sector] as const, ["backup table", disk.size - sector] as const]) {
      if (at < sector || at + sector > disk.size) continue;
      try {
        const partitions = await readTable(disk, sector, at);
        if (partitions) return { scheme: "gpt", partitions, warnings: problems };
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error;
        problems.push(`the GPT ${name} is damaged: ${error.message}`);
      }
    }
  }
  if (problems.length > 0) return { scheme: "gpt", partitions: [], warnings: problems };
  return null;
}

async function readTable(disk: BlockDevice, sector: number, at: number): Promise<Partition[] | null> {
  const header = await readBytes(disk, at, sector);
  if (header.toString("latin1", 0, 8) !== SIGNATURE) return null;
  const headerSize = header.readUInt32LE(12);
  if (headerSize < 92 || headerSize > sector) throw new DamagedError(`its header of ${headerSize} bytes is impossible`);
  const expected = header.readUInt32LE(16);
  header.writeUInt32LE(0, 16);
  if (crc32(header.subarray(0, headerSize)) !== expected) throw new DamagedError("its header's checksum is wrong");
  const [count, entrySize] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  if (entrySize < 128 || entrySize % 8 !== 0 || count * entrySize > MAX_TABLE_BYTES) {
    throw new DamagedError(`${count} entries of ${entrySize} bytes are impossible`);
  }
  const tableAt = toSafeNumber(header.readBigUInt64LE(72), "its entries' place") * sector;
  const table = await readBytes(disk, tableAt, count * entrySize);
  if (crc32(table) !== header.readUInt32LE(88)) throw new DamagedError("its entries' checksum is wrong");
  const partitions: Partition[] = [];
  for (let number = 1; number <= count; number++) {
    const entry = table.subarray((number - 1) * entrySize, number * entrySize);
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const first = toSafeNumber(entry.readBigUInt64LE(32), "a partition's start");
    const last = toSafeNumber(entry.readBigUInt64LE(40), "a partition's end");
    if (first > 0 && last >= first)
      partitions.push({ number, start: first * sector, size: (last - first + 1) * sector });
  }
  return partitions;
}
