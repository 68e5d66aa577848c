/** A disk with this project as it runs here (Node, the build, its packages), for a virtual machine: an ext4 filesystem, read-only there. */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram, run } from "../../core/process.ts";
import { cached } from "./cache.ts";
import { addProgram } from "./programs.ts";

/** The folder that holds package.json and dist/. */
const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));
/** Room for Node, which is about 120 MB; the file is sparse. */
const MEGABYTES = 512;

/** The disk, from the cache when neither Node nor the build has changed. */
export async function ensureProjectDisk(): Promise<string> {
  const key = createHash("sha256");
  const files = readdirSync(join(PROJECT, "dist"), { recursive: true, encoding: "utf8" }).sort();
  for (const path of [process.execPath, ...files.map((file) => join(PROJECT, "dist", file))])
    key.update(`${path} ${statSync(path).mtimeMs} ${statSync(path).size}\n`);
  return await cached("project", key.digest("hex").slice(0, 16), async (path) => {
    const root = `${path}.root`;
    await addProject(root);
    await makeDisk(path, root, MEGABYTES);
  });
}

/** Puts Node into `<root>/bin`, and the project into `<root>/tapscope`. */
export async function addProject(root: string): Promise<void> {
  for (const dir of ["bin", "proc", "sys", "dev", "tmp", "run"]) mkdirSync(join(root, dir), { recursive: true });
  await addProgram(root, "bin", process.execPath, "node");
  const into = join(root, "tapscope");
  cpSync(join(PROJECT, "dist"), join(into, "dist"), { recursive: true });
  cpSync(join(PROJECT, "package.json"), join(into, "package.json"));
  for (const [name, from] of runtimePackages(PROJECT)) {
    cpSync(from, join(into, "node_modules", name), { recursive: true, dereference: true });
  }
}

/** An ext4 filesystem of a folder's files, with nothing mounted and no root needed (mke2fs(8), -d). */
export async function makeDisk(path: string, root: string, megabytes: number): Promise<void> {
  const mke2fs = findProgram("mke2fs")!;
  const options = ["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0", "-d", root];
  await run([mke2fs, ...options, path, `${megabytes}m`], { timeoutMs: 120_000 });
  rmSync(root, { recursive: true });
}

/** The packages that run with the project, as Node would find them: from package.json to package.json. */
function runtimePackages(project: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (folder: string): void => {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      const at = findPackage(folder, name);
      if (at === undefined || found.has(name)) continue;
      found.set(name, at);
      visit(at);
    }
  };
  visit(project);
  return found;
}

function findPackage(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}
