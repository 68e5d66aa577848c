/**
 * Zstandard (RFC 8878), decoded by zstddec (libzstd in WebAssembly). Frames and blocks are taken apart here, so that
 * what precedes damage is decoded, whatever the damage is, and so that a claimed window cannot take all memory.
 */
import { ZSTDDecoder } from "zstddec/stream";
import type { ByteSource } from "../source/bytes.ts";
import { cutShort, type Output, readFrames, ZSTD } from "./decompress.ts";

/** What libzstd accepts unless it is told otherwise (ZSTD_WINDOWLOG_LIMIT_DEFAULT); `zstd --long` stays below. */
const MAX_WINDOW = 2 ** 27;
const RLE_BLOCK = 1;

export async function unzstd(source: ByteSource, output: Output): Promise<void> {
  const zstd = new ZSTDDecoder();
  await zstd.init();
  await readFrames(source, output, ZSTD, (magic, start) =>
    decodeFrame(source, output, new FrameDecoder(zstd), magic, start),
  );
}

/** False when nothing after this frame can be read. */
async function decodeFrame(
  source: ByteSource,
  output: Output,
  decoder: FrameDecoder,
  magic: Buffer,
  start: number,
): Promise<boolean> {
  const descriptor = await source.take(1);
  if (descriptor.length === 0) return cutShort(source, output, ZSTD.name);
  const flags = descriptor[0]!;
  const singleSegment = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!;
  const contentSizeCode = flags >> 6;
  const contentSizeBytes = contentSizeCode > 0 ? 1 << contentSizeCode : singleSegment ? 1 : 0;
  const windowBytes = singleSegment ? 0 : 1;
  const rest = await source.take(windowBytes + dictionaryBytes + contentSizeBytes);
  if (rest.length < windowBytes + dictionaryBytes + contentSizeBytes) return cutShort(source, output, ZSTD.name);
  const window = singleSegment ? contentSize(rest.subarray(dictionaryBytes)) : windowSize(rest[0]!);
  if (window > MAX_WINDOW || dictionaryBytes > 0) {
    const why = dictionaryBytes > 0 ? "a dictionary" : `a window of ${window} bytes`;
    output.fault("unsupported", `zstd frame at offset ${start} needs ${why}: decompress it first with zstd`);
    return false;
  }
  let head = Buffer.concat([magic, descriptor, rest]);
  for (let last = false; !last; ) {
    const at = source.position;
    const header = await source.take(3);
    if (header.length < 3) return cutShort(source, output, ZSTD.name);
    const word = header.readUIntLE(0, 3);
    last = (word & 1) !== 0;
    const type = (word >> 1) & 3;
    const size = word >> 3;
    const body = await source.take(type === RLE_BLOCK ? 1 : size);
    if (body.length < (type === RLE_BLOCK ? 1 : size)) return cutShort(source, output, ZSTD.name);
    const data = decoder.decode(Buffer.concat([head, header, body]));
    if (!data || (data.length === 0 && size > 0)) {
      output.fault("corrupt", `zstd data is damaged in the block at offset ${at}`);
      return false;
    }
    head = Buffer.alloc(0);
    if (data.length > 0) output.push(data);
    if (output.stopped) return false;
  }
  if ((flags & 4) !== 0) {
    const checksum = await source.take(4);
    if (checksum.length < 4) return cutShort(source, output, ZSTD.name);
    decoder.decode(checksum);
  }
  if (decoder.finish()) return true;
  output.fault("corrupt", `zstd checksum at offset ${source.position - 4} does not match the data`);
  return false;
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentSize(bytes: Buffer): number {
  if (bytes.length === 8) return Number(bytes.readBigUInt64LE(0));
  return bytes.readUIntLE(0, bytes.length) + (bytes.length === 2 ? 256 : 0);
}

/**
 * Feeds zstddec's decoder the pieces of one frame, each of which it answers with at most one piece of output.
 *
 * It pulls its input from an iterable. On an error it neither throws nor goes on: it answers with nothing for ever,
 * and does not come to the next piece.
 */
class FrameDecoder {
  readonly #outputs: Generator<Uint8Array>;
  #pending: Buffer | undefined;

  constructor(zstd: ZSTDDecoder) {
    this.#outputs = zstd.decodeStreaming(this.#pieces());
  }

  *#pieces(): Generator<Buffer> {
    while (this.#pending) {
      const piece = this.#pending;
      this.#pending = undefined;
      yield piece;
    }
  }

  /** The output of a block (with the frame header before the first), or of a checksum; undefined when it is stuck. */
  decode(piece: Buffer): Buffer | undefined {
    this.#pending = piece;
    const { value, done } = this.#outputs.next();
    if (done || this.#pending) return undefined;
    return Buffer.from(value.buffer, value.byteOffset, value.length);
  }

  /** Whether everything was decoded, the checksum included. */
  finish(): boolean {
    try {
      return this.#outputs.next().done === true;
    } catch {
      return false;
    }
  }
}
