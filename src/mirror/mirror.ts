/** Makes, changes and removes mirrors: one transaction each, planned before, refreshed and read back after. */
import { TapscopeError, UsageError } from "../core/errors.ts";
import { gatherFacts, type MirrorFacts } from "./mirror-facts.ts";
import {
  type Direction,
  formatSources,
  type MirrorInfo,
  type MirrorSource,
  mirrorInfo,
  outputDevices,
  rememberedSources,
} from "./mirror-info.ts";
import { type MirrorPlan, planMirror, sourcePort } from "./mirror-plan.ts";
import type { MirrorRequest } from "./mirror-request.ts";
import { isUuid } from "./names.ts";
import { externalIds, type VsctlCommand, wasCommitted } from "./ovs-vsctl.ts";
import { FLOODED, isOwned, MADE_PORT, SOURCES, TAG_BEFORE } from "./ownership.ts";
import { refusal } from "./refusal.ts";
import type { Session } from "./session.ts";
import { findBridge, findPort, type MirrorRow, type SwitchState } from "./state.ts";

/** Creates a mirror. @throws TapscopeError saying why it cannot work, before anything is changed */
export async function createMirror(session: Session, request: MirrorRequest): Promise<MirrorInfo | undefined> {
  if (!session.dryRun) await session.requireVswitchd("create the mirror");
  const state = await session.state();
  const facts = await gatherFacts(session, state, request);
  const planned = planMirror(state, facts, request);
  if ("refusal" in planned) throw planned.refusal;
  for (const warning of planned.plan.warnings) session.warn(warning);
  const uuid = await apply(session, planned.plan);
  if (session.dryRun) return undefined;
  return await readBack(session, state, facts, planned.plan, uuid);
}

/** @returns the new mirror's UUID; undefined when ovs-vsctl did not say it, because vswitchd was slow */
async function apply(session: Session, plan: MirrorPlan): Promise<string | undefined> {
  const { bridge, made } = plan;
  await session.ip(plan.prepare);
  let changed = false;
  try {
    const output = await session.change("create the mirror", plan.commands, [bridge]);
    changed = true;
    await session.ip(plan.finish);
    return output.split("\n").find(isUuid);
  } catch (error) {
    // A transaction that OVS refused left nothing: a port of that name would be somebody else's.
    if (made && (changed || wasCommitted(error))) await rollBack(session, made.name);
    throw error;
  }
}

/** The mirror as it is now. */
async function readBack(
  session: Session,
  before: SwitchState,
  { output }: MirrorFacts,
  { bridge, prepare }: MirrorPlan,
  uuid: string | undefined,
): Promise<MirrorInfo> {
  const after = await session.state();
  const old = new Set(before.mirrors.map((mirror) => mirror.uuid));
  const isMade = (mirror: MirrorRow) =>
    uuid === undefined ? mirror.bridge === bridge && !old.has(mirror.uuid) : mirror.uuid === uuid;
  const row = after.mirrors.find(isMade);
  if (!row) throw refusal("E_MIRROR_GONE", "it was there and is gone again: somebody else removed it");
  // A device that was not touched is as it was; what was brought up now may have no carrier.
  const known = output?.device ? new Map([[output.device.name, output.device]]) : new Map();
  const devices = prepare.length > 0 ? await outputDevices(session, after, [row]) : known;
  const info = mirrorInfo(after, row, undefined, devices);
  if (info.health === "not-applied") session.warn(`mirror ${info.name} does not work: ${info.why}`);
  return info;
}

async function rollBack(session: Session, name: string): Promise<void> {
  const state = await session.state();
  const port = findPort(state, name);
  if (!port) return;
  const mirrors = (findBridge(state, port.bridge)?.mirrors ?? []).filter(({ outputPort }) => outputPort === port.uuid);
  await session.change("take the port back", [
    ...mirrors.map(({ uuid }): VsctlCommand => ["remove", "bridge", port.bridge, "mirrors", uuid]),
    ["--if-exists", "del-port", port.bridge, name],
  ]);
}

/** The mirrors a user means by an output port, an output VLAN (`500`, `vlan500`), a name, a uuid, or `all` (those tapscope made). @throws TapscopeError `E_NO_MIRROR`, `E_AMBIGUOUS` */
export function findMirrors(state: SwitchState, which: string): MirrorRow[] {
  if (which === "all") return state.mirrors.filter(isOwned);
  const port = findPort(state, which);
  const byUuid = state.mirrors.filter(({ uuid }) => uuid === which);
  const byOutput = port ? state.mirrors.filter(({ outputPort }) => outputPort === port.uuid) : [];
  const byName = state.mirrors.filter(({ name }) => name === which);
  const vlan = /^(?:vlan ?)?(\d{1,4})$/i.exec(which)?.[1];
  const byVlan = state.mirrors.filter(
    ({ outputPort, outputVlan }) => outputPort === null && outputVlan !== null && outputVlan === Number(vlan ?? -1),
  );
  const found = [byUuid, byOutput, byName, byVlan].find(({ length }) => length > 0) ?? [];
  if (found.length === 0) {
    throw new TapscopeError("E_NO_MIRROR", `not a valid mirror: ${which}`, {
      hint: "tapscope mirror list shows those there are",
    });
  }
  if (found.length > 1) {
    throw new TapscopeError("E_AMBIGUOUS", `${found.length} mirrors are meant by ${which}`, {
      hint: `name one by its uuid: ${found.map(({ uuid }) => uuid).join(", ")}`,
    });
  }
  return found;
}

/** Adds sources to a mirror, or changes the direction of those it has. */
export async function addSources(
  session: Session,
  which: string,
  names: readonly string[],
  direction: Direction = "both",
): Promise<MirrorInfo | undefined> {
  const state = await session.state();
  const row = one(state, which);
  const doing = `change mirror ${row.name}`;
  const ports = names.map((name) => sourcePort(state, name, doing));
  for (const port of ports) {
    if (port.uuid === row.outputPort)
      throw new UsageError(`could not ${doing}: cannot mirror tap to itself: ${port.name}`);
    if (port.bridge !== row.bridge)
      throw refusal(
        "E_OTHER_BRIDGE",
        `interfaces on different bridges: ${port.bridge} and ${row.bridge}`,
        undefined,
        doing,
      );
  }
  const commands = ports.flatMap(({ uuid }): VsctlCommand[] => [
    [direction === "out" ? "remove" : "add", "mirror", row.uuid, "select_src_port", uuid],
    [direction === "in" ? "remove" : "add", "mirror", row.uuid, "select_dst_port", uuid],
  ]);
  const kept = mirrorInfo(state, row).sources.filter(({ port }) => !names.includes(port));
  return await changeSources(session, row, commands, [...kept, ...names.map((port) => ({ port, direction }))]);
}

/** Takes sources out of a mirror, gone ones too. @throws TapscopeError `E_LAST_SOURCE` when none would be left */
export async function removeSources(
  session: Session,
  which: string,
  names: readonly string[],
): Promise<MirrorInfo | undefined> {
  const state = await session.state();
  const row = one(state, which);
  const present = mirrorInfo(state, row).sources;
  const known = new Set([...present, ...rememberedSources(row)].map(({ port }) => port));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new TapscopeError("E_NO_SOURCE", `could not change mirror ${row.name}: ${unknown} is not one of its sources`);
  const kept = present.filter(({ port }) => !names.includes(port));
  if (kept.length === 0 && !row.selectAll) {
    throw new TapscopeError("E_LAST_SOURCE", `could not change mirror ${row.name}: it would have no source`, {
      hint: `tapscope mirror delete ${which}`,
    });
  }
  const commands = names.flatMap((name): VsctlCommand[] => {
    const port = findPort(state, name);
    return port
      ? ["select_src_port", "select_dst_port"].map((column) => ["remove", "mirror", row.uuid, column, port.uuid])
      : [];
  });
  return await changeSources(session, row, commands, kept);
}

async function changeSources(
  session: Session,
  row: MirrorRow,
  commands: VsctlCommand[],
  sources: readonly MirrorSource[],
): Promise<MirrorInfo | undefined> {
  const remember: VsctlCommand[] = isOwned(row)
    ? [["set", "mirror", row.uuid, ...externalIds({ [SOURCES]: formatSources(sources) })]]
    : [];
  await session.change(`change mirror ${row.name}`, [...commands, ...remember], [row.bridge]);
  const state = await session.state();
  const after = state.mirrors.find(({ uuid }) => uuid === row.uuid);
  return after && mirrorInfo(state, after);
}

function one(state: SwitchState, which: string): MirrorRow {
  if (which === "all") throw new UsageError("one mirror is meant here, not all");
  return findMirrors(state, which)[0]!;
}

/** The commands that remove a mirror and what was made or changed for it alone. */
export function removalCommands(state: SwitchState, row: MirrorRow): VsctlCommand[] {
  const commands: VsctlCommand[] = [["remove", "bridge", row.bridge, "mirrors", row.uuid]];
  const made = row.ids.get(MADE_PORT);
  if (made !== undefined && findPort(state, made)?.bridge === row.bridge)
    commands.push(["--if-exists", "del-port", row.bridge, made]);
  const flooded = row.ids.get(FLOODED);
  if (flooded !== undefined) commands.push(["remove", "bridge", row.bridge, "flood_vlans", flooded]);
  const tag = row.ids.get(TAG_BEFORE);
  const output = row.outputPort === null ? undefined : state.ports.get(row.outputPort);
  if (tag !== undefined && output) {
    commands.push(tag === "none" ? ["clear", "port", output.name, "tag"] : ["set", "port", output.name, `tag=${tag}`]);
  }
  return commands;
}

/**
 * Removes mirrors in one transaction. A foreign one must be named exactly, and `force` be given.
 * @returns the mirrors as they were
 */
export async function deleteMirrors(session: Session, which: readonly string[], force = false): Promise<MirrorInfo[]> {
  const state = await session.state();
  const rows = [...new Set(which.flatMap((name) => findMirrors(state, name)))];
  const foreign = rows.find((row) => !isOwned(row));
  if (foreign && !force) {
    throw new TapscopeError("E_FOREIGN", `could not delete mirror ${foreign.name}: tapscope did not make it`, {
      hint: "insist with --force",
    });
  }
  await session.change(
    `delete ${rows.length === 1 ? `mirror ${rows[0]!.name}` : `${rows.length} mirrors`}`,
    rows.flatMap((row) => removalCommands(state, row)),
    [...new Set(rows.map(({ bridge }) => bridge))],
  );
  return rows.map((row) => mirrorInfo(state, row));
}
