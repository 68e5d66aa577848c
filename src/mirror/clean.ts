/** Removes, in one transaction, what ended processes left on a switch; with `all`, everything tapscope made there. */

import { findInUse, type InUse } from "./in-use.ts";
import { removalCommands } from "./mirror.ts";
import { mirrorInfo } from "./mirror-info.ts";
import type { VsctlCommand } from "./ovs-vsctl.ts";
import { isOwned, type Marked, ownerOf, roleOf } from "./ownership.ts";
import { removeDevices } from "./ports.ts";
import { BPDU_BEFORE, restoreForwardBpdu, type Session } from "./session.ts";
import type { SwitchState } from "./state.ts";

export interface Kept {
  readonly name: string;
  readonly why: string;
}

export interface Cleaned {
  readonly mirrors: readonly string[];
  readonly ports: readonly string[];
  readonly bridges: readonly string[];
  /** Bridges that got a setting back that a refresh had changed. */
  readonly restored: readonly string[];
  /** What tapscope made and is left, and why. */
  readonly kept: readonly Kept[];
}

interface Plan extends Cleaned {
  readonly commands: readonly VsctlCommand[];
  readonly refresh: readonly string[];
}

/** Roles of what is made to stay, whatever process made it. */
const LASTING = new Set(["bridge", "tap", "trunk", "tunnel"]);

export interface CleanRequest {
  /** Everything tapscope made, not only what ended processes left. */
  readonly all?: boolean;
  /** With `all`: what live processes hold too. */
  readonly force?: boolean;
}

/** What is to be removed of a state. Rows of others, and what live processes hold, are never in it unless `force`. */
export function planClean(state: SwitchState, { all = false, force = false }: CleanRequest, inUse: InUse): Plan {
  const plan = {
    mirrors: [] as string[],
    ports: [] as string[],
    bridges: [] as string[],
    restored: [] as string[],
    kept: [] as Kept[],
    commands: [] as VsctlCommand[],
    refresh: new Set<string>(),
  };
  const goes = (row: Marked & { readonly name: string }, held: string | undefined, useless = false): boolean => {
    const owner = ownerOf(row);
    if (owner?.alive === false || (all && force)) return true;
    const why =
      held ??
      (owner?.alive === true
        ? `process ${owner.pid} uses it`
        : owner && !all
          ? `its process ${owner.pid} cannot be seen from here (--all removes it)`
          : undefined);
    if (why === undefined) return all || useless;
    // What lasts is left without --all in any case: a lab's taps need not be named each time.
    if (all || !LASTING.has(roleOf(row) ?? "")) plan.kept.push({ name: row.name, why });
    return false;
  };
  for (const mirror of state.mirrors.filter(isOwned)) {
    const { health, sources } = mirrorInfo(state, mirror);
    const useless =
      health === "dangling-output" || (health === "dangling-source" && sources.length === 0 && !mirror.selectAll);
    if (!goes(mirror, undefined, useless)) continue;
    plan.mirrors.push(mirror.name);
    plan.commands.push(...removalCommands(state, mirror));
    plan.refresh.add(mirror.bridge);
  }
  for (const bridge of state.bridges) {
    const before = bridge.ids.get(BPDU_BEFORE);
    if (before !== undefined) {
      plan.restored.push(bridge.name);
      plan.commands.push(...restoreForwardBpdu(bridge.name, before));
    }
    const leaving = bridge.ports.filter(
      (port) => port.name !== bridge.name && isOwned(port) && goes(port, inUse.get(port.name)),
    );
    for (const { name } of leaving) {
      plan.ports.push(name);
      plan.commands.push(["--if-exists", "del-port", bridge.name, name]);
      plan.refresh.add(bridge.name);
    }
    if (!all || !isOwned(bridge) || !goes(bridge, inUse.get(bridge.name))) continue;
    const staying = bridge.ports.filter((port) => port.name !== bridge.name && !leaving.includes(port));
    if (staying.length > 0) {
      plan.kept.push({ name: bridge.name, why: `${staying.map(({ name }) => name).join(", ")} on it` });
      continue;
    }
    plan.bridges.push(bridge.name);
    plan.commands.push(["--if-exists", "del-br", bridge.name]);
    plan.refresh.delete(bridge.name);
  }
  return { ...plan, refresh: [...plan.refresh] };
}

/** Removes what `planClean` finds, and says what it was. */
export async function clean(session: Session, request: CleanRequest): Promise<Cleaned> {
  const state = await session.state();
  const inUse = await findInUse(session, state);
  const { commands, refresh, mirrors, ports, bridges, restored, kept } = planClean(state, request, inUse);
  await session.change("clean up", commands, refresh);
  const gone = new Set(ports);
  await removeDevices(
    session,
    [...state.ports.values()].filter(({ name }) => gone.has(name)),
  );
  return { mirrors, ports, bridges, restored, kept };
}
