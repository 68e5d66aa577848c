/** VMware's images, read through qemu. Their descriptor names the files that hold their data, and qemu opens them whatever they are. */
import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import { TapscopeError } from "../../../core/errors.ts";
import { readBytes } from "../device.ts";
import { magic } from "../magic.ts";
import { ImageFile } from "./image-file.ts";
import type { ImageFormat } from "./image-format.ts";

const DESCRIPTOR_BYTES = 64 * 1024;

export const VMDK: ImageFormat = {
  name: "vmdk",
  magics: [magic(0, "KDMV"), magic(0, "COWD"), magic(0, "# Disk DescriptorFile")],
  extensions: ["vmdk"],
  async qemu(image) {
    await checkExtents(image);
    return { backing: null };
  },
};

/** Only regular files next to the image are allowed, and no parent image. */
async function checkExtents(image: string): Promise<void> {
  await using file = new ImageFile(image);
  const text = (await readBytes(file, 0, Math.min(file.size, DESCRIPTOR_BYTES))).toString("latin1");
  const refuse = (what: string) =>
    new TapscopeError("E_DISK_BACKING", `cannot read ${image}: ${what}`, {
      hint: "convert it where it belongs: qemu-img convert -O qcow2",
    });
  const parent = /^parentFileNameHint\s*=\s*"([^"]*)"/im.exec(text)?.[1];
  if (parent) throw refuse(`it continues in another image, '${parent}'`);
  for (const match of text.matchAll(/^(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)(?:\s+"([^"\n]*)")?/gm)) {
    const [, kind, name] = match;
    if (kind === "ZERO" || (text.startsWith("KDMV") && kind !== "FLAT")) continue;
    const plain = name !== undefined && !name.includes("/") && !name.includes(":");
    const stat = plain ? lstatSync(join(dirname(image), name), { throwIfNoEntry: false }) : undefined;
    if (!stat?.isFile()) throw refuse(`its data lie in '${name ?? kind}', which is no regular file next to it`);
  }
}
