/** Starts and stops labs. See registry.ts for where they are known, holder.ts for what they live in. */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { TapscopeError } from "../core/errors.ts";
import { isAlive, startTimeOf } from "../core/identity.ts";
import { findLab, type Lab, toLab } from "./find.ts";
import { kill, startHolder } from "./holder.ts";
import { checkLabName, labDir, readRecord, removeLabDir, writeRecord } from "./registry.ts";
import { SCHEMA_PATHS, setUpLab } from "./setup.ts";
import { eventually } from "./wait.ts";

export const DEFAULT_LAB = "lab";
/** The userspace datapath's ports are tap devices. */
const TUN = "/dev/net/tun";

/** A lab that `startLab` made: disposing of it ends it. */
export interface OwnLab extends Lab, AsyncDisposable {}

export interface StartOptions {
  /** Default `lab`. */
  readonly name?: string;
  /** The lab dies with this process. Default false: it stays until `stopLab`. */
  readonly attached?: boolean;
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
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new TapscopeError("E_LAB_TUN", `could not start the lab: this user may not open ${TUN}`, {
      hint: `sudo chmod 0666 ${TUN}   (the mode that udev gives it), or run tapscope with sudo`,
      cause,
    });
  }
  return await eventually(`lab '${name}'`, 30_000, async () => {
    const found = findLab(name);
    if (found) return { lab: found, made: false };
    const half = readRecord(name);
    if (half) {
      if (isAlive(half.maker.pid, half.maker.startTime)) return undefined;
      await endHolder(half.holder.pid);
    }
    try {
      return { lab: await make(name, schema, options.attached ?? false), made: true };
    } catch (error) {
      // Another process was faster: its lab will be found.
      if (error instanceof TapscopeError && error.code === "E_LAB_LOCKED") return undefined;
      throw error;
    }
  });
}

async function make(name: string, schema: string, attached: boolean): Promise<Lab> {
  mkdirSync(labDir(name), { recursive: true, mode: 0o700 });
  const holder = await startHolder(join(labDir(name), "lock"), attached);
  try {
    const record = {
      holder: { pid: holder.pid, startTime: startTimeOf(holder.pid) ?? "" },
      init: { pid: holder.init, startTime: startTimeOf(holder.init) ?? "" },
      user: holder.user,
      maker: { pid: process.pid, startTime: startTimeOf(process.pid) ?? "" },
    };
    writeRecord(name, { ...record, ready: false });
    await setUpLab({ lab: { pid: holder.init, user: holder.user } }, schema);
    const ready = { ...record, ready: true };
    writeRecord(name, ready);
    return toLab(name, ready);
  } catch (error) {
    await endHolder(holder.pid);
    removeLabDir(name);
    throw error;
  }
}

/** A lab for this process alone: it ends when disposed of, or when this process dies. @throws TapscopeError `E_LAB_EXISTS` */
export async function startLab(options: { readonly name?: string } = {}): Promise<OwnLab> {
  const name = options.name ?? `lab-${process.pid}`;
  const { lab, made } = await ensureLab({ name, attached: true });
  if (!made)
    throw new TapscopeError("E_LAB_EXISTS", `could not start lab '${name}': it already runs`, {
      hint: "choose another name",
    });
  return { ...lab, [Symbol.asyncDispose]: async () => void (await stopLab(name)) };
}

/** Ends a lab and everything in it. @returns false when there was none. */
export async function stopLab(name: string): Promise<boolean> {
  const record = readRecord(name);
  if (record) await endHolder(record.holder.pid);
  const existed = existsSync(labDir(name));
  removeLabDir(name);
  return record !== undefined || existed;
}

// The kernel kills what is in a PID namespace when its PID 1 dies, and the last exit frees the network namespaces.
async function endHolder(pid: number): Promise<void> {
  kill(pid);
  await eventually("the end of the lab's holder", 10_000, () => (startTimeOf(pid) === undefined ? true : undefined));
}
