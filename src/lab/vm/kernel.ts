/** The kernel of a lab's virtual machines: Debian's cloud kernel, downloaded as a package and unpacked, never installed. */
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { TapscopeError } from "../../core/errors.ts";
import { run } from "../../core/process.ts";
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
    await run(["apt-get", "-qq", "-o", "Acquire::Retries=3", "download", name], {
      cwd: `${path}.deb`,
      timeoutMs: DOWNLOAD_MS,
    }).catch((cause) => refuse(`cannot download ${name}`, cause));
    const [deb] = readdirSync(`${path}.deb`);
    await run(["dpkg-deb", "-x", join(`${path}.deb`, deb!), `${path}.unpacked`], { timeoutMs: 120_000 });
    mkdirSync(path);
    const boot = join(`${path}.unpacked`, "boot");
    renameSync(join(boot, readdirSync(boot).find((file) => file.startsWith("vmlinuz"))!), join(path, "vmlinuz"));
    const lib = join(`${path}.unpacked`, "lib/modules");
    renameSync(join(lib, readdirSync(lib)[0]!, "kernel"), join(path, "modules"));
  });
  return { image: join(dir, "vmlinuz"), modules: join(dir, "modules") };
}

/** The package of the newest kernel: the one that the package without a version depends on. */
async function packageName(): Promise<string> {
  if (process.arch !== "x64") refuse(`virtual machines are made for x86-64 only, and this is ${process.arch}`);
  const { stdout } = await run(["apt-cache", "depends", PACKAGE], { okCodes: [0, 100], timeoutMs: 30_000 }).catch(
    (cause) => refuse("there is no apt here to get a kernel with", cause),
  );
  const name = /^ *Depends: (linux-image-\S+)$/m.exec(stdout)?.[1];
  return name ?? refuse(`apt knows no package ${PACKAGE}`);
}

function refuse(why: string, cause?: unknown): never {
  throw new TapscopeError("E_VM_KERNEL", `could not get a kernel for virtual machines: ${why}`, {
    hint: `it comes from Debian's package ${PACKAGE}: as root, apt-get update`,
    cause,
  });
}

/** The paths of modules by their names; one that the kernel has built in has no file. */
export function moduleFiles(kernel: Kernel, names: readonly string[]): string[] {
  const all = readdirSync(kernel.modules, { recursive: true, encoding: "utf8" });
  const paths = new Map(all.filter((file) => file.endsWith(".ko")).map((file) => [file.replace(/^.*\//, ""), file]));
  return names.flatMap((name) => paths.get(`${name}.ko`) ?? []).map((file) => join(kernel.modules, file));
}
