/** The bytes of a file or of standard input in large chunks. A chunk is valid until the next one is asked for. */
import { createReadStream, fstatSync, readSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import { messageOf, TapscopeError } from "../../core/errors.ts";

/** Bytes a read asks for: few enough to stay in a processor's own cache until they have been looked at. */
const CHUNK = 256 * 1024;
const CHUNKS_AT_A_TIME = 4;
/** How often a file that is being written is looked at, in milliseconds. */
const FOLLOW_INTERVAL_MS = 100;

/** Why following a file ended by itself; both null when it did not. */
export interface FollowEnd {
  /** It was made shorter: what was read is no longer what it holds. */
  shrunk: string | null;
  /** Another file took its name: it was read to its end. */
  replaced: string | null;
}

/** Part of a file: from the byte `start` on, to before the byte `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * A file from its beginning to its end, or a part of it. A regular file is read by this thread itself: its bytes are then in the cache of the
 * processor that looks at them. What may keep a reader waiting (a pipe, a device) is read beside.
 * @param room where to read to, asked before each read: room for at least 256 KiB
 * @throws TapscopeError `E_CAPTURE_OPEN`, `E_CAPTURE_READ`.
 */
export async function* fileChunks(path: string, range?: ByteRange, room?: () => Buffer): AsyncGenerator<Buffer> {
  await using file = await openFile(path);
  const own = room ? null : Buffer.allocUnsafeSlow(CHUNK);
  const regular = (await file.stat()).isFile();
  let position = range?.start ?? null;
  for (let chunks = 1; ; chunks++) {
    const wanted = position === null ? CHUNK : Math.min(CHUNK, range!.end - position);
    const buffer = own ?? room!();
    const length = regular ? readHere(file, path, buffer, wanted, position) : await readChunk(file, path, buffer);
    if (length === 0) return;
    if (position !== null) position += length;
    yield buffer.subarray(0, length);
    // What else this thread has to do (signals, questions about the flows) must not wait for the end of the file.
    if (regular && chunks % CHUNKS_AT_A_TIME === 0) await setImmediate();
  }
}

/**
 * A file that is still being written: at its end, waits for more.
 * Ends when `signal` is aborted, when the file shrinks, or when another file takes its name and this one grows no more.
 */
export async function* followChunks(path: string, end: FollowEnd, signal?: AbortSignal): AsyncGenerator<Buffer> {
  await using file = await openFile(path);
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  const { ino, dev } = await file.stat();
  let position = 0;
  let replaced = false;
  while (!signal?.aborted) {
    const length = await readChunk(file, path, buffer);
    if (length > 0) {
      position += length;
      yield buffer.subarray(0, length);
      continue;
    }
    if ((await file.stat()).size < position) {
      end.shrunk = `the file was made shorter while it was followed, after ${position} bytes had been read`;
      return;
    }
    if (replaced) {
      end.replaced = `${path} is another file now: the one that was followed was read to its end`;
      return;
    }
    // Read once more after the name is gone: the writer may have added something in between.
    const now = await stat(path).catch(() => null);
    replaced = now === null || now.ino !== ino || now.dev !== dev;
    if (!replaced) await sleep(FOLLOW_INTERVAL_MS, undefined, signal ? { signal } : {}).catch(() => {});
  }
}

/** Standard input, in a worker thread too, where `process.stdin` has nothing. Ends when `signal` is aborted. */
export async function* stdinChunks(signal?: AbortSignal): AsyncGenerator<Buffer> {
  const input = standardInput();
  const stop = () => void input.destroy();
  signal?.addEventListener("abort", stop);
  try {
    for await (const chunk of input) yield chunk as Buffer;
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function standardInput(): Readable {
  if (isMainThread) return process.stdin;
  const kind = fstatSync(0);
  // A pipe is not read by the thread pool, where a read that waits would keep the process from ending.
  if (kind.isFIFO() || kind.isSocket()) return new Socket({ fd: 0, readable: true, writable: false });
  return createReadStream("", { fd: 0, autoClose: false });
}

/** Bytes handed on between two pauses: what they hold when decompressed is waiting in memory. */
const PACED_CHUNK = 64 * 1024;

/** The same bytes in smaller chunks, with a pause after each. */
export function paced(
  chunks: AsyncGenerator<Buffer>,
  pause: (() => Promise<void> | undefined) | undefined,
): AsyncGenerator<Buffer> {
  return pause ? withPauses(chunks, pause) : chunks;
}

async function* withPauses(
  chunks: AsyncGenerator<Buffer>,
  pause: () => Promise<void> | undefined,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PACED_CHUNK) {
      yield chunk.subarray(at, at + PACED_CHUNK);
      await pause();
    }
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, "r");
    if (!(await file.stat()).isDirectory()) return file;
    await file.close();
    throw new Error("it is a directory");
  } catch (error) {
    throw new TapscopeError("E_CAPTURE_OPEN", `cannot open ${path}: ${reason(error)}`, { cause: error });
  }
}

async function readChunk(file: FileHandle, path: string, buffer: Buffer): Promise<number> {
  try {
    return (await file.read(buffer, 0, CHUNK)).bytesRead;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readHere(file: FileHandle, path: string, buffer: Buffer, length: number, position: number | null): number {
  try {
    return readSync(file.fd, buffer, 0, length, position);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): TapscopeError {
  return new TapscopeError("E_CAPTURE_READ", `cannot read ${path}: ${reason(error)}`, { cause: error });
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "no such file";
  if (code === "EACCES") return "permission denied";
  return messageOf(error);
}
