/**
 * Plans a mirror: from the switch's state, what was asked outside (mirror-facts.ts) and the request, either the commands that make it or
 * the reason why it cannot be. Pure: nothing is asked or changed here, so that what can be refused is refused before anything is touched.
 */
import { TapscopeError, UsageError } from "../core/errors.ts";
import type { MirrorFacts } from "./mirror-facts.ts";
import { type Direction, formatSources, MAX_MIRRORS } from "./mirror-info.ts";
import { givenOptions, notAFilter } from "./mirror-options.ts";
import type { MirrorRequest } from "./mirror-request.ts";
import { freeNames } from "./names.ts";
import { type NewPort, newPortCommands } from "./new-port.ts";
import { NOT_COVERED, onceSources } from "./once.ts";
import { outputDeviceRefusal, outputRowRefusal, outputWarnings, readyOutput, silentUp } from "./output.ts";
import { quoteValue, type VsctlCommand } from "./ovs-vsctl.ts";
import { CREATED, DECLARED, FLOODED, MADE_PORT, marks, ONCE, SOURCES, TAG_BEFORE } from "./ownership.ts";
import { refusal } from "./refusal.ts";
import { type BridgeRow, findBridge, findPort, type PortRow, type SwitchState, takenNames } from "./state.ts";
import { tunnelPort } from "./tunnel.ts";

/** What makes a mirror, in order: `prepare`, the transaction of `commands`, `finish`. */
export interface MirrorPlan {
  readonly bridge: string;
  /** ip(8) commands that make the output's device ready. */
  readonly prepare: readonly string[];
  /** One transaction. */
  readonly commands: readonly VsctlCommand[];
  /** ip(8) commands for the port that the transaction made. */
  readonly finish: readonly string[];
  /** The port that the transaction makes: to be taken back when OVS cannot set it up. */
  readonly made: NewPort | null;
  /** What the user should know. */
  readonly warnings: readonly string[];
}

export type Planned = { readonly plan: MirrorPlan } | { readonly refusal: TapscopeError };

/** A request with its names looked up. */
export interface ResolvedRequest {
  readonly state: SwitchState;
  readonly request: MirrorRequest;
  readonly bridge: BridgeRow;
  readonly sources: readonly PortRow[];
  /** An existing port that is to be the output. */
  readonly output: PortRow | null;
}

/** What the rules and the plan are about. */
interface MirrorSubject extends ResolvedRequest {
  readonly facts: MirrorFacts;
}

/** Why a mirror cannot be made, or undefined. The first that has something to say decides. */
type Rule = (subject: MirrorSubject) => TapscopeError | undefined;

const RULES: readonly Rule[] = [
  tooMany,
  ({ state, output, sources, request }) =>
    output ? outputRowRefusal(state, output, new Set(sources.map(({ uuid }) => uuid)), request) : undefined,
  ({ facts, request }) => filterRefusal(facts, request),
  underlayRefusal,
  ({ facts, output, request }) =>
    output && facts.output && !request.force ? outputDeviceRefusal(output, facts.output) : undefined,
];

/** The plan for a mirror, or why there is none. */
export function planMirror(state: SwitchState, facts: MirrorFacts, request: MirrorRequest): Planned {
  try {
    const subject = { ...resolveRequest(state, request), facts };
    for (const rule of RULES) {
      const found = rule(subject);
      if (found) return { refusal: found };
    }
    return { plan: planOf(subject) };
  } catch (error) {
    if (error instanceof TapscopeError) return { refusal: error };
    throw error;
  }
}

/** @throws UsageError for what no switch could make */
function checkRequest(request: MirrorRequest): void {
  const { output } = request;
  for (const { row, value } of givenOptions(request)) row.check(value);
  const wrong = (why: string): never => {
    throw new UsageError(`could not create the mirror: ${why}`);
  };
  if ("vlan" in output && !(Number.isInteger(output.vlan) && output.vlan >= 1 && output.vlan <= 4095))
    wrong(`VLAN ${output.vlan} is not in the valid range 1 to 4095`);
  if (request.vlans?.length && request.notVlans?.length) wrong("VLANs are either chosen or left out, not both");
  const chosen = request.once ? "--once chooses the sources itself" : "--all mirrors the whole bridge";
  if ((request.once || request.all) && request.sources.length > 0)
    wrong(`${chosen}: ${request.sources.join(", ")} cannot be a source besides`);
  if (request.once && request.all) wrong("--once and --all are two choices of sources");
  if (request.once && request.direction !== undefined && request.direction !== "both")
    wrong("--once copies frames where they enter the switch: it has no --direction");
  if (!request.all && !request.once && request.sources.length === 0) wrong("it has no source");
}

/** The port that mirrors of `name` have as source. @throws TapscopeError `E_NO_SOURCE`, `E_BOND_MEMBER` */
export function sourcePort(state: SwitchState, name: string, doing?: string): PortRow {
  const port = findPort(state, name);
  if (port) return port;
  for (const candidate of state.ports.values()) {
    if (candidate.interfaces.some((entry) => entry.name === name)) {
      throw refusal(
        "E_BOND_MEMBER",
        `${name} is a member of bond ${candidate.name}`,
        `mirror the bond: ${candidate.name}`,
        doing,
      );
    }
  }
  throw refusal(
    "E_NO_SOURCE",
    `source tap is not on a bridge: no port is called ${name}`,
    "tapscope bridge ports <bridge> lists the ports there are",
    doing,
  );
}

/** Checks a request by itself and looks its names up. @throws TapscopeError when it cannot make one mirror */
export function resolveRequest(state: SwitchState, request: MirrorRequest): ResolvedRequest {
  checkRequest(request);
  const outputName = "port" in request.output ? request.output.port : undefined;
  if (outputName !== undefined && request.sources.includes(outputName))
    throw new UsageError(`could not create the mirror: cannot mirror tap to itself: ${outputName}`);
  const named = [...new Set(request.sources)].map((name) => sourcePort(state, name));
  const output = outputName === undefined ? null : (findPort(state, outputName) ?? null);
  if (outputName !== undefined && !output) {
    throw refusal(
      "E_NO_OUTPUT",
      `destination tap is not on a bridge: no port is called ${outputName}`,
      "make one with: tapscope tap create 0",
    );
  }
  const bridge = bridgeOf(state, request, [...named, ...(output ? [output] : [])]);
  const sources = request.once ? onceSources(bridge, output, request) : named;
  if (request.once && sources.length === 0)
    throw refusal("E_NO_SOURCE", "no port of the bridge carries these VLANs", "tapscope tap list shows the VLANs");
  return { state, request, bridge, sources, output };
}

function bridgeOf(state: SwitchState, request: MirrorRequest, ports: readonly PortRow[]): BridgeRow {
  const names = [
    ...new Set([...(request.bridge === undefined ? [] : [request.bridge]), ...ports.map((port) => port.bridge)]),
  ];
  if (names.length > 1)
    throw refusal(
      "E_OTHER_BRIDGE",
      `interfaces on different bridges: ${names.join(" and ")}`,
      "a mirror copies within one bridge",
    );
  const name = names[0] ?? (state.bridges.length === 1 ? state.bridges[0]!.name : undefined);
  if (name === undefined)
    throw new UsageError("could not create the mirror: which bridge is meant?", { hint: "say --bridge <br>" });
  const bridge = findBridge(state, name);
  if (!bridge) throw refusal("E_NO_BRIDGE", `bridge not found: ${name}`, "tapscope bridge list shows those there are");
  return bridge;
}

function tooMany({ bridge }: MirrorSubject): TapscopeError | undefined {
  if (bridge.mirrors.length < MAX_MIRRORS) return undefined;
  return refusal(
    "E_TOO_MANY_MIRRORS",
    `bridge ${bridge.name} has ${bridge.mirrors.length} mirrors, and Open vSwitch applies no more than ${MAX_MIRRORS}`,
    "add the sources to an existing mirror: tapscope mirror add <mirror> <source…>",
  );
}

function filterRefusal({ filter }: MirrorFacts, request: MirrorRequest): TapscopeError | undefined {
  if (request.filter === undefined) return undefined;
  if (filter.error !== null) return notAFilter(request.filter, filter.error);
  if (filter.possible) return undefined;
  return refusal(
    "E_NO_MIRROR_FILTER",
    "this Open vSwitch cannot filter mirrors (3.4 and later can)",
    "filter where you capture: tapscope capture|watch --mirror <port> --filter-at-capture <bpf>",
  );
}

/** Copies that leave by a port that is itself mirrored would be copied again, without end. */
function underlayRefusal({ facts: { route }, request, bridge, sources }: MirrorSubject): TapscopeError | undefined {
  if (request.force || typeof route !== "string" || !("remote" in request.output)) return undefined;
  const mirrored = request.all ? bridge.ports : sources;
  if (!mirrored.some(({ name }) => name === route)) return undefined;
  return refusal(
    "E_MIRROR_LOOP",
    `the copies to ${request.output.remote.remoteIp} would leave by ${route}, which is itself mirrored`,
    "mirror other ports, or insist with --force",
  );
}

function planOf(subject: MirrorSubject): MirrorPlan {
  const { request, facts, bridge, sources, output } = subject;
  const mirrored = request.all ? bridge.ports : sources;
  const made = portToMake(subject);
  return {
    bridge: bridge.name,
    prepare: output && facts.output ? readyOutput(output, facts.output, facts.ipv6) : [],
    commands: [...(made ? newPortCommands(made) : []), ...mirrorCommands(subject, made)],
    finish: made && "monitor" in request.output ? silentUp(made.name, facts.ipv6) : [],
    made,
    warnings: [
      ...(output && facts.output ? outputWarnings(output, mirrored, facts.output, request.stripVlan ?? false) : []),
      ...("remote" in request.output && facts.route === null
        ? [`there is no route to ${request.output.remote.remoteIp}: the copies will go nowhere until there is`]
        : []),
      ...(request.once ? NOT_COVERED : []),
    ],
  };
}

/** The sources whose frames are copied as they enter the switch, and as they leave it. */
export function selectedPorts(
  sources: readonly PortRow[],
  request: MirrorRequest,
): { readonly entering: readonly PortRow[]; readonly leaving: readonly PortRow[] } {
  return {
    entering: sources.filter(({ name }) => directionOf(name, request) !== "out"),
    leaving: sources.filter(({ name }) => directionOf(name, request) !== "in"),
  };
}

/** What is copied of a source: frames that enter the switch by it, that leave by it, or both. */
export function directionOf(name: string, { once, directions, direction }: MirrorRequest): Direction {
  return once ? "in" : (directions?.get(name) ?? direction ?? "both");
}

/** A copy leaves an access port untagged whatever its tag is: membership is not checked for mirrors. */
const STRIP_TAG = 4094;

/** The port that is made together with the mirror, if any. */
function portToMake({ state, bridge, request }: MirrorSubject): NewPort | null {
  const { output, owner } = request;
  if ("monitor" in output) {
    const tag = request.stripVlan ? STRIP_TAG : null;
    return { bridge: bridge.name, name: output.monitor, type: "internal", role: "monitor", owner, tag };
  }
  if ("remote" in output)
    return tunnelPort(output.remote, bridge.name, freeNames("mega_tun", 1, takenNames(state))[0]!, owner);
  return null;
}

/** The commands that make the mirror, given that its new port (if any) was made before. */
function mirrorCommands({ state, facts, request, bridge, sources, output }: MirrorSubject, made: NewPort | null) {
  const { output: to } = request;
  const { entering, leaving } = selectedPorts(sources, request);
  const outputName = output?.name ?? made?.name ?? `vlan${"vlan" in to ? to.vlan : ""}`;
  const ids: Record<string, string> = { [CREATED]: String(facts.nowS) };
  if (sources.length > 0)
    ids[SOURCES] = formatSources(sources.map(({ name }) => ({ port: name, direction: directionOf(name, request) })));
  if (request.once) ids[ONCE] = "yes";
  if (request.declaredIn !== undefined) ids[DECLARED] = request.declaredIn;
  if (made) ids[MADE_PORT] = made.name;
  const commands: VsctlCommand[] = [];
  const ref = new Map<string, string>();
  for (const port of [...sources, ...(output ? [output] : [])]) ref.set(port.name, `@p${ref.size}`);
  if (made) ref.set(made.name, `@p${ref.size}`);
  for (const [name, id] of ref) commands.push([`--id=${id}`, "get", "port", name]);
  const columns = [`name=${quoteValue(request.name ?? mirrorName(state, outputName))}`];
  if (request.all) columns.push("select_all=true");
  const refs = (ports: readonly PortRow[]) => ports.map(({ name }) => ref.get(name)).join(",");
  if (entering.length > 0) columns.push(`select_src_port=${refs(entering)}`);
  if (leaving.length > 0) columns.push(`select_dst_port=${refs(leaving)}`);
  for (const { row, value } of givenOptions(request)) columns.push(`${row.column}=${row.write(value)}`);
  if ("vlan" in to) {
    columns.push(`output_vlan=${to.vlan}`);
    if (!bridge.floodVlans.includes(to.vlan)) {
      // Copies in that VLAN must not be learned from: the bridge would take the monitor for the sender.
      commands.push(["add", "bridge", bridge.name, "flood_vlans", String(to.vlan)]);
      ids[FLOODED] = String(to.vlan);
    }
  } else {
    columns.push(`output_port=${ref.get(outputName)}`);
  }
  if (request.stripVlan && output) {
    // A mirror that somebody took away without us left our tag there.
    ids[TAG_BEFORE] = output.tag === null || output.tag === STRIP_TAG ? "none" : String(output.tag);
    commands.push(["set", "port", output.name, `tag=${STRIP_TAG}`]);
  }
  commands.push(
    ["--id=@m", "create", "mirror", ...columns, ...marks("mirror", request.owner, ids)],
    ["add", "bridge", bridge.name, "mirrors", "@m"],
  );
  return commands;
}

/** minimega's name for it, with a number when it is taken: OVS allows one name twice, and then neither can be named. */
function mirrorName(state: SwitchState, output: string): string {
  const taken = new Set(state.mirrors.map(({ name }) => name));
  const name = `mirror-${output}`;
  return taken.has(name) ? freeNames(`${name}-`, 1, taken)[0]! : name;
}
