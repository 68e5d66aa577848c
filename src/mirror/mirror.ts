/** Makes, changes and removes mirrors: one transaction each, checked before, refreshed and read back after. */
import { type ErrorCode, TapscopeError, UsageError } from "../core/errors.ts";
import {
  type Direction,
  formatSources,
  MAX_MIRRORS,
  type MirrorInfo,
  type MirrorSource,
  mirrorInfo,
  rememberedSources,
} from "./mirror-info.ts";
import { freeNames, isUuid } from "./names.ts";
import { bringOutputUp, checkOutputDevice, checkOutputRow, silentUp } from "./output.ts";
import { externalIds, type Part, quoteValue, wasCommitted } from "./ovs-vsctl.ts";
import {
  CREATED,
  FLOODED,
  findBridge,
  findPort,
  isOwned,
  MADE_PORT,
  marks,
  type NewPort,
  newPortParts,
  SOURCES,
  TAG_BEFORE,
  takenNames,
} from "./rows.ts";
import type { Session } from "./session.ts";
import type { BridgeRow, MirrorRow, PortRow, SwitchState } from "./state.ts";
import { type TunnelSpec, tunnelPort } from "./tunnel.ts";

/** Where the copies go. `monitor` makes an internal port of that name for the mirror alone. */
export type MirrorOutput =
  | { readonly port: string }
  | { readonly monitor: string }
  | { readonly vlan: number }
  | { readonly remote: TunnelSpec };

export interface MirrorRequest {
  /** Names of ports; empty with `all`. */
  readonly sources: readonly string[];
  /** The whole bridge. */
  readonly all?: boolean;
  /** Needed only when no port says it. */
  readonly bridge?: string | undefined;
  /** Default both. */
  readonly direction?: Direction | undefined;
  /** Only frames of these VLANs. */
  readonly vlans?: readonly number[];
  /** Bytes of each frame that are copied, 14 to 65535. */
  readonly snaplen?: number | undefined;
  /** An OpenFlow match, where OVS can filter (3.4 and later). */
  readonly filter?: string | undefined;
  readonly output: MirrorOutput;
  /** Copies arrive without their VLAN tag. */
  readonly stripVlan?: boolean;
  /** Of the process the mirror lives as long as (`ownerId()`). */
  readonly owner?: string | undefined;
  /** Take an output that looks like a live endpoint. */
  readonly force?: boolean;
}

function fail(code: ErrorCode, why: string, hint?: string, doing = "create the mirror"): never {
  throw new TapscopeError(code, `could not ${doing}: ${why}`, { hint });
}

/** The port that mirrors of `name` have as source. @throws TapscopeError `E_NO_SOURCE`, `E_BOND_MEMBER` */
function sourcePort(state: SwitchState, name: string, doing?: string): PortRow {
  const port = findPort(state, name);
  if (port) return port;
  for (const candidate of state.ports.values()) {
    if (candidate.interfaces.some((entry) => entry.name === name)) {
      fail(
        "E_BOND_MEMBER",
        `${name} is a member of bond ${candidate.name}`,
        `mirror the bond: ${candidate.name}`,
        doing,
      );
    }
  }
  fail(
    "E_NO_SOURCE",
    `source tap is not on a bridge: no port is called ${name}`,
    "tapscope bridge ports <bridge> lists the ports there are",
    doing,
  );
}

/** The bridge of a mirror, and its ports. @throws TapscopeError when they cannot make one mirror */
function resolvePorts(
  state: SwitchState,
  request: MirrorRequest,
): { bridge: BridgeRow; sources: PortRow[]; output: PortRow | undefined } {
  const outputName = "port" in request.output ? request.output.port : undefined;
  if (outputName !== undefined && request.sources.includes(outputName)) {
    throw new UsageError(`could not create the mirror: cannot mirror tap to itself: ${outputName}`);
  }
  const sources = [...new Set(request.sources)].map((name) => sourcePort(state, name));
  const output = outputName === undefined ? undefined : findPort(state, outputName);
  if (outputName !== undefined && !output) {
    fail(
      "E_NO_OUTPUT",
      `destination tap is not on a bridge: no port is called ${outputName}`,
      "make one with: tapscope tap create 0",
    );
  }
  const named = [...sources, ...(output ? [output] : [])];
  const bridges = [
    ...new Set([...(request.bridge === undefined ? [] : [request.bridge]), ...named.map(({ bridge }) => bridge)]),
  ];
  if (bridges.length > 1)
    fail(
      "E_OTHER_BRIDGE",
      `interfaces on different bridges: ${bridges.join(" and ")}`,
      "a mirror copies within one bridge",
    );
  const name = bridges[0] ?? (state.bridges.length === 1 ? state.bridges[0]!.name : undefined);
  if (name === undefined)
    throw new UsageError("could not create the mirror: which bridge is meant?", { hint: "say --bridge <br>" });
  const bridge = findBridge(state, name);
  if (!bridge) fail("E_NO_BRIDGE", `bridge not found: ${name}`, "tapscope bridge list shows those there are");
  return { bridge, sources, output };
}

function checkNumbers(request: MirrorRequest): void {
  const within = (value: number | undefined, what: string, min: number, max: number) => {
    if (value !== undefined && !(Number.isInteger(value) && value >= min && value <= max)) {
      throw new UsageError(`${what} ${value} is not in the valid range ${min} to ${max}`);
    }
  };
  within(request.snaplen, "snaplen", 14, 65535);
  for (const vlan of request.vlans ?? []) within(vlan, "VLAN", 0, 4095);
  if ("vlan" in request.output) within(request.output.vlan, "VLAN", 1, 4095);
  if (!request.all && request.sources.length === 0)
    throw new UsageError("could not create the mirror: it has no source");
}

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
  if (device) await bringOutputUp(session, device, request.force ?? false);
  const parts = [
    ...(made ? newPortParts(made) : []),
    ...mirrorParts(state, bridge, sources, output, made, { ...request, filter }),
  ];
  let uuid: string | undefined;
  let changed = false;
  try {
    uuid = (await session.change("create the mirror", parts, [bridge.name])).split("\n").find(isUuid);
    changed = true;
    if (made && "monitor" in request.output) await session.ip(silentUp(made.name));
  } catch (error) {
    // A transaction that OVS refused left nothing: a port of that name would be somebody else's.
    if (made && (changed || wasCommitted(error))) await rollBack(session, made.name);
    throw error;
  }
  if (session.dryRun) return undefined;
  const after = await session.state();
  const row = after.mirrors.find((mirror) => mirror.uuid === uuid);
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
    ...mirrors.map(({ uuid }): Part => ["remove", "bridge", port.bridge, "mirrors", uuid]),
    ["--if-exists", "del-port", port.bridge, name],
  ]);
}

function portToMake(state: SwitchState, bridge: BridgeRow, request: MirrorRequest): NewPort | undefined {
  const { output, owner } = request;
  if ("monitor" in output) {
    return {
      bridge: bridge.name,
      name: output.monitor,
      type: "internal",
      role: "monitor",
      owner,
      tag: request.stripVlan ? STRIP_TAG : null,
    };
  }
  if ("remote" in output)
    return tunnelPort(output.remote, bridge.name, freeNames("mega_tun", 1, takenNames(state))[0]!, owner);
  return undefined;
}

/** A copy leaves an access port untagged whatever its tag is: membership is not checked for mirrors. */
const STRIP_TAG = 4094;

function mirrorParts(
  state: SwitchState,
  bridge: BridgeRow,
  sources: readonly PortRow[],
  output: PortRow | undefined,
  made: NewPort | undefined,
  request: MirrorRequest,
): Part[] {
  const { output: to } = request;
  const direction = request.direction ?? "both";
  const outputName = output?.name ?? made?.name ?? `vlan${"vlan" in to ? to.vlan : ""}`;
  const ids: Record<string, string> = { [CREATED]: String(Math.floor(Date.now() / 1000)) };
  if (sources.length > 0) ids[SOURCES] = formatSources(sources.map(({ name }) => ({ port: name, direction })));
  if (made) ids[MADE_PORT] = made.name;
  const parts: Part[] = [];
  const ref = new Map<string, string>();
  for (const port of [...sources, ...(output ? [output] : [])]) ref.set(port.name, `@p${ref.size}`);
  if (made) ref.set(made.name, `@p${ref.size}`);
  for (const [name, id] of ref) parts.push([`--id=${id}`, "get", "port", name]);
  const columns = [`name=${quoteValue(mirrorName(state, outputName))}`];
  if (request.all) columns.push("select_all=true");
  const selected = sources.map(({ name }) => ref.get(name)).join(",");
  if (selected !== "" && direction !== "out") columns.push(`select_src_port=${selected}`);
  if (selected !== "" && direction !== "in") columns.push(`select_dst_port=${selected}`);
  if (request.vlans && request.vlans.length > 0) columns.push(`select_vlan=${request.vlans.join(",")}`);
  if (request.snaplen !== undefined) columns.push(`snaplen=${request.snaplen}`);
  if (request.filter !== undefined) columns.push(`filter=${JSON.stringify(request.filter)}`);
  if ("vlan" in to) {
    columns.push(`output_vlan=${to.vlan}`);
    if (!bridge.floodVlans.includes(to.vlan)) {
      // Copies in that VLAN must not be learned from: the bridge would take the monitor for the sender.
      parts.push(["add", "bridge", bridge.name, "flood_vlans", String(to.vlan)]);
      ids[FLOODED] = String(to.vlan);
    }
  } else {
    columns.push(`output_port=${ref.get(outputName)}`);
  }
  if (request.stripVlan && output) {
    ids[TAG_BEFORE] = output.tag === null ? "none" : String(output.tag);
    parts.push(["set", "port", output.name, `tag=${STRIP_TAG}`]);
  }
  parts.push(
    ["--id=@m", "create", "mirror", ...columns, ...marks("mirror", request.owner, ids)],
    ["add", "bridge", bridge.name, "mirrors", "@m"],
  );
  return parts;
}

/** minimega's name for it, with a number when it is taken: OVS allows one name twice, and then neither can be named. */
function mirrorName(state: SwitchState, output: string): string {
  const taken = new Set(state.mirrors.map(({ name }) => name));
  const name = `mirror-${output}`;
  return taken.has(name) ? freeNames(`${name}-`, 1, taken)[0]! : name;
}

/** @returns the filter, or undefined where this OVS has none: then the user is told where to filter instead */
async function usableFilter(session: Session, filter: string): Promise<string | undefined> {
  const refused = (why: string): never => {
    throw new UsageError(`not a filter for a mirror: '${filter}': ${why}`, {
      hint: "an OpenFlow match, e.g. icmp, tcp,tp_dst=80 (ovs-fields(7))",
    });
  };
  if (/\bin_port\b/.test(filter)) refused("in_port cannot be matched in a mirror");
  const { ProcessError, run } = await import("../core/process.ts");
  try {
    await run(["ovs-ofctl", "parse-flow", `${filter},actions=drop`], { place: session.target.place });
  } catch (error) {
    if (error instanceof ProcessError && error.code === "E_COMMAND_FAILED")
      refused(error.stderrTail.trim().replace(/^ovs-ofctl: /, ""));
    throw error;
  }
  if ((await (await session.db()).columnsOf("Mirror")).has("filter")) return filter;
  session.warn(
    `this Open vSwitch cannot filter mirrors (3.4 and later can): the mirror copies everything; filter where you capture, with a BPF: tapscope capture … --filter <bpf>`,
  );
  return undefined;
}

/** Copies that leave by a port that is itself mirrored are copied again, without end. @throws TapscopeError `E_MIRROR_LOOP` unless forced */
async function checkUnderlay(
  session: Session,
  request: MirrorRequest,
  bridge: BridgeRow,
  sources: readonly PortRow[],
): Promise<void> {
  if (request.force || !("remote" in request.output)) return;
  const { run } = await import("../core/process.ts");
  const { remoteIp } = request.output.remote;
  const { stdout } = await run(["ip", "-j", "route", "get", remoteIp], { place: session.place, okCodes: [0, 1, 2] });
  const device = stdout.trim() === "" ? undefined : (JSON.parse(stdout) as { dev?: string }[])[0]?.dev;
  if (device === undefined) {
    session.warn(`there is no route to ${remoteIp}: the copies will go nowhere until there is`);
    return;
  }
  const through =
    sources.some(({ name }) => name === device) || (request.all && bridge.ports.some(({ name }) => name === device));
  if (through) {
    fail(
      "E_MIRROR_LOOP",
      `the copies to ${remoteIp} would leave by ${device}, which is itself mirrored`,
      "mirror other ports, or insist with --force",
    );
  }
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
  const parts = ports.flatMap(({ uuid }): Part[] => [
    [direction === "out" ? "remove" : "add", "mirror", row.uuid, "select_src_port", uuid],
    [direction === "in" ? "remove" : "add", "mirror", row.uuid, "select_dst_port", uuid],
  ]);
  const kept = mirrorInfo(state, row).sources.filter(({ port }) => !names.includes(port));
  return await changeSources(session, row, parts, [...kept, ...names.map((port) => ({ port, direction }))]);
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
  const parts = names.flatMap((name): Part[] => {
    const port = findPort(state, name);
    return port
      ? ["select_src_port", "select_dst_port"].map((column) => ["remove", "mirror", row.uuid, column, port.uuid])
      : [];
  });
  return await changeSources(session, row, parts, kept);
}

async function changeSources(
  session: Session,
  row: MirrorRow,
  parts: Part[],
  sources: readonly MirrorSource[],
): Promise<MirrorInfo | undefined> {
  const remember: Part[] = isOwned(row)
    ? [["set", "mirror", row.uuid, ...externalIds({ [SOURCES]: formatSources(sources) })]]
    : [];
  await session.change(`change mirror ${row.name}`, [...parts, ...remember], [row.bridge]);
  const state = await session.state();
  const after = state.mirrors.find(({ uuid }) => uuid === row.uuid);
  return after && mirrorInfo(state, after);
}

function one(state: SwitchState, which: string): MirrorRow {
  if (which === "all") throw new UsageError("one mirror is meant here, not all");
  return findMirrors(state, which)[0]!;
}

/** The parts that remove a mirror and what was made or changed for it alone. */
export function removalParts(state: SwitchState, row: MirrorRow): Part[] {
  const parts: Part[] = [["remove", "bridge", row.bridge, "mirrors", row.uuid]];
  const made = row.ids.get(MADE_PORT);
  if (made !== undefined && findPort(state, made)?.bridge === row.bridge)
    parts.push(["--if-exists", "del-port", row.bridge, made]);
  const flooded = row.ids.get(FLOODED);
  if (flooded !== undefined) parts.push(["remove", "bridge", row.bridge, "flood_vlans", flooded]);
  const tag = row.ids.get(TAG_BEFORE);
  const output = row.outputPort === null ? undefined : state.ports.get(row.outputPort);
  if (tag !== undefined && output) {
    parts.push(tag === "none" ? ["clear", "port", output.name, "tag"] : ["set", "port", output.name, `tag=${tag}`]);
  }
  return parts;
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
    rows.flatMap((row) => removalParts(state, row)),
    [...new Set(rows.map(({ bridge }) => bridge))],
  );
  return rows.map((row) => mirrorInfo(state, row));
}
