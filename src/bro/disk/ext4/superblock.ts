/**
 * The superblock of ext2, ext3 and ext4 (Linux Documentation/filesystems/ext4/super.rst): what the reader needs of it,
 * checked, so that no later arithmetic can go astray.
 */
import { TapscopeError } from "../../../core/errors.ts";
import { crc32c } from "../checksum.ts";
import { type BlockDevice, DamagedError, readBytes } from "../device.ts";

export const SUPERBLOCK_OFFSET = 1024;
const MAGIC = 0xef53;

/** Incompatible features (s_feature_incompat). */
export const INCOMPAT = {
  compression: 0x1,
  filetype: 0x2,
  recover: 0x4,
  journalDevice: 0x8,
  metaBg: 0x10,
  extents: 0x40,
  bits64: 0x80,
  mmp: 0x100,
  flexBg: 0x200,
  eaInode: 0x400,
  dirData: 0x1000,
  checksumSeed: 0x2000,
  largeDir: 0x4000,
  inlineData: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;

/** What leaves the layout of files, directories and inodes as this reader knows it. */
const READABLE =
  Object.values(INCOMPAT).reduce((all, bit) => all | bit, 0) &
  ~(INCOMPAT.journalDevice | INCOMPAT.compression | INCOMPAT.dirData);

const COMPAT_HAS_JOURNAL = 0x4;
const COMPAT_FAST_COMMIT = 0x400;
const COMPAT_SPARSE_SUPER2 = 0x200;
const RO_COMPAT_SPARSE_SUPER = 0x1;
const RO_COMPAT_HUGE_FILE = 0x8;
const RO_COMPAT_GDT_CSUM = 0x10;
const RO_COMPAT_METADATA_CSUM = 0x400;

export interface Superblock {
  /** `ext4` when it uses what ext4 brought, `ext3` with a journal, else `ext2`. */
  readonly type: "ext2" | "ext3" | "ext4";
  readonly blockSize: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly inodes: number;
  readonly groups: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly inodeSize: number;
  readonly descriptorSize: number;
  readonly incompat: number;
  readonly firstMetaBg: number;
  readonly sparseSuper: boolean;
  /** The two groups with a backup superblock under sparse_super2. */
  readonly backupGroups: readonly [number, number] | null;
  readonly hugeFile: boolean;
  readonly groupChecksum: "none" | "crc16" | "crc32c";
  /** Metadata carry CRC-32C, seeded with this; null when they carry none. */
  readonly checksumSeed: number | null;
  readonly checksumOk: boolean;
  readonly uuid: Buffer;
  readonly label: string;
  readonly hasJournal: boolean;
  readonly needsRecovery: boolean;
  readonly fastCommit: boolean;
  /** 0 when the journal lies on another device. */
  readonly journalInode: number;
  /** The filesystem was not unmounted cleanly, or the kernel found errors in it. */
  readonly hasErrors: boolean;
}

/** @throws TapscopeError `E_FS_UNKNOWN` when there is none, `E_FS_FEATURE` when it needs what this reader lacks. */
export async function readSuperblock(device: BlockDevice): Promise<Superblock> {
  if (device.size < SUPERBLOCK_OFFSET + 1024) throw new DamagedError("the superblock lies beyond the end");
  const sb = await readBytes(device, SUPERBLOCK_OFFSET, 1024);
  if (sb.readUInt16LE(0x38) !== MAGIC)
    throw new TapscopeError("E_FS_UNKNOWN", "there is no ext2, ext3 or ext4 filesystem");
  const u32 = (at: number) => sb.readUInt32LE(at);
  const [compat, incompat, roCompat] = [u32(0x5c), u32(0x60), u32(0x64)];
  refuseUnreadable(incompat);

  const bits64 = (incompat & INCOMPAT.bits64) !== 0;
  const wide = (low: number, high: number) => u32(low) + (bits64 ? u32(high) * 2 ** 32 : 0);
  const logBlockSize = u32(0x18);
  const blockSize = logBlockSize <= 6 ? 1024 << logBlockSize : demand(false, `block size 2^${10 + logBlockSize}`, 0);
  const inodeSize = u32(0x4c) === 0 ? 128 : sb.readUInt16LE(0x58);
  const blocks = wide(0x4, 0x150);
  const [blocksPerGroup, inodesPerGroup, firstDataBlock] = [u32(0x20), u32(0x28), u32(0x14)];
  const descriptorSize = bits64 ? sb.readUInt16LE(0xfe) : 32;
  const clusterRatio = roCompat & 0x200 ? 2 ** Math.min(32, Math.max(0, u32(0x1c) - logBlockSize)) : 1;
  demand(isPowerOf2(inodeSize) && inodeSize >= 128 && inodeSize <= blockSize, `inode size ${inodeSize}`, 0);
  demand(
    isPowerOf2(descriptorSize) && descriptorSize >= (bits64 ? 64 : 32) && descriptorSize <= 1024,
    `group descriptor size ${descriptorSize}`,
    0,
  );
  demand(blocksPerGroup > 0 && blocksPerGroup <= blockSize * 8 * clusterRatio, `${blocksPerGroup} blocks a group`, 0);
  demand(inodesPerGroup > 0 && inodesPerGroup <= blockSize * 8, `${inodesPerGroup} inodes a group`, 0);
  demand(blocks > firstDataBlock && firstDataBlock <= 1 && blocks * blockSize <= 2 ** 53, `${blocks} blocks`, 0);
  const groups = Math.ceil((blocks - firstDataBlock) / blocksPerGroup);
  demand(u32(0) > 10 && u32(0) <= groups * inodesPerGroup, `${u32(0)} inodes in ${groups} groups`, 0);

  const metadataCsum = (roCompat & RO_COMPAT_METADATA_CSUM) !== 0;
  const uuid = sb.subarray(0x68, 0x78);
  const hasJournal = (compat & COMPAT_HAS_JOURNAL) !== 0;
  return {
    type: typeOf(incompat, roCompat, hasJournal),
    blockSize,
    blocks,
    freeBlocks: wide(0xc, 0x158),
    inodes: u32(0),
    groups,
    firstDataBlock,
    blocksPerGroup,
    inodesPerGroup,
    inodeSize,
    descriptorSize,
    incompat,
    firstMetaBg: u32(0x104),
    sparseSuper: (roCompat & RO_COMPAT_SPARSE_SUPER) !== 0,
    backupGroups: compat & COMPAT_SPARSE_SUPER2 ? [u32(0x24c), u32(0x250)] : null,
    hugeFile: (roCompat & RO_COMPAT_HUGE_FILE) !== 0,
    groupChecksum: metadataCsum ? "crc32c" : roCompat & RO_COMPAT_GDT_CSUM ? "crc16" : "none",
    checksumSeed: !metadataCsum ? null : incompat & INCOMPAT.checksumSeed ? u32(0x270) : crc32c(0xffffffff, uuid),
    checksumOk: !metadataCsum || crc32c(0xffffffff, sb.subarray(0, 0x3fc)) === u32(0x3fc),
    uuid,
    label: sb.toString("utf8", 0x78, 0x88).replace(/\0.*$/s, ""),
    hasJournal,
    needsRecovery: hasJournal && (incompat & INCOMPAT.recover) !== 0,
    fastCommit: (compat & COMPAT_FAST_COMMIT) !== 0,
    journalInode: u32(0xe0),
    hasErrors: (sb.readUInt16LE(0x3a) & 2) !== 0,
  };
}

function refuseUnreadable(incompat: number): void {
  const lacking: string[] = [];
  if (incompat & INCOMPAT.compression) lacking.push("compression (e2compr)");
  if (incompat & INCOMPAT.dirData) lacking.push("data in directories (dirdata)");
  const unknown = (incompat & ~READABLE & ~INCOMPAT.journalDevice & ~INCOMPAT.compression & ~INCOMPAT.dirData) >>> 0;
  if (unknown !== 0) lacking.push(`unknown incompatible features 0x${unknown.toString(16)}`);
  if (incompat & INCOMPAT.journalDevice) {
    throw new TapscopeError("E_FS_FEATURE", "this is the external journal of an ext filesystem, not a filesystem");
  }
  if (lacking.length > 0) {
    throw new TapscopeError(
      "E_FS_FEATURE",
      `the ext filesystem uses ${lacking.join(", ")}, which this reader does not know`,
      {
        hint: "--method kernel-nbd lets this host's kernel read it",
      },
    );
  }
}

function typeOf(incompat: number, roCompat: number, hasJournal: boolean): Superblock["type"] {
  const newer = INCOMPAT.extents | INCOMPAT.bits64 | INCOMPAT.flexBg | INCOMPAT.inlineData | INCOMPAT.mmp;
  // huge_file, gdt_csum, dir_nlink, extra_isize, bigalloc, metadata_csum
  if ((incompat & newer) !== 0 || (roCompat & 0x678) !== 0) return "ext4";
  return hasJournal ? "ext3" : "ext2";
}

function demand(condition: boolean, what: string, value: number): number {
  if (!condition) throw new DamagedError(`the superblock is damaged: ${what} is impossible`);
  return value;
}

function isPowerOf2(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
