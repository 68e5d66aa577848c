/**
 * Copies one file out of a tree: reads ahead while it hashes, looks and writes; keeps holes; what cannot be read is left
 * out block by block and told, never replaced in silence.
 */
import { createHash } from "node:crypto";
import { DamagedError } from "../device.ts";
import type { LogScan } from "../log-scan.ts";
import type { FileTree, Run } from "../tree.ts";
import type { OutputFile } from "./destination.ts";
import type { Pace } from "./pace.ts";

export const CHUNK = 4 << 20;
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
  readonly #buffers = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)] as const;

  constructor(tree: FileTree, pace: Pace, onBytes: (count: number) => void) {
    this.#tree = tree;
    this.#pace = pace;
    this.#onBytes = onBytes;
  }

  async copy(reference: number, into: OutputFile, scan: LogScan | null): Promise<Copied> {
    const hash = createHash("sha256");
    const missing: [number, number][] = [];
    let [holes, reason] = [0, null as string | null];
    const take = async (chunk: Buffer, position: number) => {
      const written = into.write(chunk, position);
      hash.update(chunk);
      await scan?.feed(chunk);
      await written;
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
    for await (const run of this.#tree.runs(reference)) {
      if (run.kind === "hole") skip(run.length);
      else if (run.kind === "lost") lose(run.offset, run.length, run.reason);
      else if (run.kind === "inline") await take(Buffer.from(run.data), run.offset);
      else await this.#copyData(reference, run, take, lose);
      await this.#pace.step();
    }
    const whole = missing.length === 0 && holes <= HASHED_HOLES;
    return { sha256: whole ? hash.digest("hex") : null, missing, reason };
  }

  async #copyData(
    reference: number,
    run: Run & { kind: "data" },
    take: (chunk: Buffer, position: number) => Promise<void>,
    lose: (offset: number, length: number, why: string) => void,
  ): Promise<void> {
    const start = (at: number, which: 0 | 1): Promise<Buffer | null> => {
      const chunk = this.#buffers[which].subarray(0, Math.min(CHUNK, run.length - at));
      return this.#tree.read(reference, run.source + at, chunk.length, chunk).then(
        () => chunk,
        (error) => {
          if (error instanceof DamagedError) return null;
          throw error;
        },
      );
    };
    let which: 0 | 1 = 0;
    let coming = start(0, which);
    for (let at = 0; at < run.length; at += CHUNK) {
      const chunk = await coming;
      which = which === 0 ? 1 : 0;
      if (at + CHUNK < run.length) {
        coming = start(at + CHUNK, which);
        // Awaited in the next turn; until then a failure is not unhandled.
        coming.catch(() => {});
      }
      if (chunk) await take(chunk, run.offset + at);
      else await this.#salvage(reference, run, at, Math.min(CHUNK, run.length - at), take, lose);
      await this.#pace.breathe();
    }
  }

  /** Reads a stretch that failed once more, block by block. */
  async #salvage(
    reference: number,
    run: Run & { kind: "data" },
    from: number,
    length: number,
    take: (chunk: Buffer, position: number) => Promise<void>,
    lose: (offset: number, length: number, why: string) => void,
  ): Promise<void> {
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
      await take(chunk, run.offset + at);
      await this.#pace.step();
    }
  }
}
