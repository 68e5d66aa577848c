/** An ext2, ext3 or ext4 filesystem on a device, with its journal replayed unless told otherwise. */

import { PageCache } from "../cache.ts";
import { type BlockDevice, DamagedError, readBytes } from "../device.ts";
import { magic } from "../magic.ts";
import type { DirectoryEntry, FileNode, FileSystem, FileTree, Lost, Run } from "../tree.ts";
import { directoryChecksumOk, parseEntries } from "./directory.ts";
import { readInodeTable } from "./groups.ts";
import { INODE_FLAG, type Inode, parseInode } from "./inode.ts";
import { ReplayedDevice } from "./journal/overlay.ts";
import { type JournalPiece, type Recovery, recoverJournal } from "./journal/recovery.ts";
import { blockMapMappings, extentMappings, type Mapping, type MappingContext } from "./mapping.ts";
import { readSuperblock, type Superblock } from "./superblock.ts";

const ROOT_INODE = 2;
const INLINE_IN_INODE = 60;
const MAX_LINK_TARGET = 4096;
/** More sentences than this say nothing new. */
const MAX_WARNINGS = 100;
/** A file's blocks are numbered with 32 bits. */
const MAX_FILE_BLOCKS = 2 ** 32;

export const EXT: FileSystem = {
  name: "ext",
  magics: [magic(1080, "\x53\xef")],
  reader: {
    reads: "an ext2, ext3 or ext4 filesystem",
    open: (device, { replay }) => ExtFilesystem.open(device, replay),
    needsRecovery: async (device) => (await readSuperblock(device)).needsRecovery,
  },
  mount: { type: "ext4", noReplay: "noload" },
};

export class ExtFilesystem implements FileTree {
  readonly type: string;
  readonly journal: FileTree["journal"];
  readonly journalDetail: string | null;
  readonly size: number;
  readonly blockSize: number;
  readonly warnings: string[];
  readonly root = ROOT_INODE;
  readonly superblock: Superblock;
  readonly #device: BlockDevice;
  readonly #metadata: BlockDevice;
  readonly #inodeTables = new Map<number, number>();
  readonly #context: MappingContext;

  private constructor(
    device: BlockDevice,
    sb: Superblock,
    journal: FileTree["journal"],
    journalDetail: string | null,
    warnings: string[],
  ) {
    this.superblock = sb;
    this.type = sb.type;
    this.journal = journal;
    this.journalDetail = journalDetail;
    this.size = sb.blocks * sb.blockSize;
    this.blockSize = sb.blockSize;
    this.warnings = warnings;
    this.#device = device;
    this.#metadata = new PageCache(device);
    this.#context = {
      sb,
      readBlock: (block) => readBytes(this.#metadata, block * sb.blockSize, sb.blockSize),
      warn: (sentence) => this.#warn(sentence),
    };
  }

  /**
   * Opens the filesystem at the start of `device`, which stays open when the filesystem is disposed of.
   * @throws TapscopeError `E_FS_UNKNOWN`, `E_FS_FEATURE`, or DamagedError when the superblock cannot be used.
   */
  static async open(device: BlockDevice, replay: boolean): Promise<ExtFilesystem> {
    const sb = await readSuperblock(device);
    const before = new ExtFilesystem(device, sb, "clean", null, superblockWarnings(sb, device));
    if (!sb.needsRecovery) return before;
    if (!replay) {
      return new ExtFilesystem(
        device,
        sb,
        "ignored",
        "the journal was not replayed: the newest changes are missing",
        before.warnings,
      );
    }
    if (sb.journalInode === 0) {
      const why = "the journal is on another device: the newest changes are missing";
      return new ExtFilesystem(device, sb, "ignored", why, [...before.warnings, why]);
    }
    let recovery: Recovery;
    try {
      recovery = await recoverJournal(device, sb.blockSize, sb.blocks, await before.#journalPieces(sb.journalInode));
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      const why = `the journal cannot be replayed, the newest changes are missing: ${error.message}`;
      return new ExtFilesystem(device, sb, "ignored", why, [...before.warnings, why]);
    }
    const { blocks, transactions } = recovery;
    const detail = `${transactions} transaction${transactions === 1 ? "" : "s"}, ${blocks.size} blocks`;
    const replayed = new ReplayedDevice(device, sb.blockSize, blocks);
    const after = blocks.size === 0 ? sb : await readSuperblock(replayed);
    const warnings = [...superblockWarnings(after, device), ...recovery.warnings];
    return new ExtFilesystem(blocks.size === 0 ? device : replayed, after, "replayed", detail, warnings);
  }

  async node(reference: number): Promise<FileNode> {
    const inode = await this.inode(reference);
    if (inode.free) throw new DamagedError(`inode ${reference} is not in use`);
    if (inode.type === null) throw new DamagedError(`inode ${reference} has an unknown type`);
    return {
      id: reference,
      type: inode.type,
      size: inode.size,
      allocated: inode.allocated,
      mode: inode.mode,
      uid: inode.uid,
      gid: inode.gid,
      links: inode.links,
      mtimeNs: inode.mtimeNs,
      ctimeNs: inode.ctimeNs,
      unreadable: unreadable(inode),
      warnings: inode.checksumOk ? [] : [`inode ${reference} has a wrong checksum`],
    };
  }

  async *entries(reference: number): AsyncGenerator<DirectoryEntry | Lost> {
    const inode = await this.inode(reference);
    if (inode.flags & INODE_FLAG.inlineData) {
      // The first four bytes are the parent's inode number; `.` and `..` are not stored.
      yield* parseEntries(this.superblock, inode.block.subarray(4), false);
      if (inode.inlineRest.length > 0) yield* parseEntries(this.superblock, inode.inlineRest, false);
      return;
    }
    let first = true;
    for await (const run of this.#runsOf(inode)) {
      if (run.kind === "lost") yield { kind: "lost", reason: run.reason };
      else if (run.kind === "hole")
        yield { kind: "lost", reason: `the directory has a hole at its byte ${run.offset}` };
      if (run.kind !== "data") continue;
      for (let at = 0; at + this.blockSize <= run.length; at += this.blockSize, first = false) {
        const block = await this.#directoryBlock((run.source + at) / this.blockSize);
        if (typeof block === "string") {
          yield { kind: "lost", reason: `a directory block cannot be read: ${block}` };
          continue;
        }
        if (!directoryChecksumOk(inode, block))
          this.#warn(`inode ${reference}: a directory block has a wrong checksum`);
        yield* parseEntries(this.superblock, block, first);
      }
    }
  }

  async *runs(reference: number): AsyncGenerator<Run> {
    yield* this.#runsOf(await this.inode(reference));
  }

  async read(_reference: number, source: number, length: number, into: Buffer): Promise<void> {
    await this.#device.read(source, length, into);
  }

  async linkTarget(reference: number): Promise<Buffer> {
    const inode = await this.inode(reference);
    if (inode.size > MAX_LINK_TARGET)
      throw new DamagedError(`inode ${reference}: a link of ${inode.size} bytes is impossible`);
    // Short targets lie in the inode itself, without any flag to tell.
    const inInode = inode.size < INLINE_IN_INODE && !(inode.flags & (INODE_FLAG.extents | INODE_FLAG.inlineData));
    if (inInode) return Buffer.from(inode.block.subarray(0, inode.size));
    const target = Buffer.alloc(inode.size);
    for await (const run of this.#runsOf(inode)) {
      if (run.kind === "lost") throw new DamagedError(run.reason);
      const part = target.subarray(run.offset, run.offset + run.length);
      if (run.kind === "data") await this.#device.read(run.source, run.length, part);
      else if (run.kind === "inline") run.data.copy(part);
    }
    return target;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** @throws DamagedError when there is no such inode or it cannot be read. */
  async inode(number: number): Promise<Inode> {
    const sb = this.superblock;
    if (number < 1 || number > sb.inodes) throw new DamagedError(`there is no inode ${number} (of ${sb.inodes})`);
    const group = Math.floor((number - 1) / sb.inodesPerGroup);
    let table = this.#inodeTables.get(group);
    if (table === undefined) {
      const found = await readInodeTable(this.#metadata, sb, group);
      if (!found.checksumOk) this.#warn(`the descriptor of block group ${group} has a wrong checksum`);
      table = found.block;
      if (this.#inodeTables.size < 1 << 16) this.#inodeTables.set(group, table);
    }
    const at = table * sb.blockSize + ((number - 1) % sb.inodesPerGroup) * sb.inodeSize;
    return parseInode(sb, number, await readBytes(this.#metadata, at, sb.inodeSize));
  }

  async #directoryBlock(block: number): Promise<Buffer | string> {
    try {
      return await this.#context.readBlock(block);
    } catch (error) {
      if (error instanceof DamagedError) return error.message;
      throw error;
    }
  }

  /** The inode's bytes from 0 to its size, gaps as holes, neighbours joined. */
  async *#runsOf(inode: Inode): AsyncGenerator<Run> {
    if (inode.flags & INODE_FLAG.inlineData) return yield* inlineRuns(inode);
    const size = Math.min(inode.size, MAX_FILE_BLOCKS * this.blockSize);
    let pending: Run | null = null;
    let cursor = 0;
    for await (const mapping of this.#mappings(inode)) {
      const start = mapping.logical * this.blockSize;
      if (start >= size) break;
      const run = toRun(mapping, start, Math.min(size, start + mapping.count * this.blockSize) - start, this.blockSize);
      const gap: Run | null = start > cursor ? { kind: "hole", offset: cursor, length: start - cursor } : null;
      for (const next of gap ? [gap, run] : [run]) {
        const joined: Run | null = pending && join(pending, next);
        if (pending && !joined) yield pending;
        pending = joined ?? next;
      }
      cursor = run.offset + run.length;
    }
    if (pending) yield pending;
    if (cursor < size) yield { kind: "hole", offset: cursor, length: size - cursor };
    if (size < inode.size) {
      const reason = `a size of ${inode.size} bytes is impossible in this filesystem`;
      yield { kind: "lost", offset: size, length: inode.size - size, reason };
    }
  }

  #mappings(inode: Inode): AsyncGenerator<Mapping> {
    return inode.flags & INODE_FLAG.extents
      ? extentMappings(this.#context, inode)
      : blockMapMappings(this.#context, inode, Math.min(MAX_FILE_BLOCKS, Math.ceil(inode.size / this.blockSize)));
  }

  async #journalPieces(number: number): Promise<JournalPiece[]> {
    const inode = await this.inode(number);
    const pieces: JournalPiece[] = [];
    for await (const run of this.#runsOf(inode)) {
      if (run.kind === "lost") throw new DamagedError(run.reason);
      if (run.kind !== "data") throw new DamagedError("the journal has a hole");
      pieces.push({ physical: run.source / this.blockSize, count: Math.floor(run.length / this.blockSize) });
    }
    if (pieces.length === 0) throw new DamagedError("the journal is empty");
    return pieces;
  }

  #warn(sentence: string): void {
    if (this.warnings.length < MAX_WARNINGS && !this.warnings.includes(sentence)) this.warnings.push(sentence);
  }
}

function* inlineRuns(inode: Inode): Generator<Run> {
  const all = Buffer.concat([inode.block, inode.inlineRest]);
  const length = Math.min(inode.size, all.length);
  if (length > 0) yield { kind: "inline", offset: 0, length, data: all.subarray(0, length) };
  if (inode.size > length) {
    yield { kind: "lost", offset: length, length: inode.size - length, reason: "its inline data end too soon" };
  }
}

function toRun(mapping: Mapping, offset: number, length: number, blockSize: number): Run {
  if (mapping.kind === "lost") return { kind: "lost", offset, length, reason: mapping.reason };
  if (mapping.physical === null) return { kind: "hole", offset, length };
  return { kind: "data", offset, length, source: mapping.physical * blockSize };
}

/** One run of two neighbours of a kind, or null. */
function join(a: Run, b: Run): Run | null {
  const length = a.length + b.length;
  if (a.kind === "hole" && b.kind === "hole") return { kind: "hole", offset: a.offset, length };
  if (a.kind === "data" && b.kind === "data" && a.source + a.length === b.source) return { ...a, length };
  return null;
}

function unreadable(inode: Inode): string | null {
  if (inode.flags & INODE_FLAG.encrypted) return "encrypted by the guest (fscrypt): only its own key opens it";
  if (inode.flags & INODE_FLAG.compressed) return "compressed by e2compr, which this reader does not know";
  return null;
}

function superblockWarnings(sb: Superblock, device: BlockDevice): string[] {
  const warnings: string[] = [];
  if (!sb.checksumOk) warnings.push("the superblock has a wrong checksum");
  if (sb.hasErrors) warnings.push("the guest's kernel had marked the filesystem as damaged");
  const needs = sb.blocks * sb.blockSize;
  if (needs > device.size)
    warnings.push(`the disk is cut: the filesystem needs ${needs} bytes, there are ${device.size}`);
  return warnings;
}
