/** Adding and removing ports: what taps, trunks and tunnels have in common. */
import { type ErrorCode, TapscopeError } from "../core/errors.ts";
import { readDevices } from "./devices.ts";
import { removalCommands } from "./mirror.ts";
import { type NewPort, newPortCommands } from "./new-port.ts";
import { type VsctlCommand, wasCommitted } from "./ovs-vsctl.ts";
import { DEVICE, isOwned, marks } from "./ownership.ts";
import type { Session } from "./session.ts";
import { type BridgeRow, findBridge, type PortRow, type SwitchState } from "./state.ts";

/** minimega's bridge, made when a tap is the first to need it. */
export const DEFAULT_BRIDGE = "mega_bridge";

/** The commands that make a bridge. `datapath` undefined: `netdev` in a lab or beside other netdev bridges, else OVS's own default. */
export function newBridgeCommands(
  session: Session,
  state: SwitchState,
  name: string,
  datapath?: string,
): VsctlCommand[] {
  const userspace =
    session.target.place.lab !== undefined ||
    (state.bridges.length > 0 && state.bridges.every(({ datapathType }) => datapathType === "netdev"));
  const type = datapath ?? (userspace ? "netdev" : undefined);
  return [
    ["add-br", name],
    ["set", "bridge", name, ...(type === undefined ? [] : [`datapath_type=${type}`]), ...marks("bridge", undefined)],
  ];
}

/** The bridge ports are to be put on: an existing one, or the default one, which is then made in the same transaction. */
export function bridgeFor(
  session: Session,
  state: SwitchState,
  named: string | undefined,
): { name: string; commands: VsctlCommand[] } {
  const name = named ?? DEFAULT_BRIDGE;
  if (findBridge(state, name)) return { name, commands: [] };
  if (named !== undefined) throw noBridge(named);
  session.warn(`making bridge ${DEFAULT_BRIDGE}`);
  return { name, commands: newBridgeCommands(session, state, name) };
}

export function noBridge(name: string): TapscopeError {
  return new TapscopeError("E_NO_BRIDGE", `bridge not found: ${name}`, {
    hint: "tapscope bridge list shows those there are; tapscope bridge create makes one",
  });
}

export function requireBridge(state: SwitchState, name: string): BridgeRow {
  const bridge = findBridge(state, name);
  if (!bridge) throw noBridge(name);
  return bridge;
}

/**
 * Adds ports in one transaction, and takes all of them back when OVS could not set one up: it exits with 0 and keeps the row.
 * @throws TapscopeError what OVS said
 */
export async function addPorts(
  session: Session,
  doing: string,
  before: readonly VsctlCommand[],
  ports: readonly NewPort[],
): Promise<void> {
  try {
    await session.change(doing, [...before, ...ports.flatMap(newPortCommands)]);
    if (session.dryRun) return;
    const state = await session.state();
    const opened = new Map([...state.ports.values()].map((port) => [port.name, port.interfaces[0]]));
    const failed = ports.find(({ name }) => !((opened.get(name)?.ofport ?? -1) > 0));
    if (!failed) return;
    const why = opened.get(failed.name)?.error ?? "OVS gave no reason";
    throw new TapscopeError("E_PORT_SETUP", `could not ${doing}: Open vSwitch could not set up ${failed.name}: ${why}`);
  } catch (error) {
    // What was refused whole left nothing; a name that was there before is not ours to remove.
    if (wasCommitted(error)) await takeBack(session, before, ports);
    throw error;
  }
}

async function takeBack(session: Session, before: readonly VsctlCommand[], ports: readonly NewPort[]): Promise<void> {
  const madeBridge = before.find(([verb]) => verb === "add-br")?.[1];
  await session.change("take back what was made", [
    ...ports.map(({ bridge, name }): VsctlCommand => ["--if-exists", "del-port", bridge, name]),
    ...(madeBridge === undefined ? [] : [["--if-exists", "del-br", madeBridge]]),
  ]);
}

/**
 * Removes ports, and with an output the mirrors to it: minimega leaves the tap, OVS a mirror without output.
 * @throws TapscopeError `E_FOREIGN` for a port, and `E_IN_USE` for a mirror, that tapscope did not make, unless `force`
 */
export async function removePorts(
  session: Session,
  state: SwitchState,
  ports: readonly PortRow[],
  force: boolean,
): Promise<void> {
  const gone = new Set(ports.map(({ uuid }) => uuid));
  const names = ports.length === 1 ? ports[0]!.name : `${ports.length} ports`;
  const refuse = (code: ErrorCode, why: string): never => {
    throw new TapscopeError(code, `could not delete ${names}: ${why}`, { hint: "insist with --force" });
  };
  const commands: VsctlCommand[] = [];
  for (const mirror of state.mirrors) {
    const selected = [...mirror.selectSrc, ...mirror.selectDst];
    const isOutput = mirror.outputPort !== null && gone.has(mirror.outputPort);
    const losesAll = !mirror.selectAll && selected.length > 0 && selected.every((uuid) => gone.has(uuid));
    if (!isOutput && !losesAll) continue;
    if (!isOwned(mirror) && !force) refuse("E_IN_USE", `mirror ${mirror.name}, which tapscope did not make, needs it`);
    if (!isOwned(mirror) && !isOutput) continue;
    session.warn(`mirror ${mirror.name} goes with ${isOutput ? "its output" : "its only source"}`);
    commands.push(...removalCommands(state, mirror));
  }
  const foreign = ports.find((port) => !isOwned(port));
  if (foreign && !force) refuse("E_FOREIGN", `${foreign.name} was not made by tapscope`);
  commands.push(...ports.map(({ bridge, name }): VsctlCommand => ["--if-exists", "del-port", bridge, name]));
  await session.change(`delete ${names}`, commands, [...new Set(ports.map(({ bridge }) => bridge))]);
  await removeDevices(session, ports);
}

/** Removes the devices that were made for ports that are gone: OVS removes only its own. */
export async function removeDevices(session: Session, ports: readonly PortRow[]): Promise<void> {
  const made = ports.filter(({ ids }) => ids.get(DEVICE) === "tuntap").map(({ name }) => name);
  const devices = made.length > 0 && !session.dryRun ? await readDevices(session.place) : undefined;
  const left = made.filter((name) => devices?.has(name) ?? true);
  if (left.length > 0) await session.ip(left.map((name) => `link delete dev ${name}`));
}
