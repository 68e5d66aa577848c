/** Extracts the logs of one or several disks: `bro extract`, and the library's `extract`. */
import { basename } from "node:path";
import { Cleanup } from "../../../core/cleanup.ts";
import { TapscopeError } from "../../../core/errors.ts";
import type { Disk, OpenOptions } from "../disk.ts";
import { openDisk } from "../open.ts";
import { Pace } from "../pace.ts";
import { RunState } from "../run-state.ts";
import { checkDestination, Destination, type OutputDirectory, toDestinationError } from "./destination.ts";
import { makeFilter } from "./globs.ts";
import { Manifest, type Skipped } from "./manifest.ts";
import { planTree } from "./plan.ts";
import { type FoundLog, MANIFEST_NAME, writeTree } from "./write-tree.ts";

export interface ExtractOptions extends OpenOptions {
  /** Absolute path in the guest's filesystem. Default: /bro where there is one, else the root. */
  readonly path?: string;
  /** Globs; default everything. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Default `none`: symbolic links are recorded in the manifest and not made. */
  readonly links?: "none" | "safe";
  /** Called a few times a second. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly image: string;
  readonly bytes: number;
  readonly totalBytes: number;
  readonly files: number;
  readonly totalFiles: number;
}

/** What became of one disk. */
export interface ExtractReport {
  /** As it was given. */
  readonly image: string;
  readonly format: string;
  readonly method: string;
  /** Null when the filesystem fills the whole disk. */
  readonly partition: number | null;
  readonly filesystem: string;
  readonly journal: "clean" | "replayed" | "ignored";
  readonly journalDetail: string | null;
  /** The guest's path that was extracted. */
  readonly root: string;
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  /** At most the first 10,000; the manifest has all. */
  readonly skipped: readonly Skipped[];
  readonly skippedCount: number;
  readonly incomplete: readonly string[];
  readonly logs: readonly FoundLog[];
  /** Where the files are. */
  readonly destination: string;
  readonly manifest: string;
  readonly warnings: readonly string[];
  /** Something is missing or wrong; what is whole is there. */
  readonly damaged: boolean;
}

/** A disk that could not be extracted at all. */
export interface ExtractFailure {
  readonly image: string;
  readonly error: TapscopeError;
}

export interface ExtractResult {
  readonly reports: readonly ExtractReport[];
  readonly failures: readonly ExtractFailure[];
}

/**
 * Extracts `images` to `dir`, which must not exist or be empty: one disk straight into it, several into a folder each.
 * Nothing appears under `dir` before all is done; when it throws, nothing is left.
 * @throws TapscopeError when no disk could be extracted (of one disk: its error), or the destination cannot take it.
 */
export async function extract(
  images: readonly string[],
  dir: string,
  options: ExtractOptions = {},
): Promise<ExtractResult> {
  checkDestination(dir);
  await using cleanup = new Cleanup();
  const state = cleanup.use("remove the run's folder", new RunState());
  const names = folderNames(images);
  let destination: Destination | null = null;
  const reports: ExtractReport[] = [];
  const failures: ExtractFailure[] = [];
  for (const [index, image] of images.entries()) {
    try {
      await using disk = await openDisk(image, options);
      const root = await disk.resolve(options.path);
      destination ??= cleanup.use("remove the partial destination", new Destination(dir, state));
      reports.push(await extractDisk(disk, root, destination, names?.[index] ?? null, options));
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof TapscopeError) || isFatal(error)) throw error;
      failures.push({ image, error });
    }
  }
  if (reports.length === 0) throw failures[0]!.error;
  destination!.commit();
  return { reports, failures };
}

function isFatal(error: TapscopeError): boolean {
  return error.code.startsWith("E_DEST") || error.code === "E_USAGE";
}

async function extractDisk(
  disk: Disk,
  root: { readonly path: string; readonly reference: number },
  destination: Destination,
  folder: string | null,
  options: ExtractOptions,
): Promise<ExtractReport> {
  const filter = makeFilter(options.include ?? [], options.exclude ?? []);
  let output: OutputDirectory | null = null;
  let manifest: Manifest | null = null;
  try {
    output = folder === null ? destination.root : destination.root.makeDirectory(Buffer.from(folder));
    manifest = new Manifest(output.createFile(Buffer.from(MANIFEST_NAME)).release());
    const progress = { bytes: 0, files: 0 };
    let totals = { bytes: 0, files: 0 };
    const tell = () =>
      options.onProgress?.({ image: disk.image, ...progress, totalBytes: totals.bytes, totalFiles: totals.files });
    const pace = new Pace(options.signal, tell);
    const plan = await planTree(disk.tree, root.reference, filter, manifest, pace);
    totals = { bytes: plan.bytes, files: plan.files };
    const free = destination.freeBytes();
    if (plan.allocated > free) {
      throw new TapscopeError(
        "E_DEST_FULL",
        `cannot extract ${disk.image} to ${destination.path}: it needs ${plan.allocated} bytes, the disk has ${free} free`,
        { hint: "make room, choose another folder, or take less with --include" },
      );
    }
    const written = await writeTree(disk.tree, plan, output, manifest, pace, {
      links: options.links ?? "none",
      prune: filter.narrows,
      onProgress: (bytes, files) => Object.assign(progress, { bytes, files }),
    });
    tell();
    manifest.close();
    const verdict = await disk.verdict();
    const damaged = manifest.damaged || verdict.damaged;
    return {
      image: disk.image,
      format: disk.format,
      method: disk.method,
      partition: disk.partition === 0 ? null : disk.partition,
      filesystem: disk.tree.type,
      journal: disk.tree.journal,
      journalDetail: disk.tree.journalDetail,
      root: root.path,
      ...written,
      skipped: manifest.skipped,
      skippedCount: manifest.skippedCount,
      destination: folder === null ? destination.path : `${destination.path}/${folder}`,
      manifest: `${destination.path}/${folder === null ? "" : `${folder}/`}${MANIFEST_NAME}`,
      warnings: verdict.warnings,
      damaged,
    };
  } catch (error) {
    manifest?.abandon();
    throw error instanceof Error && "syscall" in error ? toDestinationError(error, destination.path) : error;
  } finally {
    if (folder !== null) output?.close();
  }
}

/** A folder a disk, named like the image; null for a single disk. Same names (minimega's disk-0.qcow2) get a number. */
function folderNames(images: readonly string[]): string[] | null {
  if (images.length < 2) return null;
  const taken = new Set<string>();
  return images.map((image) => {
    const base = basename(image);
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
    taken.add(name);
    return name;
  });
}
