/** Images read by this program itself, with the backing files that the user allowed. */
import { resolve } from "node:path";
import { TapscopeError } from "../../../core/errors.ts";
import type { BlockDevice } from "../device.ts";
import type { OpenedImage, OpenOptions, Verdict } from "../disk.ts";
import { locateBackingFile } from "./backing.ts";
import { formatNamed, identifyImage } from "./formats.ts";
import { ImageFile } from "./image-file.ts";
import type { ImageFormat, Layer } from "./image-format.ts";

export const MAX_CHAIN = 16;

/** Why qemu is needed to read this image, or null when this program can. */
export async function needsQemu(image: string, format: ImageFormat): Promise<string | null> {
  if (!format.reader) return `it is a ${format.name} image`;
  await using file = new ImageFile(image);
  return await format.reader.obstacle(file);
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

/** A file of the chain; its layer once all below it is open. */
interface Opened {
  readonly file: ImageFile;
  layer: Layer | null;
}

async function openChain(
  path: string,
  format: ImageFormat,
  options: OpenOptions,
  snapshot: string | undefined,
  opened: Opened[],
): Promise<BlockDevice> {
  if (opened.length >= MAX_CHAIN) {
    throw new TapscopeError(
      "E_DISK_BACKING",
      `cannot read ${path}: more than ${MAX_CHAIN} backing files on each other`,
    );
  }
  const entry: Opened = { file: new ImageFile(path), layer: null };
  opened.push(entry);
  entry.layer = await format.reader!.open(entry.file, {
    snapshot,
    async openBacking(name, said) {
      const below = locateBackingFile(path, name, options.backingDirs ?? []);
      if (opened.some(({ file }) => resolve(file.path) === below)) {
        throw new TapscopeError("E_DISK_BACKING", `cannot read ${path}: its backing files run in a circle at ${below}`);
      }
      return openChain(below, await backingFormat(below, said), options, undefined, opened);
    },
  });
  return entry.layer.device;
}

/** A backing file said to be raw is raw whatever it begins with: the guest wrote those bytes. */
async function backingFormat(path: string, said: string | null): Promise<ImageFormat> {
  if (said === "raw") return formatNamed("raw");
  await using file = new ImageFile(path);
  const format = await identifyImage(file, path);
  if ((await needsQemu(path, format)) === null) return format;
  throw new TapscopeError(
    "E_DISK_FEATURE",
    `the backing file ${path} is a ${format.name} image that cannot be read natively`,
    { hint: "flatten the image first: qemu-img convert -O qcow2" },
  );
}

async function judge(opened: readonly Opened[]): Promise<Verdict> {
  const warnings: string[] = [];
  let damaged = false;
  for (const { file, layer } of opened) {
    if (file.hasChanged()) {
      warnings.push(`${file.path} changed while it was read: what was read may be inconsistent`);
      damaged = true;
    }
    const check = await layer?.check();
    const needs = Math.max(check?.needs ?? 0, file.missingEnd);
    if (needs > file.size) {
      warnings.push(`${file.path} is cut: it needs ${needs} bytes, it has ${file.size}`);
      damaged = true;
    }
    warnings.push(...(check?.warnings ?? []));
  }
  return { warnings, damaged };
}
