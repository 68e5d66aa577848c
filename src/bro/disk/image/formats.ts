/** The disk image formats, one row each: a new one is a row, and a file where it takes more than a few lines. */
import { TapscopeError } from "../../../core/errors.ts";
import { type BlockDevice, readBytes } from "../device.ts";
import { magic, recognises } from "../magic.ts";
import type { ImageFormat } from "./image-format.ts";
import { QCOW2 } from "./qcow2-format.ts";
import { RAW } from "./raw.ts";
import { VMDK } from "./vmdk.ts";

/** For formats that hold all their data in one file, and name no other. */
const selfContained = async () => ({});

/** The first that recognises an image has it. */
export const IMAGE_FORMATS: readonly ImageFormat[] = [
  QCOW2,
  VMDK,
  { name: "qcow", magics: [magic(0, "QFI\xfb\0\0\0\x01")], extensions: ["qcow"] },
  { name: "qed", magics: [magic(0, "QED\0")], extensions: ["qed"] },
  { name: "vdi", magics: [magic(0x40, "\x7f\x10\xda\xbe")], extensions: ["vdi"], qemu: selfContained },
  { name: "vhdx", magics: [magic(0, "vhdxfile")], extensions: ["vhdx"], qemu: selfContained },
  { name: "vpc", magics: [magic(0, "conectix"), magic(-512, "conectix")], extensions: ["vhd"], qemu: selfContained },
  {
    name: "luks",
    magics: [magic(0, "LUKS\xba\xbe")],
    qemu: async (_image, chain) => ({ "key-secret": chain.secret() }),
  },
  { name: "parallels", magics: [magic(0, "WithoutFreeSpace"), magic(0, "WithouFreSpacExt")] },
  RAW,
];

/** The row of that name. @throws TapscopeError `E_DISK_FORMAT` when there is none. */
export function formatNamed(name: string): ImageFormat {
  const found = IMAGE_FORMATS.find((format) => format.name === name);
  if (!found) throw new TapscopeError("E_DISK_FORMAT", `there is no image format ${name}`);
  return found;
}

/**
 * The format of the image in `file`, whose name is `path`, by its first and last bytes. The name is only used to refuse
 * guessing "raw".
 * @throws TapscopeError `E_DISK_FORMAT` for an empty file, or one whose name promises a format its bytes do not have.
 */
export async function identifyImage(file: BlockDevice, path: string): Promise<ImageFormat> {
  if (file.size === 0) throw new TapscopeError("E_DISK_FORMAT", `cannot read ${path} as a disk: the file is empty`);
  const head = await readBytes(file, 0, Math.min(file.size, 512));
  const tail = file.size < 512 ? Buffer.alloc(0) : await readBytes(file, file.size - 512, 512);
  const found = IMAGE_FORMATS.find(({ magics }) => recognises(magics, head, tail));
  if (found) return found;
  const extension = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const promised = IMAGE_FORMATS.find(({ extensions }) => extensions?.includes(extension));
  if (!promised) return RAW;
  const version = head.toString("latin1", 0, 4) === "QFI\xfb" ? ` (qcow version ${head.readUInt32BE(4)})` : "";
  throw new TapscopeError(
    "E_DISK_FORMAT",
    `${path} is not a ${promised.name} image: its first bytes are not those of one${version}`,
    { hint: "if it is a raw disk, give it a name that ends in .raw or .img" },
  );
}
