/**
 * Which blocks of the disk hold which blocks of a file: the extent tree of ext4 (Documentation/filesystems/ext4/ifork.rst)
 * and the direct and indirect block map of ext2 and ext3 (blockmap.rst).
 *
 * Extent header:  0 magic f30a · 2 entries · 4 room · 6 depth      Leaf:  0 logical · 4 length · 6 start (high) · 8 start (low)
 * Index:          0 logical · 4 child (low) · 8 child (high)
 */
import { crc32c } from "../checksum.ts";
import { DamagedError } from "../device.ts";
import type { Inode } from "./inode.ts";
import type { Superblock } from "./superblock.ts";

/** Blocks `logical` to `logical + count` of a file. `physical` is null where they read as zeros though listed. */
export type Mapping =
  | { readonly kind: "mapped"; readonly logical: number; readonly count: number; readonly physical: number | null }
  | { readonly kind: "lost"; readonly logical: number; readonly count: number; readonly reason: string };

/** What the walk needs of the filesystem. */
export interface MappingContext {
  readonly sb: Superblock;
  /** Reads one metadata block. */
  readBlock(block: number): Promise<Buffer>;
  warn(sentence: string): void;
}

const EXTENT_MAGIC = 0xf30a;
const MAX_DEPTH = 5;
/** A tree node belongs to one file once; more nodes than this are no file that fits a disk. */
const MAX_NODES = 1 << 20;
/** An extent's length above this marks it as allocated but never written: it reads as zeros. */
const UNWRITTEN = 32768;
const LOGICAL_END = 2 ** 32;

/** The extents of an inode in rising order; gaps are holes. Damage loses the range it covers, not the rest. */
export async function* extentMappings(context: MappingContext, inode: Inode): AsyncGenerator<Mapping> {
  const visited = new Set<number>();
  yield* walkNode(context, inode, inode.block, null, 0, LOGICAL_END, visited);
}

async function* walkNode(
  context: MappingContext,
  inode: Inode,
  node: Buffer,
  expectedDepth: number | null,
  from: number,
  to: number,
  visited: Set<number>,
): AsyncGenerator<Mapping> {
  const [entries, room, depth] = [node.readUInt16LE(2), node.readUInt16LE(4), node.readUInt16LE(6)];
  const lost = (start: number, end: number, reason: string): Mapping => ({
    kind: "lost",
    logical: start,
    count: end - start,
    reason,
  });
  if (node.readUInt16LE(0) !== EXTENT_MAGIC) return yield lost(from, to, "an extent block is none");
  if (entries > room || 12 + room * 12 > node.length) return yield lost(from, to, "an extent block is overfull");
  if (depth > MAX_DEPTH || (expectedDepth !== null && depth !== expectedDepth)) {
    return yield lost(from, to, `an extent block has the impossible depth ${depth}`);
  }
  let cursor = from;
  for (let i = 0; i < entries; i++) {
    const at = 12 + i * 12;
    const logical = node.readUInt32LE(at);
    if (logical < cursor || logical >= to) return yield lost(cursor, to, "extents are out of order");
    if (depth === 0) {
      const rawLength = node.readUInt16LE(at + 4);
      const unwritten = rawLength > UNWRITTEN;
      const count = unwritten ? rawLength - UNWRITTEN : rawLength;
      const physical = node.readUInt16LE(at + 6) * 2 ** 32 + node.readUInt32LE(at + 8);
      if (count === 0 || logical + count > to) return yield lost(cursor, to, "an extent has an impossible length");
      cursor = logical + count;
      if (!isInside(context.sb, physical, count)) yield lost(logical, cursor, `an extent lies outside the filesystem`);
      else yield { kind: "mapped", logical, count, physical: unwritten ? null : physical };
      continue;
    }
    const end = i + 1 < entries ? Math.min(to, node.readUInt32LE(at + 12)) : to;
    if (end <= logical) return yield lost(cursor, to, "extents are out of order");
    const child = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
    const block = await childBlock(context, child, visited);
    if (typeof block === "string") yield lost(logical, end, block);
    else {
      if (!extentChecksumOk(inode, block)) context.warn(`inode ${inode.number}: an extent block has a wrong checksum`);
      yield* walkNode(context, inode, block, depth - 1, logical, end, visited);
    }
    cursor = end;
  }
}

function extentChecksumOk(inode: Inode, block: Buffer): boolean {
  const tail = 12 + block.readUInt16LE(4) * 12;
  if (inode.checksumSeed === null || tail + 4 > block.length) return true;
  return crc32c(inode.checksumSeed, block.subarray(0, tail)) === block.readUInt32LE(tail);
}

/** The twelve direct blocks, then single, double and triple indirection, as far as `blocks` go. */
export async function* blockMapMappings(
  context: MappingContext,
  inode: Inode,
  blocks: number,
): AsyncGenerator<Mapping> {
  const perBlock = context.sb.blockSize / 4;
  const visited = new Set<number>();
  for (let i = 0; i < 12 && i < blocks; i++) yield* mapOne(context, i, inode.block.readUInt32LE(i * 4));
  let logical = 12;
  for (let level = 1; level <= 3 && logical < blocks; level++) {
    yield* walkIndirect(context, inode.block.readUInt32LE((11 + level) * 4), level, logical, blocks, visited);
    logical += perBlock ** level;
  }
  if (logical < blocks) {
    yield { kind: "lost", logical, count: blocks - logical, reason: "the file is larger than a block map can be" };
  }
}

async function* walkIndirect(
  context: MappingContext,
  pointer: number,
  level: number,
  from: number,
  end: number,
  visited: Set<number>,
): AsyncGenerator<Mapping> {
  if (pointer === 0) return;
  const perBlock = context.sb.blockSize / 4;
  const span = perBlock ** (level - 1);
  const block = await childBlock(context, pointer, visited);
  if (typeof block === "string") {
    yield { kind: "lost", logical: from, count: Math.min(end - from, span * perBlock), reason: block };
    return;
  }
  for (let i = 0, logical = from; i < perBlock && logical < end; i++, logical += span) {
    const next = block.readUInt32LE(i * 4);
    if (level === 1) yield* mapOne(context, logical, next);
    else yield* walkIndirect(context, next, level - 1, logical, end, visited);
  }
}

function* mapOne(context: MappingContext, logical: number, physical: number): Generator<Mapping> {
  if (physical === 0) return;
  if (isInside(context.sb, physical, 1)) yield { kind: "mapped", logical, count: 1, physical };
  else yield { kind: "lost", logical, count: 1, reason: `block ${physical} lies outside the filesystem` };
}

/** The block, or why it cannot be had. */
async function childBlock(context: MappingContext, block: number, visited: Set<number>): Promise<Buffer | string> {
  if (!isInside(context.sb, block, 1)) return `a mapping block (${block}) lies outside the filesystem`;
  if (visited.has(block)) return `a mapping block (${block}) is used twice`;
  if (visited.size >= MAX_NODES) return "there are more mapping blocks than any file has";
  visited.add(block);
  try {
    return await context.readBlock(block);
  } catch (error) {
    if (error instanceof DamagedError) return error.message;
    throw error;
  }
}

function isInside(sb: Superblock, block: number, count: number): boolean {
  return block >= sb.firstDataBlock && block > 0 && block + count <= sb.blocks;
}
