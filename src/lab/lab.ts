/** Starts and stops labs. See registry.ts for where they are known, holder.ts for what they live in. */
import { accessSync, constants, existsSync } from "node:fs";
import { messageOf, TapscopeError } from "../core/errors.ts";
import { isAlive, ownerId, pidScope, startTimeOf } from "../core/identity.ts";
import { findLab, type Lab, listLabs, toLab, UNSEEN, unusable, unusableLabs } from "./find.ts";
import { kill, startHolder } from "./holder.ts";
import {
  checkLabName,
  holdersByName,
  isFromElsewhere,
  isHeld,
  labDir,
  labNames,
  lockFile,
  makeLabDir,
  readRecord,
  removeIfDead,
  startedAt,
  writeRecord,
} from "./registry.ts";
import { SCHEMA_PATHS, setUpLab } from "./setup.ts";
import { eventually } from "./wait.ts";

export const DEFAULT_LAB = "lab";
/** The userspace datapath's ports are tap devices. */
const TUN = "/dev/net/tun";

/** Longer than a holder has its lock before its record is written. */
const STARTING_MS = 6000;

/** A lab that `startLab` made: disposing of it ends it. */
export interface OwnLab extends Lab, AsyncDisposable {}

export interface StartOptions {
  /** Default `lab`. */
  readonly name?: string;
  /** The lab dies with this process. Default false: it stays until `stopLab`. */
  readonly attached?: boolean;
  /** With hosts a and b and a monitor tap; default true. */
  readonly hosts?: boolean;
}

/**
 * The lab of that name: found running, or made. Making one takes about a second and needs no root.
 * @returns the lab, and whether it was made now.
 * @throws TapscopeError `E_LAB_NAMESPACES` where the system forbids user namespaces, `E_LAB_OVS` where Open vSwitch is missing, `E_LAB_TUN`.
 */
export async function ensureLab(options: StartOptions = {}): Promise<{ readonly lab: Lab; readonly made: boolean }> {
  const name = options.name ?? DEFAULT_LAB;
  checkLabName(name);
  const schema = SCHEMA_PATHS.find((path) => existsSync(path));
  if (schema === undefined) {
    throw new TapscopeError("E_LAB_OVS", "could not start the lab: Open vSwitch is not installed", {
      hint: "apt-get install openvswitch-switch, or npm run demo, which installs it without starting its service",
    });
  }
  checkTun();
  let since: number | undefined;
  return await eventually(`lab '${name}'`, 30_000, async () => {
    const found = findLab(name);
    if (found) return { lab: found, made: false };
    const half = readRecord(name);
    if (half) {
      if (isAlive(half.maker.pid, half.maker.startTime)) return undefined;
      await endHolder(half.holder.pid);
    }
    try {
      return { lab: await make(name, schema, options), made: true };
    } catch (error) {
      if (!(error instanceof TapscopeError) || error.code !== "E_LAB_LOCKED") throw error;
      // Another process was faster: its lab will be found. Or it holds the lock and cannot be seen from here.
      since ??= performance.now();
      const lost = isFromElsewhere(name) || performance.now() - since > STARTING_MS;
      if (lost && !readRecord(name) && (await isHeld(name))) throw unusable(name, UNSEEN);
      return undefined;
    }
  });
}

function checkTun(): void {
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new TapscopeError(
      "E_LAB_TUN",
      `could not start the lab: ${absent ? `there is no ${TUN}` : `this user may not open ${TUN}`}`,
      {
        hint: absent
          ? "modprobe tun; a container has to be given the device"
          : `as root: chmod 0666 ${TUN}   (the mode that udev gives it); or run tapscope with sudo`,
        cause,
      },
    );
  }
}

async function make(name: string, schema: string, { attached = false, hosts = true }: StartOptions): Promise<Lab> {
  makeLabDir(name);
  const holder = await startHolder(lockFile(name), attached);
  try {
    const record = {
      scope: pidScope(),
      holder: { pid: holder.pid, startTime: startTimeOf(holder.pid) ?? "" },
      init: { pid: holder.init, startTime: startTimeOf(holder.init) ?? "" },
      user: holder.user,
      maker: { pid: process.pid, startTime: startTimeOf(process.pid) ?? "" },
      hosts,
    };
    writeRecord(name, { ...record, ready: false });
    await setUpLab({ lab: { pid: holder.init, user: holder.user } }, schema, { hosts, owner: ownerId(holder.pid) });
    const ready = { ...record, ready: true };
    writeRecord(name, ready);
    return toLab(name, ready);
  } catch (error) {
    await endHolder(holder.pid);
    await removeIfDead(name);
    throw error;
  }
}

/** A lab for this process alone: it ends when disposed of, or when this process dies. @throws TapscopeError `E_LAB_EXISTS` */
export async function startLab(options: Omit<StartOptions, "attached"> = {}): Promise<OwnLab> {
  const name = options.name ?? `lab-${process.pid}`;
  const { lab, made } = await ensureLab({ ...options, name, attached: true });
  if (!made)
    throw new TapscopeError("E_LAB_EXISTS", `could not start lab '${name}': it already runs`, {
      hint: "choose another name",
    });
  return { ...lab, [Symbol.asyncDispose]: async () => void (await stopLab(name)) };
}

/**
 * Ends a lab and everything in it; also one that is not ready, or whose record is lost.
 * @returns false when there was none
 * @throws TapscopeError `E_LAB_UNUSABLE` when its processes cannot be seen from here
 */
export async function stopLab(name: string): Promise<boolean> {
  checkLabName(name);
  const existed = existsSync(labDir(name));
  const record = readRecord(name);
  const pids = [...new Set([...(record ? [record.holder.pid] : []), ...(holdersByName().get(name) ?? [])])];
  for (const pid of pids) await endHolder(pid);
  // The lock is free a moment after the last process that held it.
  const gone = await eventually(`the end of lab '${name}'`, 10_000, async () => {
    if (await removeIfDead(name)) return true;
    return pids.length === 0 ? false : undefined;
  });
  if (!gone) throw unusable(name, UNSEEN);
  return existed || pids.length > 0;
}

/** What `sweepLabs` found. */
export interface SweptLabs {
  /** Labs that were ended, or whose folder was removed. */
  readonly removed: readonly string[];
  readonly kept: readonly { readonly name: string; readonly why: string }[];
}

/**
 * Removes what killed labs left, and labs that nobody will make ready any more. With `all`, ends labs whose holder is unknown too: those
 * whose record is lost, or whose folder was deleted under them. Labs that can be used are left alone.
 * @param dryRun nothing is removed
 */
export async function sweepLabs(all: boolean, dryRun = false): Promise<SweptLabs> {
  const removed: string[] = [];
  const kept: { name: string; why: string }[] = [];
  const usable = new Set(listLabs().map(({ name }) => name));
  const alive = await unusableLabs();
  for (const { name, why } of alive) {
    const record = readRecord(name);
    const abandoned = record !== undefined && !isAlive(record.maker.pid, record.maker.startTime);
    const unknown = record === undefined && Date.now() - startedAt(name) > STARTING_MS;
    if (!abandoned && !(all && unknown)) kept.push({ name, why: record ? why : `${why}; --all ends it` });
    else if (dryRun) removed.push(name);
    else {
      try {
        await stopLab(name);
        removed.push(name);
      } catch (error) {
        kept.push({ name, why: messageOf(error) });
      }
    }
  }
  const known = new Set([...usable, ...alive.map(({ name }) => name)]);
  for (const name of labNames().filter((candidate) => !known.has(candidate))) {
    if (dryRun || (await removeIfDead(name))) removed.push(name);
  }
  for (const name of holdersByName().keys()) {
    if (known.has(name)) continue;
    if (!all) kept.push({ name, why: "its folder was deleted under it; --all ends it" });
    else if (dryRun || (await stopLab(name))) removed.push(name);
  }
  return { removed: [...new Set(removed)], kept };
}

// The kernel kills what is in a PID namespace when its PID 1 dies, and the last exit frees the network namespaces.
async function endHolder(pid: number): Promise<void> {
  kill(pid);
  await eventually("the end of the lab's holder", 10_000, () => (startTimeOf(pid) === undefined ? true : undefined));
}
