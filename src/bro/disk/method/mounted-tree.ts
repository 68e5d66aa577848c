/** A filesystem that the host's kernel has mounted, as a tree to extract from. Links are never followed. */
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  read as readCallback,
  readdirSync,
  readlinkSync,
  statfsSync,
} from "node:fs";
import { promisify } from "node:util";
import { DamagedError } from "../device.ts";
import type { DirectoryEntry, FileNode, FileTree, FileType, Lost, Run } from "../tree.ts";

const readAsync = promisify(readCallback);
const SECTOR = 512;
/** A sparse file is looked through in pieces of this size: the kernel's own list of holes is out of Node's reach. */
const PIECE = 1 << 20;

export class MountedTree implements FileTree {
  readonly type: string;
  readonly journal: FileTree["journal"];
  readonly journalDetail: string | null;
  readonly size: number;
  readonly blockSize = 4096;
  readonly warnings: string[] = [];
  readonly root = 0;
  /** Reference -> path. */
  readonly #paths: Buffer[];
  #open: { reference: number; fd: number } | null = null;

  constructor(mountPoint: string, type: string, journal: FileTree["journal"], journalDetail: string | null) {
    this.type = type;
    this.journal = journal;
    this.journalDetail = journalDetail;
    this.#paths = [Buffer.from(mountPoint)];
    const { blocks, bsize } = statfsSync(mountPoint);
    this.size = blocks * bsize;
  }

  async node(reference: number): Promise<FileNode> {
    const stat = orDamaged(() => lstatSync(this.#path(reference), { bigint: true }));
    return {
      id: Number(stat.ino),
      type: typeOf(stat),
      size: Number(stat.size),
      allocated: Number(stat.blocks) * SECTOR,
      mode: Number(stat.mode) & 0o7777,
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      links: Number(stat.nlink),
      mtimeNs: stat.mtimeNs,
      ctimeNs: stat.ctimeNs,
      unreadable: null,
      warnings: [],
    };
  }

  async *entries(reference: number): AsyncGenerator<DirectoryEntry | Lost> {
    const path = this.#path(reference);
    for (const name of orDamaged(() => readdirSync(path, { encoding: "buffer" }))) {
      this.#paths.push(Buffer.concat([path, Buffer.from("/"), name]));
      yield { name, reference: this.#paths.length - 1 };
    }
  }

  async *runs(reference: number): AsyncGenerator<Run> {
    const { size, allocated } = await this.node(reference);
    if (allocated >= size) {
      if (size > 0) yield { kind: "data", offset: 0, length: size, source: 0 };
      return;
    }
    const piece = Buffer.alloc(PIECE);
    const zeros = Buffer.alloc(PIECE);
    for (let offset = 0; offset < size; offset += PIECE) {
      const length = Math.min(PIECE, size - offset);
      const isHole = await this.read(reference, offset, length, piece).then(
        () => piece.compare(zeros, 0, length, 0, length) === 0,
        () => false,
      );
      yield isHole ? { kind: "hole", offset, length } : { kind: "data", offset, length, source: offset };
    }
  }

  async read(reference: number, source: number, length: number, into: Buffer): Promise<void> {
    const fd = this.#fdOf(reference);
    for (let done = 0; done < length; ) {
      let got: number;
      try {
        got = (await readAsync(fd, into, done, length - done, source + done)).bytesRead;
      } catch (error) {
        throw toDamaged(error);
      }
      if (got === 0) throw new DamagedError("the file ends before its size");
      done += got;
    }
  }

  async linkTarget(reference: number): Promise<Buffer> {
    return orDamaged(() => readlinkSync(this.#path(reference), { encoding: "buffer" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = null;
  }

  #path(reference: number): Buffer {
    return this.#paths[reference]!;
  }

  #fdOf(reference: number): number {
    if (this.#open?.reference === reference) return this.#open.fd;
    if (this.#open) closeSync(this.#open.fd);
    this.#open = null;
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const fd = orDamaged(() => openSync(this.#path(reference), flags));
    this.#open = { reference, fd };
    return fd;
  }
}

function typeOf(stat: import("node:fs").BigIntStats): FileType {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "link";
  if (stat.isFIFO()) return "fifo";
  if (stat.isSocket()) return "socket";
  return stat.isBlockDevice() ? "block device" : "character device";
}

function orDamaged<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toDamaged(error);
  }
}

function toDamaged(error: unknown): DamagedError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new DamagedError(`the kernel cannot read it: ${code ?? message}`);
}
