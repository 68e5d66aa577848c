/**
 * What live processes hold of a switch: the taps of a running lab, a virtual machine's tap, a port that a running tapscope made for
 * itself. Commands that delete leave it, or refuse, unless they are forced.
 */
import { TapscopeError } from "../core/errors.ts";
import { tapHolders } from "../core/tap-holders.ts";
import { findDevices } from "./devices.ts";
import { ownerOf } from "./ownership.ts";
import type { Session } from "./session.ts";
import type { BridgeRow, PortRow, SwitchState } from "./state.ts";
import { namespacePath } from "./target.ts";

/** Names of ports and bridges that a live process holds, each with a sentence that names it. */
export type InUse = ReadonlyMap<string, string>;

/** Who holds what, of all that is on the switch. */
export async function findInUse(session: Session, state: SwitchState): Promise<InUse> {
  const inUse = new Map<string, string>();
  for (const row of [...state.bridges, ...state.ports.values()]) {
    const why = heldByOwner(session, row);
    if (why !== undefined) inUse.set(row.name, why);
  }
  const taps = [...state.ports.values()].flatMap(({ interfaces }) =>
    interfaces.filter(({ type }) => type === "" || type === "system" || type === "tap"),
  );
  if (taps.length === 0 || !session.target.remote.startsWith("unix:")) return inUse;
  const devices = await findDevices(session.place, taps);
  const holders = tapHolders(namespacePath(session.place));
  for (const { name } of taps) {
    const device = devices.get(name);
    // A tap that a process holds open has a carrier, whoever's the process is.
    if (device?.kind !== "tun" || (device.up && !device.carrier)) continue;
    const holder = holders.get(name);
    if (holder) inUse.set(name, `${holder.program} (pid ${holder.pid}) holds it`);
    else if (device.up) inUse.set(name, "a process of another user holds it");
  }
  return inUse;
}

function heldByOwner(session: Session, row: BridgeRow | PortRow): string | undefined {
  const owner = ownerOf(row);
  if (owner?.alive !== true) return undefined;
  const lab = session.target.lab;
  return lab === undefined ? `process ${owner.pid} uses it` : `lab '${lab}' (pid ${owner.pid}) uses it`;
}

/** "could not <doing>: <port>: <who holds it>". */
export function inUseError(doing: string, held: readonly (readonly [name: string, why: string])[]): TapscopeError {
  const names = (reason: string) => held.flatMap(([name, why]) => (why === reason ? name : [])).join(", ");
  const list = [...new Set(held.map(([, why]) => why))].map((why) => `${names(why)}: in use: ${why}`).join("; ");
  return new TapscopeError("E_IN_USE", `could not ${doing}: ${list}`, {
    hint: "end that first, or insist with --force",
  });
}
