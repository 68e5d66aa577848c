/** What a virtual machine boots into: busybox, tcpdump, the tools that make a filesystem, and the modules of its virtio devices. */
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { findProgram, run } from "../../core/process.ts";
import { cached } from "./cache.ts";
import { GUEST_COMMANDS, GUEST_INIT } from "./guest.ts";
import { type Kernel, moduleFiles } from "./kernel.ts";
import { addBusybox, addProgram } from "./programs.ts";

/** Modules of virtio devices and of ext4's checksums. Some need others: they are loaded in this order. */
export const VIRTIO_MODULES = [
  ...["virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"],
  ...["failover", "net_failover", "virtio_net", "crc32c_generic", "libcrc32c"],
];
const TOOLS = ["tcpdump", "mke2fs", "sfdisk", "blkid", "ethtool"];

/** The initramfs of a lab's machines, from the cache when nothing it is made of has changed. */
export async function ensureInitramfs(kernel: Kernel): Promise<string> {
  const parts = [kernel.image, ...[...TOOLS, "busybox"].map((name) => findProgram(name)!)];
  const key = createHash("sha256").update(GUEST_INIT).update(JSON.stringify(GUEST_COMMANDS));
  for (const path of parts) key.update(`${path} ${statSync(path).mtimeMs} ${statSync(path).size}\n`);
  return await cached("initramfs", key.digest("hex").slice(0, 16), async (path) => {
    const root = `${path}.root`;
    mkdirSync(join(root, "bro"), { recursive: true });
    mkdirSync(join(root, "project"));
    for (const name of TOOLS) await addProgram(root, "sbin", findProgram(name)!, name);
    mkdirSync(join(root, "etc"));
    copyFileSync("/etc/mke2fs.conf", join(root, "etc/mke2fs.conf"));
    for (const [name, text] of Object.entries(GUEST_COMMANDS)) writeProgram(join(root, "sbin", name), text);
    await addBusybox(root);
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\ntcpdump:x:0:0::/:/bin/sh\n");
    writeFileSync(join(root, "etc/group"), "root:x:0:\n");
    await addModules(root, kernel, VIRTIO_MODULES);
    writeProgram(join(root, "init"), GUEST_INIT);
    await packInitramfs(root, path);
  });
}

function writeProgram(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

/** Puts modules into `<root>/modules`, named so that they are loaded in the order given. */
export async function addModules(root: string, kernel: Kernel, names: readonly string[]): Promise<void> {
  mkdirSync(join(root, "modules"), { recursive: true });
  for (const [index, file] of moduleFiles(kernel, names).entries()) {
    const copy = join(root, "modules", `${String(index).padStart(2, "0")}-${basename(file)}`);
    copyFileSync(file, copy);
    if (copy.endsWith(".xz")) await run(["xz", "--decompress", copy]);
  }
}

/** Packs a folder as the archive that the kernel unpacks at boot (initramfs buffer format: cpio newc). Not compressed: TCG is slow at that. */
export async function packInitramfs(root: string, archive: string): Promise<void> {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  await run(["cpio", "--create", "--format=newc", "--quiet", "--owner=0:0", "--file", archive], {
    cwd: root,
    input: `${names.join("\n")}\n`,
    timeoutMs: 60_000,
  });
}
