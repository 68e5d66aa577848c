/** qcow2 as an image format: its own reader, and how qemu is asked for what that reader does not know. */
import { TapscopeError } from "../../../core/errors.ts";
import { readBytes } from "../device.ts";
import { magic } from "../magic.ts";
import { ImageFile } from "./image-file.ts";
import type { BlockNode, ImageFormat, LostRange, QemuChain } from "./image-format.ts";
import { Qcow2Image } from "./qcow2.ts";
import { type Qcow2Header, readQcow2Header, readSnapshots } from "./qcow2-header.ts";
import { noSnapshot } from "./snapshots.ts";

export const QCOW2: ImageFormat = {
  name: "qcow2",
  magics: [magic(0, "QFI\xfb\0\0\0\x02"), magic(0, "QFI\xfb\0\0\0\x03")],
  extensions: ["qcow2"],
  reader: {
    async obstacle(file) {
      const { unsupported } = await readQcow2Header(file);
      return unsupported.length > 0 ? `it uses ${unsupported.join(" and ")}` : null;
    },
    async open(file, chain) {
      const header = await readQcow2Header(file);
      const snapshot = chain.snapshot === undefined ? undefined : await findSnapshot(file, header, chain.snapshot);
      const backing =
        header.backingFile === null ? null : await chain.openBacking(header.backingFile, header.backingFormat);
      const device = await Qcow2Image.open(file, header, backing, snapshot);
      return { device, check: () => check(file, header, device) };
    },
  },
  qemu: describe,
  lostTables,
};

async function findSnapshot(file: ImageFile, header: Qcow2Header, wanted: string) {
  const all = await readSnapshots(file, header);
  const found = all.find(({ name }) => name === wanted) ?? all.find(({ id }) => id === wanted);
  if (found) return found;
  const names = all.map(({ name }) => name);
  throw noSnapshot(file.path, wanted, names);
}

async function check(file: ImageFile, header: Qcow2Header, image: Qcow2Image) {
  const { needs, unreferenced } = await image.checkCompleteness();
  const warnings: string[] = [];
  if (header.markedCorrupt) warnings.push(`${file.path} is marked as corrupt by qemu`);
  if (unreferenced > 0) {
    warnings.push(
      `${file.path}: ${unreferenced} clusters in use are counted as free (bad refcounts): harmless for reading`,
    );
  }
  return { needs, warnings };
}

async function describe(image: string, chain: QemuChain): Promise<{ [key: string]: BlockNode[string] }> {
  await using file = new ImageFile(image);
  const header = await readQcow2Header(file);
  if (header.externalData) {
    throw new TapscopeError("E_DISK_BACKING", `cannot read ${image}: its data lie in another file that it names`, {
      hint: "such files are never opened; convert the image where its data file belongs (qemu-img convert)",
    });
  }
  const encrypted = header.unsupported.includes("encryption");
  const key: BlockNode = encrypted ? { encrypt: { format: "luks", "key-secret": chain.secret() } } : {};
  const { backingFile, backingFormat } = header;
  return { ...key, backing: backingFile === null ? null : await chain.describeBacking(backingFile, backingFormat) };
}

/** The parts of the disk whose L2 tables lie beyond the end of the file: qemu takes them for unallocated. */
async function lostTables(file: ImageFile): Promise<LostRange[]> {
  const { clusterBits, l1Offset, l1Entries, unsupported } = await readQcow2Header(file);
  const clusterSize = 2 ** clusterBits;
  const entrySize = unsupported.includes("extended L2 entries") ? 16 : 8;
  const covered = clusterSize * (clusterSize / entrySize);
  const l1 = await readBytes(file, l1Offset, l1Entries * 8);
  const lost: LostRange[] = [];
  for (let i = 0; i < l1Entries; i++) {
    const table = Number(l1.readBigUInt64BE(i * 8) & 0x00fffffffffffe00n);
    if (table !== 0 && table + clusterSize > file.size) lost.push({ start: i * covered, end: (i + 1) * covered });
  }
  return lost;
}
