/**
 * Caches with a bound in bytes: of buffers by key, and of a device in pages, for metadata (inode tables and directories are
 * read in small pieces that lie together).
 */
import { type BlockDevice, DamagedError } from "./device.ts";

const PAGE = 64 * 1024;
const LIMIT = 16 << 20;

/** What was used longest ago goes first. */
export class BufferCache {
  readonly #entries = new Map<number, Buffer>();
  readonly #limit: number;
  #held = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get(key: number): Buffer | undefined {
    const found = this.#entries.get(key);
    if (found) {
      this.#entries.delete(key);
      this.#entries.set(key, found);
    }
    return found;
  }

  set(key: number, value: Buffer): void {
    this.#entries.set(key, value);
    this.#held += value.length;
    for (const [oldest, buffer] of this.#entries) {
      if (this.#held <= this.#limit || oldest === key) break;
      this.#entries.delete(oldest);
      this.#held -= buffer.length;
    }
  }
}

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
