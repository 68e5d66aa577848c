/**
 * How an image is described to qemu so that it opens that file and nothing else: every file is named by us, by its real
 * path, read-only; what an image says about other files is checked first or switched off.
 */
import { lstatSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { TapscopeError } from "../../../core/errors.ts";
import { readBytes } from "../device.ts";
import { locateBackingFile } from "../image/backing.ts";
import { ImageFile } from "../image/file.ts";
import { type ImageFormat, identifyImage } from "../image/identify.ts";
import { readQcow2Header } from "../image/qcow2-header.ts";
import type { OpenOptions } from "../open.ts";

/** The id of the secret that holds an encrypted image's passphrase. */
export const SECRET = "key";

/** A block node in qemu's terms (qapi/block-core.json, BlockdevOptions). */
export type BlockNode = { readonly [key: string]: string | boolean | null | BlockNode };

/** Formats that hold all their data in one file, and name no other. */
const SELF_CONTAINED: readonly ImageFormat[] = ["raw", "vdi", "vhdx", "vpc"];
const DESCRIPTOR_BYTES = 64 * 1024;
const MAX_CHAIN = 16;

/** @throws TapscopeError when the image leads to files it must not lead to, or is of a kind that is not read. */
export async function describeForQemu(
  image: string,
  format: ImageFormat,
  options: OpenOptions,
  depth = 0,
): Promise<BlockNode> {
  const file: BlockNode = {
    driver: "file",
    filename: realpathSync(image),
    "read-only": true,
    locking: options.live ? "off" : "auto",
  };
  const node: BlockNode = { driver: format, "read-only": true, file };
  if (SELF_CONTAINED.includes(format)) return node;
  if (format === "luks") return { ...node, "key-secret": requireKey(image, options) };
  if (format === "vmdk") {
    await checkVmdkExtents(image);
    return { ...node, backing: null };
  }
  if (format === "qcow2") return { ...node, ...(await describeQcow2(image, options, depth)) };
  throw new TapscopeError("E_DISK_FORMAT", `cannot read ${image}: ${format} images are not supported`, {
    hint: `convert it first: qemu-img convert -f ${format} -O qcow2`,
  });
}

async function describeQcow2(image: string, options: OpenOptions, depth: number): Promise<BlockNode> {
  await using file = new ImageFile(image);
  const header = await readQcow2Header(file);
  if (header.externalData) {
    throw new TapscopeError("E_DISK_BACKING", `cannot read ${image}: its data lie in another file that it names`, {
      hint: "such files are never opened; convert the image where its data file belongs (qemu-img convert)",
    });
  }
  const encrypted = header.unsupported.includes("encryption");
  const key: BlockNode = encrypted ? { encrypt: { format: "luks", "key-secret": requireKey(image, options) } } : {};
  if (header.backingFile === null) return { ...key, backing: null };
  if (depth >= MAX_CHAIN) throw new TapscopeError("E_DISK_BACKING", `cannot read ${image}: too many backing files`);
  const below = locateBackingFile(image, header.backingFile, options.backingDirs ?? []);
  const format = header.backingFormat === "raw" ? "raw" : await formatOf(below);
  return { ...key, backing: await describeForQemu(below, format, options, depth + 1) };
}

async function formatOf(path: string): Promise<ImageFormat> {
  await using file = new ImageFile(path);
  return await identifyImage(file, path);
}

function requireKey(image: string, options: OpenOptions): string {
  if (options.keyFile !== undefined) return SECRET;
  throw new TapscopeError("E_DISK_KEY_NEEDED", `cannot read ${image}: it is encrypted (LUKS)`, {
    hint: "--key-file FILE, a file that holds the passphrase",
  });
}

/**
 * A VMDK's descriptor names the files that hold its data; qemu opens them whatever they are. Only regular files beside
 * the image are allowed, and no parent image.
 */
async function checkVmdkExtents(image: string): Promise<void> {
  await using file = new ImageFile(image);
  const text = (await readBytes(file, 0, Math.min(file.size, DESCRIPTOR_BYTES))).toString("latin1");
  const refuse = (what: string) =>
    new TapscopeError("E_DISK_BACKING", `cannot read ${image}: ${what}`, {
      hint: "convert it where it belongs: qemu-img convert -O qcow2",
    });
  const parent = /^parentFileNameHint\s*=\s*"([^"]*)"/im.exec(text)?.[1];
  if (parent) throw refuse(`it continues in another image, '${parent}'`);
  for (const match of text.matchAll(/^(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)(?:\s+"([^"\n]*)")?/gm)) {
    const [, kind, name] = match;
    if (kind === "ZERO" || (text.startsWith("KDMV") && kind !== "FLAT")) continue;
    const plain = name !== undefined && !name.includes("/") && !name.includes(":");
    const stat = plain ? lstatSync(join(dirname(image), name), { throwIfNoEntry: false }) : undefined;
    if (!stat?.isFile()) throw refuse(`its data lie in '${name ?? kind}', which is no regular file beside it`);
  }
}
