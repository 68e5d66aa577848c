/**
 * Where extracted files go. Everything is made below a fresh folder `<dir>.partial` (mode 0700), never over or through
 * anything that exists, and appears as `<dir>` at the end in one rename. Folders are held open and names are resolved
 * against them (`/proc/self/fd/N/name` does what openat(2) would), so no path is ever walked twice.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
  write,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { TapscopeError } from "../../../core/errors.ts";
import { ownerState } from "../../../core/identity.ts";
import { type RunState, readOwner } from "../run-state.ts";

const writeAsync = promisify(write);
/** Above this a write goes to a thread, so that reading and hashing go on meanwhile. */
const SYNCHRONOUS_LIMIT = 128 * 1024;

/** A destination while it is written. Disposing removes all of it unless it was committed. */
export class Destination implements AsyncDisposable {
  readonly path: string;
  readonly root: OutputDirectory;
  readonly #partial: string;
  #committed = false;

  /** @throws TapscopeError `E_DEST…` when `dir` exists and is not an empty folder, or cannot be made. */
  constructor(dir: string, state: RunState) {
    this.path = resolve(dir);
    this.#partial = `${this.path}.partial`;
    checkDestination(dir);
    const before = readOwner(this.#partial);
    if (before !== null && ownerState(before).state === "dead") rmSync(this.#partial, { recursive: true, force: true });
    state.record({ kind: "partial", path: this.#partial });
    try {
      mkdirSync(this.#partial, { mode: 0o700 });
    } catch (error) {
      throw cannotMake(this.#partial, error as NodeJS.ErrnoException, before);
    }
    try {
      writeFileSync(join(this.#partial, "owner"), state.owner, { flag: "wx", mode: 0o600 });
      mkdirSync(join(this.#partial, "tree"), { mode: 0o755 });
      this.root = new OutputDirectory(join(this.#partial, "tree"));
    } catch (error) {
      rmSync(this.#partial, { recursive: true, force: true });
      throw toDestinationError(error, this.path);
    }
  }

  /** Bytes an ordinary user may still write there. */
  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#partial);
    return bavail * bsize;
  }

  /** Makes the tree appear under its own name. */
  commit(): void {
    this.root.close();
    try {
      renameSync(join(this.#partial, "tree"), this.path);
    } catch (error) {
      const why = (error as Error).message;
      throw new TapscopeError("E_DEST", `cannot put the result in place as ${this.path}: ${why}`, { cause: error });
    }
    this.#committed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#committed) this.root.close();
    rmSync(this.#partial, { recursive: true, force: true });
  }
}

/** A folder of the destination, held open. Names are bytes that were checked by `illegalName`. */
export class OutputDirectory {
  readonly #fd: number;
  #open = true;

  constructor(path: string | Buffer) {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  }

  /** Makes a folder in this one and opens it. */
  makeDirectory(name: Buffer): OutputDirectory {
    mkdirSync(this.#at(name), { mode: 0o755 });
    return new OutputDirectory(this.#at(name));
  }

  /** Makes a new file; one that exists, whatever it is, is an error (`EEXIST`). */
  createFile(name: Buffer): OutputFile {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return new OutputFile(openSync(this.#at(name), flags, 0o644));
  }

  /** Another name for a file that was made below `root`. */
  linkFile(name: Buffer, root: OutputDirectory, existing: Buffer): void {
    linkSync(root.#at(existing), this.#at(name));
  }

  /** Gives a file of this folder a new name; false when that one is taken. */
  rename(name: Buffer, newName: Buffer): boolean {
    try {
      linkSync(this.#at(name), this.#at(newName));
    } catch {
      return false;
    }
    unlinkSync(this.#at(name));
    return true;
  }

  remove(name: Buffer): void {
    unlinkSync(this.#at(name));
  }

  makeLink(name: Buffer, target: Buffer): void {
    symlinkSync(target, this.#at(name));
  }

  /** Opens a folder that was made before, step by step. */
  openDirectory(name: Buffer): OutputDirectory {
    return new OutputDirectory(this.#at(name));
  }

  setTime(seconds: number): void {
    futimesSync(this.#fd, seconds, seconds);
  }

  close(): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }

  #at(name: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`/proc/self/fd/${this.#fd}/`), name]);
  }
}

/** A file of the destination while it is written. */
export class OutputFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async write(chunk: Buffer, position: number): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      const left = chunk.length - done;
      done +=
        left <= SYNCHRONOUS_LIMIT
          ? writeSync(this.#fd, chunk, done, left, position + done)
          : (await writeAsync(this.#fd, chunk, done, left, position + done)).bytesWritten;
    }
  }

  /** Sets the size (what was not written is a hole) and the times, and closes. */
  finish(size: number, mtimeSeconds: number): void {
    try {
      if (fstatSync(this.#fd).size !== size) ftruncateSync(this.#fd, size);
      futimesSync(this.#fd, mtimeSeconds, mtimeSeconds);
    } finally {
      closeSync(this.#fd);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Hands the open file over to the caller. */
  release(): number {
    return this.#fd;
  }
}

/** @throws TapscopeError when `dir` is not a place where a destination may appear. */
export function checkDestination(dir: string): void {
  const path = resolve(dir);
  const refuse = (why: string, hint: string) =>
    new TapscopeError("E_DEST_EXISTS", `cannot extract to ${dir}: ${why}`, { hint });
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) {
    const parent = lstatSync(dirname(path), { throwIfNoEntry: false });
    if (!parent) throw new TapscopeError("E_DEST", `cannot extract to ${dir}: there is no folder ${dirname(path)}`);
    return;
  }
  if (stat.isSymbolicLink()) throw refuse("it is a symbolic link", "name the folder itself");
  if (!stat.isDirectory()) throw refuse("it exists and is no folder", "name a new folder");
  if (readdirSync(path).length > 0) throw refuse("the folder is not empty", "name a new folder");
  if (path === process.cwd()) throw refuse("it is the folder you are in", "name a new folder in it");
  if (stat.dev !== lstatSync(dirname(path)).dev) throw refuse("it is a mount point", "name a new folder in it");
}

function cannotMake(partial: string, error: NodeJS.ErrnoException, owner: string | null): TapscopeError {
  if (error.code !== "EEXIST") return toDestinationError(error, partial);
  return owner === null
    ? new TapscopeError("E_DEST_EXISTS", `cannot use ${partial}: it exists and is not tapscope's`, {
        hint: "move it away",
      })
    : new TapscopeError(
        "E_DEST_BUSY",
        `cannot use ${partial}: another tapscope (pid ${ownerState(owner).pid}) is writing there`,
      );
}

/** What an error of the host's own filesystem means to the user. */
export function toDestinationError(error: unknown, path: string): TapscopeError {
  if (error instanceof TapscopeError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    const why = code === "ENOSPC" ? "the disk is full" : "the disk quota is used up";
    return new TapscopeError("E_DEST_FULL", `cannot write to ${path}: ${why}`, {
      hint: "make room, or choose another folder; nothing was left behind",
      cause: error,
    });
  }
  const why = { EACCES: "permission denied", EROFS: "the filesystem is read-only", ENOENT: "no such folder" }[
    code ?? ""
  ];
  return new TapscopeError("E_DEST", `cannot write to ${path}: ${why ?? (error as Error).message}`, { cause: error });
}
