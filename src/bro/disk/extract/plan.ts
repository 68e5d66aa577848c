/**
 * What will be extracted: the tree is walked once, names are judged, links and devices are recorded, directory loops and
 * entries without end are cut off. Nothing is written but the manifest.
 */

import { DamagedError } from "../device.ts";
import { illegalName, pathText } from "../names.ts";
import type { Pace } from "../pace.ts";
import type { FileNode, FileTree } from "../tree.ts";
import { MAX_DEPTH, MAX_ENTRIES } from "../walk.ts";
import type { PathFilter } from "./globs.ts";
import type { Manifest } from "./manifest.ts";

/** Names are kept as one character a byte: compact, and exact. */
export interface PlannedFile {
  readonly name: string;
  readonly reference: number;
  readonly size: number;
}

export interface PlannedLink {
  readonly name: string;
  readonly reference: number;
}

export interface PlannedDirectory {
  readonly name: string;
  readonly reference: number;
  readonly parent: PlannedDirectory | null;
  readonly directories: PlannedDirectory[];
  readonly files: PlannedFile[];
  readonly links: PlannedLink[];
}

export interface Plan {
  readonly root: PlannedDirectory;
  readonly files: number;
  readonly directories: number;
  /** Sum of the files' sizes. */
  readonly bytes: number;
  /** Sum of what they occupy: what a copy that keeps holes needs. */
  readonly allocated: number;
}

/** The path of a planned thing below the extracted tree's root, exact bytes. */
export function pathOf(parent: PlannedDirectory, name: string): Buffer {
  const parts = [name];
  for (let at: PlannedDirectory | null = parent; at?.parent; at = at.parent) parts.push(at.name);
  return Buffer.from(parts.reverse().join("/"), "latin1");
}

/** Walks the tree below `reference`. Everything that is left out is told to `manifest`. */
export async function planTree(
  tree: FileTree,
  reference: number,
  filter: PathFilter,
  manifest: Manifest,
  pace: Pace,
): Promise<Plan> {
  const root: PlannedDirectory = { name: "", reference, parent: null, directories: [], files: [], links: [] };
  const seenDirectories = new Set<number>([reference]);
  const namesOf = new Map<number, number>();
  const totals = { files: 0, directories: 1, bytes: 0, allocated: 0, entries: 0 };

  const visit = async (directory: PlannedDirectory, depth: number): Promise<void> => {
    const names = new Set<string>();
    for await (const entry of entriesSafely(tree, directory.reference)) {
      await pace.step();
      if (++totals.entries > MAX_ENTRIES) throw new TooMany();
      if ("kind" in entry) {
        manifest.skip(pathOf(directory, ""), null, entry.reason);
        continue;
      }
      const name = entry.name.toString("latin1");
      const illegal = illegalName(entry.name);
      const why = illegal
        ? `${illegal} is never written`
        : names.has(name)
          ? "a second entry of that name in its directory"
          : await add(directory, name, entry.reference, depth);
      names.add(name);
      if (why === null) continue;
      if (typeof why === "string") manifest.skip(pathOf(directory, name), null, why);
      else manifest.skip(pathOf(directory, name), why.node, why.why, { harmless: why.harmless ?? false });
    }
    for (const child of directory.directories) await visit(child, depth + 1);
  };

  /** Adds what the name leads to; what is left out comes back with the reason. Null: nothing to tell. */
  const add = async (directory: PlannedDirectory, name: string, child: number, depth: number): Promise<LeftOut> => {
    const node = await nodeOrReason(tree, child);
    if (typeof node === "string") return node;
    if (filter.filters) {
      const path = pathText(pathOf(directory, name));
      if (node.type === "directory" ? !filter.wantsDirectory(path) : !filter.wantsFile(path)) return null;
    }
    if (node.unreadable !== null) return { node, why: node.unreadable };
    if (node.type === "directory") {
      if (seenDirectories.has(child)) return { node, why: "a second name of a directory (a loop)" };
      if (depth >= MAX_DEPTH) return { node, why: `deeper than ${MAX_DEPTH} directories` };
      seenDirectories.add(child);
      totals.directories++;
      directory.directories.push({ name, reference: child, parent: directory, directories: [], files: [], links: [] });
    } else if (node.type === "file") {
      const known = namesOf.get(node.id) ?? 0;
      if (known >= Math.max(1, node.links)) {
        return { node, why: `inode ${node.id} has more names than its ${node.links} links` };
      }
      namesOf.set(node.id, known + 1);
      totals.files++;
      totals.bytes += node.size;
      if (known === 0) totals.allocated += Math.min(node.size, node.allocated);
      directory.files.push({ name, reference: child, size: node.size });
    } else if (node.type === "link") directory.links.push({ name, reference: child });
    else return { node, why: `a ${node.type} is never made`, harmless: true };
    return null;
  };

  try {
    await visit(root, 1);
  } catch (error) {
    if (!(error instanceof TooMany)) throw error;
    manifest.skip(Buffer.from(""), null, `more than ${MAX_ENTRIES} directory entries: the rest is left out`);
  }
  return { root, ...totals };
}

type LeftOut = string | { readonly node: FileNode; readonly why: string; readonly harmless?: boolean } | null;

class TooMany extends Error {}

async function* entriesSafely(tree: FileTree, reference: number): ReturnType<FileTree["entries"]> {
  try {
    yield* tree.entries(reference);
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    yield { kind: "lost", reason: `the directory cannot be read: ${error.message}` };
  }
}

async function nodeOrReason(tree: FileTree, reference: number): Promise<FileNode | string> {
  try {
    return await tree.node(reference);
  } catch (error) {
    if (error instanceof DamagedError) return error.message;
    throw error;
  }
}
