/** Boots a small virtual machine (the kernel of a lab's VMs, busybox) that runs one shell script, and reads its serial console. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addModules, packInitramfs, VIRTIO_MODULES } from "../../src/lab/vm/initramfs.ts";
import { ensureKernel } from "../../src/lab/vm/kernel.ts";
import { addBusybox } from "../../src/lab/vm/programs.ts";

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

/** What differs between the machines of tests. */
export interface BootOptions {
  /** In the order of vda, vdb, … */
  readonly drives: readonly Drive[];
  /** It is ended after so many seconds at the latest. */
  readonly seconds: number;
  /** Modules besides those of virtio, in an order in which they can be loaded. */
  readonly modules?: readonly string[];
  /** Words for the kernel's command line. */
  readonly words?: readonly string[];
}

/** Boots and runs `script` (busybox sh, as PID 1, with /proc, /sys and /dev there). */
export async function boot(folder: string, script: string, options: BootOptions): Promise<Vm> {
  const { drives, seconds, modules = [], words = [] } = options;
  const kernel = await ensureKernel();
  const initrd = join(folder, "initrd.cpio");
  const root = join(folder, "initrd");
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, "mnt"), { recursive: true });
  await addBusybox(root);
  await addModules(root, kernel, [...VIRTIO_MODULES, ...modules]);
  writeFileSync(join(root, "init"), initOf(script));
  chmodSync(join(root, "init"), 0o755);
  await packInitramfs(root, initrd);
  const argv = [
    "-accel",
    "tcg",
    "-cpu",
    "max",
    "-m",
    "768",
    "-nographic",
    "-no-reboot",
    "-nodefaults",
    "-serial",
    "stdio",
  ];
  argv.push("-kernel", kernel.image, "-initrd", initrd);
  argv.push("-append", ["console=ttyS0", "quiet", "panic=-1", ...words].join(" "));
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

function initOf(script: string): string {
  return `#!/bin/busybox sh
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
echo 3 > /proc/sys/kernel/printk
for turn in 1 2; do for module in /modules/*.ko; do insmod $module; done; done 2>/dev/null
${script}
poweroff -f
`;
}
