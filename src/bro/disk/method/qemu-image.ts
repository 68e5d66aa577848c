/**
 * How an image is described to qemu so that it opens that file and nothing else: every file is named by us, by its real
 * path, read-only; what an image says about other files is checked first or switched off (by its format's row).
 */
import { realpathSync } from "node:fs";
import { TapscopeError } from "../../../core/errors.ts";
import type { OpenOptions } from "../disk.ts";
import { locateBackingFile } from "../image/backing.ts";
import { MAX_CHAIN } from "../image/chain.ts";
import { formatNamed, identifyImage } from "../image/formats.ts";
import { ImageFile } from "../image/image-file.ts";
import type { BlockNode, ImageFormat } from "../image/image-format.ts";

/** The id of the secret that holds an encrypted image's passphrase. */
export const SECRET = "key";

/** @throws TapscopeError when the image leads to files it must not lead to, or is of a kind that is not read. */
export async function describeForQemu(
  image: string,
  format: ImageFormat,
  options: OpenOptions,
  depth = 0,
): Promise<BlockNode> {
  if (!format.qemu) {
    throw new TapscopeError("E_DISK_FORMAT", `cannot read ${image}: ${format.name} images are not supported`, {
      hint: `convert it first: qemu-img convert -f ${format.name} -O qcow2`,
    });
  }
  const own = await format.qemu(image, {
    async describeBacking(name, said) {
      if (depth >= MAX_CHAIN) throw new TapscopeError("E_DISK_BACKING", `cannot read ${image}: too many backing files`);
      const below = locateBackingFile(image, name, options.backingDirs ?? []);
      return describeForQemu(below, said === "raw" ? formatNamed("raw") : await formatOf(below), options, depth + 1);
    },
    secret() {
      if (options.keyFile !== undefined) return SECRET;
      throw new TapscopeError("E_DISK_KEY_NEEDED", `cannot read ${image}: it is encrypted (LUKS)`, {
        hint: "--key-file FILE, a file that holds the passphrase",
      });
    },
  });
  const file: BlockNode = {
    driver: "file",
    filename: realpathSync(image),
    "read-only": true,
    locking: options.live ? "off" : "auto",
  };
  return { driver: format.name, "read-only": true, file, ...own };
}

async function formatOf(path: string): Promise<ImageFormat> {
  await using file = new ImageFile(path);
  return await identifyImage(file, path);
}
