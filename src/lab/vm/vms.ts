/** The virtual machines of a lab: A and B on VLAN 100 and a monitor on a trunk, as in minimega's experiments (topology.ts). */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { TapscopeError } from "../../core/errors.ts";
import { run } from "../../core/process.ts";
import { Session } from "../../mirror/session.ts";
import { findPort } from "../../mirror/state.ts";
import { labTarget } from "../../mirror/target.ts";
import { createVmTap, qemuNic } from "../../mirror/vm-tap.ts";
import type { Lab } from "../find.ts";
import { makeDiskDir, noteDisk } from "../registry.ts";
import { LAB_VMS, type LabVm } from "../topology.ts";
import { eventually } from "../wait.ts";
import { READY } from "./guest.ts";
import { ensureInitramfs } from "./initramfs.ts";
import { ensureKernel } from "./kernel.ts";
import { consoleLog, runningMachines, startMachine } from "./machine.ts";
import { requirePrograms } from "./programs.ts";
import { ensureProjectDisk } from "./project-disk.ts";

/** The size of the monitor's disk, as in minimega's `disk create qcow2 bro.qcow2 10G`; the file grows as it is written. */
const DISK_SIZE = "10G";
/** Under TCG on a busy machine; a boot takes about ten seconds there. */
const BOOT_MS = 240_000;

export interface VmsOptions {
  /** The monitor's disk, a qcow2 image, made when it is not there. Default: one that goes with the lab. */
  readonly disk?: string | undefined;
  /** Hardware virtualisation instead of QEMU's own translation. */
  readonly kvm?: boolean;
  /** Is told what is being done. */
  readonly onStep?: (step: string) => void;
}

/** What machines are made of, from the cache when it is there. */
export interface Parts {
  readonly kernel: string;
  readonly initramfs: string;
  readonly project: string;
}

/** Gets or makes the parts of the machines. @throws TapscopeError `E_VM_TOOLS`, `E_VM_KERNEL`, `E_VM_CACHE` */
export async function ensureParts(onStep: (step: string) => void = () => {}): Promise<Parts> {
  requirePrograms([
    "qemu-system-x86_64",
    "qemu-img",
    "busybox",
    "cpio",
    "mke2fs",
    "sfdisk",
    "blkid",
    "tcpdump",
    "ethtool",
  ]);
  const kernel = await ensureKernel(onStep);
  return { kernel: kernel.image, initramfs: await ensureInitramfs(kernel), project: await ensureProjectDisk() };
}

/**
 * Starts those of a lab's machines that do not run, and returns when they have booted.
 * @returns their names
 * @throws TapscopeError `E_VM_START`, `E_VM_BOOT`, and as `ensureParts`
 */
export async function startVms(lab: Lab, parts: Parts, options: VmsOptions): Promise<string[]> {
  const { onStep = () => {} } = options;
  if (lab.hosts) {
    throw new TapscopeError(
      "E_LAB_HOSTS",
      `could not start VMs in lab '${lab.name}': it has hosts a and b on their taps`,
      {
        hint: "another lab: tapscope lab up --vms --name vms",
      },
    );
  }
  const running = runningMachines(lab);
  const missing = LAB_VMS.filter(({ name }) => !running.has(name));
  await using session = new Session(labTarget(lab));
  const disk = options.disk === undefined ? join(makeDiskDir(lab.name), "bro.qcow2") : resolve(options.disk);
  if (missing.some((vm) => vm.disk)) {
    await ensureDisk(disk);
    noteDisk(lab.name, disk);
  }
  for (const vm of missing) {
    if (!findPort(await session.state(), vm.tap)) await createVmTap(session, { vlan: vm.vlan, name: vm.tap });
    await startMachine(lab, {
      name: vm.name,
      memoryMb: vm.memoryMb,
      kernel: parts.kernel,
      initramfs: parts.initramfs,
      boot: bootWords(vm),
      nic: [...qemuNic(vm.tap, vm.mac, true).slice(0, -1), `${qemuNic(vm.tap, vm.mac, true).at(-1)},romfile=`],
      disks: vm.disk
        ? [
            { file: disk, format: "qcow2", readOnly: false },
            { file: parts.project, format: "raw", readOnly: true },
          ]
        : [],
      accelerator: options.kvm ? "kvm" : "tcg",
    });
  }
  if (missing.length > 0) onStep(`booting ${missing.map(({ name }) => name).join(", ")}`);
  for (const { name } of missing) await booted(lab, name);
  return missing.map(({ name }) => name);
}

/** The monitor says nothing by itself, so that its tap can become a mirror's output: no address, no IPv6. */
function bootWords(vm: LabVm): string[] {
  return [
    ...(vm.ip === null ? ["ipv6.disable=1"] : [`tapscope.ip=${vm.ip}`]),
    ...(vm.disk ? ["tapscope.disk=/dev/vda", "tapscope.project=/dev/vdb"] : []),
  ];
}

async function ensureDisk(disk: string): Promise<void> {
  if (existsSync(disk)) return;
  mkdirSync(dirname(disk), { recursive: true });
  await run(["qemu-img", "create", "-q", "-f", "qcow2", disk, DISK_SIZE], { timeoutMs: 30_000 });
}

async function booted(lab: Lab, name: string): Promise<void> {
  await eventually(`the boot of VM ${name}`, BOOT_MS, () => {
    const log = consoleLog(lab, name);
    if (log.includes(READY)) return true;
    if (runningMachines(lab).has(name)) return undefined;
    const words = log.trim().split("\n").slice(-3).join("; ");
    throw new TapscopeError("E_VM_BOOT", `VM ${name} ended while it booted${words ? `: ${words}` : ""}`);
  });
}
