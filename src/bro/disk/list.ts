/** `bro ls` and `bro cat`: looks at a disk's files without extracting them. */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { sanitize, sanitizeBytes } from "../../core/text.ts";
import { pathKeys, pathText } from "./names.ts";
import type { FileNode, FileTree } from "./tree.ts";
import { type BrokenEntry, type FoundEntry, readFile, type WalkOptions, walkTree } from "./walk.ts";

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

/** The entries below `root`, in the order of the disk; a file stands for itself. */
export async function* listTree(
  tree: FileTree,
  root: { readonly path: string; readonly reference: number },
  options: WalkOptions,
): AsyncGenerator<ListedEntry> {
  for await (const found of walkTree(tree, root, options)) {
    yield "why" in found ? broken(found) : await describe(tree, found);
  }
}

async function describe(tree: FileTree, { path, reference, node }: FoundEntry): Promise<ListedEntry> {
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

function broken({ path, why }: BrokenEntry): ListedEntry {
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
  for await (const chunk of readFile(tree, reference, path, signal)) {
    const shown = out.isTTY ? pathText(chunk).split("\n").map(sanitize).join("\n") : chunk;
    if (!out.write(shown)) await once(out, "drain", signal ? { signal } : {});
  }
}
