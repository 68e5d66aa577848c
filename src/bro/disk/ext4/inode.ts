/**
 * Inodes: size, times, owner, and the data that a small file keeps inside it
 * (Documentation/filesystems/ext4/inodes.rst, inline data in ifork.rst, attributes.rst).
 */
import { crc32c, crc32cOfNumber } from "../checksum.ts";
import type { FileType } from "../tree.ts";
import type { Superblock } from "./superblock.ts";

export const INODE_FLAG = {
  compressed: 0x4,
  encrypted: 0x800,
  index: 0x1000,
  extents: 0x80000,
  eaInode: 0x200000,
  inlineData: 0x10000000,
} as const;

/** Names the "system" attributes; its "data" is the rest of an inline file. */
const XATTR_INDEX_SYSTEM = 7;
const XATTR_MAGIC = 0xea020000;

const TYPES: Readonly<Record<number, FileType>> = {
  1: "fifo",
  2: "character device",
  4: "directory",
  6: "block device",
  8: "file",
  10: "link",
  12: "socket",
};

export interface Inode {
  readonly number: number;
  readonly type: FileType | null;
  /** Permission bits with setuid, setgid, sticky: 12 bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly size: number;
  readonly flags: number;
  /** Deleted, or never used. */
  readonly free: boolean;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** Bytes it has allocated, as it says itself. */
  readonly allocated: number;
  /** i_block: extent tree root, block map, inline data or a short link's target. */
  readonly block: Buffer;
  /** The part of inline data that did not fit into i_block. */
  readonly inlineRest: Buffer;
  /** Starts the checksums of this inode's extent and directory blocks; null without metadata_csum. */
  readonly checksumSeed: number | null;
  readonly checksumOk: boolean;
}

/** Parses one on-disk inode of `sb.inodeSize` bytes. */
export function parseInode(sb: Superblock, number: number, raw: Buffer): Inode {
  const modeField = raw.readUInt16LE(0);
  const type = TYPES[modeField >> 12] ?? null;
  const flags = raw.readUInt32LE(0x20);
  const extra = raw.length > 128 ? raw.readUInt16LE(0x80) : 0;
  const has = (end: number) => raw.length > 128 && 128 + extra >= end;
  const sizeHigh = type === "file" || (sb.incompat & 0x4000) !== 0 ? raw.readUInt32LE(0x6c) : 0;
  const sectors = raw.readUInt32LE(0x1c) + (sb.hugeFile ? raw.readUInt16LE(0x74) * 2 ** 32 : 0);
  const seed =
    sb.checksumSeed === null ? null : crc32cOfNumber(crc32cOfNumber(sb.checksumSeed, number), raw.readUInt32LE(0x64));
  return {
    number,
    type,
    mode: modeField & 0o7777,
    uid: raw.readUInt16LE(2) + raw.readUInt16LE(0x78) * 65536,
    gid: raw.readUInt16LE(0x18) + raw.readUInt16LE(0x7a) * 65536,
    links: raw.readUInt16LE(0x1a),
    size: raw.readUInt32LE(4) + sizeHigh * 2 ** 32,
    flags,
    free: raw.readUInt16LE(0x1a) === 0 || modeField === 0,
    mtimeNs: timeNs(raw.readInt32LE(0x10), has(0x8c) ? raw.readUInt32LE(0x88) : 0),
    ctimeNs: timeNs(raw.readInt32LE(0xc), has(0x88) ? raw.readUInt32LE(0x84) : 0),
    // With huge_file an inode may count in blocks instead of 512-byte sectors (EXT4_HUGE_FILE_FL).
    allocated: sectors * (sb.hugeFile && (flags & 0x40000) !== 0 ? sb.blockSize : 512),
    block: raw.subarray(0x28, 0x64),
    inlineRest: flags & INODE_FLAG.inlineData ? inlineRest(raw, extra) : Buffer.alloc(0),
    checksumSeed: seed,
    checksumOk: seed === null || inodeChecksumOk(seed, raw, has(0x84)),
  };
}

/** i_[acm]time_extra: two bits that extend the seconds, thirty of nanoseconds. */
function timeNs(seconds: number, extra: number): bigint {
  return (BigInt(seconds) + (BigInt(extra & 3) << 32n)) * 1_000_000_000n + BigInt(extra >>> 2);
}

function inodeChecksumOk(seed: number, raw: Buffer, hasHigh: boolean): boolean {
  const copy = Buffer.from(raw);
  copy.writeUInt16LE(0, 0x7c);
  if (hasHigh) copy.writeUInt16LE(0, 0x82);
  const crc = crc32c(seed, copy);
  if ((crc & 0xffff) !== raw.readUInt16LE(0x7c)) return false;
  return !hasHigh || crc >>> 16 === raw.readUInt16LE(0x82);
}

/** The value of the attribute "system.data" in the space after the inode; empty when there is none. */
function inlineRest(raw: Buffer, extra: number): Buffer {
  const none = Buffer.alloc(0);
  const start = 128 + extra;
  if (start + 4 > raw.length || raw.readUInt32LE(start) !== XATTR_MAGIC) return none;
  const entries = start + 4;
  for (let at = entries; at + 16 <= raw.length && raw.readUInt32LE(at) !== 0; ) {
    const nameLength = raw[at]!;
    if (at + 16 + nameLength > raw.length) return none;
    if (raw[at + 1] === XATTR_INDEX_SYSTEM && raw.toString("latin1", at + 16, at + 16 + nameLength) === "data") {
      const value = entries + raw.readUInt16LE(at + 2);
      const size = raw.readUInt32LE(at + 8);
      return value + size <= raw.length ? raw.subarray(value, value + size) : none;
    }
    at += 16 + Math.ceil(nameLength / 4) * 4;
  }
  return none;
}
