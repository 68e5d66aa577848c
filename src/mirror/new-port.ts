/** A port to be added to a bridge, and the commands that add it with its marks. */

import type { VsctlCommand } from "./ovs-vsctl.ts";
import { DEVICE, marks, type Role } from "./ownership.ts";

export interface NewPort {
  readonly bridge: string;
  readonly name: string;
  /** Interface type; undefined: an existing device of the system. */
  readonly type?: string | undefined;
  readonly tag?: number | null | undefined;
  readonly options?: Readonly<Record<string, string>>;
  readonly role: Role;
  readonly owner?: string | undefined;
  /** The device was made for this port, and goes with it. */
  readonly device?: "tuntap";
}

/** The commands that add a port with all its marks. */
export function newPortCommands(port: NewPort): VsctlCommand[] {
  const ids = marks(port.role, port.owner, port.device === undefined ? {} : { [DEVICE]: port.device });
  const tag = port.tag === undefined || port.tag === null ? [] : [`tag=${port.tag}`];
  const type = port.type === undefined ? [] : [`type=${port.type}`];
  const options = Object.entries(port.options ?? {}).map(([key, value]) => `options:${key}=${JSON.stringify(value)}`);
  return [
    ["add-port", port.bridge, port.name, ...tag, ...ids],
    ["set", "interface", port.name, ...type, ...options, ...ids],
  ];
}
