/**
 * A virtual machine in a lab: a QEMU in the lab's namespaces, which ends with the lab. Its console, log and PID file are in the
 * lab's own /run: nothing of them is left either.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { TapscopeError } from "../../core/errors.ts";
import { ProcessError, run } from "../../core/process.ts";
import type { Lab } from "../find.ts";

/** Where the lab's own processes see what belongs to its machines. */
const RUN = "/run/tapscope";
/** QEMU answers after it has opened its devices; the machine boots meanwhile. */
const START_MS = 60_000;

export interface MachineSpec {
  readonly name: string;
  readonly memoryMb: number;
  readonly kernel: string;
  readonly initramfs: string;
  /** Words for the kernel's command line. */
  readonly boot: readonly string[];
  /** Arguments of QEMU for its NIC (mirror/vm-tap.ts). */
  readonly nic: readonly string[];
  /** In the order of /dev/vda, /dev/vdb. */
  readonly disks: readonly { readonly file: string; readonly format: "qcow2" | "raw"; readonly readOnly: boolean }[];
  readonly accelerator: "tcg" | "kvm";
}

/** A path in the lab's /run as this process can open it. */
function pathOf(lab: Lab, file: string): string {
  return `/proc/${lab.place.lab!.pid}/root${RUN}/${file}`;
}

export const consolePath = (lab: Lab, name: string): string => pathOf(lab, `${name}.console`);

/** What the machine's console has said since it was started. */
export function consoleLog(lab: Lab, name: string): string {
  try {
    return readFileSync(pathOf(lab, `${name}.log`), "latin1").replaceAll("\r", "");
  } catch {
    return "";
  }
}

/** Starts a machine; it goes on without us. @throws TapscopeError `E_VM_START` with QEMU's own words */
export async function startMachine(lab: Lab, spec: MachineSpec): Promise<void> {
  mkdirSync(pathOf(lab, ""), { recursive: true });
  const at = (ending: string) => `${RUN}/${spec.name}.${ending}`;
  // The CPU that QEMU gives by default knows no SSE4, and so no WebAssembly SIMD, which the engine is compiled for.
  const argv = [
    ...[
      "qemu-system-x86_64",
      "-name",
      spec.name,
      "-accel",
      spec.accelerator,
      "-cpu",
      "max",
      "-m",
      String(spec.memoryMb),
    ],
    ...["-display", "none", "-nodefaults", "-no-reboot", "-daemonize", "-pidfile", at("pid")],
    "-chardev",
    `socket,id=console,path=${at("console")},server=on,wait=off,logfile=${at("log")},logappend=off`,
    ...["-serial", "chardev:console", ...spec.nic],
    ...spec.disks.flatMap(({ file, format, readOnly }) => [
      "-drive",
      `file=${file.replaceAll(",", ",,")},format=${format},if=virtio,readonly=${readOnly ? "on" : "off"}`,
    ]),
    ...["-kernel", spec.kernel, "-initrd", spec.initramfs],
    ...["-append", ["console=ttyS0", "quiet", "panic=-1", `tapscope.name=${spec.name}`, ...spec.boot].join(" ")],
  ];
  try {
    await run(argv, { place: lab.place, timeoutMs: START_MS });
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    throw new TapscopeError(
      "E_VM_START",
      `could not start VM ${spec.name}: ${error.stderrTail.trim() || error.message}`,
      {
        hint: error.hint ?? (spec.accelerator === "kvm" ? "without --kvm it needs no /dev/kvm" : undefined),
        cause: error,
      },
    );
  }
}

/** The machines of a lab that run: the PIDs of their QEMUs as this process's PID namespace numbers them, by name. */
export function runningMachines(lab: Lab): ReadonlyMap<string, number> {
  const machines = new Map<string, number>();
  let files: string[];
  try {
    files = readdirSync(pathOf(lab, ""));
  } catch {
    return machines;
  }
  const processes = processesOf(lab);
  for (const file of files.filter((name) => name.endsWith(".pid"))) {
    const inner = Number.parseInt(readFileSync(pathOf(lab, file), "latin1"), 10);
    const pid = processes.get(inner);
    const name = file.slice(0, -".pid".length);
    if (pid !== undefined && /^qemu/.test(readText(`/proc/${pid}/comm`))) machines.set(name, pid);
  }
  return machines;
}

/** The processes of a lab's PID namespace: their PID there, and the one here (proc(5), NSpid). */
function processesOf(lab: Lab): Map<number, number> {
  const found = new Map<number, number>();
  const namespace = readlinkSync(`/proc/${lab.place.lab!.pid}/ns/pid`);
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${entry}/ns/pid`) !== namespace) continue;
      const inner = /^NSpid:.*?(\d+)$/m.exec(readText(`/proc/${entry}/status`))?.[1];
      if (inner !== undefined) found.set(Number(inner), Number(entry));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
