/**
 * Copies one file out of a tree: reads ahead and writes behind (in other threads) while it hashes and scans; keeps holes;
 * what cannot be read is left out block by block and reported, never replaced in silence.
 */
import { createHash } from "node:crypto";
import { DamagedError } from "../device.ts";
import type { LogScan } from "../log-scan.ts";
import type { FileTree, Run } from "../tree.ts";
import type { OutputFile } from "./destination.ts";
import type { Pace } from "./pace.ts";

/** Small enough that a chunk is still in the processor's cache when it is hashed, scanned and written. */
const CHUNK = 1 << 20;
/** Chunks in memory: some on their way in, one being looked at, some on their way out. */
const SLOTS = 6;
const READ_AHEAD = 2;
/** Hashing holes costs time and says little: above this the hash is left out. */
const HASHED_HOLES = 1 << 30;
const ZEROS = Buffer.alloc(1 << 20);

export interface Copied {
  /** Hex, or null when there are more holes than are worth hashing, or bytes are missing. */
  readonly sha256: string | null;
  /** [offset, length] of what could not be read. */
  readonly missing: readonly (readonly [number, number])[];
  /** Why, the first reason. */
  readonly reason: string | null;
}

/** Copies files one after another with the same buffers. */
export class Copier {
  readonly #tree: FileTree;
  readonly #pace: Pace;
  readonly #onBytes: (count: number) => void;
  readonly #buffers = Array.from({ length: SLOTS }, () => Buffer.allocUnsafeSlow(CHUNK));
  /** By slot: settles when the write of what the slot held last has. */
  readonly #written: Promise<void>[] = Array.from({ length: SLOTS }, () => Promise.resolve());
  /** Chunks begun so far, of all files: chunk n lies in slot n % SLOTS. */
  #chunks = 0;

  constructor(tree: FileTree, pace: Pace, onBytes: (count: number) => void) {
    this.#tree = tree;
    this.#pace = pace;
    this.#onBytes = onBytes;
  }

  /** @throws what writing threw; nothing is under way on `into` any more when this settles. */
  async copy(reference: number, into: OutputFile, scan: LogScan | null): Promise<Copied> {
    const hash = createHash("sha256");
    const missing: [number, number][] = [];
    let [holes, reason] = [0, null as string | null];
    const look = async (chunk: Buffer) => {
      hash.update(chunk);
      await scan?.feed(chunk);
      this.#onBytes(chunk.length);
    };
    const skip = (length: number) => {
      holes += length;
      if (holes <= HASHED_HOLES)
        for (let left = length; left > 0; left -= ZEROS.length) hash.update(ZEROS.subarray(0, left));
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
    const sink: Sink = { into, look, lose };
    try {
      for await (const run of this.#tree.runs(reference)) {
        if (run.kind === "hole") skip(run.length);
        else if (run.kind === "lost") lose(run.offset, run.length, run.reason);
        else if (run.kind === "inline") await takeNow(sink, Buffer.from(run.data), run.offset);
        else await this.#copyData(reference, run, sink);
        await this.#pace.step();
      }
      await Promise.all(this.#written);
    } finally {
      await Promise.allSettled(this.#written);
      this.#written.fill(Promise.resolve());
    }
    const whole = missing.length === 0 && holes <= HASHED_HOLES;
    return { sha256: whole ? hash.digest("hex") : null, missing, reason };
  }

  async #copyData(reference: number, run: DataRun, sink: Sink): Promise<void> {
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
          const written = sink.into.write(chunk, run.offset + at);
          written.catch(() => {});
          this.#written[slot] = written;
          await sink.look(chunk);
        } else await this.#salvage(reference, run, at, Math.min(CHUNK, run.length - at), sink);
        await this.#pace.breathe();
      }
    } finally {
      await Promise.allSettled(coming.map(({ chunk }) => chunk));
    }
  }

  /** Fills a slot, once what it held before has been written, with the chunk at byte `at` of `run`; null when it is damaged. */
  async #read(reference: number, run: DataRun, at: number, slot: number): Promise<Buffer | null> {
    await this.#written[slot];
    const chunk = this.#buffers[slot]!.subarray(0, Math.min(CHUNK, run.length - at));
    try {
      await this.#tree.read(reference, run.source + at, chunk.length, chunk);
      return chunk;
    } catch (error) {
      if (error instanceof DamagedError) return null;
      throw error;
    }
  }

  /** Reads a stretch that failed once more, block by block. */
  async #salvage(reference: number, run: DataRun, from: number, length: number, sink: Sink): Promise<void> {
    const unit = this.#tree.blockSize;
    for (let at = from; at < from + length; at += unit) {
      const chunk = Buffer.allocUnsafe(Math.min(unit, from + length - at));
      try {
        await this.#tree.read(reference, run.source + at, chunk.length, chunk);
      } catch (error) {
        if (!(error instanceof DamagedError)) throw error;
        sink.lose(run.offset + at, chunk.length, error.message);
        continue;
      }
      await takeNow(sink, chunk, run.offset + at);
      await this.#pace.step();
    }
  }
}

type DataRun = Run & { readonly kind: "data" };

/** What becomes of a file's bytes, in their order. */
interface Sink {
  readonly into: OutputFile;
  /** Hashes and scans. */
  look(chunk: Buffer): Promise<void>;
  /** Notes that bytes cannot be read, and why. */
  lose(offset: number, length: number, why: string): void;
}

async function takeNow(sink: Sink, chunk: Buffer, position: number): Promise<void> {
  await sink.into.write(chunk, position);
  await sink.look(chunk);
}
