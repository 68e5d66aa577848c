/** Raw and qcow2 images read by this program itself, with the backing files that the user allowed. */
import { resolve } from "node:path";
import { TapscopeError } from "../../../core/errors.ts";
import type { BlockDevice } from "../device.ts";
import type { OpenedImage, OpenOptions, Verdict } from "../open.ts";
import { locateBackingFile } from "./backing.ts";
import { ImageFile } from "./file.ts";
import { type ImageFormat, identifyImage } from "./identify.ts";
import { Qcow2Image } from "./qcow2.ts";
import { type Qcow2Header, readQcow2Header, readSnapshots } from "./qcow2-header.ts";

const MAX_CHAIN = 16;

/** Why qemu is needed to read this image, or null when this program can. */
export async function needsQemu(image: string, format: ImageFormat): Promise<string | null> {
  if (format === "raw") return null;
  if (format !== "qcow2") return `it is a ${format} image`;
  await using file = new ImageFile(image);
  const header = await readQcow2Header(file);
  return header.unsupported.length > 0 ? `it uses ${header.unsupported.join(" and ")}` : null;
}

/** @throws TapscopeError as `openDisk` does. */
export async function openNative(image: string, format: ImageFormat, options: OpenOptions): Promise<OpenedImage> {
  const opened: Opened[] = [];
  try {
    const device = await openChain(image, format, options, options.snapshot, opened);
    return {
      device,
      method: "native",
      verdict: () => judge(opened),
      [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
    };
  } catch (error) {
    for (const { file } of opened) await file[Symbol.asyncDispose]().catch(() => {});
    throw error;
  }
}

interface Opened {
  readonly file: ImageFile;
  readonly header: Qcow2Header | null;
  image: Qcow2Image | null;
}

async function openChain(
  path: string,
  format: ImageFormat,
  options: OpenOptions,
  snapshotName: string | undefined,
  opened: Opened[],
): Promise<BlockDevice> {
  if (opened.length >= MAX_CHAIN) {
    throw new TapscopeError(
      "E_DISK_BACKING",
      `cannot read ${path}: more than ${MAX_CHAIN} backing files on each other`,
    );
  }
  const file = new ImageFile(path);
  const entry: Opened = { file, header: format === "raw" ? null : await readQcow2Header(file), image: null };
  opened.push(entry);
  const { header } = entry;
  if (!header) {
    if (snapshotName !== undefined) throw noSnapshot(path, snapshotName, []);
    return file;
  }
  const snapshot = snapshotName === undefined ? undefined : await findSnapshot(path, file, header, snapshotName);
  let backing: BlockDevice | null = null;
  if (header.backingFile !== null) {
    const below = locateBackingFile(path, header.backingFile, options.backingDirs ?? []);
    if (opened.some((one) => resolve(one.file.path) === below)) {
      throw new TapscopeError("E_DISK_BACKING", `cannot read ${path}: its backing files run in a circle at ${below}`);
    }
    backing = await openChain(below, await backingFormat(below, header.backingFormat), options, undefined, opened);
  }
  entry.image = await Qcow2Image.open(file, header, backing, snapshot);
  return entry.image;
}

/** A backing file said to be raw is raw whatever it begins with: the guest wrote those bytes. */
async function backingFormat(path: string, said: string | null): Promise<ImageFormat> {
  if (said === "raw") return "raw";
  await using file = new ImageFile(path);
  const format = await identifyImage(file, path);
  if (format === "raw" || (format === "qcow2" && (await needsQemu(path, format)) === null)) return format;
  throw new TapscopeError(
    "E_DISK_FEATURE",
    `the backing file ${path} is a ${format} image that cannot be read natively`,
    {
      hint: "flatten the image first: qemu-img convert -O qcow2",
    },
  );
}

async function findSnapshot(path: string, file: ImageFile, header: Qcow2Header, wanted: string) {
  const all = await readSnapshots(file, header);
  const found = all.find((snapshot) => snapshot.name === wanted) ?? all.find((snapshot) => snapshot.id === wanted);
  if (!found)
    throw noSnapshot(
      path,
      wanted,
      all.map((snapshot) => snapshot.name),
    );
  return found;
}

export function noSnapshot(path: string, wanted: string, names: readonly string[]): TapscopeError {
  return new TapscopeError("E_DISK_SNAPSHOT", `there is no snapshot '${wanted}' in ${path}`, {
    hint: names.length > 0 ? `there are: ${names.join(", ")}` : "the image has no snapshots",
  });
}

async function judge(opened: readonly Opened[]): Promise<Verdict> {
  const warnings: string[] = [];
  let damaged = false;
  for (const { file, header, image } of opened) {
    if (file.hasChanged()) {
      warnings.push(`${file.path} changed while it was read: what was read may be inconsistent`);
      damaged = true;
    }
    if (header?.markedCorrupt) warnings.push(`${file.path} is marked as corrupt by qemu`);
    const check = await image?.checkCompleteness();
    const needs = Math.max(check?.needs ?? 0, file.missingEnd);
    if (needs > file.size) {
      warnings.push(`${file.path} is cut: it needs ${needs} bytes, it has ${file.size}`);
      damaged = true;
    }
    if (check && check.unreferenced > 0) {
      warnings.push(
        `${file.path}: ${check.unreferenced} clusters in use are counted as free (bad refcounts): harmless for reading`,
      );
    }
  }
  return { warnings, damaged };
}
