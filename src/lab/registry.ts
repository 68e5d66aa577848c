/**
 * Where labs are known by name: `${XDG_RUNTIME_DIR:-/tmp/tapscope-$UID}/labs/<name>/`, one folder a lab, mode 0700.
 * The holder keeps `lock` locked (flock(1)) for as long as it lives; `lab.json` says how to enter it.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf, TapscopeError, UsageError } from "../core/errors.ts";
import { isAlive } from "../core/identity.ts";
import { sanitize } from "../core/text.ts";

/** What `lab.json` holds. PIDs are as the user's own PID namespace numbers them. */
export interface LabRecord {
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
}

/** @throws UsageError when `name` cannot be a lab's name. */
export function checkLabName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/.test(name)) {
    throw new UsageError(`not a lab's name: '${sanitize(name)}'`, {
      hint: "at most 32 letters, digits, '-', '_' and '.', beginning with a letter or a digit",
    });
  }
}

/** The folder of all labs of this user, made when it is not there. @throws TapscopeError `E_LAB_DIR` when it is not safe to use. */
export function labsDir(): string {
  const uid = process.getuid?.() ?? 0;
  const runtime = process.env.XDG_RUNTIME_DIR;
  const base = runtime?.startsWith("/") && existsSync(runtime) ? runtime : `/tmp/tapscope-${uid}`;
  makeDir(base);
  // Anybody can make a folder of that name in /tmp before we do.
  const stat = lstatSync(base);
  if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & 0o022) !== 0) {
    throw new TapscopeError(
      "E_LAB_DIR",
      `cannot keep labs in ${base}: it belongs to somebody else, or others may write to it`,
      {
        hint: `${base === runtime ? "" : "remove it, or "}set XDG_RUNTIME_DIR to a folder of your own`,
      },
    );
  }
  const labs = join(base, "labs");
  makeDir(labs);
  return labs;
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

/** The record of a lab whose holder lives, ready or not. */
export function readRecord(name: string): LabRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(labDir(name), "lab.json"), "utf8")) as LabRecord;
    const alive =
      isAlive(record.holder.pid, record.holder.startTime) && isAlive(record.init.pid, record.init.startTime);
    return alive ? record : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Writes the record whole or not at all. */
export function writeRecord(name: string, record: LabRecord): void {
  const path = join(labDir(name), "lab.json");
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeLabDir(name: string): void {
  rmSync(labDir(name), { recursive: true, force: true });
}

/** Names of all folders of labs, alive or stale. */
export function labNames(): string[] {
  return readdirSync(labsDir(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
