/** Which disk image format a file is, by its first and last bytes. The name is only used to refuse guessing "raw". */
import { TapscopeError } from "../../../core/errors.ts";
import { type BlockDevice, readBytes } from "../device.ts";

/** `raw` is what has no magic of its own. The names are qemu's. */
export type ImageFormat = "raw" | "qcow2" | "qcow" | "qed" | "vmdk" | "vdi" | "vhdx" | "vpc" | "luks" | "parallels";

const MAGICS: readonly (readonly [ImageFormat, number, Buffer])[] = [
  ["qcow2", 0, Buffer.from("QFI\xfb\0\0\0\x02", "latin1")],
  ["qcow2", 0, Buffer.from("QFI\xfb\0\0\0\x03", "latin1")],
  ["qcow", 0, Buffer.from("QFI\xfb\0\0\0\x01", "latin1")],
  ["qed", 0, Buffer.from("QED\0", "latin1")],
  ["vmdk", 0, Buffer.from("KDMV")],
  ["vmdk", 0, Buffer.from("COWD")],
  ["vmdk", 0, Buffer.from("# Disk DescriptorFile")],
  ["vdi", 0x40, Buffer.from([0x7f, 0x10, 0xda, 0xbe])],
  ["vhdx", 0, Buffer.from("vhdxfile")],
  ["vpc", 0, Buffer.from("conectix")],
  ["luks", 0, Buffer.from("LUKS\xba\xbe", "latin1")],
  ["parallels", 0, Buffer.from("WithoutFreeSpace")],
  ["parallels", 0, Buffer.from("WithouFreSpacExt")],
];

/** Names that promise a format: a file so called without that format's magic is damaged, not raw. */
const EXTENSIONS: Readonly<Record<string, ImageFormat>> = {
  qcow2: "qcow2",
  qcow: "qcow",
  qed: "qed",
  vmdk: "vmdk",
  vdi: "vdi",
  vhdx: "vhdx",
  vhd: "vpc",
};

/**
 * The format of the image in `file`, whose name is `path`.
 * @throws TapscopeError `E_DISK_FORMAT` for an empty file, or one whose name promises a format its bytes do not have.
 */
export async function identifyImage(file: BlockDevice, path: string): Promise<ImageFormat> {
  if (file.size === 0) throw new TapscopeError("E_DISK_FORMAT", `cannot read ${path} as a disk: the file is empty`);
  const head = await readBytes(file, 0, Math.min(file.size, 512));
  for (const [format, offset, magic] of MAGICS) {
    if (head.subarray(offset, offset + magic.length).equals(magic)) return format;
  }
  if (file.size >= 512) {
    const foot = await readBytes(file, file.size - 512, 8);
    if (foot.toString("latin1") === "conectix") return "vpc";
  }
  const promised = EXTENSIONS[/\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? ""];
  if (promised !== undefined) {
    const version = head.toString("latin1", 0, 4) === "QFI\xfb" ? ` (qcow version ${head.readUInt32BE(4)})` : "";
    throw new TapscopeError(
      "E_DISK_FORMAT",
      `${path} is not a ${promised} image: its first bytes are not one's${version}`,
      {
        hint: "if it is a raw disk, give it a name that ends in .raw or .img",
      },
    );
  }
  return "raw";
}
