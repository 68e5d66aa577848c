/** Capture files and standard input as sources: big reads into two reused buffers, the next one under way while one is parsed. */
import { type FileHandle, open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { messageOf, TapscopeError } from "../../core/errors.ts";
import { CaptureReader } from "../format/reader.ts";
import type { CaptureSummary } from "../format/summary.ts";
import type { FrameSink } from "../frame.ts";

/** Bytes a read asks for. */
const CHUNK = 1024 * 1024;

export interface ReadCaptureOptions {
  /** Ends the reading early; what was read is summed up as if the file ended there. */
  readonly signal?: AbortSignal;
}

/**
 * Reads a capture file, or standard input for `-`, and hands each frame to `sink` in file order.
 * A damaged file is no exception: everything before the damage is handed on, and the summary tells.
 * @throws TapscopeError `E_CAPTURE_OPEN` or `E_CAPTURE_READ` when the file cannot be opened or read.
 */
export async function readCapture(
  path: string,
  sink: FrameSink,
  options: ReadCaptureOptions = {},
): Promise<CaptureSummary> {
  const reader = new CaptureReader(sink);
  if (path === "-") {
    await pushStream(process.stdin, reader, options.signal);
  } else {
    await using file = await openFile(path);
    await pushFile(file, path, reader, options.signal);
  }
  reader.end();
  return reader.summary(path);
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, "r");
    if ((await file.stat()).isDirectory()) {
      await file.close();
      throw new Error("it is a directory");
    }
    return file;
  } catch (error) {
    throw new TapscopeError("E_CAPTURE_OPEN", `cannot open ${path}: ${reason(error)}`, { cause: error });
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "no such file";
  if (code === "EACCES") return "permission denied";
  return messageOf(error);
}

async function pushFile(file: FileHandle, path: string, reader: CaptureReader, signal?: AbortSignal): Promise<void> {
  let current = Buffer.allocUnsafe(CHUNK);
  let next = Buffer.allocUnsafe(CHUNK);
  const read = async (buffer: Buffer): Promise<number> => {
    try {
      return (await file.read(buffer, 0, CHUNK)).bytesRead;
    } catch (error) {
      throw new TapscopeError("E_CAPTURE_READ", `cannot read ${path}: ${reason(error)}`, { cause: error });
    }
  };
  let length = await read(current);
  while (length > 0 && !reader.stopped && !signal?.aborted) {
    const pending = read(next);
    try {
      reader.push(length === CHUNK ? current : current.subarray(0, length));
    } finally {
      // The buffer is the kernel's until this is done, also when the sink throws.
      length = await pending;
    }
    [current, next] = [next, current];
  }
}

async function pushStream(stream: Readable, reader: CaptureReader, signal?: AbortSignal): Promise<void> {
  for await (const chunk of stream) {
    reader.push(chunk as Buffer);
    if (reader.stopped || signal?.aborted) return;
  }
}
