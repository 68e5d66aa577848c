/** The kernel of a lab's virtual machines: Debian's cloud kernel, downloaded as a package and unpacked, never installed. */
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { messageOf, TapscopeError } from "../../core/errors.ts";
import { ProcessError, run } from "../../core/process.ts";
import { cached } from "./cache.ts";

export interface Kernel {
  readonly image: string;
  /** The folder of the modules' `.ko` files, in folders as the package has them (net/openvswitch/openvswitch.ko). */
  readonly modules: string;
}

const PACKAGE = "linux-image-cloud-amd64";
const DOWNLOAD_MS = 300_000;

/**
 * The kernel, from the cache after the first time. To have a newer one, remove the cache's folder `kernel-*`.
 * @throws TapscopeError `E_VM_KERNEL` where apt has no such package or cannot download it
 */
export async function ensureKernel(onStep: (step: string) => void = () => {}): Promise<Kernel> {
  const dir = await cached("kernel", process.arch, async (path) => {
    const name = await packageName();
    onStep(`downloading ${name} (once; unpacked, not installed)`);
    mkdirSync(`${path}.deb`);
    await download(name, `${path}.deb`);
    const [deb] = readdirSync(`${path}.deb`);
    const unpacked = `${path}.unpacked`;
    await run(["dpkg-deb", "-x", join(`${path}.deb`, deb!), unpacked], { timeoutMs: 120_000 });
    mkdirSync(path);
    const image = readdirSync(join(unpacked, "boot")).find((file) => file.startsWith("vmlinuz"));
    // Debian 12 has lib/modules/, Debian 13 usr/lib/modules/.
    const lib = ["lib/modules", "usr/lib/modules"].map((folder) => join(unpacked, folder)).find((it) => existsSync(it));
    if (image === undefined || lib === undefined)
      return refuse(`${name} has no kernel or modules where they are looked for`);
    renameSync(join(unpacked, "boot", image), join(path, "vmlinuz"));
    renameSync(join(lib, readdirSync(lib)[0]!, "kernel"), join(path, "modules"));
  });
  return { image: join(dir, "vmlinuz"), modules: join(dir, "modules") };
}

/** The package of the newest kernel: the one that the package without a version depends on. */
async function packageName(): Promise<string> {
  if (process.arch !== "x64") refuse(`virtual machines are made for x86-64 only, and this is ${process.arch}`);
  const ask = async () => {
    const { stdout } = await run(["apt-cache", "depends", PACKAGE], { okCodes: [0, 100], timeoutMs: 30_000 }).catch(
      (cause) => refuse(`there is no apt here to get it with: ${messageOf(cause)}`, cause),
    );
    return /^ *Depends: (linux-image-\S+)$/m.exec(stdout)?.[1];
  };
  return (await ask()) ?? ((await renewLists()) ? await ask() : undefined) ?? refuse(`apt's lists have no ${PACKAGE}`);
}

async function download(name: string, into: string): Promise<void> {
  const argv = ["apt-get", "-qq", "-o", "Acquire::Retries=3", "download", name];
  const get = () => run(argv, { cwd: into, timeoutMs: DOWNLOAD_MS });
  try {
    await get().catch(async (error) => {
      // The lists may name a version that is no longer there.
      if (!(await renewLists())) throw error;
      await get();
    });
  } catch (cause) {
    const words = cause instanceof ProcessError ? /^E: .*$/m.exec(cause.stderrTail)?.[0] : undefined;
    refuse(`cannot download ${name}: ${words ?? messageOf(cause)}`, cause);
  }
}

/** Only root may. */
async function renewLists(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  return await run(["apt-get", "-qq", "update"], { timeoutMs: DOWNLOAD_MS }).then(
    () => true,
    () => false,
  );
}

function refuse(why: string, cause?: unknown): never {
  throw new TapscopeError("E_VM_KERNEL", `could not get a kernel for virtual machines: ${why}`, {
    hint: `it comes from Debian's package ${PACKAGE}; as root: apt-get update`,
    cause,
  });
}

/** The files of modules by their names, in order; one that the kernel has built in has none. Debian 13 packs them with xz. */
export function moduleFiles(kernel: Kernel, names: readonly string[]): string[] {
  const paths = new Map<string, string>();
  for (const file of readdirSync(kernel.modules, { recursive: true, encoding: "utf8" })) {
    const name = /([^/]+)\.ko(?:\.xz)?$/.exec(file)?.[1];
    if (name !== undefined) paths.set(name, join(kernel.modules, file));
  }
  return names.flatMap((name) => paths.get(name) ?? []);
}
