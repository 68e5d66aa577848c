/**
 * Which processes hold tap devices open: the QEMU of a virtual machine, for one. The kernel says so in the fdinfo of each descriptor
 * of /dev/net/tun (`iff:` and the device's name; drivers/net/tun.c, tun_chr_show_fdinfo). Other users' processes show theirs to root only.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

export interface TapHolder {
  readonly tap: string;
  /** As this process's PID namespace numbers it. */
  readonly pid: number;
  /** The program's name as the kernel has it, 15 bytes at most. */
  readonly program: string;
}

/** The PIDs of all processes that can be seen from here. */
export function processIds(): number[] {
  return readdirSync("/proc").flatMap((entry) => (/^\d+$/.test(entry) ? [Number(entry)] : []));
}

/** The tap devices a process holds, by descriptor. Empty when it is gone, or not ours to look into. */
export function tapsHeldBy(pid: number): ReadonlyMap<number, string> {
  const held = new Map<number, string>();
  let descriptors: string[];
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return held;
  }
  for (const descriptor of descriptors) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${descriptor}`) !== "/dev/net/tun") continue;
      const tap = /^iff:\s*(\S+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, "utf8"))?.[1];
      if (tap !== undefined) held.set(Number(descriptor), tap);
    } catch {
      // Closed meanwhile.
    }
  }
  return held;
}

/** Whether a process is in the network namespace that `namespace` (a path such as /proc/self/ns/net) leads to. */
export function isInNamespace(pid: number, namespace: string): boolean {
  try {
    return statSync(`/proc/${pid}/ns/net`).ino === statSync(namespace).ino;
  } catch {
    return false;
  }
}

/**
 * Who holds taps of one network namespace, by the tap's name. Device names are unique only within a namespace, and fdinfo does
 * not say which: a process is taken to hold devices of its own.
 * @param namespace a path that leads to it: /proc/self/ns/net, /proc/PID/ns/net
 */
export function tapHolders(namespace: string): ReadonlyMap<string, TapHolder> {
  const holders = new Map<string, TapHolder>();
  for (const pid of processIds()) {
    if (!isInNamespace(pid, namespace)) continue;
    for (const tap of tapsHeldBy(pid).values()) holders.set(tap, { tap, pid, program: programOf(pid) });
  }
  return holders;
}

function programOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
