/**
 * Reads a qcow2 image, versions 2 and 3 (QEMU's docs/interop/qcow2.txt, "Cluster mapping"): plain, zero and compressed
 * clusters, internal snapshots, backing files that the caller has opened. Refcounts are not needed for reading.
 *
 * L2 entry:  bit 63 copied · 62 compressed · 55-9 host offset · 0 reads as zeros (version 3)
 */
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { TapscopeError } from "../../../core/errors.ts";
import { BufferCache } from "../cache.ts";
import { type BlockDevice, checkRange, DamagedError, readBytes } from "../device.ts";
import type { ImageFile } from "./image-file.ts";
import type { Qcow2Header, Qcow2Snapshot } from "./qcow2-header.ts";
import { zstdFrameLength } from "./zstd-frame.ts";

const L2_CACHE_BYTES = 32 << 20;
const CLUSTER_CACHE_BYTES = 8 << 20;
/** Compressed clusters that are inflated at the same time. */
const INFLATE_AT_ONCE = 16;
/** Above this much L2 table the check for completeness stops: a disk of 2 TB in 64 KiB clusters. */
const CHECKED_L2_BYTES = 256 << 20;

const inflateRaw = promisify(zlib.inflateRaw) as (data: Buffer, options: zlib.ZlibOptions) => Promise<Buffer>;

/** Decompresses the cluster at the start of `data`, which is padded to whole sectors. */
type Decompress = (data: Buffer, clusterSize: number) => Promise<Uint8Array>;

async function makeDecompress(compression: Qcow2Header["compression"]): Promise<Decompress> {
  if (compression === "deflate") {
    return (data, clusterSize) =>
      inflateRaw(data, { maxOutputLength: clusterSize, finishFlush: zlib.constants.Z_SYNC_FLUSH });
  }
  const { ZSTDDecoder } = await import("zstddec");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return async (data, clusterSize) => decoder.decode(data.subarray(0, zstdFrameLength(data)), clusterSize);
}

/** What a look at all mapping tables found out about the image file. */
export interface Completeness {
  /** Bytes that the file would need so that every mapped cluster is there; 0 when they all are. */
  readonly needs: number;
  readonly has: number;
  /** Clusters in use that the refcounts call free: harmless for reading. */
  readonly unreferenced: number;
  /** False when there were too many tables to look at them all. */
  readonly checkedAll: boolean;
}

/** A qcow2 image's virtual disk. Disposing it closes the image file and its backing device. */
export class Qcow2Image implements BlockDevice {
  readonly size: number;
  readonly #file: ImageFile;
  readonly #header: Qcow2Header;
  readonly #backing: BlockDevice | null;
  readonly #clusterSize: number;
  readonly #l2Entries: number;
  readonly #l1: Buffer;
  readonly #l2Cache = new BufferCache(L2_CACHE_BYTES);
  readonly #clusterCache = new BufferCache(CLUSTER_CACHE_BYTES);
  readonly #decompress: Decompress;

  private constructor(
    file: ImageFile,
    header: Qcow2Header,
    size: number,
    l1: Buffer,
    backing: BlockDevice | null,
    decompress: Decompress,
  ) {
    this.#file = file;
    this.#header = header;
    this.#backing = backing;
    this.#clusterSize = 2 ** header.clusterBits;
    this.#l2Entries = this.#clusterSize / 8;
    this.#l1 = l1;
    this.size = size;
    this.#decompress = decompress;
  }

  /** Opens the disk as it is, or as it was at `snapshot`. `backing` is what unallocated clusters are read from. */
  static async open(
    file: ImageFile,
    header: Qcow2Header,
    backing: BlockDevice | null,
    snapshot?: Qcow2Snapshot,
  ): Promise<Qcow2Image> {
    const { l1Offset, l1Entries, size } = snapshot ?? header;
    const covered = l1Entries * 2 ** (2 * header.clusterBits - 3);
    if (l1Entries * 8 > 32 << 20 || covered < size) {
      throw new DamagedError(`qcow2 L1 table of ${l1Entries} entries does not fit a disk of ${size} bytes`);
    }
    const l1 = await readBytes(file, l1Offset, l1Entries * 8);
    return new Qcow2Image(file, header, size, l1, backing, await makeDecompress(header.compression));
  }

  async read(offset: number, length: number, into: Buffer): Promise<void> {
    checkRange(this, offset, length, "disk");
    const inflating: Promise<void>[] = [];
    let done = 0;
    while (done < length) {
      const at = offset + done;
      const l2 = await this.#l2Table(Math.floor(at / this.#clusterSize / this.#l2Entries));
      const run = this.#runAt(at, length - done, l2);
      const target = into.subarray(done, done + run.length);
      if (run.kind === "zero") target.fill(0);
      else if (run.kind === "unallocated") await this.#readBacking(at, target);
      else if (run.kind === "data") await this.#file.read(run.host, run.length, target);
      else {
        const inflated = this.#readCompressed(run.high, run.low, at % this.#clusterSize, target);
        // Awaited below; until then, or when another cluster fails first, a failure is not unhandled.
        inflated.catch(() => {});
        inflating.push(inflated);
        if (inflating.length >= INFLATE_AT_ONCE) await Promise.all(inflating.splice(0));
      }
      done += run.length;
    }
    await Promise.all(inflating);
  }

  /** The longest run from `at` on, within one L2 table, that is read in one go. */
  #runAt(at: number, limit: number, l2: Buffer | null): Run {
    const inCluster = at % this.#clusterSize;
    const index = Math.floor(at / this.#clusterSize) % this.#l2Entries;
    if (l2 === null) {
      return {
        kind: "unallocated",
        length: Math.min(limit, (this.#l2Entries - index) * this.#clusterSize - inCluster),
      };
    }
    let length = Math.min(limit, this.#clusterSize - inCluster);
    const [high, low] = [l2.readUInt32BE(index * 8), l2.readUInt32BE(index * 8 + 4)];
    const kind = this.#kindOf(high, low);
    if (kind === "compressed") return { kind, length, high, low };
    const host = hostOffset(high, low);
    if (kind === "data" && host % this.#clusterSize !== 0) {
      throw new DamagedError(`qcow2 cluster at ${at} is mapped to ${host}, which is no cluster's start`);
    }
    for (let next = index + 1, hostNext = host; length < limit && next < this.#l2Entries; next++) {
      const [h, l] = [l2.readUInt32BE(next * 8), l2.readUInt32BE(next * 8 + 4)];
      hostNext += this.#clusterSize;
      if (this.#kindOf(h, l) !== kind || (kind === "data" && hostOffset(h, l) !== hostNext)) break;
      length = Math.min(limit, length + this.#clusterSize);
    }
    return kind === "data" ? { kind, length, host: host + inCluster } : { kind, length };
  }

  #kindOf(high: number, low: number): Run["kind"] {
    if (high & 0x4000_0000) return "compressed";
    if (low & 1 && this.#header.version === 3) return "zero";
    return hostOffset(high, low) === 0 ? "unallocated" : "data";
  }

  async #readBacking(at: number, target: Buffer): Promise<void> {
    const there = this.#backing ? Math.max(0, Math.min(target.length, this.#backing.size - at)) : 0;
    if (there > 0) await this.#backing!.read(at, there, target.subarray(0, there));
    target.fill(0, there);
  }

  async #l2Table(l1Index: number): Promise<Buffer | null> {
    const offset = this.#l2Offset(l1Index);
    if (offset === 0) return null;
    const cached = this.#l2Cache.get(offset);
    if (cached) return cached;
    if (offset % this.#clusterSize !== 0)
      throw new DamagedError(`qcow2 L2 table at ${offset} is not at a cluster's start`);
    const table = await readBytes(this.#file, offset, this.#clusterSize);
    this.#l2Cache.set(offset, table);
    return table;
  }

  #l2Offset(l1Index: number): number {
    return hostOffset(this.#l1.readUInt32BE(l1Index * 8), this.#l1.readUInt32BE(l1Index * 8 + 4));
  }

  #compressedRange(high: number, low: number): { offset: number; length: number } {
    const descriptor = (BigInt(high) << 32n) | BigInt(low);
    const offsetBits = BigInt(62 - (this.#header.clusterBits - 8));
    const offset = Number(descriptor & ((1n << offsetBits) - 1n));
    const sectors = Number((descriptor & ((1n << 62n) - 1n)) >> offsetBits) + 1;
    return { offset, length: sectors * 512 - (offset % 512) };
  }

  async #readCompressed(high: number, low: number, inCluster: number, target: Buffer): Promise<void> {
    const { offset, length } = this.#compressedRange(high, low);
    let cluster = this.#clusterCache.get(offset);
    if (!cluster) {
      // The last sectors of the last compressed cluster need not be in the file.
      const there = Math.min(length, Math.max(1, this.#file.size - offset));
      const data = await readBytes(this.#file, offset, there);
      try {
        const plain = await this.#decompress(data, this.#clusterSize);
        cluster = Buffer.from(plain.buffer, plain.byteOffset, plain.length);
      } catch (error) {
        if (error instanceof TapscopeError) throw error;
        cluster = undefined;
      }
      if (cluster?.length !== this.#clusterSize) {
        if (offset + length > this.#file.size) this.#file.missingEnd = Math.max(this.#file.missingEnd, offset + length);
        throw new DamagedError(`a compressed cluster at byte ${offset} of the image cannot be decompressed`);
      }
      this.#clusterCache.set(offset, cluster);
    }
    cluster.copy(target, 0, inCluster, inCluster + target.length);
  }

  /** Looks at all mapping tables: is every cluster they name in the file? */
  async checkCompleteness(): Promise<Completeness> {
    const refcounts = new Refcounts(this.#file, this.#header);
    const has = this.#file.size;
    let [needs, fullEnd, unreferenced, checked] = [0, 0, 0, 0];
    // A last cluster may legitimately end with the file: only its first sector is demanded.
    const use = async (host: number, least: number, whole: number) => {
      fullEnd = Math.max(fullEnd, host + whole);
      if (host + least > has) needs = Math.max(needs, host + least);
      else if (!(await refcounts.isReferenced(host))) unreferenced++;
    };
    const tables = this.#l1.length / 8;
    for (let i = 0; i < tables && checked <= CHECKED_L2_BYTES; i++) {
      const offset = this.#l2Offset(i);
      if (offset === 0) continue;
      checked += this.#clusterSize;
      await use(offset, this.#clusterSize, this.#clusterSize);
      if (offset + this.#clusterSize > has || offset % this.#clusterSize !== 0) continue;
      const table = await readBytes(this.#file, offset, this.#clusterSize);
      for (let at = 0; at < table.length; at += 8) {
        const [high, low] = [table.readUInt32BE(at), table.readUInt32BE(at + 4)];
        const kind = this.#kindOf(high, low);
        if (kind === "compressed") {
          const range = this.#compressedRange(high, low);
          await use(range.offset, Math.max(1, range.length - 511), range.length - 511);
        } else if (kind === "data") await use(hostOffset(high, low), 512, this.#clusterSize);
      }
    }
    return { needs: needs === 0 ? 0 : fullEnd, has, unreferenced, checkedAll: checked <= CHECKED_L2_BYTES };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backing?.[Symbol.asyncDispose]();
    await this.#file[Symbol.asyncDispose]();
  }
}

type Run =
  | { readonly kind: "zero"; readonly length: number }
  | { readonly kind: "unallocated"; readonly length: number }
  | { readonly kind: "data"; readonly length: number; readonly host: number }
  | { readonly kind: "compressed"; readonly length: number; readonly high: number; readonly low: number };

/** Bits 9-55 of an L1 or L2 entry. */
function hostOffset(high: number, low: number): number {
  return (high & 0x00ff_ffff) * 2 ** 32 + (low >>> 9) * 512;
}

/** The refcount structure, as far as "is this cluster in use" goes. A part that cannot be read counts as in use. */
class Refcounts {
  readonly #file: ImageFile;
  readonly #header: Qcow2Header;
  readonly #blocks = new Map<number, Buffer | null>();

  constructor(file: ImageFile, header: Qcow2Header) {
    this.#file = file;
    this.#header = header;
  }

  async isReferenced(host: number): Promise<boolean> {
    const { clusterBits, refcountBits, refcountTableOffset, refcountTableClusters } = this.#header;
    const cluster = Math.floor(host / 2 ** clusterBits);
    const perBlock = (2 ** clusterBits * 8) / refcountBits;
    const index = Math.floor(cluster / perBlock);
    if (index * 8 >= refcountTableClusters * 2 ** clusterBits || refcountBits < 8) return refcountBits < 8;
    let block = this.#blocks.get(index);
    if (block === undefined) {
      block = await this.#readBlock(refcountTableOffset + index * 8, 2 ** clusterBits);
      if (this.#blocks.size < 256) this.#blocks.set(index, block);
    }
    if (block === null) return true;
    const bytes = refcountBits / 8;
    const at = (cluster % perBlock) * bytes;
    return block.subarray(at, at + bytes).some((byte) => byte !== 0);
  }

  async #readBlock(entryAt: number, clusterSize: number): Promise<Buffer | null> {
    try {
      const entry = await readBytes(this.#file, entryAt, 8);
      const offset = hostOffset(entry.readUInt32BE(0), entry.readUInt32BE(4));
      return offset === 0 ? Buffer.alloc(clusterSize) : await readBytes(this.#file, offset, clusterSize);
    } catch (error) {
      if (error instanceof DamagedError) return null;
      throw error;
    }
  }
}
