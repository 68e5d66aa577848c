/** A filesystem's device as it is after its journal was replayed: changed blocks are read from the journal itself. */
import { type BlockDevice, checkRange } from "../../device.ts";

/** The journal's magic (JBD2_MAGIC_NUMBER): a block that begins with it is kept with zeros there, and marked escaped. */
export const JOURNAL_MAGIC = 0xc03b3998;

/**
 * Filesystem block -> block of the device that has its newest contents, in the journal; `-n` when those were escaped.
 * Block 0 is never part of a journal's data.
 */
export type ReplayedBlocks = ReadonlyMap<number, number>;

/** Memory: an entry a replayed block; the blocks themselves stay on the disk. Disposing leaves the device open. */
export class ReplayedDevice implements BlockDevice {
  readonly size: number;
  readonly #device: BlockDevice;
  readonly #blockSize: number;
  readonly #blocks: ReplayedBlocks;

  constructor(device: BlockDevice, blockSize: number, blocks: ReplayedBlocks) {
    this.#device = device;
    this.size = device.size;
    this.#blockSize = blockSize;
    this.#blocks = blocks;
  }

  async read(offset: number, length: number, into: Buffer): Promise<void> {
    checkRange(this, offset, length, "filesystem");
    const end = offset + length;
    let plainFrom = offset;
    const first = Math.floor(offset / this.#blockSize);
    for (let block = first; block * this.#blockSize < end; block++) {
      const source = this.#blocks.get(block);
      if (source === undefined) continue;
      const from = Math.max(offset, block * this.#blockSize);
      const to = Math.min(end, (block + 1) * this.#blockSize);
      if (plainFrom < from)
        await this.#device.read(plainFrom, from - plainFrom, into.subarray(plainFrom - offset, from - offset));
      await this.#readReplayed(source, from % this.#blockSize, into.subarray(from - offset, to - offset));
      plainFrom = to;
    }
    if (plainFrom < end) await this.#device.read(plainFrom, end - plainFrom, into.subarray(plainFrom - offset));
  }

  async #readReplayed(source: number, inBlock: number, target: Buffer): Promise<void> {
    await this.#device.read(Math.abs(source) * this.#blockSize + inBlock, target.length, target);
    if (source > 0) return;
    for (let i = inBlock; i < 4 && i - inBlock < target.length; i++) {
      target[i - inBlock] = (JOURNAL_MAGIC >>> (24 - i * 8)) & 255;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
