/**
 * Directory blocks (Documentation/filesystems/ext4/directory.rst). Hash trees are read like plain lists: their index
 * blocks look like empty entries.
 *
 * Entry:  0 inode · 4 entry length · 6 name length · 7 type · 8 name;  with checksums the block ends in a 12-byte entry
 * of inode 0 and type 0xde that holds the block's CRC-32C.
 */
import { crc32c } from "../checksum.ts";
import type { DirectoryEntry, Lost } from "../tree.ts";
import { INODE_FLAG, type Inode } from "./inode.ts";
import { INCOMPAT, type Superblock } from "./superblock.ts";

/** The entries in `block` from byte `from` on, without `.` and `..` where they belong (`first`: the directory's first block). */
export function* parseEntries(
  sb: Superblock,
  block: Buffer,
  first: boolean,
  from = 0,
): Generator<DirectoryEntry | Lost> {
  let ordinal = 0;
  for (let at = from; at + 8 <= block.length; ordinal++) {
    const inode = block.readUInt32LE(at);
    const length = entryLength(block.readUInt16LE(at + 4), sb.blockSize);
    const nameLength = sb.incompat & INCOMPAT.filetype ? block[at + 6]! : block.readUInt16LE(at + 6);
    if (length < 8 || length % 4 !== 0 || at + length > block.length || nameLength + 8 > length) {
      yield { kind: "lost", reason: `a directory block is damaged from its byte ${at} on` };
      return;
    }
    const dots = first && ordinal < 2 && nameLength === ordinal + 1 && block[at + 8] === 0x2e;
    if (inode !== 0 && nameLength > 0 && !dots) {
      yield { name: Buffer.from(block.subarray(at + 8, at + 8 + nameLength)), reference: inode };
    }
    at += length;
  }
}

// 16 bits cannot say 65536 (ext4_rec_len_from_disk).
function entryLength(raw: number, blockSize: number): number {
  if (blockSize < 65536) return raw;
  return raw === 65535 || raw === 0 ? blockSize : (raw & 65532) | ((raw & 3) << 16);
}

/** True when the block's checksum is right, or it has none to check. */
export function directoryChecksumOk(inode: Inode, block: Buffer): boolean {
  if (inode.checksumSeed === null) return true;
  // First, as the tail of an index block looks like a leaf's.
  const countAt = inode.flags & INODE_FLAG.index ? indexCountOffset(block) : 0;
  if (countAt > 0) return indexChecksumOk(inode.checksumSeed, block, countAt);
  const tail = block.length - 12;
  const hasTail =
    block.readUInt32LE(tail) === 0 && block.readUInt16LE(tail + 4) === 12 && block.readUInt16LE(tail + 6) === 0xde00;
  return !hasTail || crc32c(inode.checksumSeed, block.subarray(0, tail)) === block.readUInt32LE(tail + 8);
}

/** Where a hash tree block has its limit and count: after two faked entries in the root, after one in a node. */
function indexCountOffset(block: Buffer): number {
  const first = block.readUInt16LE(4);
  if (first === block.length || (block.length === 65536 && (first === 0 || first === 65535))) return 8;
  return first === 12 && block.readUInt16LE(16) === block.length - 12 && block[29] === 8 ? 32 : 0;
}

// The sum covers the index entries in use, then the tail's first field, then four zeros for itself (ext4_dx_csum).
function indexChecksumOk(seed: number, block: Buffer, countAt: number): boolean {
  const [limit, count] = [block.readUInt16LE(countAt), block.readUInt16LE(countAt + 2)];
  const tail = countAt + limit * 8;
  if (count > limit || tail + 8 > block.length) return false;
  const covered = crc32c(seed, block.subarray(0, countAt + count * 8));
  const withReserved = crc32c(covered, block.subarray(tail, tail + 4));
  return crc32c(withReserved, Buffer.alloc(4)) === block.readUInt32LE(tail + 4);
}
