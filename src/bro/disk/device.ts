/**
 * The one way the disk readers see bytes: a device of a known size that is read, never written.
 * Image formats, partitions and the replayed journal are devices stacked on each other.
 */
import { type ErrorCode, TapscopeError } from "../../core/errors.ts";

/** A readable run of bytes. Disposing closes what it holds open. */
export interface BlockDevice extends AsyncDisposable {
  /** In bytes. */
  readonly size: number;
  /**
   * Reads `length` bytes at `offset` into the start of `into`, all of them.
   * @throws DamagedError when the bytes are not there or cannot be decoded; never stands zeros in for them.
   */
  read(offset: number, length: number, into: Buffer): Promise<void>;
}

/** What should have been read is not there (a cut image), or contradicts itself (a damaged or hostile one). */
export class DamagedError extends TapscopeError {
  override readonly name = "DamagedError";

  constructor(message: string, code: ErrorCode = "E_DISK_DAMAGED") {
    super(code, message);
  }
}

/** Bytes `start` to `start + size` of a device, as a device. Disposing it leaves the outer device open. */
export class Slice implements BlockDevice {
  readonly size: number;
  readonly #outer: BlockDevice;
  readonly #start: number;

  constructor(outer: BlockDevice, start: number, size: number) {
    this.#outer = outer;
    this.#start = start;
    this.size = size;
  }

  async read(offset: number, length: number, into: Buffer): Promise<void> {
    checkRange(this, offset, length, "partition");
    await this.#outer.read(this.#start + offset, length, into);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** @throws DamagedError unless `length` bytes at `offset` lie within the device, called `what` in the message. */
export function checkRange(device: { readonly size: number }, offset: number, length: number, what: string): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= device.size)) {
    throw new DamagedError(`byte ${offset + length - 1} is beyond the ${what}'s end (${device.size} bytes)`);
  }
}

/** Allocates and fills a buffer. `length` must be bounded by the caller: it may come from the disk. */
export async function readBytes(device: BlockDevice, offset: number, length: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(length);
  await device.read(offset, length, into);
  return into;
}

/** A 64-bit field as a number. @throws DamagedError above 2^53, which no disk that exists needs. */
export function toSafeNumber(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new DamagedError(`${what} is impossible: ${value}`);
  return Number(value);
}
