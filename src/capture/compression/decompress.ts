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

/** Their names and the magic numbers of their frames (RFC 8878 §3.1.1; LZ4 Frame Format). */
export const ZSTD = { name: "zstd", magic: 0xfd2fb528 } as const;
export const LZ4 = { name: "lz4", magic: 0x184d2204 } as const;

/** The compression that these first bytes announce. */
export function compressionOf(start: Uint8Array): Compression | null {
  if (start.length < 4) return null;
  const word = (start[0]! | (start[1]! << 8) | (start[2]! << 16) | (start[3]! << 24)) >>> 0;
  if ((word & 0xffff) === 0x8b1f) return "gzip";
  // zstd archives may begin with a skippable frame (RFC 8878 §3.1.2); pzstd's do.
  if (word === ZSTD.magic || isSkippable(word)) return "zstd";
  return word === LZ4.magic ? "lz4" : null;
}

/** The magic number of a frame with user data, which zstd and lz4 share: a length and that many bytes follow. */
function isSkippable(magic: number): boolean {
  return magic >= 0x184d2a50 && magic <= 0x184d2a5f;
}

/**
 * Takes frames one after another, as zstd and lz4 archives hold them, and passes over skippable ones. `decodeFrame` gets the frame's magic
 * number and where that stands, and returns false when nothing after the frame can be read.
 */
export async function readFrames(
  source: ByteSource,
  output: Output,
  { name, magic }: { readonly name: string; readonly magic: number },
  decodeFrame: (magic: Buffer, start: number) => Promise<boolean>,
): Promise<void> {
  while (!output.stopped) {
    const start = source.position;
    const bytes = await source.take(4);
    if (bytes.length === 0) return;
    const word = bytes.length === 4 ? bytes.readUInt32LE(0) : 0;
    if (isSkippable(word)) {
      const length = await source.take(4);
      if (length.length === 4 && (await source.skip(length.readUInt32LE(0)))) continue;
      cutShort(source, output, name);
      return;
    }
    if (word !== magic) {
      output.warn(`bytes after the ${name} data, from offset ${start} on, are ignored`);
      return;
    }
    if (!(await decodeFrame(bytes, start))) return;
  }
}

/** The data of this compression ends here, and should not. */
export function cutShort(source: ByteSource, output: Output, name: string): false {
  output.fault("truncated", `${name} data is cut short at offset ${source.position}`);
  return false;
}
