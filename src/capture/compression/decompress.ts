/** What the decompressors share, and which one a file needs. They stream: memory does not depend on the file's size. */
import type { CaptureStatus, Compression } from "../format/summary.ts";
import type { ByteSource } from "../source/bytes.ts";

/** Where decompressed bytes go, and what is to be told about the rest. */
export interface Output {
  /** Takes decompressed bytes, which are reused after the call. */
  push(chunk: Buffer): void;
  /** No more is wanted. */
  readonly stopped: boolean;
  /** The compressed data is damaged; what was pushed stays. */
  fault(status: Exclude<CaptureStatus, "ok">, cause: string): void;
  warn(sentence: string): void;
}

/** Decompresses `source` into `output` until its end, damage, or `output.stopped`. */
export type Decompress = (source: ByteSource, output: Output) => Promise<void>;

/** The compression that these first bytes announce. */
export function compressionOf(start: Uint8Array): Compression | null {
  if (start.length < 4) return null;
  const word = (start[0]! | (start[1]! << 8) | (start[2]! << 16) | (start[3]! << 24)) >>> 0;
  if ((word & 0xffff) === 0x8b1f) return "gzip";
  // zstd archives may begin with a skippable frame (RFC 8878 §3.1.2); pzstd's do.
  if (word === 0xfd2fb528 || isSkippable(word)) return "zstd";
  return word === 0x184d2204 ? "lz4" : null;
}

/** The magic number of a frame with user data, which zstd and lz4 share: a length and that many bytes follow. */
export function isSkippable(magic: number): boolean {
  return magic >= 0x184d2a50 && magic <= 0x184d2a5f;
}
