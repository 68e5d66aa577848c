/** Removes, in one transaction, what ended processes left on a switch; with `all`, everything tapscope made there. */
import { removalCommands } from "./mirror.ts";
import { mirrorInfo } from "./mirror-info.ts";
import type { VsctlCommand } from "./ovs-vsctl.ts";
import { isOwned, ownerOf } from "./ownership.ts";
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

/** What is to be removed of a state. Rows of others, and of processes that live, are never in it. */
export function planClean(state: SwitchState, all: boolean): Plan {
  const plan = {
    mirrors: [] as string[],
    ports: [] as string[],
    bridges: [] as string[],
    restored: [] as string[],
    kept: [] as Kept[],
    commands: [] as VsctlCommand[],
    refresh: new Set<string>(),
  };
  const goes = (
    row: { readonly name: string; readonly ids: ReadonlyMap<string, string> },
    useless = false,
  ): boolean => {
    const owner = ownerOf(row);
    if (owner?.alive === false) return true;
    if (owner?.alive === true) plan.kept.push({ name: row.name, why: `process ${owner.pid} uses it` });
    else if (owner && !all)
      plan.kept.push({ name: row.name, why: `its process ${owner.pid} cannot be seen from here (--all removes it)` });
    else return all || useless;
    return false;
  };
  for (const mirror of state.mirrors.filter(isOwned)) {
    const { health, sources } = mirrorInfo(state, mirror);
    const useless =
      health === "dangling-output" || (health === "dangling-source" && sources.length === 0 && !mirror.selectAll);
    if (!goes(mirror, useless)) continue;
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
    const leaving = bridge.ports.filter((port) => port.name !== bridge.name && isOwned(port) && goes(port));
    for (const { name } of leaving) {
      plan.ports.push(name);
      plan.commands.push(["--if-exists", "del-port", bridge.name, name]);
      plan.refresh.add(bridge.name);
    }
    if (!all || !isOwned(bridge)) continue;
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
export async function clean(session: Session, all: boolean): Promise<Cleaned> {
  const state = await session.state();
  const { commands, refresh, mirrors, ports, bridges, restored, kept } = planClean(state, all);
  await session.change("clean up", commands, refresh);
  const gone = new Set(ports);
  await removeDevices(
    session,
    [...state.ports.values()].filter(({ name }) => gone.has(name)),
  );
  return { mirrors, ports, bridges, restored, kept };
}
