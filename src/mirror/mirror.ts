/** Makes, changes and removes mirrors: one transaction each, checked before, refreshed and read back after. */
import { TapscopeError, UsageError } from "../core/errors.ts";
import {
  type Direction,
  formatSources,
  MAX_MIRRORS,
  type MirrorInfo,
  type MirrorSource,
  mirrorInfo,
  rememberedSources,
} from "./mirror-info.ts";
import {
  checkNumbers,
  checkUnderlay,
  fail,
  type MirrorRequest,
  mirrorCommands,
  portToMake,
  resolvePorts,
  sourcePort,
  usableFilter,
} from "./mirror-plan.ts";
import { isUuid } from "./names.ts";
import { newPortCommands } from "./new-port.ts";
import { checkOutputDevice, checkOutputRow, readyOutput, silentUp } from "./output.ts";
import { externalIds, type VsctlCommand, wasCommitted } from "./ovs-vsctl.ts";
import { FLOODED, isOwned, MADE_PORT, SOURCES, TAG_BEFORE } from "./ownership.ts";
import type { Session } from "./session.ts";
import { findBridge, findPort, type MirrorRow, type SwitchState } from "./state.ts";

/** Creates a mirror. @throws TapscopeError saying why it cannot work, before anything is changed */
export async function createMirror(session: Session, request: MirrorRequest): Promise<MirrorInfo | undefined> {
  checkNumbers(request);
  const state = await session.state();
  const { bridge, sources, output } = resolvePorts(state, request);
  if (bridge.mirrors.length >= MAX_MIRRORS) {
    fail(
      "E_TOO_MANY_MIRRORS",
      `bridge ${bridge.name} has ${bridge.mirrors.length} mirrors, and Open vSwitch applies no more than ${MAX_MIRRORS}`,
      "add the sources to an existing mirror: tapscope mirror add <mirror> <source…>",
    );
  }
  if (output) {
    checkOutputRow(
      state,
      output,
      sources.map(({ uuid }) => uuid),
      { all: request.all ?? false, force: request.force ?? false },
    );
  }
  const made = portToMake(state, bridge, request);
  if (made && "remote" in request.output) await checkUnderlay(session, request, bridge, sources);
  const filter = request.filter === undefined ? undefined : await usableFilter(session, request.filter);
  const device = output ? await checkOutputDevice(session, output, request.force ?? false) : undefined;
  if (output && device) await readyOutput(session, output, device, request.force ?? false);
  const commands = [
    ...(made ? newPortCommands(made) : []),
    ...mirrorCommands(state, bridge, sources, output, made, { ...request, filter }),
  ];
  let uuid: string | undefined;
  let changed = false;
  try {
    uuid = (await session.change("create the mirror", commands, [bridge.name])).split("\n").find(isUuid);
    changed = true;
    if (made && "monitor" in request.output) await session.ip(silentUp(made.name));
  } catch (error) {
    // A transaction that OVS refused left nothing: a port of that name would be somebody else's.
    if (made && (changed || wasCommitted(error))) await rollBack(session, made.name);
    throw error;
  }
  if (session.dryRun) return undefined;
  const after = await session.state();
  // ovs-vsctl says no uuid when vswitchd was so slow that its time ran out, and the mirror came all the same.
  const before = new Set(state.mirrors.map((mirror) => mirror.uuid));
  const isMade = (mirror: MirrorRow) =>
    uuid === undefined ? mirror.bridge === bridge.name && !before.has(mirror.uuid) : mirror.uuid === uuid;
  const row = after.mirrors.find(isMade);
  if (!row) fail("E_MIRROR_GONE", "it was there and is gone again: somebody else removed it");
  return mirrorInfo(after, row);
}

async function rollBack(session: Session, name: string): Promise<void> {
  const port = findPort(await session.state(), name);
  if (!port) return;
  const mirrors = (findBridge(await session.state(), port.bridge)?.mirrors ?? []).filter(
    ({ outputPort }) => outputPort === port.uuid,
  );
  await session.change("take the port back", [
    ...mirrors.map(({ uuid }): VsctlCommand => ["remove", "bridge", port.bridge, "mirrors", uuid]),
    ["--if-exists", "del-port", port.bridge, name],
  ]);
}

/** The mirrors a user means by an output port, a name, a uuid, or `all` (those tapscope made). @throws TapscopeError `E_NO_MIRROR`, `E_AMBIGUOUS` */
export function findMirrors(state: SwitchState, which: string): MirrorRow[] {
  if (which === "all") return state.mirrors.filter(isOwned);
  const port = findPort(state, which);
  const byUuid = state.mirrors.filter(({ uuid }) => uuid === which);
  const byOutput = port ? state.mirrors.filter(({ outputPort }) => outputPort === port.uuid) : [];
  const byName = state.mirrors.filter(({ name }) => name === which);
  const found = [byUuid, byOutput, byName].find(({ length }) => length > 0) ?? [];
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
      fail("E_OTHER_BRIDGE", `interfaces on different bridges: ${port.bridge} and ${row.bridge}`, undefined, doing);
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
