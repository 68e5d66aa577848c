/**
 * Tells processes apart across time, PID namespaces and reboots: a PID alone is reused.
 * Sources: proc(5) (`/proc/PID/stat` field 22 starttime, field 3 state), namespaces(7).
 */
import { readFileSync, statSync } from "node:fs";

/** Clock ticks after boot at which `pid` started, or undefined when there is no such process (a zombie is none). */
export function startTimeOf(pid: number): string | undefined {
  const [state, ...fields] = statFields(pid);
  return state === "Z" || state === "X" ? undefined : fields[18];
}

/** The PID of the process that `pid` is a child of. */
export function parentOf(pid: number): number | undefined {
  const parent = statFields(pid)[1];
  return parent === undefined ? undefined : Number(parent);
}

/** Fields 3 (state) and later of `/proc/PID/stat`; none when there is no such process. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in field 2 may hold anything, `)` and spaces too: count from its last `)`.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

/** True when the process that once was `pid` with `startTime` still runs. */
export function isAlive(pid: number, startTime: string): boolean {
  return startTimeOf(pid) === startTime;
}

/** This process's user as the surrounding user namespace numbers it: in a lab's, root is the user who started it (user_namespaces(7)). */
export function hostUid(): number {
  const uid = process.getuid?.() ?? 0;
  for (const line of readFileSync("/proc/self/uid_map", "latin1").trim().split("\n")) {
    const [inside, outside, count] = line.trim().split(/ +/).map(Number) as [number, number, number];
    if (uid >= inside && uid < inside + count) return outside + uid - inside;
  }
  return uid;
}

/** `<boot id>/<inode of this process's PID namespace>`: two PIDs can be compared only when these are equal. */
export function pidScope(): string {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return `${boot}/${statSync("/proc/self/ns/pid").ino}`;
}

/** The owner that rows in OVSDB name: `<pid>:<starttime>@<boot id>/<inode of the PID namespace>`; this process, unless another is named. */
export function ownerId(pid = process.pid): string {
  return `${pid}:${startTimeOf(pid)}@${pidScope()}`;
}

/** What can be said of an owner: from another boot it is dead, from another PID namespace unknown. */
export function ownerState(owner: string): { readonly pid: number; readonly state: "alive" | "dead" | "unknown" } {
  const match = /^(\d+):(\d+)@([0-9a-f-]+)\/(\d+)$/.exec(owner);
  if (!match) return { pid: 0, state: "unknown" };
  const pid = Number(match[1]);
  const [boot, namespace] = pidScope().split("/");
  if (match[3] !== boot) return { pid, state: "dead" };
  if (match[4] !== namespace) return { pid, state: "unknown" };
  return { pid, state: isAlive(pid, match[2]!) ? "alive" : "dead" };
}
