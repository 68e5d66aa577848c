/** Puts programs of this machine into the tree of a virtual machine's files, with the libraries they need, at the paths they have here. */
import { copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { TapscopeError } from "../../core/errors.ts";
import { findProgram, run } from "../../core/process.ts";
import { packagesOf } from "../../core/programs.ts";

/** @throws TapscopeError `E_VM_TOOLS` naming the packages of programs that are missing */
export function requirePrograms(names: readonly string[]): void {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) return;
  throw new TapscopeError(
    "E_VM_TOOLS",
    `virtual machines need programs that are not installed: ${missing.join(", ")}`,
    {
      hint: `apt-get install --no-install-recommends ${packagesOf(missing).join(" ")}`,
    },
  );
}

/** Copies a program to `<root>/<folder>/<name>`, and its libraries to where its loader looks for them. */
export async function addProgram(root: string, folder: string, path: string, name: string): Promise<void> {
  mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(path, join(root, folder, name));
  // A static program, or a script: ldd exits with 1.
  const { stdout } = await run(["ldd", path], { okCodes: [0, 1] });
  for (const [, library] of stdout.matchAll(/(\/\S+) \(0x/g)) {
    mkdirSync(join(root, dirname(library!)), { recursive: true });
    if (!existsSync(join(root, library!))) copyFileSync(realpathSync(library!), join(root, library!));
  }
}

/** Makes the folders of a small system, and busybox with links for all its applets but those that are there already. */
export async function addBusybox(root: string): Promise<void> {
  for (const dir of ["bin", "sbin", "proc", "sys", "dev", "tmp", "run", "etc"])
    mkdirSync(join(root, dir), { recursive: true });
  const busybox = findProgram("busybox")!;
  copyFileSync(busybox, join(root, "bin/busybox"));
  const { stdout } = await run([busybox, "--list"]);
  for (const applet of stdout.split("\n")) {
    if (applet === "" || existsSync(join(root, "bin", applet))) continue;
    symlinkSync("busybox", join(root, "bin", applet));
  }
}
