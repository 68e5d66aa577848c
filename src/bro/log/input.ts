/** Where a log's bytes come from: a file, standard input, or a file within a disk image. Compressed ones are read as what they hold. */

import type { Output } from "../../capture/compression/decompress.ts";
import { readDecompressed } from "../../capture/compression/read.ts";
import type { Compression } from "../../capture/format/summary.ts";
import { ByteSource } from "../../capture/source/bytes.ts";
import { type ByteRange, fileChunks, stdinChunks } from "../../capture/source/chunks.ts";
import { TapscopeError } from "../../core/errors.ts";

/** A log that can be read, from its beginning, as often as wanted (standard input: once). */
export interface LogInput {
  /** As messages and outputs name it; not yet safe for a terminal. */
  readonly name: string;
  /** Bytes it takes where it is kept, null when unknown. */
  readonly size: number | null;
  /** The path of a file that can be read in parts; null where there is none. */
  readonly path: string | null;
  chunks(): AsyncGenerator<Buffer>;
}

/** What goes wrong with bytes that could be opened. */
export interface InputFault {
  readonly status: "truncated" | "corrupt" | "unsupported";
  readonly cause: string;
}

/** A file, or standard input for `-`. */
export function fileInput(path: string, size: number | null): LogInput {
  if (path === "-") return { name: "standard input", size: null, path: null, chunks: once(stdinChunks()) };
  return { name: path, size, path, chunks: () => fileChunks(path) };
}

/** A pipe or device by its path: its bytes come only once. */
export function pipeInput(path: string): LogInput {
  return { name: path, size: null, path: null, chunks: once(fileChunks(path)) };
}

/** Bytes of a pipe that are kept: who has looked at its beginning can read it from there once more. */
const KEPT = 2e6;

function once(source: AsyncGenerator<Buffer>): () => AsyncGenerator<Buffer> {
  const kept: Buffer[] = [];
  let bytes = 0;
  return async function* () {
    yield* [...kept];
    for (;;) {
      const { value, done } = await source.next();
      if (done) return;
      const chunk = Buffer.from(value);
      bytes += chunk.length;
      if (bytes <= KEPT) kept.push(chunk);
      yield chunk;
    }
  };
}

/** Takes a log's bytes in order; a chunk is valid during the call. */
export interface ByteSink {
  push(chunk: Buffer): void;
  /** No more is wanted. */
  readonly stopped?: boolean;
}

/**
 * Reads an input to its end and pushes its bytes, decompressed, into `sink`.
 * @returns how it was compressed, and why its bytes ended early (cut or damaged compression, a disk that cannot be read), if so
 * @throws TapscopeError `E_LOG_OPEN`
 */
export async function readInput(
  input: LogInput,
  sink: ByteSink,
  signal?: AbortSignal,
): Promise<{ readonly compression: Compression | null; readonly fault: InputFault | null }> {
  let fault: InputFault | null = null;
  const output: Output = {
    push: (chunk) => sink.push(chunk),
    get stopped() {
      return sink.stopped === true || signal?.aborted === true;
    },
    fault: (status, cause) => {
      fault ??= { status, cause };
    },
    // Bytes after the end of compressed data: nothing of the log is missing.
    warn: () => {},
  };
  let failure: unknown;
  const chunks = () => untilError(input.chunks(), (error) => (failure ??= asLogError(error)));
  const source = new ByteSource(chunks(), input.path === null ? null : () => new ByteSource(chunks()));
  try {
    const compression = await readDecompressed(source, output);
    if (failure === undefined) return { compression, fault };
    // Damage of the disk that the log is on: what came before it is kept.
    if (!(failure instanceof TapscopeError) || failure.code === "E_LOG_OPEN") throw failure;
    return { compression, fault: { status: "corrupt", cause: failure.message } };
  } finally {
    await source.close();
  }
}

/** Chunks up to where they cannot be read. */
async function* untilError(chunks: AsyncGenerator<Buffer>, onError: (error: unknown) => void): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    onError(error);
  }
}

/** Part of a file that is not compressed, as it is. */
export async function readRange(path: string, range: ByteRange, sink: ByteSink): Promise<void> {
  try {
    for await (const chunk of fileChunks(path, range)) {
      sink.push(chunk);
      if (sink.stopped) return;
    }
  } catch (error) {
    throw asLogError(error);
  }
}

function asLogError(error: unknown): unknown {
  if (!(error instanceof TapscopeError) || !error.code.startsWith("E_CAPTURE_")) return error;
  const code = error.code === "E_CAPTURE_OPEN" ? "E_LOG_OPEN" : "E_LOG_READ";
  return new TapscopeError(code, error.message, { hint: error.hint, cause: error.cause });
}
