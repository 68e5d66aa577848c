/**
 * Copies one file out of a tree: reads ahead, writes behind and hashes in other threads while it scans; keeps holes;
 * what cannot be read is left out block by block and reported, never replaced in silence.
 */
import { availableParallelism } from "node:os";
import { DamagedError } from "../device.ts";
import type { LogScan } from "../log-scan.ts";
import type { Pace } from "../pace.ts";
import type { FileTree, Run } from "../tree.ts";
import type { OutputFile } from "./destination.ts";
import { type Hasher, HashThread, Sha256 } from "./hasher.ts";

/** Small enough that a chunk is still in the processor's cache when it is hashed, scanned and written. */
const CHUNK = 1 << 20;
/** Chunks in memory: some on their way in, one being looked at, some on their way out. */
const SLOTS = 6;
const READ_AHEAD = 2;
/** Hashing holes costs time and says little: above this the hash is left out. */
const HASHED_HOLES = 1 << 30;
/** A smaller file is hashed before a thread has begun. */
const THREAD_FROM = 16 << 20;

export interface Copied {
  /** Hex, or null when there are more holes than are worth hashing, or bytes are missing. */
  readonly sha256: string | null;
  /** [offset, length] of what could not be read. */
  readonly missing: readonly (readonly [number, number])[];
  /** Why, the first reason. */
  readonly reason: string | null;
}

/** Copies files one after another with the same buffers. */
export class Copier implements AsyncDisposable {
  readonly #tree: FileTree;
  readonly #pace: Pace;
  readonly #onBytes: (count: number) => void;
  /** The slots, then a chunk of zeros. */
  readonly #memory = new SharedArrayBuffer((SLOTS + 1) * CHUNK);
  readonly #slots = Array.from({ length: SLOTS }, (_, slot) => Buffer.from(this.#memory, slot * CHUNK, CHUNK));
  readonly #zeros = Buffer.from(this.#memory, SLOTS * CHUNK, CHUNK);
  readonly #hasher = new Sha256();
  #thread: HashThread | null = null;
  /** By slot: settles when what the slot held last has been written and hashed. */
  readonly #used: Promise<unknown>[] = Array.from({ length: SLOTS }, () => Promise.resolve());
  /** Chunks begun so far, of all files: chunk n lies in slot n % SLOTS. */
  #chunks = 0;

  constructor(tree: FileTree, pace: Pace, onBytes: (count: number) => void) {
    this.#tree = tree;
    this.#pace = pace;
    this.#onBytes = onBytes;
  }

  /** `size`: about how large the file is. @throws what writing threw; nothing uses `into` any more when this settles. */
  async copy(reference: number, size: number, into: OutputFile, scan: LogScan | null): Promise<Copied> {
    const hasher = this.#hasherFor(size);
    const missing: [number, number][] = [];
    let [holes, reason] = [0, null as string | null];
    const skip = (length: number) => {
      holes += length;
      if (holes <= HASHED_HOLES) {
        // A thread that fails says so when it is asked for the hash.
        for (let left = length; left > 0; left -= CHUNK) hasher.update(this.#zeros.subarray(0, left))?.catch(() => {});
      }
      scan?.zeros(length);
      this.#onBytes(length);
    };
    const lose = (offset: number, length: number, why: string) => {
      reason ??= why;
      const last = missing.at(-1);
      if (last && last[0] + last[1] === offset) last[1] += length;
      else missing.push([offset, length]);
      skip(length);
    };
    let written = Promise.resolve();
    const take = (chunk: Buffer, position: number): Taken => {
      // One after the other: the kernel lets one thread at a time write to a file, and others wait by spinning.
      written = written.then(() => into.write(chunk, position));
      const hashed = hasher.update(chunk);
      const scanned = scan?.feed(chunk);
      this.#onBytes(chunk.length);
      return { stored: hashed ? Promise.all([written, hashed]) : written, scanned };
    };
    let sha256: string;
    try {
      for await (const run of this.#tree.runs(reference)) {
        if (run.kind === "hole") skip(run.length);
        else if (run.kind === "lost") lose(run.offset, run.length, run.reason);
        else if (run.kind === "inline") await finish(take(Buffer.from(run.data), run.offset));
        else await this.#copyData(reference, run, take, lose);
        await this.#pace.step();
      }
      await Promise.all(this.#used);
    } finally {
      await Promise.allSettled(this.#used);
      this.#used.fill(Promise.resolve());
      sha256 = await hasher.digest();
    }
    const whole = missing.length === 0 && holes <= HASHED_HOLES;
    return { sha256: whole ? sha256 : null, missing, reason };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread?.[Symbol.asyncDispose]();
  }

  #hasherFor(size: number): Hasher {
    if (size < THREAD_FROM || availableParallelism() < 2) return this.#hasher;
    this.#thread ??= new HashThread(this.#memory);
    return this.#thread;
  }

  async #copyData(reference: number, run: DataRun, take: Take, lose: Lose): Promise<void> {
    const coming: { readonly slot: number; readonly chunk: Promise<Buffer | null> }[] = [];
    let begun = 0;
    const begin = () => {
      const slot = this.#chunks++ % SLOTS;
      const chunk = this.#read(reference, run, begun, slot);
      // Awaited below; until then a failure is not unhandled.
      chunk.catch(() => {});
      coming.push({ slot, chunk });
      begun += CHUNK;
    };
    try {
      for (let at = 0; at < run.length; at += CHUNK) {
        while (begun < run.length && coming.length <= READ_AHEAD) begin();
        const { slot, chunk: arriving } = coming.shift()!;
        const chunk = await arriving;
        if (chunk) {
          const { stored, scanned } = take(chunk, run.offset + at);
          stored.catch(() => {});
          this.#used[slot] = stored;
          await scanned;
        } else await this.#salvage(reference, run, at, Math.min(CHUNK, run.length - at), take, lose);
        await this.#pace.breathe();
      }
    } finally {
      await Promise.allSettled(coming.map(({ chunk }) => chunk));
    }
  }

  /** Fills a slot, once what it held before is no longer needed, with the chunk at byte `at` of `run`; null when it is damaged. */
  async #read(reference: number, run: DataRun, at: number, slot: number): Promise<Buffer | null> {
    await this.#used[slot];
    const chunk = this.#slots[slot]!.subarray(0, Math.min(CHUNK, run.length - at));
    try {
      await this.#tree.read(reference, run.source + at, chunk.length, chunk);
      return chunk;
    } catch (error) {
      if (error instanceof DamagedError) return null;
      throw error;
    }
  }

  /** Reads a stretch that failed once more, block by block. */
  async #salvage(reference: number, run: DataRun, from: number, length: number, take: Take, lose: Lose): Promise<void> {
    const unit = this.#tree.blockSize;
    for (let at = from; at < from + length; at += unit) {
      const chunk = Buffer.allocUnsafe(Math.min(unit, from + length - at));
      try {
        await this.#tree.read(reference, run.source + at, chunk.length, chunk);
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error;
        lose(run.offset + at, chunk.length, error.message);
        continue;
      }
      await finish(take(chunk, run.offset + at));
      await this.#pace.step();
    }
  }
}

type DataRun = Run & { readonly kind: "data" };

/** Writes, hashes and scans the file's next bytes, which belong at `position`. */
type Take = (chunk: Buffer, position: number) => Taken;

interface Taken {
  /** When the chunk has been written and hashed. */
  readonly stored: Promise<unknown>;
  /** When more may come. */
  readonly scanned: Promise<void> | undefined | void;
}

/** Notes that bytes cannot be read, and why. */
type Lose = (offset: number, length: number, why: string) => void;

async function finish({ stored, scanned }: Taken): Promise<void> {
  await Promise.all([stored, scanned]);
}
