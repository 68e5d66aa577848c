/** Finds files in a tree and reads them: what `bro ls`, `bro cat` and whoever reads logs straight from a disk go through. */
import { TapscopeError } from "../../core/errors.ts";
import { isLogName } from "../format/names.ts";
import { DamagedError } from "./device.ts";
import type { Disk } from "./disk.ts";
import { pathText } from "./names.ts";
import { Pace } from "./pace.ts";
import type { FileNode, FileTree } from "./tree.ts";

const CHUNK = 1 << 20;
/** All names of a tree together, and how deep it may go: beyond any disk of logs, and what memory is bounded by. */
export const MAX_ENTRIES = 1_000_000;
export const MAX_DEPTH = 200;

/** A thing that was found, by its exact path from the file system's root. */
export interface FoundEntry {
  readonly path: Buffer;
  readonly reference: number;
  readonly node: FileNode;
}

/** A place where something cannot be read, and why. */
export interface BrokenEntry {
  readonly path: Buffer;
  readonly why: string;
}

export interface WalkOptions {
  /** With everything below it. */
  readonly recursive: boolean;
  readonly signal?: AbortSignal;
}

/**
 * What is below the directory `root`, in the order of the disk, a directory before its contents; a file stands for itself.
 * Links are not followed; directory loops end, and so does a tree of more than `MAX_ENTRIES` names.
 */
export async function* walkTree(
  tree: FileTree,
  root: { readonly path: string; readonly reference: number },
  { recursive, signal }: WalkOptions,
): AsyncGenerator<FoundEntry | BrokenEntry> {
  const pace = new Pace(signal);
  const start = await tree.node(root.reference);
  const base = Buffer.from(root.path === "/" ? "" : root.path);
  if (start.type !== "directory") return yield { path: base, reference: root.reference, node: start };
  const seen = new Set<number>([root.reference]);
  const pending = [{ path: base, reference: root.reference, depth: 1 }];
  for (let entries = 0, at = pending.shift(); at; at = pending.shift()) {
    const below: typeof pending = [];
    try {
      for await (const entry of tree.entries(at.reference)) {
        await pace.step();
        if (++entries > MAX_ENTRIES) return yield { path: at.path, why: `more than ${MAX_ENTRIES} directory entries` };
        if ("kind" in entry) {
          yield { path: at.path, why: entry.reason };
          continue;
        }
        const path = Buffer.concat([at.path, Buffer.from("/"), entry.name]);
        let node: FileNode;
        try {
          node = await tree.node(entry.reference);
        } catch (error) {
          if (!(error instanceof DamagedError)) throw error;
          yield { path, why: error.message };
          continue;
        }
        yield { path, reference: entry.reference, node };
        const enter = recursive && node.type === "directory" && node.unreadable === null;
        if (!enter || at.depth >= MAX_DEPTH || seen.has(entry.reference)) continue;
        seen.add(entry.reference);
        below.push({ path, reference: entry.reference, depth: at.depth + 1 });
      }
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      yield { path: at.path, why: error.message };
    }
    pending.unshift(...below);
  }
}

/**
 * A file's bytes from 0 to its size, holes as zeros, in buffers of at most 1 MiB that are the caller's to keep.
 * @throws TapscopeError `E_DISK_PATH` when it is no file, `E_FS_FEATURE` when the guest encrypted it; DamagedError where its
 * bytes cannot be read: what came before it is good.
 */
export async function* readFile(
  tree: FileTree,
  reference: number,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const node = await tree.node(reference);
  if (node.type !== "file") throw new TapscopeError("E_DISK_PATH", `cannot show ${path}: it is a ${node.type}`);
  if (node.unreadable !== null)
    throw new TapscopeError("E_FS_FEATURE", `cannot show ${path}: it is ${node.unreadable}`);
  const pace = new Pace(signal);
  for await (const run of tree.runs(reference)) {
    signal?.throwIfAborted();
    if (run.kind === "lost") throw incomplete(path, run.offset, run.reason);
    if (run.kind === "inline") {
      yield Buffer.from(run.data);
      continue;
    }
    for (let at = 0; at < run.length; at += CHUNK) {
      const length = Math.min(CHUNK, run.length - at);
      const chunk = run.kind === "hole" ? Buffer.alloc(length) : Buffer.allocUnsafeSlow(length);
      if (run.kind === "data") {
        const { good, why } = await readAsFarAsPossible(tree, reference, run.source + at, chunk);
        if (why !== null) {
          if (good > 0) yield chunk.subarray(0, good);
          throw incomplete(path, run.offset + at + good, why);
        }
      }
      yield chunk;
      await pace.breathe();
    }
  }
}

/** Fills `chunk`; where that fails, block by block up to the first that cannot be read. */
async function readAsFarAsPossible(
  tree: FileTree,
  reference: number,
  source: number,
  chunk: Buffer,
): Promise<{ good: number; why: string | null }> {
  const read = (from: number, to: number) =>
    tree.read(reference, source + from, to - from, chunk.subarray(from, to)).then(
      () => null,
      (error) => {
        if (error instanceof DamagedError) return error.message;
        throw error;
      },
    );
  if ((await read(0, chunk.length)) === null) return { good: chunk.length, why: null };
  for (let good = 0; good < chunk.length; good += tree.blockSize) {
    const why = await read(good, Math.min(chunk.length, good + tree.blockSize));
    if (why !== null) return { good, why };
  }
  return { good: chunk.length, why: null };
}

function incomplete(path: string, offset: number, reason: string): DamagedError {
  return new DamagedError(`${path} is incomplete: it cannot be read from byte ${offset} on: ${reason}`);
}

/** A file on a disk that is a log by its name. */
export interface LogFile {
  /** Its path in the guest, from the file system's root: the exact text where its bytes are UTF-8. Not safe for a terminal. */
  readonly path: string;
  readonly size: number;
  /** Modification time, nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  /** Its bytes, as `readFile` gives them, each time from the start. */
  chunks(signal?: AbortSignal): AsyncGenerator<Buffer>;
}

/**
 * The logs of an open disk, in the order of the disk: the files named like logs below `path` (default: /bro where there is
 * one, else the root). What cannot be looked into goes to `onBroken`.
 * @throws TapscopeError `E_DISK_PATH` when there is no `path`.
 */
export async function* logFilesOf(
  disk: Disk,
  path?: string,
  options: { readonly signal?: AbortSignal; readonly onBroken?: (path: string, why: string) => void } = {},
): AsyncGenerator<LogFile> {
  const root = await disk.resolve(path);
  const walk = { recursive: true, ...(options.signal && { signal: options.signal }) };
  for await (const found of walkTree(disk.tree, root, walk)) {
    const text = pathText(found.path);
    if ("why" in found) {
      options.onBroken?.(text, found.why);
      continue;
    }
    const { node, reference } = found;
    if (node.type !== "file" || !isLogName(text.slice(text.lastIndexOf("/") + 1))) continue;
    yield {
      path: text,
      size: node.size,
      mtimeNs: node.mtimeNs,
      chunks: (signal = options.signal) => readFile(disk.tree, reference, text, signal),
    };
  }
}

/** Walks a path of directories; links on the way are not followed. Without a path: /bro, else the root. */
export async function resolvePath(tree: FileTree, path?: string): Promise<{ path: string; reference: number }> {
  if (path === undefined) {
    const bro = await findEntry(tree, tree.root, Buffer.from("bro"));
    const isDirectory = bro !== null && (await tree.node(bro).catch(() => null))?.type === "directory";
    return isDirectory ? { path: "/bro", reference: bro } : { path: "/", reference: tree.root };
  }
  let at = tree.root;
  let done = "";
  for (const step of path.split("/").filter((part) => part !== "" && part !== ".")) {
    const node = await tree.node(at);
    if (node.type === "link")
      throw new TapscopeError("E_DISK_PATH", `${done} is a link in the guest, which is not followed`);
    const next = node.type === "directory" ? await findEntry(tree, at, Buffer.from(step)) : null;
    if (next === null) {
      throw new TapscopeError("E_DISK_PATH", `there is no ${done}/${step} on the disk`, {
        hint: "`tapscope bro ls DISK /` shows what there is",
      });
    }
    at = next;
    done += `/${step}`;
  }
  return { path: done === "" ? "/" : done, reference: at };
}

async function findEntry(tree: FileTree, directory: number, name: Buffer): Promise<number | null> {
  try {
    for await (const entry of tree.entries(directory)) {
      if (!("kind" in entry) && entry.name.equals(name)) return entry.reference;
    }
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
  }
  return null;
}
