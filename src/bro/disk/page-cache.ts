/** Caches a device in pages, for metadata: inode tables and directories are read in small pieces that lie together. */
import { type BlockDevice, DamagedError } from "./device.ts";
import { BufferCache } from "./lru.ts";

const PAGE = 64 * 1024;
const LIMIT = 16 << 20;

export class PageCache implements BlockDevice {
  readonly size: number;
  readonly #device: BlockDevice;
  readonly #pages = new BufferCache(LIMIT);

  constructor(device: BlockDevice) {
    this.#device = device;
    this.size = device.size;
  }

  async read(offset: number, length: number, into: Buffer): Promise<void> {
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const inPage = at % PAGE;
      const part = Math.min(length - done, PAGE - inPage);
      const page = this.#pages.get(at - inPage) ?? (await this.#load(at - inPage));
      if (page) page.copy(into, done, inPage, inPage + part);
      else await this.#device.read(at, part, into.subarray(done, done + part));
      done += part;
    }
  }

  /** Null when not all of the page can be read: a part of it may be readable alone. */
  async #load(start: number): Promise<Buffer | null> {
    const page = Buffer.allocUnsafe(PAGE);
    try {
      await this.#device.read(start, Math.min(PAGE, this.size - start), page);
    } catch (error) {
      if (error instanceof DamagedError) return null;
      throw error;
    }
    if (start + PAGE > this.size) return null;
    this.#pages.set(start, page);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#device[Symbol.asyncDispose]();
  }
}
