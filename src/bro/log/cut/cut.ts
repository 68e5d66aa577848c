/** `bro cut`: columns of logs, one log after another, as bytes; large files in several threads. */
import { availableParallelism } from "node:os";
import type { LogSchema } from "../../format/header.ts";
import type { LogInput } from "../input.ts";
import { type PieceReader, PieceThread, readPieces } from "../pieces/pool.ts";
import { divisible } from "../pieces/split.ts";
import { addCounts, type LogSummary, type ReadCounts, readRows, summarize } from "../reader.ts";
import { type CutState, Cutter } from "./cutter.ts";
import type { CutOptions } from "./options.ts";
import { OutputBuffer } from "./output.ts";

export interface CutJob {
  readonly options: CutOptions;
  /** Names of fields for the filter; null when they are not known before reading. */
  readonly known: readonly string[] | null;
  /** Takes output, and returns whether it is done with it; else the bytes are its own to keep. */
  write(bytes: Uint8Array): boolean;
  /** Called with the form of the first rows before they are cut, where a log is read by this thread. */
  onSchema?(schema: LogSchema): void;
  /** Called with what was found out about each log when it has been cut. */
  done(summary: CutSummary): void;
  /** Threads to use; default: as many as there are processors, two at most. 1 reads in this thread. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

export interface CutSummary extends LogSummary {
  /** Columns asked for that some rows do not have. */
  readonly missing: readonly string[];
  /** Times that could not be converted. */
  readonly unconverted: number;
}

/** Cuts the logs one after another. @throws TapscopeError when a log cannot be opened or read, FilterError */
export async function cutLogs(inputs: readonly LogInput[], job: CutJob): Promise<void> {
  const threads = job.threads ?? Math.min(2, availableParallelism());
  const state: CutState = { headed: false };
  const readers: PieceReader[] = [];
  try {
    for (const input of inputs) {
      if (job.signal?.aborted) return;
      const divided = threads > 1 ? await divisible(input) : null;
      if (divided === null) {
        job.done(await cutOne(input, job, state));
        continue;
      }
      while (readers.length < threads) readers.push(new PieceThread());
      job.done(await cutInPieces(input, divided, readers, job, state));
    }
  } finally {
    for (const reader of readers) await reader[Symbol.asyncDispose]();
  }
}

async function cutOne(input: LogInput, job: CutJob, state: CutState): Promise<CutSummary> {
  const cutter = new Cutter(new OutputBuffer((bytes) => job.write(bytes)), job.options, state, job.known, (schema) =>
    job.onSchema?.(schema),
  );
  const summary = await readRows(input, cutter, job.signal ? { signal: job.signal } : {});
  cutter.end();
  return { ...summary, missing: [...cutter.missing], unconverted: cutter.unconverted };
}

/** The same in several threads: see pieces/. */
export async function cutInPieces(
  input: LogInput,
  divided: NonNullable<Awaited<ReturnType<typeof divisible>>>,
  readers: readonly PieceReader[],
  job: CutJob,
  state: CutState,
): Promise<CutSummary> {
  let counts: ReadCounts | null = null;
  const missing = new Set<string>();
  let unconverted = 0;
  const task = { kind: "cut", options: job.options, known: job.known, headed: state.headed } as const;
  await readPieces(
    divided,
    task,
    readers,
    (result) => {
      for (const bytes of result.output) job.write(bytes);
      counts = counts === null ? result.counts : addCounts(counts, result.counts);
      for (const name of result.missing) missing.add(name);
      unconverted += result.unconverted;
    },
    job.signal,
  );
  state.headed = true;
  return { ...summarize(input, counts!, null), missing: [...missing], unconverted };
}
