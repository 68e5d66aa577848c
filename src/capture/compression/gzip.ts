/**
 * gzip (RFC 1952): one or more members, each raw deflate data (by Node's zlib) between a header and a checksum.
 * The members are taken apart here because Node's own Gunzip loses the output that precedes an error.
 */
import { createInflateRaw, type InflateRaw } from "node:zlib";
import type { ByteSource } from "../source/bytes.ts";
import type { Output } from "./decompress.ts";

const PIECE = 32 * 1024;
const CHUNK_OUT = 128 * 1024;

const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;

export async function gunzip(source: ByteSource, output: Output): Promise<void> {
  for (let member = 0; !output.stopped; member++) {
    const start = source.position;
    const header = await source.take(10);
    if (member > 0 && (header.length < 2 || header.readUInt16LE(0) !== 0x8b1f)) {
      if (!header.every((byte) => byte === 0))
        output.warn(`bytes after the gzip data, from offset ${start} on, are ignored`);
      return;
    }
    if (!(await readHeader(header, source))) {
      output.fault("truncated", `gzip data is cut short in the header at offset ${start}`);
      return;
    }
    if (!(await inflateMember(source, output))) return;
  }
}

/** Consumes the optional fields; false when the file ends in them. */
async function readHeader(header: Buffer, source: ByteSource): Promise<boolean> {
  if (header.length < 10) return false;
  const flags = header[3]!;
  if (flags & FEXTRA) {
    const length = await source.take(2);
    if (length.length < 2 || !(await source.skip(length.readUInt16LE(0)))) return false;
  }
  for (const field of [FNAME, FCOMMENT]) {
    if (flags & field && !(await skipText(source))) return false;
  }
  return !(flags & FHCRC) || source.skip(2);
}

async function skipText(source: ByteSource): Promise<boolean> {
  for (;;) {
    const part = await source.peek(4096);
    if (!part) return false;
    const nul = part.indexOf(0);
    source.consume(nul < 0 ? part.length : nul + 1);
    if (nul >= 0) return true;
  }
}

/** Inflates one member and checks its trailer; false when nothing after it can be read. */
async function inflateMember(source: ByteSource, output: Output): Promise<boolean> {
  const start = source.position;
  const inflater = new Inflater(output);
  try {
    while (!inflater.ended) {
      const piece = await source.peek(PIECE);
      if (!piece) {
        output.fault("truncated", `gzip data is cut short at offset ${source.position}`);
        return false;
      }
      const at = source.position;
      const length = piece.length;
      const consumed = await inflater.write(piece);
      if (inflater.error) {
        output.fault("corrupt", `gzip data is damaged after offset ${at}: ${inflater.error.message}`);
        await pushLost(source, output, start, at, length, inflater.length);
        return false;
      }
      source.consume(consumed);
      if (output.stopped) return false;
    }
  } finally {
    inflater.close();
  }
  const trailer = await source.take(8);
  if (trailer.length < 8) {
    output.fault("truncated", `gzip data is cut short at offset ${source.position}, in the checksum`);
    return false;
  }
  if (trailer.readUInt32LE(0) !== inflater.crc || trailer.readUInt32LE(4) !== inflater.length % 2 ** 32) {
    output.fault("corrupt", `gzip checksum at offset ${source.position - 8} does not match the data`);
    return false;
  }
  return true;
}

/**
 * zlib hands out nothing of a piece in which it finds an error. So what precedes the error is inflated again, where the
 * file can be read again: the member that starts at `start`, up to the damaged piece `at`, and that byte by byte.
 */
async function pushLost(
  source: ByteSource,
  output: Output,
  start: number,
  at: number,
  length: number,
  delivered: number,
): Promise<void> {
  const again = source.again?.();
  if (!again) return;
  let known = delivered;
  const inflater = new Inflater({
    push(chunk) {
      const old = Math.min(known, chunk.length);
      known -= old;
      if (old < chunk.length) output.push(chunk.subarray(old));
    },
    get stopped() {
      return output.stopped;
    },
    fault() {},
    warn() {},
  });
  try {
    await again.skip(start);
    while (!inflater.error && !inflater.ended && again.position < at + length) {
      const piece = await again.peek(again.position < at ? Math.min(PIECE, at - again.position) : 1);
      if (!piece) return;
      again.consume(await inflater.write(piece));
    }
  } finally {
    inflater.close();
    await again.close();
  }
}

/** Node's raw inflate, written to piece by piece, with the checksum of what came out. */
class Inflater {
  crc = 0;
  length = 0;
  ended = false;
  error: Error | undefined;
  readonly #stream: InflateRaw = createInflateRaw({ chunkSize: CHUNK_OUT });
  #settle: () => void = () => {};
  /** What the receiver of the output threw. */
  #thrown: unknown;

  constructor(output: Output) {
    this.#stream.on("data", (chunk: Buffer) => {
      this.crc = crc32(chunk, this.crc);
      this.length += chunk.length;
      if (this.#thrown !== undefined || output.stopped) return;
      try {
        output.push(chunk);
      } catch (error) {
        this.#thrown = error;
      }
    });
    this.#stream.on("end", () => {
      this.ended = true;
      this.#settle();
    });
    this.#stream.on("error", (error) => {
      this.error = error;
      this.#settle();
    });
  }

  /** Returns how many bytes of `piece` belong to the deflate data. */
  async write(piece: Buffer): Promise<number> {
    const before = this.#stream.bytesWritten;
    await new Promise<void>((resolve) => {
      this.#settle = resolve;
      this.#stream.write(piece, () => resolve());
    });
    if (this.#thrown !== undefined) throw this.#thrown;
    return this.#stream.bytesWritten - before;
  }

  close(): void {
    this.#stream.destroy();
  }
}

const CRC_TABLE = new Uint32Array(256).map((_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 of `bytes` following on `previous`. */
function crc32(bytes: Uint8Array, previous: number): number {
  let crc = ~previous;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
