/** The marks tapscope leaves in `external_ids` of what it makes (docs/reference/peers.md, "Ownership"). */
import { ownerState } from "../core/identity.ts";
import { externalIds } from "./ovs-vsctl.ts";

export type Role = "bridge" | "tap" | "mirror" | "monitor" | "trunk" | "tunnel";

export const ROLE = "tapscope";
export const OWNER = "tapscope-owner";
/** On a port: the device was made with it (`tuntap`), and goes with it. */
export const DEVICE = "tapscope-device";
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

/** On a mirror: the file that declares it. */
export const DECLARED = "tapscope-declared";
/** On a mirror: its sources were chosen so that each frame is copied once. */
export const ONCE = "tapscope-once";

type Ids = ReadonlyMap<string, string>;
/** A row with its external_ids. */
export interface Marked {
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
