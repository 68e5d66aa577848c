/**
 * The header and the snapshot table of a qcow2 image, versions 2 and 3
 * (QEMU's docs/interop/qcow2.txt, "Header", "Header extensions", "Snapshots").
 */
import { TapscopeError } from "../../../core/errors.ts";
import { type BlockDevice, DamagedError, readBytes, toSafeNumber } from "../device.ts";

export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  /** Virtual size in bytes. */
  readonly size: number;
  readonly l1Entries: number;
  readonly l1Offset: number;
  /** What the guest's disk continues in, as the image names it; never opened without the user's word. */
  readonly backingFile: string | null;
  readonly backingFormat: string | null;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  readonly refcountBits: number;
  readonly snapshots: number;
  readonly snapshotsOffset: number;
  readonly compression: "deflate" | "zstd";
  /** The image says of itself that its metadata are damaged. */
  readonly markedCorrupt: boolean;
  /** What this reader does not do: `encryption`, `extended L2 entries`, …; empty when it can read the image. */
  readonly unsupported: readonly string[];
  /** The image's data lie in another file it names. */
  readonly externalData: boolean;
}

export interface Qcow2Snapshot {
  readonly id: string;
  readonly name: string;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly size: number;
}

const EXTENSION_BACKING_FORMAT = 0xe2792aca;
/** qemu's own limits: block/qcow2.h. */
const MAX_L1_BYTES = 32 << 20;
const MAX_SNAPSHOTS = 65536;
const MAX_SNAPSHOT_BYTES = 16 << 20;

/** @throws TapscopeError `E_DISK_FORMAT` or DamagedError when the header contradicts itself. */
export async function readQcow2Header(file: BlockDevice): Promise<Qcow2Header> {
  if (file.size < 72) throw new DamagedError(`the image is cut: its header needs 72 bytes, the file has ${file.size}`);
  const head = await readBytes(file, 0, Math.min(file.size, 4096));
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw new TapscopeError("E_DISK_FORMAT", `unknown qcow2 version ${version}`);
  if (version === 3 && head.length < 104) {
    throw new DamagedError(`the image is cut: its header needs 104 bytes, the file has ${file.size}`);
  }
  const u64 = (at: number, what: string) => toSafeNumber(head.readBigUInt64BE(at), `qcow2 ${what}`);
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) throw new DamagedError(`qcow2 cluster size 2^${clusterBits} is impossible`);
  const headerLength = version === 2 ? 72 : head.readUInt32BE(100);
  const incompatible = version === 2 ? 0n : head.readBigUInt64BE(72);
  const compressionType = (incompatible & 8n) !== 0n && headerLength > 104 ? head[104]! : 0;
  const cryptMethod = head.readUInt32BE(32);
  const refcountOrder = version === 2 ? 4 : head.readUInt32BE(96);

  const unsupported: string[] = [];
  if (cryptMethod !== 0) unsupported.push("encryption");
  if ((incompatible & 4n) !== 0n) unsupported.push("an external data file");
  if ((incompatible & 16n) !== 0n) unsupported.push("extended L2 entries");
  if (compressionType > 1) unsupported.push(`compression type ${compressionType}`);
  if (incompatible >> 5n !== 0n) unsupported.push(`unknown incompatible features 0x${incompatible.toString(16)}`);

  const size = u64(24, "virtual size");
  const l1Entries = head.readUInt32BE(36);
  const perL1 = 2 ** (2 * clusterBits - 3);
  if (l1Entries * 8 > MAX_L1_BYTES || l1Entries < Math.ceil(size / perL1)) {
    throw new DamagedError(`qcow2 L1 table of ${l1Entries} entries does not fit a disk of ${size} bytes`);
  }
  const backing = readBacking(head, headerLength, u64(8, "backing file offset"), head.readUInt32BE(16));
  return {
    version,
    clusterBits,
    size,
    l1Entries,
    l1Offset: u64(40, "L1 table offset"),
    ...backing,
    refcountTableOffset: u64(48, "refcount table offset"),
    refcountTableClusters: head.readUInt32BE(56),
    refcountBits: 2 ** Math.min(refcountOrder, 6),
    snapshots: head.readUInt32BE(60),
    snapshotsOffset: u64(64, "snapshot table offset"),
    compression: compressionType === 1 ? "zstd" : "deflate",
    markedCorrupt: (incompatible & 2n) !== 0n,
    unsupported,
    externalData: (incompatible & 4n) !== 0n,
  };
}

function readBacking(head: Buffer, headerLength: number, offset: number, length: number) {
  if (offset === 0) return { backingFile: null, backingFormat: null };
  if (length > 1023 || offset + length > head.length) {
    throw new DamagedError("qcow2 backing file name lies outside the header");
  }
  let backingFormat: string | null = null;
  for (let at = headerLength; at + 8 <= head.length && at < offset; ) {
    const [type, size] = [head.readUInt32BE(at), head.readUInt32BE(at + 4)];
    if (type === 0) break;
    if (type === EXTENSION_BACKING_FORMAT && at + 8 + size <= head.length) {
      backingFormat = head.toString("utf8", at + 8, at + 8 + size);
    }
    at += 8 + Math.ceil(size / 8) * 8;
  }
  return { backingFile: head.toString("utf8", offset, offset + length), backingFormat };
}

/** The internal snapshots of the image. @throws DamagedError when their table is cut or impossible. */
export async function readSnapshots(file: BlockDevice, header: Qcow2Header): Promise<Qcow2Snapshot[]> {
  if (header.snapshots > MAX_SNAPSHOTS) throw new DamagedError(`${header.snapshots} snapshots are impossible`);
  const end = Math.min(file.size, header.snapshotsOffset + MAX_SNAPSHOT_BYTES);
  if (header.snapshots === 0) return [];
  const table = await readBytes(file, header.snapshotsOffset, Math.max(0, end - header.snapshotsOffset));
  const found: Qcow2Snapshot[] = [];
  let at = 0;
  for (let i = 0; i < header.snapshots; i++) {
    if (at + 40 > table.length) throw new DamagedError("the image is cut: its snapshot table is incomplete");
    const [idSize, nameSize, extra] = [
      table.readUInt16BE(at + 12),
      table.readUInt16BE(at + 14),
      table.readUInt32BE(at + 36),
    ];
    const idAt = at + 40 + extra;
    if (idAt + idSize + nameSize > table.length) {
      throw new DamagedError("the image is cut: its snapshot table is incomplete");
    }
    found.push({
      id: table.toString("utf8", idAt, idAt + idSize),
      name: table.toString("utf8", idAt + idSize, idAt + idSize + nameSize),
      l1Offset: toSafeNumber(table.readBigUInt64BE(at), "snapshot L1 offset"),
      l1Entries: table.readUInt32BE(at + 8),
      size: extra >= 16 ? toSafeNumber(table.readBigUInt64BE(at + 48), "snapshot disk size") : header.size,
    });
    at += Math.ceil((40 + extra + idSize + nameSize) / 8) * 8;
  }
  return found;
}
