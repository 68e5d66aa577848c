/**
 * Opens a disk image for reading its files: finds the format, the method that reads it, the partition, the filesystem.
 * Nothing is ever written to the image.
 */
import { TapscopeError } from "../../core/errors.ts";
import { type BlockDevice, Slice } from "./device.ts";
import type { Disk, FoundPartition, OpenedImage, OpenOptions } from "./disk.ts";
import { identifyContent } from "./filesystems.ts";
import { needsQemu, openNative } from "./image/chain.ts";
import { identifyImage } from "./image/formats.ts";
import { ImageFile } from "./image/image-file.ts";
import type { ImageFormat } from "./image/image-format.ts";
import { findWriter } from "./image/in-use.ts";
import { choosePartition } from "./partition/choose.ts";
import { type Partition, readPartitionTable } from "./partition/table.ts";
import type { FileTree } from "./tree.ts";
import { resolvePath } from "./walk.ts";

/** @throws TapscopeError `E_DISK_…`, `E_PARTITION…`, `E_FS_…`: what is wrong with the image and what to do. */
export async function openDisk(image: string, options: OpenOptions = {}): Promise<Disk> {
  const format = await formatOf(image);
  const notes = refuseRunning(image, options.live ?? false);
  const opened = await openImage(image, format, options);
  try {
    const { device } = opened;
    const table = await readPartitionTable(device);
    const whole = await identifyContent(device, { number: 0, start: 0, size: device.size });
    const partitions: FoundPartition[] = [];
    for (const partition of table.partitions) partitions.push(await identifyContent(device, partition));
    const kernel = options.method === "kernel-nbd";
    const chosen = choosePartition(image, { table, partitions, whole, wanted: options.partition, kernel });
    const slice = sliceOf(device, chosen);
    const tree = kernel
      ? await mountWithKernel(image, format, chosen, slice, options)
      : await openFilesystem(image, chosen, slice, options.replay ?? true);
    const warnings = [...notes, ...table.warnings];
    return {
      image,
      format: format.name,
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

function sliceOf(device: BlockDevice, { start, size }: Partition): Slice {
  return new Slice(device, start, Math.min(size, Math.max(0, device.size - start)));
}

async function mountWithKernel(
  image: string,
  format: ImageFormat,
  partition: FoundPartition,
  slice: Slice,
  options: OpenOptions,
): Promise<FileTree> {
  const { mountPartition } = await import("./method/kernel-nbd.ts");
  // What the kernel will find in the journal is known of filesystems that this program reads too.
  const needsRecovery = (await partition.filesystem?.reader?.needsRecovery(slice)) ?? false;
  return mountPartition(image, format, partition, needsRecovery, options);
}

async function openFilesystem(
  image: string,
  { number, content, filesystem }: FoundPartition,
  slice: Slice,
  replay: boolean,
): Promise<FileTree> {
  const failed = `cannot read ${number === 0 ? image : `partition ${number} of ${image}`} (${content})`;
  if (!filesystem?.reader) {
    throw new TapscopeError("E_FS_UNKNOWN", `${failed}: there is no filesystem that tapscope reads`, {
      hint: filesystem?.hint,
    });
  }
  try {
    return await filesystem.reader.open(slice, { replay });
  } catch (error) {
    if (!(error instanceof TapscopeError)) throw error;
    throw new TapscopeError(error.code, `${failed}: ${error.message}`, { hint: error.hint, cause: error });
  }
}
