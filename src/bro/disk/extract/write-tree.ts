/** Writes a plan into a destination: folders, files, then (if asked for) the links that stay inside the tree. */

import { DamagedError } from "../device.ts";
import type { LogSummary } from "../log-scan.ts";
import { scanFor } from "../log-scan.ts";
import { pathText } from "../names.ts";
import type { Pace } from "../pace.ts";
import type { FileNode, FileTree } from "../tree.ts";
import { Copier } from "./copy.ts";
import { type OutputDirectory, toDestinationError } from "./destination.ts";
import type { Manifest } from "./manifest.ts";
import { type Plan, type PlannedDirectory, type PlannedFile, type PlannedLink, pathOf } from "./plan.ts";

export const MANIFEST_NAME = "manifest.jsonl";
const INCOMPLETE = ".incomplete";

/** A log that was found, by its path below the extracted root. */
export interface FoundLog extends LogSummary {
  readonly path: string;
}

export interface Written {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly logs: readonly FoundLog[];
  /** Files of which bytes are missing. */
  readonly incomplete: readonly string[];
}

export interface WriteOptions {
  /** `safe` makes links that lead to a thing that was extracted; `none` records them all and makes none. */
  readonly links: "none" | "safe";
  /** Leave out directories in which nothing was wanted. */
  readonly prune: boolean;
  readonly onProgress: (bytes: number, files: number) => void;
}

/** Extracts `plan` into `root`. @throws TapscopeError `E_DEST_FULL` or `E_DEST` when the host cannot take it. */
export async function writeTree(
  tree: FileTree,
  plan: Plan,
  root: OutputDirectory,
  manifest: Manifest,
  pace: Pace,
  options: WriteOptions,
): Promise<Written> {
  await using writer = new TreeWriter(tree, plan, root, manifest, pace, options);
  await writer.write();
  return writer.result;
}

class TreeWriter implements AsyncDisposable {
  readonly result = { files: 0, directories: 0, bytes: 0, logs: [] as FoundLog[], incomplete: [] as string[] };
  readonly #tree: FileTree;
  readonly #plan: Plan;
  readonly #root: OutputDirectory;
  readonly #manifest: Manifest;
  readonly #pace: Pace;
  readonly #options: WriteOptions;
  readonly #copier: Copier;
  /** Where the contents of a file with several names were written first. */
  readonly #copies = new Map<number, Buffer>();
  /** Directories that exist in the destination, for the links made at the end. */
  readonly #made = new Set<PlannedDirectory>();
  #copied = 0;

  constructor(
    tree: FileTree,
    plan: Plan,
    root: OutputDirectory,
    manifest: Manifest,
    pace: Pace,
    options: WriteOptions,
  ) {
    this.#tree = tree;
    this.#plan = plan;
    this.#root = root;
    this.#manifest = manifest;
    this.#pace = pace;
    this.#options = options;
    this.#copier = new Copier(tree, pace, (count) => {
      this.#copied += count;
      options.onProgress(this.#copied, this.result.files);
    });
  }

  async write(): Promise<void> {
    await this.#directory(this.#plan.root, this.#root);
    for (const directory of everyDirectory(this.#plan.root)) {
      for (const link of directory.links) await this.#link(directory, link);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#copier[Symbol.asyncDispose]();
  }

  async #directory(planned: PlannedDirectory, into: OutputDirectory): Promise<void> {
    this.#made.add(planned);
    for (const file of planned.files) {
      await this.#pace.step();
      await this.#file(planned, file, into);
    }
    for (const child of planned.directories) {
      if (this.#options.prune && !holdsFiles(child)) continue;
      const path = pathOf(planned, child.name);
      const node = await this.#tree.node(child.reference);
      let made: OutputDirectory;
      try {
        made = into.makeDirectory(Buffer.from(child.name, "latin1"));
      } catch (error) {
        this.#refused(path, node, error);
        continue;
      }
      try {
        await this.#directory(child, made);
        made.setTime(Number(node.mtimeNs) / 1e9);
      } finally {
        made.close();
      }
      this.result.directories++;
      this.#manifest.add(path, node, { warnings: node.warnings });
    }
  }

  async #file(directory: PlannedDirectory, file: PlannedFile, into: OutputDirectory): Promise<void> {
    const path = pathOf(directory, file.name);
    const node = await this.#tree.node(file.reference);
    const first = this.#copies.get(node.id);
    if (first && this.#linkCopy(path, node, file, first, into)) return;
    const scan = scanFor(file.name);
    const stored = storedName(directory, file.name);
    let output: ReturnType<OutputDirectory["createFile"]>;
    try {
      output = into.createFile(Buffer.from(stored, "latin1"));
    } catch (error) {
      return this.#refused(path, node, error);
    }
    let copied: Awaited<ReturnType<Copier["copy"]>>;
    try {
      copied = await this.#copier.copy(file.reference, node.size, output, scan);
    } catch (error) {
      output.close();
      if (isRefusedSize(error)) return this.#refused(path, node, error);
      throw error;
    }
    try {
      output.finish(node.size, Number(node.mtimeNs) / 1e9);
    } catch (error) {
      return this.#refused(path, node, error);
    }
    const storedPath = pathOf(directory, stored);
    const log = (await scan?.end()) ?? null;
    if (copied.missing.length > 0) return this.#incomplete(directory, file, stored, into, path, node, copied, log);
    this.result.files++;
    this.result.bytes += node.size;
    if (node.links > 1) this.#copies.set(node.id, storedPath);
    if (log) this.result.logs.push({ path: pathText(path), ...log });
    if (node.warnings.length > 0) this.#manifest.damaged = true;
    this.#manifest.add(path, node, {
      sha256: copied.sha256,
      ...(stored !== file.name && { storedAs: storedPath }),
      warnings: node.warnings,
      ...(log && { log }),
    });
    this.#options.onProgress(this.#copied, this.result.files);
  }

  /** A further name of a file that is there: a hard link inside the destination. False when the host cannot make one. */
  #linkCopy(path: Buffer, node: FileNode, file: PlannedFile, first: Buffer, into: OutputDirectory): boolean {
    try {
      into.linkFile(Buffer.from(file.name, "latin1"), this.#root, first);
    } catch {
      return false;
    }
    this.result.files++;
    this.result.bytes += node.size;
    this.#manifest.add(path, node, { hardlinkOf: first });
    return true;
  }

  /** The readable parts of a damaged file are kept, under a name that no one takes for the whole. */
  #incomplete(
    directory: PlannedDirectory,
    file: PlannedFile,
    stored: string,
    into: OutputDirectory,
    path: Buffer,
    node: FileNode,
    copied: { readonly missing: readonly (readonly [number, number])[]; readonly reason: string | null },
    log: LogSummary | null,
  ): void {
    const lost = copied.missing.reduce((sum, [, length]) => sum + length, 0);
    const why = `incomplete: ${lost} of ${node.size} bytes cannot be read (${copied.reason})`;
    const name = Buffer.from(`${stored}${INCOMPLETE}`, "latin1");
    const kept = lost < node.size && name.length <= 255 && into.rename(Buffer.from(stored, "latin1"), name);
    if (!kept) into.remove(Buffer.from(stored, "latin1"));
    this.result.incomplete.push(pathText(path));
    if (log) {
      const damage = log.damage ? `${why}; ${log.damage}` : why;
      this.result.logs.push({ path: pathText(path), ...log, damage });
    }
    this.#manifest.skip(path, node, why, {
      missing: copied.missing.slice(0, 1000),
      ...(kept && { storedAs: pathOf(directory, `${file.name === stored ? file.name : stored}${INCOMPLETE}`) }),
    });
  }

  async #link(directory: PlannedDirectory, link: PlannedLink): Promise<void> {
    const path = pathOf(directory, link.name);
    const node = await this.#tree.node(link.reference);
    let target: Buffer;
    try {
      target = await this.#tree.linkTarget(link.reference);
    } catch (error) {
      if (error instanceof DamagedError)
        return this.#manifest.skip(path, node, `a link that cannot be read: ${error.message}`);
      throw error;
    }
    const why =
      this.#options.links === "none"
        ? `a link to '${pathText(target)}': recorded, not made`
        : whyUnsafe(directory, target.toString("latin1"), this.#made);
    if (why === null) {
      try {
        this.#openMade(directory).makeLink(Buffer.from(link.name, "latin1"), target);
        return this.#manifest.add(path, node, { target, made: true });
      } catch (error) {
        return this.#refused(path, node, error);
      }
    }
    this.#manifest.skip(path, node, why, { target, harmless: true });
  }

  #openMade(directory: PlannedDirectory): OutputDirectory {
    const names: string[] = [];
    for (let at = directory; at.parent; at = at.parent) names.unshift(at.name);
    let open = this.#root;
    for (const name of names) {
      const next = open.openDirectory(Buffer.from(name, "latin1"));
      if (open !== this.#root) open.close();
      open = next;
    }
    return open;
  }

  /** The host would not have a name or a size: that one is left out. A full disk ends the run. */
  #refused(path: Buffer, node: FileNode, error: unknown): void {
    const code = (error as NodeJS.ErrnoException).code;
    const why = {
      EEXIST: "the name is taken",
      EILSEQ: "the host does not take the name",
      ENAMETOOLONG: "the name is too long",
    };
    const known = why[code as keyof typeof why] ?? (isRefusedSize(error) ? "the host does not take its size" : null);
    if (known === null) throw toDestinationError(error, "the destination");
    this.#manifest.skip(path, node, known);
  }
}

function isRefusedSize(error: unknown): boolean {
  return ["EFBIG", "EINVAL"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** The manifest's own name at the top is taken. */
function storedName(directory: PlannedDirectory, name: string): string {
  return directory.parent === null && name === MANIFEST_NAME ? `${name}.guest` : name;
}

function* everyDirectory(directory: PlannedDirectory): Generator<PlannedDirectory> {
  yield directory;
  for (const child of directory.directories) yield* everyDirectory(child);
}

function holdsFiles(directory: PlannedDirectory): boolean {
  return directory.files.length > 0 || directory.directories.some(holdsFiles);
}

/**
 * Why the link must not be made, or null. Every step of the target has to be a directory that was made (so no other link
 * is passed), none may leave the tree, and the end has to be there.
 */
function whyUnsafe(from: PlannedDirectory, target: string, made: ReadonlySet<PlannedDirectory>): string | null {
  const shown = pathText(Buffer.from(target, "latin1"));
  if (target.startsWith("/")) return `a link to '${shown}': absolute, so it leads out of the tree`;
  let at: PlannedDirectory | null = from;
  const steps = target.split("/").filter((step) => step !== "" && step !== ".");
  for (const [index, step] of steps.entries()) {
    if (step === "..") at = at.parent;
    else {
      const next: PlannedDirectory | undefined = at.directories.find((child) => child.name === step && made.has(child));
      const isFile = index === steps.length - 1 && at.files.some((file) => file.name === step);
      if (isFile) return null;
      if (!next) return `a link to '${shown}': there is nothing there that was extracted`;
      at = next;
    }
    if (!at) return `a link to '${shown}': it leads out of the tree`;
  }
  return null;
}
