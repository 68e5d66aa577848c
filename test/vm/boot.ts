/**
 * Boots a small virtual machine (QEMU, TCG, Debian's cloud kernel from scripts/vm-kernel.sh, busybox) that runs one shell
 * script, and reads its serial console.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const kernel = join(import.meta.dirname, "../../.cache/vm-kernel");
/** Some need others: the order of insmod. */
const MODULES = [
  "virtio",
  "virtio_ring",
  "virtio_pci_modern_dev",
  "virtio_pci_legacy_dev",
  "virtio_pci",
  "virtio_blk",
  "crc32c_generic",
  "libcrc32c",
  "nbd",
  "xfs",
];

/** Why no VM can be booted here, or null. */
export function whyNoVm(): string | null {
  if (!existsSync(join(kernel, "done"))) return "no kernel for a VM: bash scripts/vm-kernel.sh gets it";
  for (const tool of ["qemu-system-x86_64", "busybox", "cpio"]) {
    try {
      execFileSync("sh", ["-c", `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`], { stdio: "ignore" });
    } catch {
      return `${tool} is not installed`;
    }
  }
  return null;
}

export interface Vm extends AsyncDisposable {
  readonly pid: number;
  /** What the console has said so far. */
  readonly console: () => string;
  /** Resolves when the console has said `text`. @throws when the VM ends or `seconds` pass before. */
  until(text: string, seconds: number): Promise<void>;
  /** Ends the machine as a power cut would. */
  kill(): Promise<void>;
}

/** A disk image for the VM, in the order of vda, vdb, … */
export interface Drive {
  readonly file: string;
  readonly format: "raw" | "qcow2";
  readonly readOnly?: boolean;
}

/** Boots and runs `script` (busybox sh, as PID 1, with /proc, /sys and /dev there). It is ended after `seconds` at the latest. */
export async function boot(folder: string, script: string, drives: readonly Drive[], seconds: number): Promise<Vm> {
  const initrd = makeInitrd(folder, script);
  const argv = ["-accel", "tcg", "-m", "768", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio"];
  argv.push("-kernel", join(kernel, "vmlinuz"), "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1");
  for (const { file, format, readOnly } of drives) {
    argv.push("-drive", `file=${file},format=${format},if=virtio,snapshot=${readOnly ? "on" : "off"}`);
  }
  const child: ChildProcess = spawn("qemu-system-x86_64", argv, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("latin1").on("data", (text: string) => {
      said += text.replaceAll("\r", "");
    });
  }
  let running = true;
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => {
      running = false;
      resolve();
    });
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
  void ended.then(() => clearTimeout(limit));
  const kill = async () => {
    if (running) child.kill("SIGKILL");
    await ended;
  };
  return {
    pid: child.pid!,
    console: () => said,
    async until(text, within) {
      for (const deadline = Date.now() + within * 1000; !said.includes(text); ) {
        if (!running) throw new Error(`the VM ended before it said '${text}':\n${said.slice(-3000)}`);
        if (Date.now() > deadline)
          throw new Error(`the VM did not say '${text}' within ${within} s:\n${said.slice(-3000)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

function makeInitrd(folder: string, script: string): string {
  const root = join(folder, "initrd");
  rmSync(root, { recursive: true, force: true });
  for (const dir of ["bin", "modules", "proc", "sys", "dev", "mnt", "tmp"])
    mkdirSync(join(root, dir), { recursive: true });
  cpSync("/bin/busybox", join(root, "bin/busybox"), { dereference: true });
  for (const name of readdirSync(join(kernel, "modules"))) {
    cpSync(join(kernel, "modules", name), join(root, "modules", name));
  }
  const loads = MODULES.map((name) => `[ -e /modules/${name}.ko ] && insmod /modules/${name}.ko`).join("\n");
  writeFileSync(
    join(root, "init"),
    `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
echo 3 > /proc/sys/kernel/printk
for turn in 1 2; do
${loads}
done 2>/dev/null
${script}
poweroff -f
`,
  );
  chmodSync(join(root, "init"), 0o755);
  const archive = join(folder, "initrd.cpio");
  execFileSync("sh", ["-c", `find . | cpio -o -H newc --quiet > '${archive}'`], { cwd: root });
  return archive;
}
