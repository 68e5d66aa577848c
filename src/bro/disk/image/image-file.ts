/**
 * The image file on the host: opened read-only (with O_NOATIME where the kernel allows it), never locked, never written.
 */
import { close, constants, fstatSync, openSync, read, readFileSync, readSync } from "node:fs";
import { promisify } from "node:util";
import { TapscopeError } from "../../../core/errors.ts";
import { type BlockDevice, DamagedError } from "../device.ts";

const readAsync = promisify(read);
const closeAsync = promisify(close);

/** Above this a read goes to a thread, so that hashing and writing go on meanwhile; below it the hand-over costs more. */
const SYNCHRONOUS_LIMIT = 128 * 1024;

/** A raw disk image or block device, and the ground of every other format. */
export class ImageFile implements BlockDevice {
  readonly path: string;
  readonly size: number;
  /** The furthest byte asked for so far that the file does not have; 0 when there was none. */
  missingEnd = 0;
  readonly #fd: number;
  readonly #identity: string;

  /** @throws TapscopeError `E_DISK_OPEN` when it is missing, unreadable, or no file or block device. */
  constructor(path: string) {
    this.path = path;
    this.#fd = openReadOnly(path);
    const stat = fstatSync(this.#fd);
    if (!stat.isFile() && !stat.isBlockDevice()) {
      void closeAsync(this.#fd);
      const what = stat.isDirectory() ? "a directory" : "not a file or block device";
      throw new TapscopeError("E_DISK_OPEN", `cannot read ${path} as a disk: it is ${what}`);
    }
    this.size = stat.isFile() ? stat.size : blockDeviceSize(stat.rdev);
    this.#identity = identity(this.#fd);
  }

  async read(offset: number, length: number, into: Buffer): Promise<void> {
    if (offset + length > this.size) {
      this.missingEnd = Math.max(this.missingEnd, offset + length);
      throw new DamagedError(`the image is cut: byte ${offset + length} is needed, the file has ${this.size}`);
    }
    let done = 0;
    while (done < length) {
      const want = length - done;
      const got =
        want <= SYNCHRONOUS_LIMIT
          ? readSync(this.#fd, into, done, want, offset + done)
          : (await readAsync(this.#fd, into, done, want, offset + done)).bytesRead;
      if (got === 0) throw new DamagedError(`the image became shorter while it was read: ${this.path}`);
      done += got;
    }
  }

  /** True when the file's size, modification time or inode are no longer what they were when it was opened. */
  hasChanged(): boolean {
    return identity(this.#fd) !== this.#identity;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeAsync(this.#fd);
  }
}

function openReadOnly(path: string): number {
  // O_NONBLOCK: opening a fifo must not wait for a writer. O_NOATIME is for the file's owner only (open(2)).
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  try {
    return openSync(path, flags | constants.O_NOATIME);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EPERM") return openSync(path, flags);
    const why = { ENOENT: "no such file", EACCES: "permission denied", ENOTDIR: "no such file" }[code ?? ""];
    throw new TapscopeError("E_DISK_OPEN", `cannot open ${path}: ${why ?? (error as Error).message}`, { cause: error });
  }
}

function identity(fd: number): string {
  const { dev, ino, size, mtimeNs } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}:${size}:${mtimeNs}`;
}

// Linux's dev_t as stat(2) gives it: 12 bits of major, 20 of minor, interleaved (makedev(3)).
function blockDeviceSize(rdev: number): number {
  const device = BigInt(rdev);
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return Number(readFileSync(`/sys/dev/block/${major}:${minor}/size`, "latin1")) * 512;
}
