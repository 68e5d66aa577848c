/**
 * Where labs are known by name: `${XDG_RUNTIME_DIR:-/tmp/tapscope-$UID}/labs/<name>/`, one folder a lab, mode 0700.
 * The holder keeps `lock` locked (flock(1)) for as long as it lives: that tells whether a lab is alive, in every PID namespace.
 * `lab.json` says how to enter it, with PIDs, which mean something only in the PID namespace of the process that made it.
 */
import {
  type Dirent,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf, TapscopeError, UsageError } from "../core/errors.ts";
import { hostUid, isAlive, parentOf, pidScope } from "../core/identity.ts";
import { run } from "../core/process.ts";
import { sanitize } from "../core/text.ts";

/** What `lab.json` holds. */
export interface LabRecord {
  /** The PID namespace that numbers the PIDs below (core/identity). */
  readonly scope: string;
  /** The lab's holder on the outside: killing it ends the lab. */
  readonly holder: { readonly pid: number; readonly startTime: string };
  /** The lab's PID 1, whose namespaces are the lab. Its start time tells it from a later process of that number. */
  readonly init: { readonly pid: number; readonly startTime: string };
  /** The lab has a user namespace of its own. */
  readonly user: boolean;
  /** The lab is set up: until then only the process that makes it uses it. */
  readonly ready: boolean;
  /** The process that sets it up. */
  readonly maker: { readonly pid: number; readonly startTime: string };
  /** It has the hosts a and b and a monitor tap; else only the switch, and maybe virtual machines. */
  readonly hosts: boolean;
  /** The disk of its monitor VM, once there is one. */
  readonly disk?: string;
}

/** @throws UsageError when `name` cannot be a lab's name. */
export function checkLabName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/.test(name)) {
    throw new UsageError(`not a lab's name: '${sanitize(name)}'`, {
      hint: "at most 32 letters, digits, '-', '_' and '.', beginning with a letter or a digit",
    });
  }
}

/** Below which this user's labs are kept. In a lab too, where a user is another one, and /run is hidden. */
function baseDir(): string {
  const runtime = process.env.XDG_RUNTIME_DIR;
  return runtime?.startsWith("/") && existsSync(runtime) ? runtime : `/tmp/tapscope-${hostUid()}`;
}

/** The folder of all labs of this user; it need not be there. */
export function labsDir(): string {
  return join(baseDir(), "labs");
}

/** Makes the folder of all labs. @throws TapscopeError `E_LAB_DIR` when it is not safe to use. */
function makeLabsDir(): void {
  makeDir(baseDir());
  checkBase();
  makeDir(labsDir());
}

/** Below which labs find what this process sees too: VMs' disks. A lab has a /run of its own, where the runtime directory would be. */
const diskBase = () => `/tmp/tapscope-${hostUid()}`;
const diskDir = (name: string) => join(diskBase(), "disks", name);

/** Makes the folder for the disks of a lab's VMs, which goes with the lab. @throws TapscopeError `E_LAB_DIR` */
export function makeDiskDir(name: string): string {
  makeDir(diskBase());
  checkBase(diskBase());
  makeDir(join(diskBase(), "disks"));
  makeDir(diskDir(name));
  return diskDir(name);
}

// Anybody can make a folder of that name in /tmp before we do.
function checkBase(base = baseDir()): void {
  const stat = lstatSync(base, { throwIfNoEntry: false });
  if (!stat || (stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0)) return;
  throw new TapscopeError(
    "E_LAB_DIR",
    `cannot keep labs in ${base}: it belongs to somebody else, or others may write to it`,
    {
      hint: `${base === process.env.XDG_RUNTIME_DIR ? "" : "remove it, or "}set XDG_RUNTIME_DIR to a folder of your own`,
    },
  );
}

// Not recursively: in /proc, Node's own `recursive` never returns.
function makeDir(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw new TapscopeError("E_LAB_DIR", `cannot keep labs in ${path}: ${messageOf(error)}`, {
      hint: "set XDG_RUNTIME_DIR to a folder of your own",
      cause: error,
    });
  }
}

export function labDir(name: string): string {
  checkLabName(name);
  return join(labsDir(), name);
}

/** The file that a lab's holder keeps locked. */
export function lockFile(name: string): string {
  return join(labDir(name), "lock");
}

/** Makes a lab's folder. */
export function makeLabDir(name: string): void {
  checkLabName(name);
  makeLabsDir();
  makeDir(labDir(name));
  const now = new Date();
  utimesSync(labDir(name), now, now);
}

/** When a lab's folder was last used to start it, milliseconds since the epoch; 0 when it is not there. */
export function startedAt(name: string): number {
  return statSync(labDir(name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** The record of a lab whose holder lives and can be seen from here, ready or not. */
export function readRecord(name: string): LabRecord | undefined {
  const record = readAnyRecord(name);
  return record?.scope === pidScope() &&
    isAlive(record.holder.pid, record.holder.startTime) &&
    isAlive(record.init.pid, record.init.startTime)
    ? record
    : undefined;
}

/** The lab was started in another PID namespace, or before the last boot: its PIDs mean nothing here. */
export function isFromElsewhere(name: string): boolean {
  const record = readAnyRecord(name);
  return record !== undefined && record.scope !== pidScope();
}

function readAnyRecord(name: string): LabRecord | undefined {
  checkBase();
  try {
    return JSON.parse(readFileSync(join(labDir(name), "lab.json"), "utf8")) as LabRecord;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Writes the record whole or not at all. */
export function writeRecord(name: string, record: LabRecord): void {
  const path = join(labDir(name), "lab.json");
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Notes the disk of a lab's monitor VM in its record. */
export function noteDisk(name: string, disk: string): void {
  const record = readRecord(name);
  if (record) writeRecord(name, { ...record, disk });
}

/** Whether a lab's lock is held: then it is alive, though perhaps not to be seen from here. */
export async function isHeld(name: string): Promise<boolean> {
  if (!existsSync(lockFile(name))) return false;
  // Shared, so that two that look at the same time do not see each other.
  return (await run(["flock", "-n", "-s", "-E", "75", lockFile(name), "true"], { okCodes: [0, 75] })).exitCode === 75;
}

/** Removes a lab's folder unless its lock is held, in one step: a lab that starts meanwhile is not lost. @returns whether it is gone */
export async function removeIfDead(name: string): Promise<boolean> {
  const dir = labDir(name);
  if (!existsSync(dir)) return true;
  const argv = ["flock", "-n", "-E", "75", lockFile(name), "rm", "-rf", "--", dir, diskDir(name)];
  return (await run(argv, { okCodes: [0, 75] })).exitCode === 0;
}

/** Names of all folders of labs, alive or dead. */
export function labNames(): string[] {
  checkBase();
  let entries: Dirent[];
  try {
    entries = readdirSync(labsDir(), { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new TapscopeError("E_LAB_DIR", `cannot keep labs in ${labsDir()}: ${messageOf(error)}`, {
      hint: "set XDG_RUNTIME_DIR to a folder of your own",
      cause: error,
    });
  }
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/**
 * The holders of labs, found without their records: processes that have a lab's lock file open, and whose parent has not. A lab whose
 * folder was deleted under it is found too; the PID 1 of the lab that this process itself is in is not.
 */
export function holdersByName(): Map<string, number[]> {
  const prefix = `${labsDir()}/`;
  const open = new Map<number, string>();
  for (const pid of list("/proc").filter((entry) => /^\d+$/.test(entry))) {
    for (const fd of list(`/proc/${pid}/fd`)) {
      const path = linkOf(`/proc/${pid}/fd/${fd}`);
      const name = path.startsWith(prefix) ? LOCK_PATH.exec(path.slice(prefix.length))?.[1] : undefined;
      if (name !== undefined) open.set(Number(pid), name);
    }
  }
  const found = new Map<string, number[]>();
  for (const [pid, name] of open) {
    if (pid === 1 || open.get(parentOf(pid) ?? 0) === name) continue;
    found.set(name, [...(found.get(name) ?? []), pid]);
  }
  return found;
}

/** Below the folder of all labs; the kernel says so when a file was deleted. */
const LOCK_PATH = /^([A-Za-z0-9][\w.-]*)\/lock(?: \(deleted\))?$/;

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
