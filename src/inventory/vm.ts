/** A virtual machine as the inventories know it, and how a command line names one: `vm:NAME`, `vm:NAME:1` for its second NIC. */
import { TapscopeError, UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";

/** A network interface of a virtual machine. Null: not known. */
export interface Nic {
  /** From 0, as the machine counts them. */
  readonly index: number;
  /** The host's device, and the switch's port of that name. */
  readonly tap: string | null;
  readonly mac: string | null;
  readonly vlan: number | null;
  readonly bridge: string | null;
  /** The machine may leave the checksums of what it sends to the host. Absent: not known. */
  readonly checksum_offload?: boolean;
}

export interface Vm {
  readonly name: string;
  /** Of its QEMU. */
  readonly pid: number | null;
  readonly uuid: string | null;
  /** Where it was found first. */
  readonly from: "qemu" | "minimega" | "libvirt" | "ovs";
  readonly nics: readonly Nic[];
  /** Paths of disk images as the machine was given them. */
  readonly disks: readonly string[];
}

/** A NIC that a command line names. */
export interface NicName {
  readonly vm: string;
  readonly index: number;
}

/** Reads `vm:NAME[:NIC]`; undefined when the word is not one. @throws UsageError for an empty name */
export function parseNicName(word: string): NicName | undefined {
  if (!word.startsWith("vm:")) return undefined;
  const match = /^vm:(.+?)(?::(\d{1,4}))?$/su.exec(word);
  if (!match) throw new UsageError("vm: needs the name of a virtual machine", { hint: "tapscope vm list shows them" });
  return { vm: match[1]!, index: Number(match[2] ?? 0) };
}

/** The tap of a NIC. @throws TapscopeError `E_NO_VM`, `E_NO_NIC`, `E_AMBIGUOUS` */
export function tapOf(vms: readonly Vm[], { vm: name, index }: NicName): string {
  const found = vms.filter((vm) => vm.name === name || vm.uuid === name);
  const shown = sanitize(name);
  if (found.length === 0) {
    throw new TapscopeError("E_NO_VM", `there is no virtual machine '${shown}'`, {
      hint: vms.length > 0 ? `there are: ${vms.map((vm) => sanitize(vm.name)).join(", ")}` : "tapscope vm list",
    });
  }
  if (found.length > 1) {
    throw new TapscopeError("E_AMBIGUOUS", `${found.length} virtual machines are called '${shown}'`, {
      hint: `name the port: ${found.map((vm) => `${vm.nics[index]?.tap ?? "?"} (pid ${vm.pid ?? "unknown"})`).join(", ")}`,
    });
  }
  const { nics } = found[0]!;
  const nic = nics.find((one) => one.index === index);
  if (!nic) {
    throw new TapscopeError("E_NO_NIC", `no such interface ${index} for ${shown}: it has ${nics.length}`, {
      hint: "the first is 0",
    });
  }
  if (nic.tap === null) {
    throw new TapscopeError("E_NO_NIC", `interface ${index} of ${shown} has no tap that can be seen`, {
      hint: "other users' processes show their taps to root only (sudo); tapscope vm list shows what is known",
    });
  }
  return nic.tap;
}
