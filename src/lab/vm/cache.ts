/** Where the parts of a lab's virtual machines are kept once they are made: `${XDG_CACHE_HOME:-~/.cache}/tapscope/vm/`. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf, TapscopeError } from "../../core/errors.ts";

/** The folder, made when it is not there. @throws TapscopeError `E_VM_CACHE` */
export function cacheDir(): string {
  const base = process.env.XDG_CACHE_HOME;
  const dir = join(base?.startsWith("/") ? base : join(homedir(), ".cache"), "tapscope/vm");
  try {
    mkdirSync(dir, { recursive: true });
  } catch (cause) {
    throw new TapscopeError("E_VM_CACHE", `cannot keep virtual machines' parts in ${dir}: ${messageOf(cause)}`, {
      hint: "set XDG_CACHE_HOME to a folder of your own",
      cause,
    });
  }
  return dir;
}

/**
 * A part by its name `<what>-<key>`: found, or made by `make` in a folder of its own and moved into place when it is whole. Parts of
 * that kind with another key are removed then. Two processes may make one at once: the first stays.
 * @param make is given the path to make, a file or a folder, below a folder that goes
 */
export async function cached(what: string, key: string, make: (path: string) => Promise<void>): Promise<string> {
  const dir = cacheDir();
  const name = `${what}-${key}`;
  const path = join(dir, name);
  if (existsSync(path)) return path;
  const work = mkdtempSync(join(dir, ".making-"));
  try {
    const made = join(work, name);
    await make(made);
    if (!existsSync(path)) renameSync(made, path);
    for (const other of readdirSync(dir)) {
      if (other.startsWith(`${what}-`) && other !== name) rmSync(join(dir, other), { recursive: true, force: true });
    }
    return path;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
