/**
 * Recovery from a JBD2 journal without writing: finds the committed transactions, the blocks they revoked, and which
 * journal block has the newest contents of each filesystem block (Documentation/filesystems/ext4/journal.rst;
 * the three passes of fs/jbd2/recovery.c).
 *
 * Block header:  0 magic · 4 type (1 descriptor, 2 commit, 3 and 4 superblock, 5 revoke) · 8 sequence;  big-endian throughout
 */
import { crc32c } from "../../checksum.ts";
import { type BlockDevice, DamagedError, readBytes } from "../../device.ts";
import { JOURNAL_MAGIC, type ReplayedBlocks } from "./overlay.ts";

const TYPE = { descriptor: 1, commit: 2, superblockV1: 3, superblockV2: 4, revoke: 5 } as const;
const TAG = { escaped: 1, sameUuid: 2, last: 8 } as const;
const INCOMPAT = { bits64: 0x2, asyncCommit: 0x4, csumV2: 0x8, csumV3: 0x10, fastCommit: 0x20 } as const;
const KNOWN_INCOMPAT = 0x3f;
/** mke2fs's own limit for a journal. */
const MAX_BLOCKS = 10_240_000;
const FAST_COMMIT_HEAD = 0x000a;

/** A piece of the journal on the device: `count` blocks from `physical` on. */
export interface JournalPiece {
  readonly physical: number;
  readonly count: number;
}

export interface Recovery {
  readonly blocks: ReplayedBlocks;
  readonly transactions: number;
  /** What was wrong with the journal, sentences. */
  readonly warnings: readonly string[];
}

interface JournalSuperblock {
  readonly first: number;
  /** One past the last block of the log. */
  readonly end: number;
  readonly sequence: number;
  readonly start: number;
  readonly incompat: number;
  readonly checksumSeed: number;
  readonly checksumOk: boolean;
}

/**
 * Reads the journal whose blocks lie at `pieces` of `device`. Nothing is written and no contents are kept.
 * @throws DamagedError when it is no journal this reader can make sense of.
 */
export async function recoverJournal(
  device: BlockDevice,
  blockSize: number,
  filesystemBlocks: number,
  pieces: readonly JournalPiece[],
): Promise<Recovery> {
  const log = new Log(device, blockSize, pieces);
  const sb = parseSuperblock(await log.read(0), blockSize, log.length);
  const warnings = sb.checksumOk ? [] : ["the journal's superblock has a wrong checksum"];
  if (sb.start === 0) return { blocks: new Map(), transactions: 0, warnings };
  const end = await scan(log, sb, warnings);
  const revoked = await collectRevoked(log, sb, end);
  const blocks = await collectBlocks(log, sb, end, revoked, filesystemBlocks, warnings);
  if (sb.incompat & INCOMPAT.fastCommit && (await hasFastCommits(log, sb, end))) {
    warnings.push(
      "fast commits after the last full one are not replayed: the newest changes are missing (fast_commit)",
    );
  }
  return { blocks, transactions: (end - sb.sequence) >>> 0, warnings };
}

/** The journal's blocks by their number in it. */
class Log {
  readonly length: number;
  readonly blockSize: number;
  readonly #device: BlockDevice;
  readonly #starts: number[] = [];
  readonly #pieces: readonly JournalPiece[];

  constructor(device: BlockDevice, blockSize: number, pieces: readonly JournalPiece[]) {
    this.#device = device;
    this.blockSize = blockSize;
    this.#pieces = pieces;
    let length = 0;
    for (const piece of pieces) {
      this.#starts.push(length);
      length += piece.count;
    }
    this.length = length;
    // Overlapping pieces would let a small image stand for an endless log.
    const sorted = [...pieces].sort((a, b) => a.physical - b.physical);
    for (let i = 1; i < sorted.length; i++) {
      if (sorted[i - 1]!.physical + sorted[i - 1]!.count > sorted[i]!.physical) {
        throw new DamagedError("the journal uses a block twice");
      }
    }
  }

  physical(index: number): number {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= index) low = middle;
      else high = middle - 1;
    }
    return this.#pieces[low]!.physical + index - this.#starts[low]!;
  }

  read(index: number): Promise<Buffer> {
    if (index >= this.length) throw new DamagedError("the journal is shorter than it says");
    return readBytes(this.#device, this.physical(index) * this.blockSize, this.blockSize);
  }
}

function parseSuperblock(block: Buffer, blockSize: number, length: number): JournalSuperblock {
  const type = block.readUInt32BE(4);
  if (block.readUInt32BE(0) !== JOURNAL_MAGIC || (type !== TYPE.superblockV1 && type !== TYPE.superblockV2)) {
    throw new DamagedError("the journal has no superblock");
  }
  const [size, blocks, first] = [block.readUInt32BE(12), block.readUInt32BE(16), block.readUInt32BE(20)];
  if (size !== blockSize)
    throw new DamagedError(`the journal has blocks of ${size} bytes, the filesystem of ${blockSize}`);
  if (blocks > length || blocks > MAX_BLOCKS) {
    throw new DamagedError(`the journal says it has ${blocks} blocks, but there are ${length}`);
  }
  const incompat = type === TYPE.superblockV2 ? block.readUInt32BE(40) : 0;
  if (incompat & ~KNOWN_INCOMPAT) throw new DamagedError(`the journal has unknown features 0x${incompat.toString(16)}`);
  const fastBlocks = incompat & INCOMPAT.fastCommit ? block.readUInt32BE(84) || 256 : 0;
  const [start, end] = [block.readUInt32BE(28), blocks - fastBlocks];
  if (first < 1 || first >= end || (start !== 0 && (start < first || start >= end))) {
    throw new DamagedError("the journal's superblock is impossible");
  }
  const checked = (incompat & (INCOMPAT.csumV2 | INCOMPAT.csumV3)) !== 0;
  const zeroed = Buffer.from(block.subarray(0, 1024));
  zeroed.writeUInt32BE(0, 252);
  return {
    first,
    end,
    sequence: block.readUInt32BE(24),
    start,
    incompat,
    checksumSeed: crc32c(0xffffffff, block.subarray(48, 64)),
    checksumOk: !checked || crc32c(0xffffffff, zeroed) === block.readUInt32BE(252),
  };
}

/** One block of the log that is no data: what each pass sees. `at` is its number in the journal. */
interface LogBlock {
  readonly type: number;
  readonly sequence: number;
  readonly at: number;
  readonly block: Buffer;
  readonly tags: readonly Tag[];
}

interface Tag {
  readonly target: number;
  readonly escaped: boolean;
  readonly checksum: number;
  /** The data block's number in the journal. */
  readonly at: number;
}

/** Descriptor, revoke and commit blocks in order, until what follows is not of the expected transaction. */
async function* logBlocks(log: Log, sb: JournalSuperblock): AsyncGenerator<LogBlock> {
  const wrap = (index: number) => (index >= sb.end ? index - sb.end + sb.first : index);
  const total = sb.end - sb.first;
  let [sequence, at] = [sb.sequence, sb.start];
  for (let used = 0; used < total; ) {
    const block = await log.read(at);
    if (block.readUInt32BE(0) !== JOURNAL_MAGIC || block.readUInt32BE(8) !== sequence) return;
    const type = block.readUInt32BE(4);
    const tags = type === TYPE.descriptor ? parseTags(block, sb, (nth) => wrap(at + 1 + nth)) : [];
    if (type !== TYPE.descriptor && type !== TYPE.commit && type !== TYPE.revoke) return;
    if (used + tags.length >= total) return;
    yield { type, sequence, at, block, tags };
    if (type === TYPE.commit) sequence = (sequence + 1) >>> 0;
    used += 1 + tags.length;
    at = wrap(at + 1 + tags.length);
  }
}

function parseTags(block: Buffer, sb: JournalSuperblock, place: (nth: number) => number): Tag[] {
  const [v2, v3] = [(sb.incompat & INCOMPAT.csumV2) !== 0, (sb.incompat & INCOMPAT.csumV3) !== 0];
  const wide = (sb.incompat & INCOMPAT.bits64) !== 0;
  const tagBytes = v3 ? 16 : (wide ? 12 : 8) + (v2 ? 2 : 0);
  const end = block.length - (v2 || v3 ? 4 : 0);
  const tags: Tag[] = [];
  for (let at = 12; at + tagBytes <= end; ) {
    const flags = v3 ? block.readUInt32BE(at + 4) : block.readUInt16BE(at + 6);
    const high = wide ? block.readUInt32BE(at + 8) : 0;
    tags.push({
      target: block.readUInt32BE(at) + high * 2 ** 32,
      escaped: (flags & TAG.escaped) !== 0,
      checksum: v3 ? block.readUInt32BE(at + 12) : block.readUInt16BE(at + 4),
      at: place(tags.length),
    });
    at += tagBytes + (flags & TAG.sameUuid ? 0 : 16);
    if (flags & TAG.last) break;
  }
  return tags;
}

/** Pass one: the sequence number after the last committed transaction. */
async function scan(log: Log, sb: JournalSuperblock, warnings: string[]): Promise<number> {
  let end = sb.sequence;
  for await (const { type, sequence, block } of logBlocks(log, sb)) {
    if (type === TYPE.descriptor && !tailChecksumOk(sb, block)) {
      warnings.push(`the journal's transaction ${sequence} has a wrong checksum: replay ends before it`);
      break;
    }
    if (type !== TYPE.commit) continue;
    if (!commitChecksumOk(sb, block)) {
      warnings.push(`the journal's transaction ${sequence} was not committed whole: replay ends before it`);
      break;
    }
    end = (sequence + 1) >>> 0;
  }
  return end;
}

/** Pass two: block -> the last transaction that revoked it; what was logged up to then must not be replayed. */
async function collectRevoked(log: Log, sb: JournalSuperblock, end: number): Promise<Map<number, number>> {
  const revoked = new Map<number, number>();
  const recordBytes = sb.incompat & INCOMPAT.bits64 ? 8 : 4;
  for await (const { type, sequence, block } of logBlocks(log, sb)) {
    if (sequence === end) break;
    if (type !== TYPE.revoke || !tailChecksumOk(sb, block)) continue;
    const used = Math.min(block.readUInt32BE(12), block.length);
    for (let at = 16; at + recordBytes <= used; at += recordBytes) {
      const target = recordBytes === 8 ? Number(block.readBigUInt64BE(at)) : block.readUInt32BE(at);
      revoked.set(target, sequence);
    }
  }
  return revoked;
}

/** Pass three: the newest logged copy of each block. */
async function collectBlocks(
  log: Log,
  sb: JournalSuperblock,
  end: number,
  revoked: ReadonlyMap<number, number>,
  filesystemBlocks: number,
  warnings: string[],
): Promise<ReplayedBlocks> {
  const blocks = new Map<number, number>();
  let [outside, corrupt] = [0, 0];
  for await (const { type, sequence, tags } of logBlocks(log, sb)) {
    if (sequence === end) break;
    if (type !== TYPE.descriptor) continue;
    for (const tag of tags) {
      const revokedBy = revoked.get(tag.target);
      if (revokedBy !== undefined && !isBefore(revokedBy, sequence)) continue;
      if (tag.target >= filesystemBlocks) outside++;
      else if (!(await dataChecksumOk(log, sb, tag, sequence))) corrupt++;
      else blocks.set(tag.target, tag.escaped ? -log.physical(tag.at) : log.physical(tag.at));
    }
  }
  if (outside > 0) warnings.push(`${outside} journalled blocks belong outside the filesystem and were left out`);
  if (corrupt > 0) warnings.push(`${corrupt} journalled blocks have a wrong checksum and were left out`);
  return blocks;
}

/** Sequence numbers run in a circle of 2^32 (tid_gt). */
function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

function hasChecksums(sb: JournalSuperblock): boolean {
  return (sb.incompat & (INCOMPAT.csumV2 | INCOMPAT.csumV3)) !== 0;
}

/** Descriptor and revoke blocks end in the CRC-32C of themselves with that field zero. */
function tailChecksumOk(sb: JournalSuperblock, block: Buffer): boolean {
  if (!hasChecksums(sb)) return true;
  const tail = block.length - 4;
  const crc = crc32c(crc32c(sb.checksumSeed, block.subarray(0, tail)), Buffer.alloc(4));
  return crc === block.readUInt32BE(tail);
}

function commitChecksumOk(sb: JournalSuperblock, block: Buffer): boolean {
  if (!hasChecksums(sb)) return true;
  const zeroed = Buffer.from(block);
  zeroed.writeUInt32BE(0, 16);
  return crc32c(sb.checksumSeed, zeroed) === block.readUInt32BE(16);
}

/** A data block's checksum covers its transaction's number and the block as it is in the journal; v2 keeps 16 bits of it. */
async function dataChecksumOk(log: Log, sb: JournalSuperblock, tag: Tag, sequence: number): Promise<boolean> {
  if (!hasChecksums(sb)) return true;
  const number = Buffer.allocUnsafe(4);
  number.writeUInt32BE(sequence);
  const crc = crc32c(crc32c(sb.checksumSeed, number), await log.read(tag.at));
  return sb.incompat & INCOMPAT.csumV3 ? crc === tag.checksum : (crc & 0xffff) === tag.checksum;
}

/** Fast commits (fs/ext4/fast_commit.h) lie behind the log; they count when their head names the transaction after `end`. */
async function hasFastCommits(log: Log, sb: JournalSuperblock, end: number): Promise<boolean> {
  const block = await log.read(sb.end);
  return block.readUInt16LE(0) === FAST_COMMIT_HEAD && block.readUInt32LE(8) === end;
}
