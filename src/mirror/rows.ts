/** The marks tapscope leaves in `external_ids` of what it makes (docs/reference/peers.md, "Ownership"), and the words of common parts. */
import { ownerState } from "../core/identity.ts";
import { externalIds, type Part } from "./ovs-vsctl.ts";
import type { BridgeRow, PortRow, SwitchState } from "./state.ts";

export type Role = "bridge" | "tap" | "mirror" | "monitor" | "trunk" | "tunnel";

export const ROLE = "tapscope";
export const OWNER = "tapscope-owner";
/** On a mirror: when it was made, in seconds of the epoch. */
export const CREATED = "tapscope-created";
/** On a mirror: its sources by name and direction, to tell when one has gone. */
export const SOURCES = "tapscope-sources";
/** On a mirror: the name of a port that was made for it and goes with it. */
export const MADE_PORT = "tapscope-port";
/** On a mirror: the tag its output port had before `--strip-vlan`; `none` for none. */
export const TAG_BEFORE = "tapscope-tag-before";
/** On a mirror: the VLAN that was added to the bridge's flood_vlans for it. */
export const FLOODED = "tapscope-flooded";

type Ids = ReadonlyMap<string, string>;
interface Marked {
  readonly ids: Ids;
}

/** The row is tapscope's. */
export function isOwned(row: Marked): boolean {
  return row.ids.has(ROLE);
}

export function roleOf(row: Marked): string | undefined {
  return row.ids.get(ROLE);
}

/** The process a row lives as long as; `alive` is null when that cannot be known from here (another PID namespace). */
export interface Owner {
  readonly pid: number;
  readonly alive: boolean | null;
}

export function ownerOf(row: Marked): Owner | null {
  const id = row.ids.get(OWNER);
  if (id === undefined) return null;
  const { pid, state } = ownerState(id);
  return { pid, alive: state === "unknown" ? null : state === "alive" };
}

/** `external_ids:…` words for a new row. */
export function marks(role: Role, owner: string | undefined, more: Readonly<Record<string, string>> = {}): string[] {
  return externalIds({ [ROLE]: role, ...(owner === undefined ? {} : { [OWNER]: owner }), ...more });
}

export interface NewPort {
  readonly bridge: string;
  readonly name: string;
  /** Interface type; undefined: an existing device of the system. */
  readonly type?: string | undefined;
  readonly tag?: number | null | undefined;
  readonly options?: Readonly<Record<string, string>>;
  readonly role: Role;
  readonly owner?: string | undefined;
}

/** The parts that add a port with all its marks. */
export function newPortParts(port: NewPort): Part[] {
  const ids = marks(port.role, port.owner);
  const tag = port.tag === undefined || port.tag === null ? [] : [`tag=${port.tag}`];
  const type = port.type === undefined ? [] : [`type=${port.type}`];
  const options = Object.entries(port.options ?? {}).map(([key, value]) => `options:${key}=${JSON.stringify(value)}`);
  return [
    ["add-port", port.bridge, port.name, ...tag, ...ids],
    ["set", "interface", port.name, ...type, ...options, ...ids],
  ];
}

export function findBridge(state: SwitchState, name: string): BridgeRow | undefined {
  return state.bridges.find((bridge) => bridge.name === name);
}

export function findPort(state: SwitchState, name: string): PortRow | undefined {
  for (const port of state.ports.values()) if (port.name === name) return port;
  return undefined;
}

/** All names that bridges, ports and interfaces have. */
export function takenNames(state: SwitchState): Set<string> {
  const names = new Set(state.bridges.map(({ name }) => name));
  for (const port of state.ports.values()) {
    names.add(port.name);
    for (const { name } of port.interfaces) names.add(name);
  }
  return names;
}
