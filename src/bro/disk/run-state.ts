/**
 * What a run has to undo even if it is killed: every step is written down in a folder of its own before it is done,
 * and the next run undoes what a dead one left (partial destinations, mounts, nbd devices, sockets).
 */
import { appendFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TapscopeError } from "../../core/errors.ts";
import { hostUid, ownerId, ownerState, pidScope } from "../../core/identity.ts";

/** A step that must be undone, in the order in which steps are undone last to first. */
export type Step =
  | { readonly kind: "partial"; readonly path: string }
  | { readonly kind: "mount"; readonly path: string }
  | { readonly kind: "nbd"; readonly device: string };

const STATE = "steps.jsonl";
/** How many of this process use its folder: several disks may be open at once. */
let users = 0;

/** The folder and the log of steps of one running extraction. Disposing the last one of a process removes the folder: the steps are undone by then. */
export class RunState implements AsyncDisposable {
  /** Mode 0700: sockets and overlays go here. */
  readonly folder: string;
  readonly owner: string;

  constructor() {
    this.owner = ownerId();
    this.folder = join(baseFolder(), folderOf(this.owner));
    users++;
    mkdirSync(this.folder, { mode: 0o700, recursive: true });
  }

  /** Call before doing what the step says. */
  record(step: Step): void {
    appendFileSync(join(this.folder, STATE), `${JSON.stringify(step)}\n`, { mode: 0o600 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (--users === 0) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Undoes what dead runs of this user left. Returns what was undone, sentences; what cannot be undone is said too. */
export async function sweepDeadRuns(): Promise<string[]> {
  const base = baseFolder();
  const done: string[] = [];
  for (const name of existsSync(base) ? readdirSync(base) : []) {
    if (!isDead(name)) continue;
    const folder = join(base, name);
    let undone = true;
    for (const step of readSteps(folder).reverse()) {
      try {
        const sentence = await undo(step, name);
        if (sentence) done.push(sentence);
      } catch (error) {
        undone = false;
        done.push(`could not undo what a killed run left: ${(error as Error).message}`);
      }
    }
    if (undone) rmSync(folder, { recursive: true, force: true });
  }
  return done;
}

/** The name of an owner's folder, short enough for a socket in it (unix(7): 108 bytes): of the boot's id it has the beginning. */
function folderOf(owner: string): string {
  return owner.replace(/^(\d+):(\d+)@([0-9a-f]{8})[0-9a-f-]*\/(\d+)$/, "$1-$2-$3-$4");
}

/** True when the process whose folder has this name is known to have ended. */
function isDead(folder: string): boolean {
  const [, pid, startTime, boot, namespace] = /^(\d+)-(\d+)-([0-9a-f]{8})-(\d+)$/.exec(folder) ?? [];
  if (boot === undefined) return false;
  const present = pidScope().split("/")[0]!;
  return !present.startsWith(boot) || ownerState(`${pid}:${startTime}@${present}/${namespace}`).state === "dead";
}

function readSteps(folder: string): Step[] {
  try {
    const lines = readFileSync(join(folder, STATE), "utf8").split("\n");
    // The last line may be cut by the kill.
    return lines.flatMap((line): Step[] => {
      try {
        return [JSON.parse(line) as Step];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

/** `folder`: the name of the folder in which the step was written down. */
async function undo(step: Step, folder: string): Promise<string | null> {
  // Loading what runs programs takes longer than most of what is done without it.
  const run = async (argv: readonly string[]) => (await import("../../core/process.ts")).run(argv);
  if (step.kind === "partial") {
    const found = readOwner(step.path);
    if (found ? folderOf(found) !== folder : !hasOnlyBegun(step.path)) return null;
    rmSync(step.path, { recursive: true, force: true });
    return `removed ${step.path}, left by a killed run`;
  }
  if (step.kind === "mount") {
    const mounts = readFileSync("/proc/self/mountinfo", "latin1").split("\n");
    if (!mounts.some((line) => line.split(" ")[4] === step.path)) return null;
    await run(["umount", "-l", step.path]);
    return `unmounted ${step.path}, left by a killed run`;
  }
  const name = step.device.replace("/dev/", "");
  if (!existsSync(`/sys/class/block/${name}/pid`)) return null;
  await run(["qemu-nbd", "--disconnect", step.device]);
  return `disconnected ${step.device}, left by a killed run`;
}

/** True for a folder that a killed run made and had not yet written its name into. */
function hasOnlyBegun(partial: string): boolean {
  try {
    return readdirSync(partial).every((name) => name === "owner");
  } catch {
    return false;
  }
}

/** Who made a partial destination: the text of its file `owner`; null when it is none of ours. */
export function readOwner(partial: string): string | null {
  try {
    return readFileSync(join(partial, "owner"), "utf8").trim();
  } catch {
    return null;
  }
}

function baseFolder(): string {
  const uid = process.getuid!();
  const runtime = process.env.XDG_RUNTIME_DIR;
  const ours = runtime ? join(runtime, "tapscope") : `/tmp/tapscope-${hostUid()}`;
  const base = join(ours, "disk");
  mkdirSync(base, { mode: 0o700, recursive: true });
  // /tmp is everyone's: a folder another user made there beforehand is not to be trusted.
  const stat = lstatSync(ours);
  if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & 0o022) !== 0) {
    throw new TapscopeError(
      "E_STATE_FOLDER",
      `cannot use ${ours}: it is not a folder that only this user may write to`,
      {
        hint: "remove it, or set XDG_RUNTIME_DIR",
      },
    );
  }
  return base;
}
