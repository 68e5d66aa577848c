/**
 * Where a qcow2 image's backing file is, if the user allows it. The name comes from the image, so from whoever made it:
 * unchecked, it pulls any file of this host, or a network address, into the "disk".
 */
import { realpathSync } from "node:fs";
import { basename, dirname, resolve, sep } from "node:path";
import { TapscopeError } from "../../../core/errors.ts";

/** What qemu takes as a protocol or a JSON description instead of a file name (block.c, path_has_protocol). */
const PROTOCOL = /^[A-Za-z0-9+.-]+:/;

/**
 * The real path of `name`, the backing file that `image` asks for, inside one of `allowed`.
 * A file that was moved is found there by its last name too.
 * @throws TapscopeError `E_DISK_BACKING` in every other case.
 */
export function locateBackingFile(image: string, name: string, allowed: readonly string[]): string {
  const failed = `cannot read ${image}: it continues in another image, '${name}'`;
  if (PROTOCOL.test(name)) {
    throw new TapscopeError("E_DISK_BACKING", `${failed}, which is no file name: such backing files are never opened`, {
      hint: "copy what it means to a file and rebase the image onto that (qemu-img rebase -u)",
    });
  }
  const wanted = resolve(dirname(image), name);
  if (allowed.length === 0) {
    throw new TapscopeError("E_DISK_BACKING", `${failed} (${wanted}), which is not opened unasked`, {
      hint: `if that is the disk this one was made from: --backing-dir ${dirname(wanted)}`,
    });
  }
  const folders = allowed.map(realFolder);
  for (const candidate of [wanted, ...folders.map((folder) => resolve(folder, basename(name)))]) {
    const real = realpathOrNull(candidate);
    if (real !== null && folders.some((folder) => real.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
      return real;
    }
  }
  const there = realpathOrNull(wanted) !== null;
  throw new TapscopeError(
    "E_DISK_BACKING",
    there
      ? `${failed} (${wanted}), which lies in none of the folders of --backing-dir`
      : `${failed} (relative to ${dirname(resolve(image))}), and there is no such file there or in ${allowed.join(", ")}`,
    { hint: `name the folder that holds ${basename(name)} with --backing-dir` },
  );
}

function realFolder(folder: string): string {
  const real = realpathOrNull(folder);
  if (real === null) throw new TapscopeError("E_DISK_BACKING", `cannot use --backing-dir ${folder}: no such folder`);
  return real;
}

function realpathOrNull(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
