/**
 * Opens a disk image for reading its files: finds the format, the method that reads it, the partition, the filesystem.
 * Nothing is ever written to the image.
 */
import { TapscopeError } from "../../core/errors.ts";
import type { BlockDevice } from "./device.ts";
import { DamagedError, Slice } from "./device.ts";
import { ExtFilesystem } from "./ext4/filesystem.ts";
import { readSuperblock } from "./ext4/superblock.ts";
import { ImageFile } from "./image/file.ts";
import { type ImageFormat, identifyImage } from "./image/identify.ts";
import { findWriter } from "./image/in-use.ts";
import { needsQemu, openNative } from "./image/native.ts";
import {
  type Content,
  identifyContent,
  type Partition,
  type PartitionTable,
  readPartitionTable,
} from "./partition/table.ts";
import type { FileTree } from "./tree.ts";

export type Method = "native" | "qemu-nbd" | "kernel-nbd";

export interface OpenOptions {
  /** Default `auto`: `native` where it can, else `qemu-nbd`; never `kernel-nbd`. */
  readonly method?: "auto" | Method;
  /** Number of the partition; 0 is the whole disk. Default: the only one with a filesystem. */
  readonly partition?: number;
  /** Default true: the journal of a killed machine is replayed in memory. */
  readonly replay?: boolean;
  /** Read the disk of a VM that still runs. Default false. */
  readonly live?: boolean;
  /** A file with the passphrase of an encrypted image. */
  readonly keyFile?: string;
  /** Name or id of an internal snapshot. */
  readonly snapshot?: string;
  /** Folders that backing files may be opened from. Default none. */
  readonly backingDirs?: readonly string[];
  readonly signal?: AbortSignal;
}

/** A partition and what is in it, told by content. */
export interface FoundPartition extends Partition {
  readonly content: Content;
}

/** An open disk. Disposing closes it and ends whatever runs for it. */
export interface Disk extends AsyncDisposable {
  /** The image as it was named. */
  readonly image: string;
  readonly format: ImageFormat;
  readonly method: Method;
  /** 0: the filesystem fills the whole disk. */
  readonly partition: number;
  readonly partitions: readonly FoundPartition[];
  readonly tree: FileTree;
  /** What `path` (default: /bro, else the root) leads to. @throws TapscopeError `E_DISK_PATH`. */
  resolve(path?: string): Promise<{ readonly path: string; readonly reference: number }>;
  /** What was found wrong so far with image, partition table and filesystem. */
  verdict(): Promise<Verdict>;
}

export interface Verdict {
  readonly warnings: readonly string[];
  /** One of them means that something is missing or wrong. */
  readonly damaged: boolean;
}

/** A device that an image format was opened as, and what is known about the image. */
export interface OpenedImage extends AsyncDisposable {
  readonly device: BlockDevice;
  readonly method: Method;
  verdict(): Promise<Verdict>;
}

/** @throws TapscopeError `E_DISK_…`, `E_PARTITION…`, `E_FS_…`: what is wrong with the image and what to do. */
export async function openDisk(image: string, options: OpenOptions = {}): Promise<Disk> {
  const format = await formatOf(image);
  const notes = refuseRunning(image, options.live ?? false);
  const opened = await openImage(image, format, options);
  try {
    const { device } = opened;
    const table = await readPartitionTable(device);
    const partitions = await identifyAll(device, table);
    const whole: FoundPartition = {
      number: 0,
      start: 0,
      size: device.size,
      content: await identifyContent(device, { number: 0, start: 0, size: device.size }),
    };
    const kernel = options.method === "kernel-nbd" ? await import("./method/kernel-nbd.ts") : null;
    const readable = kernel?.MOUNTABLE ?? ["ext"];
    const chosen = choosePartition(image, table, partitions, whole, options.partition, readable);
    const tree = kernel
      ? await kernel.mountPartition(image, format, chosen, await needsRecovery(device, chosen), options)
      : await openFilesystem(image, chosen, sliceOf(device, chosen), options.replay ?? true);
    const warnings = [...notes, ...table.warnings];
    return {
      image,
      format,
      method: kernel ? "kernel-nbd" : opened.method,
      partition: chosen.number,
      partitions,
      tree,
      resolve: (path) => resolvePath(tree, path),
      async verdict() {
        const own = await opened.verdict();
        return {
          warnings: [...warnings, ...own.warnings, ...tree.warnings],
          damaged: own.damaged || table.warnings.length > 0 || tree.warnings.length > 0,
        };
      },
      async [Symbol.asyncDispose]() {
        await tree[Symbol.asyncDispose]();
        await opened[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

async function formatOf(image: string): Promise<ImageFormat> {
  await using file = new ImageFile(image);
  return await identifyImage(file, image);
}

function refuseRunning(image: string, live: boolean): string[] {
  const writer = findWriter(image);
  if (!writer) return [];
  const who = writer.pid === null ? "a VM" : `a VM (${writer.command}, pid ${writer.pid})`;
  if (live) return [`${who} runs and writes to the disk: what is read may be inconsistent`];
  throw new TapscopeError("E_DISK_IN_USE", `cannot read ${image}: ${who} still runs and writes to it`, {
    hint: "stop the VM first; --live reads the disk as it is, with what that may break",
  });
}

async function openImage(image: string, format: ImageFormat, options: OpenOptions): Promise<OpenedImage> {
  const method = options.method ?? "auto";
  const why = method === "qemu-nbd" ? "it was asked for" : await needsQemu(image, format);
  if (why === null) return openNative(image, format, options);
  if (method === "native") {
    throw new TapscopeError("E_DISK_FEATURE", `cannot read ${image} natively: ${why}`, {
      hint: "use --method qemu-nbd",
    });
  }
  const { openWithQemu } = await import("./method/qemu-nbd.ts");
  return openWithQemu(image, format, why, options);
}

async function identifyAll(device: BlockDevice, table: PartitionTable): Promise<FoundPartition[]> {
  const found: FoundPartition[] = [];
  for (const partition of table.partitions) {
    found.push({ ...partition, content: await identifyContent(device, partition) });
  }
  return found;
}

/** The partition to read: the one asked for, else the only one with an ext filesystem. */
function choosePartition(
  image: string,
  table: PartitionTable,
  partitions: readonly FoundPartition[],
  whole: FoundPartition,
  wanted: number | undefined,
  readable: readonly string[],
): FoundPartition {
  const list = partitions.map((p) => `${p.number} (${describeSize(p.size)}, ${p.content})`).join(", ");
  if (wanted !== undefined) {
    const found = wanted === 0 ? whole : partitions.find((partition) => partition.number === wanted);
    if (found && (found.content === "ext" || readable.includes(found.content) || readable.length === 1)) return found;
    if (found)
      throw new TapscopeError(
        "E_FS_UNKNOWN",
        `partition ${wanted} of ${image} holds no filesystem to mount (${found.content})`,
      );
    throw new TapscopeError("E_PARTITION", `there is no partition ${wanted} in ${image}`, {
      hint: list ? `there are: ${list}` : "there is no partition table: leave --partition out",
    });
  }
  const candidates = partitions.filter((partition) => readable.includes(partition.content));
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length > 1) {
    throw new TapscopeError("E_PARTITION_CHOICE", `${image} has several partitions with a filesystem: ${list}`, {
      hint: "choose one with --partition N",
    });
  }
  if (readable.includes(whole.content)) return whole;
  if (partitions.length > 0) {
    const cut = partitions.some((partition) => partition.content === "unreadable");
    throw new TapscopeError(
      "E_FS_UNKNOWN",
      `no partition of ${image} holds an ext2, ext3 or ext4 filesystem: ${list}`,
      {
        hint: cut
          ? "the image is cut: get a whole copy of it"
          : hintFor(partitions.map((partition) => partition.content)),
      },
    );
  }
  const damaged = table.warnings.length > 0 ? ` (${table.warnings.join("; ")})` : "";
  if (whole.content === "empty" && damaged === "") {
    const nothing = "no partition table and no filesystem (it begins with nothing but zeros)";
    throw new TapscopeError("E_FS_EMPTY", `there is nothing to extract in ${image}: ${nothing}`, {
      hint: "did the VM ever start with this disk?",
    });
  }
  const held = whole.content === "unknown" || whole.content === "empty" ? "no filesystem it knows" : whole.content;
  throw new TapscopeError("E_FS_UNKNOWN", `${image} has no partition table, and holds ${held}${damaged}`, {
    hint: hintFor([whole.content]),
  });
}

function hintFor(contents: readonly Content[]): string | undefined {
  if (contents.some((content) => ["xfs", "btrfs", "fat", "ntfs", "squashfs"].includes(content))) {
    return "--method kernel-nbd lets this host's kernel read it (needs root)";
  }
  if (contents.includes("luks"))
    return "the partition is encrypted inside the disk: open it with cryptsetup and extract from that device";
  if (contents.includes("lvm"))
    return "the partition is an LVM volume: activate it and extract from the volume's device";
  return undefined;
}

function sliceOf(device: BlockDevice, { start, size }: Partition): Slice {
  return new Slice(device, start, Math.min(size, Math.max(0, device.size - start)));
}

/** What the kernel will find in an ext filesystem's journal; other filesystems are not looked into. */
async function needsRecovery(device: BlockDevice, partition: FoundPartition): Promise<boolean> {
  if (partition.content !== "ext") return false;
  return (await readSuperblock(sliceOf(device, partition))).needsRecovery;
}

async function openFilesystem(
  image: string,
  partition: FoundPartition,
  slice: Slice,
  replay: boolean,
): Promise<FileTree> {
  try {
    return await ExtFilesystem.open(slice, { replay });
  } catch (error) {
    if (!(error instanceof TapscopeError)) throw error;
    const where = partition.number === 0 ? image : `partition ${partition.number} of ${image}`;
    throw new TapscopeError(error.code, `cannot read ${where} (${partition.content}): ${error.message}`, {
      hint: error.hint ?? (error.code === "E_FS_UNKNOWN" ? hintFor([partition.content]) : undefined),
      cause: error,
    });
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

function describeSize(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
