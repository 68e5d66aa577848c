/**
 * The classical path, for filesystems this program does not read: `qemu-nbd --connect` and a mount by the host's kernel.
 * The image is opened read-only under a throw-away overlay, so that the kernel can replay the journal; the partition is
 * cut out by qemu, so that no partition node has to be waited for. Each step is written down before it is done.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Cleanup } from "../../../core/cleanup.ts";
import { messageOf, TapscopeError } from "../../../core/errors.ts";
import { type Child, run, spawn } from "../../../core/process.ts";
import type { FoundPartition, OpenOptions } from "../disk.ts";
import type { BlockNode, ImageFormat } from "../image/image-format.ts";
import { RunState } from "../run-state.ts";
import type { FileTree } from "../tree.ts";
import { MountedTree } from "./mounted-tree.ts";
import { describeForQemu, SECRET } from "./qemu-image.ts";

const CONNECT_MS = 20_000;
const POLL_MS = 20;

/** A mounted partition of an image. `needsRecovery`: its journal has something to replay, as far as is known. */
export async function mountPartition(
  image: string,
  format: ImageFormat,
  partition: FoundPartition,
  needsRecovery: boolean,
  options: OpenOptions,
): Promise<FileTree> {
  if (process.getuid!() !== 0) {
    throw new TapscopeError("E_KERNEL_NBD", `cannot read ${image} by method kernel-nbd: it needs root`, {
      hint: "the other methods need no root",
    });
  }
  const cleanup = new Cleanup(30_000);
  try {
    await loadModule(image);
    const state = cleanup.use("remove the run's folder", new RunState());
    const node = await overlayNode(image, format, partition, state.folder, options);
    const device = await connect(image, node, state, cleanup, options);
    const tree = await mount(image, device, partition, needsRecovery, state, cleanup, options);
    tree[Symbol.asyncDispose] = disposeThen(tree, cleanup);
    return tree;
  } catch (error) {
    await cleanup[Symbol.asyncDispose]();
    throw error;
  }
}

/** Closes the tree's files before the filesystem below them is unmounted. */
function disposeThen(tree: MountedTree, cleanup: Cleanup): () => Promise<void> {
  return async () => {
    await MountedTree.prototype[Symbol.asyncDispose].call(tree);
    await cleanup[Symbol.asyncDispose]();
  };
}

async function loadModule(image: string): Promise<void> {
  if (existsSync("/sys/module/nbd")) return;
  try {
    await run(["modprobe", "nbd"]);
  } catch (error) {
    throw new TapscopeError("E_KERNEL_NBD", `cannot read ${image} by method kernel-nbd: the kernel has no module nbd`, {
      hint: "the other methods need no kernel module",
      cause: error,
    });
  }
}

/** The partition of the image, writable into an overlay that is thrown away. */
async function overlayNode(
  image: string,
  format: ImageFormat,
  partition: FoundPartition,
  folder: string,
  options: OpenOptions,
): Promise<BlockNode> {
  if (options.snapshot !== undefined) {
    throw new TapscopeError("E_DISK_SNAPSHOT", `cannot read a snapshot of ${image} by method kernel-nbd`, {
      hint: "the methods native and qemu-nbd can",
    });
  }
  const base = await describeForQemu(image, format, options);
  const overlay = join(folder, "overlay.qcow2");
  const size = partition.start + partition.size;
  await run(["qemu-img", "create", "-q", "-f", "qcow2", overlay, String(size)]);
  const top: BlockNode = { driver: "qcow2", file: { driver: "file", filename: overlay }, backing: base };
  return { driver: "raw", offset: String(partition.start), size: String(partition.size), file: top };
}

/** Connects the first free nbd device; another program may take it first, then the next one. */
async function connect(
  image: string,
  node: BlockNode,
  state: RunState,
  cleanup: Cleanup,
  options: OpenOptions,
): Promise<string> {
  const key =
    options.keyFile === undefined
      ? []
      : ["--object", `secret,id=${SECRET},file=${options.keyFile.replaceAll(",", ",,")}`];
  let lastWords = "";
  for (const name of freeDevices()) {
    const device = `/dev/${name}`;
    state.record({ kind: "nbd", device });
    // With --verbose it stays in the foreground, so that it dies with this process.
    const argv = [
      "qemu-nbd",
      "--verbose",
      "--cache=unsafe",
      `--connect=${device}`,
      `--socket=${join(state.folder, name)}`,
      ...key,
      `json:${JSON.stringify(node)}`,
    ];
    const server = spawn(argv);
    server.stdout?.resume();
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      lastWords = (lastWords + text).slice(-2000);
    });
    if (await isConnected(name, server, options.signal)) {
      cleanup.add(`disconnect ${device}`, () => disconnect(device, server));
      return device;
    }
    await server[Symbol.asyncDispose]();
    if (!/busy|another task|in use/i.test(lastWords)) break;
  }
  const why = lastWords.trim().split("\n").at(-1) || "there is no free /dev/nbd device";
  throw new TapscopeError("E_KERNEL_NBD", `cannot read ${image} by method kernel-nbd: ${why}`);
}

function freeDevices(): string[] {
  const names = readdirSync("/sys/class/block").filter((name) => /^nbd\d+$/.test(name));
  names.sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)));
  return names.filter((name) => !existsSync(`/sys/class/block/${name}/pid`));
}

async function isConnected(name: string, server: Child, signal: AbortSignal | undefined): Promise<boolean> {
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  for (const deadline = Date.now() + CONNECT_MS; Date.now() < deadline && !ended; await setTimeout(POLL_MS)) {
    signal?.throwIfAborted();
    const size = Number(readFileSync(`/sys/class/block/${name}/size`, "latin1"));
    if (size > 0 && existsSync(`/sys/class/block/${name}/pid`)) return true;
  }
  return false;
}

async function disconnect(device: string, server: Child): Promise<void> {
  await run(["qemu-nbd", "--disconnect", device]);
  await Promise.race([server.ended, setTimeout(10_000, undefined, { ref: false })]);
  await server[Symbol.asyncDispose]();
}

async function mount(
  image: string,
  device: string,
  partition: FoundPartition,
  needsRecovery: boolean,
  state: RunState,
  cleanup: Cleanup,
  options: OpenOptions,
): Promise<MountedTree> {
  const { type, options: own, noReplay } = partition.filesystem!.mount!;
  const replay = options.replay ?? true;
  const point = join(state.folder, "mnt");
  mkdirSync(point, { mode: 0o700 });
  state.record({ kind: "mount", path: point });
  const flags = ["ro,nosuid,nodev,noexec", own, replay ? undefined : noReplay]
    .filter((one) => one !== undefined)
    .join();
  try {
    await run(["mount", "-t", type, "-o", flags, device, point], { timeoutMs: 120_000 });
  } catch (error) {
    throw new TapscopeError(
      "E_KERNEL_NBD",
      `the kernel cannot mount the ${partition.content} filesystem of ${image}: ${messageOf(error)}`,
      {
        hint: "the kernel's own words are at the end of dmesg",
        cause: error,
      },
    );
  }
  cleanup.add(`unmount ${point}`, () => unmount(point));
  const journal = !replay ? "ignored" : needsRecovery ? "replayed" : "clean";
  return new MountedTree(point, type, journal, needsRecovery && replay ? "by the kernel" : null);
}

async function unmount(point: string): Promise<void> {
  try {
    await run(["umount", point]);
  } catch {
    await run(["umount", "-l", point]);
  }
}
