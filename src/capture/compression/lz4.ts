/**
 * LZ4 frames (lz4 Frame Format 1.6.x, Block Format), decoded here: no well-kept library streams them without a native
 * build (docs/decisions). Checksums are xxHash-32.
 */
import type { ByteSource } from "../source/bytes.ts";
import { cutShort, LZ4, type Output, readFrames } from "./decompress.ts";

/** How far back a match may reach. */
const HISTORY = 65_536;
/** Largest block in bytes by the code in the frame descriptor. */
const MAX_BLOCK = [0, 0, 0, 0, 65_536, 262_144, 1_048_576, 4_194_304];

export function unlz4(source: ByteSource, output: Output): Promise<void> {
  return readFrames(source, output, LZ4, () => decodeFrame(source, output));
}

function damaged(output: Output, what: string, offset: number): false {
  output.fault("corrupt", `${what} at offset ${offset}`);
  return false;
}

/** False when nothing after this frame can be read. */
async function decodeFrame(source: ByteSource, output: Output): Promise<boolean> {
  const start = source.position;
  const fixed = await source.take(2);
  if (fixed.length < 2) return cutShort(source, output, LZ4.name);
  const flags = fixed[0]!;
  const maxBlock = MAX_BLOCK[(fixed[1]! >> 4) & 7]!;
  const independent = (flags & 0x20) !== 0;
  const blockChecksums = (flags & 0x10) !== 0;
  const contentChecksum = (flags & 0x04) !== 0;
  const optionalLength = ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  const optional = await source.take(optionalLength + 1);
  if (optional.length <= optionalLength) return cutShort(source, output, LZ4.name);
  const descriptor = Buffer.concat([fixed, optional.subarray(0, optionalLength)]);
  const headerChecksum = (new Xxh32().update(descriptor).digest() >>> 8) & 0xff;
  if (headerChecksum !== optional[optionalLength]) return damaged(output, "lz4 frame header is damaged", start);
  if (flags >> 6 !== 1 || maxBlock === 0 || (flags & 0x01) !== 0) {
    const what = (flags & 0x01) !== 0 ? "needs a dictionary" : "is of an unknown version";
    output.fault("unsupported", `lz4 frame at offset ${start - 4} ${what}: decompress it first with lz4`);
    return false;
  }
  const window = Buffer.alloc(HISTORY + maxBlock);
  let history = 0;
  const content = new Xxh32();
  for (;;) {
    const at = source.position;
    const sizeField = await source.take(4);
    if (sizeField.length < 4) return cutShort(source, output, LZ4.name);
    const word = sizeField.readUInt32LE(0);
    if (word === 0) break;
    const stored = word >>> 31 === 1;
    const size = word & 0x7fffffff;
    if (size > maxBlock) return damaged(output, `lz4 block claims ${size} bytes, more than its frame allows,`, at);
    const block = await source.take(size);
    const whole = block.length === size;
    if (whole && blockChecksums) {
      const checksum = await source.take(4);
      if (checksum.length < 4) return cutShort(source, output, LZ4.name);
      if (checksum.readUInt32LE(0) !== new Xxh32().update(block).digest()) {
        return damaged(output, "lz4 block checksum does not match the block", at);
      }
    }
    let end = HISTORY + block.length;
    if (stored) window.set(block, HISTORY);
    else end = decodeBlock(block, window, HISTORY - history, HISTORY);
    const data = window.subarray(HISTORY, end < 0 ? ~end : end);
    if (contentChecksum) content.update(data);
    if (data.length > 0) output.push(data);
    if (!whole) return cutShort(source, output, LZ4.name);
    if (end < 0) return damaged(output, "lz4 data is damaged in the block", at);
    if (output.stopped) return false;
    if (!independent) {
      history = Math.min(HISTORY, history + data.length);
      window.copyWithin(HISTORY - history, end - history, end);
    }
  }
  if (!contentChecksum) return true;
  const checksum = await source.take(4);
  if (checksum.length < 4) return cutShort(source, output, LZ4.name);
  if (checksum.readUInt32LE(0) === content.digest()) return true;
  return damaged(output, "lz4 checksum does not match the data", source.position - 4);
}

/**
 * Decodes a block to `out[start…]`, where matches may reach back to `out[first]`. Returns the end of the output, or its
 * complement (a negative number) when the block is damaged or cut short there.
 */
function decodeBlock(block: Buffer, out: Buffer, first: number, start: number): number {
  let from = 0;
  let to = start;
  while (from < block.length) {
    const token = block[from++]!;
    let literals = token >> 4;
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) more = from < block.length ? block[from++]! : 0;
    }
    const present = Math.min(literals, block.length - from, out.length - to);
    for (let i = 0; i < present; i++) out[to++] = block[from++]!;
    if (present < literals) return ~to;
    // The last sequence is literals only.
    if (from === block.length) return to;
    if (from + 2 > block.length) return ~to;
    const distance = block[from]! | (block[from + 1]! << 8);
    from += 2;
    let length = token & 15;
    if (length === 15) {
      for (let more = 255; more === 255; length += more) {
        if (from >= block.length) return ~to;
        more = block[from++]!;
      }
    }
    length += 4;
    if (distance === 0 || to - distance < first || to + length > out.length) return ~to;
    // Byte by byte: a match may overlap what it produces.
    for (let i = 0; i < length; i++, to++) out[to] = out[to - distance]!;
  }
  return ~to;
}

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/** xxHash-32 with seed 0 (doc/xxhash_spec.md), fed piece by piece. */
export class Xxh32 {
  readonly #lanes = new Uint32Array([PRIME_1 + PRIME_2, PRIME_2, 0, -PRIME_1]);
  readonly #stripe = Buffer.alloc(16);
  #stripeLength = 0;
  #total = 0;

  update(bytes: Buffer): this {
    let at = 0;
    this.#total += bytes.length;
    if (this.#stripeLength > 0) {
      at = bytes.copy(this.#stripe, this.#stripeLength);
      this.#stripeLength += at;
      if (this.#stripeLength < 16) return this;
      this.#mix(this.#stripe, 0, 16);
    }
    const end = at + ((bytes.length - at) & ~15);
    this.#mix(bytes, at, end);
    this.#stripeLength = bytes.copy(this.#stripe, 0, end);
    return this;
  }

  digest(): number {
    const [a, b, c, d] = this.#lanes as unknown as [number, number, number, number];
    let hash = this.#total < 16 ? PRIME_5 : rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    hash = (hash + this.#total) >>> 0;
    let at = 0;
    for (; at + 4 <= this.#stripeLength; at += 4) {
      hash = Math.imul(rotate(hash + Math.imul(this.#stripe.readUInt32LE(at), PRIME_3), 17), PRIME_4);
    }
    for (; at < this.#stripeLength; at++) {
      hash = Math.imul(rotate(hash + Math.imul(this.#stripe[at]!, PRIME_5), 11), PRIME_1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
    hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  /** Mixes whole stripes of 16 bytes. */
  #mix(bytes: Buffer, start: number, end: number): void {
    const lanes = this.#lanes;
    for (let at = start; at < end; at += 16) {
      for (let lane = 0; lane < 4; lane++) {
        const word = bytes.readUInt32LE(at + lane * 4);
        lanes[lane] = Math.imul(rotate(lanes[lane]! + Math.imul(word, PRIME_2), 13), PRIME_1);
      }
    }
  }
}

function rotate(value: number, bits: number): number {
  return ((value << bits) | (value >>> (32 - bits))) >>> 0;
}
