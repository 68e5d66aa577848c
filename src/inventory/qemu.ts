/** Virtual machines found as QEMU processes, whoever started them: from their command lines, and from the taps they hold. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { isInNamespace, processIds, tapsHeldBy } from "../core/tap-holders.ts";
import { parseQemuArguments } from "./qemu-arguments.ts";
import type { Nic, Vm } from "./vm.ts";

/** Names of the program: qemu-system-x86_64, Red Hat's qemu-kvm, Debian's old kvm. */
const PROGRAM = /^(?:qemu-system-\w+|qemu-kvm|kvm)$/;

/**
 * The QEMU processes in a network namespace, in order of their PIDs.
 * @param namespace a path that leads to it: /proc/self/ns/net, /proc/PID/ns/net
 */
export function qemuMachines(namespace = "/proc/self/ns/net"): Vm[] {
  return processIds().flatMap((pid): Vm[] => {
    const [program, ...argv] = commandLine(pid);
    if (program === undefined || !PROGRAM.test(basename(program)) || !isInNamespace(pid, namespace)) return [];
    const { name, uuid, nics, disks } = parseQemuArguments(argv);
    const held = tapsHeldBy(pid);
    return [
      {
        name: name ?? `qemu-${pid}`,
        pid,
        uuid,
        from: "qemu",
        nics: nics.map(
          ({ mac, ifname, descriptor, checksumOffload }, index): Nic => ({
            index,
            tap: ifname ?? held.get(descriptor ?? -1) ?? (nics.length === 1 ? ([...held.values()][0] ?? null) : null),
            mac,
            vlan: null,
            bridge: null,
            checksum_offload: checksumOffload,
          }),
        ),
        disks,
      },
    ];
  });
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}
