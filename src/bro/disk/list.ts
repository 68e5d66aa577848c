/** `bro ls` and `bro cat`: looks at a disk's files without extracting them. */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { TapscopeError } from "../../core/errors.ts";
import { sanitize, sanitizeBytes } from "../../core/text.ts";
import { DamagedError } from "./device.ts";
import { pathKeys, pathText } from "./extract/names.ts";
import { Pace } from "./extract/pace.ts";
import { MAX_DEPTH, MAX_ENTRIES } from "./extract/plan.ts";
import type { FileNode, FileTree } from "./tree.ts";

const TYPE_LETTERS: Readonly<Record<FileNode["type"], string>> = {
  file: "-",
  directory: "d",
  link: "l",
  fifo: "p",
  socket: "s",
  "character device": "c",
  "block device": "b",
};

export interface ListedEntry {
  /** For people: mode, size, time, path; safe for the terminal. */
  readonly line: string;
  /** For `--json`. */
  readonly keys: Record<string, unknown>;
  /** What is wrong with it, or null. */
  readonly why: string | null;
}

interface ListOptions {
  readonly recursive: boolean;
  readonly signal?: AbortSignal;
}

/** The entries below `root`, in the order of the disk; a file stands for itself. */
export async function* listTree(
  tree: FileTree,
  root: { readonly path: string; readonly reference: number },
  options: ListOptions,
): AsyncGenerator<ListedEntry> {
  const pace = new Pace(options.signal);
  const start = await tree.node(root.reference);
  const base = Buffer.from(root.path === "/" ? "" : root.path);
  if (start.type !== "directory") return yield await describe(tree, base, root.reference, start);
  const seen = new Set<number>([root.reference]);
  const pending: { path: Buffer; reference: number; depth: number }[] = [
    { path: base, reference: root.reference, depth: 1 },
  ];
  for (let entries = 0, at = pending.shift(); at; at = pending.shift()) {
    const below: typeof pending = [];
    try {
      for await (const entry of tree.entries(at.reference)) {
        await pace.step();
        if (++entries > MAX_ENTRIES) return yield broken(at.path, `more than ${MAX_ENTRIES} directory entries`);
        if ("kind" in entry) {
          yield broken(at.path, entry.reason);
          continue;
        }
        const path = Buffer.concat([at.path, Buffer.from("/"), entry.name]);
        let node: FileNode;
        try {
          node = await tree.node(entry.reference);
        } catch (error) {
          if (!(error instanceof DamagedError)) throw error;
          yield broken(path, error.message);
          continue;
        }
        yield await describe(tree, path, entry.reference, node);
        const enter = options.recursive && node.type === "directory" && node.unreadable === null;
        if (!enter || at.depth >= MAX_DEPTH || seen.has(entry.reference)) continue;
        seen.add(entry.reference);
        below.push({ path, reference: entry.reference, depth: at.depth + 1 });
      }
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      yield broken(at.path, error.message);
    }
    pending.unshift(...below);
  }
}

async function describe(tree: FileTree, path: Buffer, reference: number, node: FileNode): Promise<ListedEntry> {
  const target = node.type === "link" ? await tree.linkTarget(reference).catch(() => null) : null;
  const time = new Date(Number(node.mtimeNs / 1_000_000n));
  const when = Number.isNaN(time.getTime()) ? "-" : time.toISOString().replace("T", " ").slice(0, 19);
  const mode = `${TYPE_LETTERS[node.type]}${node.mode.toString(8).padStart(4, "0")}`;
  const shown = `${sanitizeBytes(path)}${target ? ` -> ${sanitizeBytes(target)}` : ""}`;
  const why = node.unreadable ?? node.warnings[0] ?? null;
  return {
    line: `${mode} ${String(node.size).padStart(12)} ${when.padEnd(19)} ${shown}${why ? `  (${sanitize(why)})` : ""}`,
    keys: {
      ...pathKeys(path),
      type: node.type,
      size: node.size,
      mtime_ns: node.mtimeNs.toString(),
      mode: node.mode.toString(8).padStart(4, "0"),
      uid: node.uid,
      gid: node.gid,
      ...(target && pathKeys(target, "target")),
      ...(why !== null && { why }),
    },
    why,
  };
}

function broken(path: Buffer, why: string): ListedEntry {
  const shown = sanitizeBytes(path) || "/";
  return {
    line: `?                  - -                   ${shown}  (${sanitize(why)})`,
    keys: { ...pathKeys(path), type: null, why },
    why,
  };
}

/**
 * Writes a file's bytes to `out`; to a terminal, control characters as visible escapes.
 * @throws TapscopeError `E_DISK_PATH` when it is no file; DamagedError where its bytes end before its size.
 */
export async function catFile(
  tree: FileTree,
  reference: number,
  path: string,
  out: Writable & { isTTY?: boolean },
  signal?: AbortSignal,
): Promise<void> {
  const node = await tree.node(reference);
  if (node.type !== "file") throw new TapscopeError("E_DISK_PATH", `cannot show ${path}: it is a ${node.type}`);
  if (node.unreadable !== null)
    throw new TapscopeError("E_FS_FEATURE", `cannot show ${path}: it is ${node.unreadable}`);
  const write = async (chunk: Buffer | string) => {
    if (!out.write(chunk)) await once(out, "drain", signal ? { signal } : {});
  };
  const show = (chunk: Buffer) => write(out.isTTY ? pathText(chunk).split("\n").map(sanitize).join("\n") : chunk);
  const pace = new Pace(signal);
  for await (const run of tree.runs(reference)) {
    if (run.kind === "lost") throw incomplete(path, run.offset, run.reason);
    if (run.kind === "inline") await show(Buffer.from(run.data));
    else {
      for (let at = 0; at < run.length; at += CHUNK) {
        const chunk = Buffer.alloc(Math.min(CHUNK, run.length - at));
        if (run.kind === "data") await readOrExplain(tree, reference, run.source + at, chunk, path, run.offset + at);
        await show(chunk);
        await pace.breathe();
      }
    }
  }
}

async function readOrExplain(
  tree: FileTree,
  reference: number,
  source: number,
  chunk: Buffer,
  path: string,
  offset: number,
) {
  try {
    await tree.read(reference, source, chunk.length, chunk);
  } catch (error) {
    throw error instanceof DamagedError ? incomplete(path, offset, error.message) : error;
  }
}

function incomplete(path: string, offset: number, reason: string): DamagedError {
  return new DamagedError(`${path} is incomplete: it cannot be read from byte ${offset} on: ${reason}`);
}

const CHUNK = 256 * 1024;
