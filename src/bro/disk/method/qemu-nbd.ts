/**
 * Reads an image through `qemu-nbd --read-only` on a private unix socket: vmdk, vdi, vhdx, LUKS, what the own qcow2 reader
 * does not know. No root, no kernel device; the server dies with this process.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Cleanup } from "../../../core/cleanup.ts";
import { TapscopeError } from "../../../core/errors.ts";
import { type Child, spawn } from "../../../core/process.ts";
import type { OpenedImage, OpenOptions } from "../disk.ts";
import { ImageFile } from "../image/image-file.ts";
import type { ImageFormat } from "../image/image-format.ts";
import { RunState } from "../run-state.ts";
import { CutDevice, findLostRanges } from "./cut-image.ts";
import { NbdDevice } from "./nbd-client.ts";
import { describeForQemu, SECRET } from "./qemu-image.ts";

const START_MS = 30_000;
const POLL_MS = 10;
/** Servers started by this process: each has a socket of its own. */
let servers = 0;

/** `why` says why qemu is needed. @throws TapscopeError as `openDisk` does. */
export async function openWithQemu(
  image: string,
  format: ImageFormat,
  why: string,
  options: OpenOptions,
): Promise<OpenedImage> {
  if (options.keyFile !== undefined) checkKeyFile(options.keyFile);
  const node = await describeForQemu(image, format, options);
  const cleanup = new Cleanup();
  try {
    const file = cleanup.use("close the image", new ImageFile(image));
    const state = cleanup.use("remove the run's folder", new RunState());
    const socket = join(state.folder, `nbd-${++servers}`);
    const secret =
      options.keyFile === undefined
        ? []
        : ["--object", `secret,id=${SECRET},file=${options.keyFile.replaceAll(",", ",,")}`];
    const argv = ["qemu-nbd", "--read-only", "--shared=1", "--persistent", `--socket=${socket}`, ...secret];
    if (options.snapshot !== undefined) argv.push(`--load-snapshot=${snapshotOption(image, options.snapshot)}`);
    const server = cleanup.use("stop qemu-nbd", spawn([...argv, `json:${JSON.stringify(node)}`]));
    const device = cleanup.use("disconnect from qemu-nbd", await connectTo(server, socket, image, why, options));
    const { lost, known } = await findLostRanges(node, secret, options.signal);
    return {
      device: lost.length === 0 ? device : new CutDevice(device, lost),
      method: "qemu-nbd",
      async verdict() {
        const warnings: string[] = [];
        if (file.hasChanged()) warnings.push(`${image} changed while it was read`);
        const bytes = lost.reduce((sum, { start, end }) => sum + end - start, 0);
        if (bytes > 0) warnings.push(`${image} is cut: ${bytes} bytes of the disk are not in it`);
        const damaged = warnings.length > 0;
        if (!known) warnings.push(`${image}: qemu-img cannot tell whether the file is whole`);
        return { warnings, damaged };
      },
      [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
    };
  } catch (error) {
    await cleanup[Symbol.asyncDispose]();
    throw error;
  }
}

function checkKeyFile(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : "it is not readable";
    throw new TapscopeError("E_DISK_KEY_FILE", `cannot use the key file ${path}: ${why}`, { cause: error });
  }
}

// The option's value is a list of qemu options as soon as it has a key in it: a comma in a name is doubled.
function snapshotOption(image: string, name: string): string {
  if (name.startsWith("snapshot.")) {
    throw new TapscopeError("E_DISK_SNAPSHOT", `there is no snapshot '${name}' in ${image}`);
  }
  return `snapshot.name=${name.replaceAll(",", ",,")}`;
}

/** The socket is there, and even answers, before qemu-nbd has opened the image: until then connections are reset. */
async function connectTo(
  server: Child,
  socket: string,
  image: string,
  why: string,
  options: OpenOptions,
): Promise<NbdDevice> {
  let stderr = "";
  server.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  server.stdout?.resume();
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  for (const deadline = Date.now() + START_MS; ; await setTimeout(POLL_MS)) {
    options.signal?.throwIfAborted();
    if (ended) throw whyItEnded(await server.ended, stderr, image, why, options);
    if (Date.now() > deadline) {
      throw new TapscopeError("E_QEMU_NBD", `cannot read ${image}: qemu-nbd did not start within 30 s`);
    }
    if (!existsSync(socket)) continue;
    try {
      return await NbdDevice.connect(socket);
    } catch (error) {
      if (!(error instanceof TapscopeError)) throw error;
    }
  }
}

function whyItEnded(
  exit: Awaited<Child["ended"]>,
  stderr: string,
  image: string,
  why: string,
  options: OpenOptions,
): TapscopeError {
  if (exit.notFound) {
    return new TapscopeError("E_QEMU_MISSING", `cannot read ${image}: ${why}, and qemu-nbd is not installed`, {
      hint: "install the package qemu-utils",
    });
  }
  const lastLine =
    stderr
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^qemu-nbd: /, "") ?? "";
  if (/Invalid password|cannot unlock any keyslot/i.test(stderr)) {
    return new TapscopeError(
      "E_DISK_KEY_WRONG",
      `cannot read ${image}: the passphrase in ${options.keyFile} does not open it`,
      {
        hint: "the file must hold the passphrase and nothing else, not even a newline at the end",
      },
    );
  }
  if (options.snapshot !== undefined && /snapshot/i.test(stderr)) {
    return new TapscopeError("E_DISK_SNAPSHOT", `there is no snapshot '${options.snapshot}' in ${image}: ${lastLine}`);
  }
  return new TapscopeError(
    "E_QEMU_NBD",
    `cannot read ${image}: qemu-nbd ${lastLine ? `says: ${lastLine}` : "ended at once"}`,
  );
}
