/**
 * Block group descriptors: where each group's inode table is (Documentation/filesystems/ext4/group_descr.rst).
 *
 * 8 inode table (low) · 0x12 flags · 0x1e checksum · 0x28 inode table (high, 64-byte descriptors)
 */
import { crc16, crc32c, crc32cOfNumber } from "../checksum.ts";
import { type BlockDevice, DamagedError, readBytes } from "../device.ts";
import { INCOMPAT, type Superblock } from "./superblock.ts";

/** The first block of group `group`'s inode table; `checksumOk` is false when the descriptor's checksum is wrong. */
export async function readInodeTable(
  device: BlockDevice,
  sb: Superblock,
  group: number,
): Promise<{ block: number; checksumOk: boolean }> {
  const perBlock = sb.blockSize / sb.descriptorSize;
  const at =
    descriptorBlock(sb, Math.floor(group / perBlock), perBlock) * sb.blockSize + (group % perBlock) * sb.descriptorSize;
  const descriptor = await readBytes(device, at, sb.descriptorSize);
  const high = sb.descriptorSize >= 64 ? descriptor.readUInt32LE(0x28) : 0;
  const block = descriptor.readUInt32LE(8) + high * 2 ** 32;
  const tableBlocks = Math.ceil((sb.inodesPerGroup * sb.inodeSize) / sb.blockSize);
  if (block <= sb.firstDataBlock || block + tableBlocks > sb.blocks) {
    throw new DamagedError(`the inode table of group ${group} is at block ${block}, outside the filesystem`);
  }
  return { block, checksumOk: descriptorChecksumOk(sb, group, descriptor) };
}

function descriptorBlock(sb: Superblock, index: number, perBlock: number): number {
  const superblockBlock = sb.blockSize === 1024 ? 1 : 0;
  if (!(sb.incompat & INCOMPAT.metaBg) || index < sb.firstMetaBg) return superblockBlock + 1 + index;
  // meta_bg: the first group of each set of groups holds their descriptors, after its superblock if it has one.
  const first = index * perBlock;
  const shift = sb.blockSize === 1024 && index === 0 && sb.firstDataBlock === 0 ? 1 : 0;
  return sb.firstDataBlock + first * sb.blocksPerGroup + (hasSuperblock(sb, first) ? 1 : 0) + shift;
}

function hasSuperblock(sb: Superblock, group: number): boolean {
  if (group === 0) return true;
  if (sb.backupGroups) return sb.backupGroups.includes(group);
  if (group === 1 || !sb.sparseSuper) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}

function descriptorChecksumOk(sb: Superblock, group: number, descriptor: Buffer): boolean {
  if (sb.groupChecksum === "none") return true;
  const expected = descriptor.readUInt16LE(0x1e);
  if (sb.groupChecksum === "crc32c") {
    const copy = Buffer.from(descriptor);
    copy.writeUInt16LE(0, 0x1e);
    return (crc32c(crc32cOfNumber(sb.checksumSeed!, group), copy) & 0xffff) === expected;
  }
  const number = Buffer.allocUnsafe(4);
  number.writeUInt32LE(group);
  let crc = crc16(crc16(crc16(0xffff, sb.uuid), number), descriptor.subarray(0, 0x1e));
  if (descriptor.length > 0x20) crc = crc16(crc, descriptor.subarray(0x20));
  return crc === expected;
}
