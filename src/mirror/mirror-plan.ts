/** What a mirror that is asked for comes to: its ports, the checks it must pass, and the commands of its transaction. */
import { type ErrorCode, TapscopeError, UsageError } from "../core/errors.ts";
import { type Direction, formatSources } from "./mirror-info.ts";
import { freeNames } from "./names.ts";
import type { NewPort } from "./new-port.ts";
import { quoteValue, type VsctlCommand } from "./ovs-vsctl.ts";
import { CREATED, FLOODED, MADE_PORT, marks, SOURCES, TAG_BEFORE } from "./ownership.ts";
import type { Session } from "./session.ts";
import { type BridgeRow, findBridge, findPort, type PortRow, type SwitchState, takenNames } from "./state.ts";
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

/** Refuses: "could not <doing>: <why>". */
export function fail(code: ErrorCode, why: string, hint?: string, doing = "create the mirror"): never {
  throw new TapscopeError(code, `could not ${doing}: ${why}`, { hint });
}

/** The port that mirrors of `name` have as source. @throws TapscopeError `E_NO_SOURCE`, `E_BOND_MEMBER` */
export function sourcePort(state: SwitchState, name: string, doing?: string): PortRow {
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
export function resolvePorts(
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

/** @throws UsageError for numbers no mirror can have */
export function checkNumbers(request: MirrorRequest): void {
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

/** The port that is made together with the mirror, if any. */
export function portToMake(state: SwitchState, bridge: BridgeRow, request: MirrorRequest): NewPort | undefined {
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

/** The commands that make the mirror, given that its new port (if any) was made before. */
export function mirrorCommands(
  state: SwitchState,
  bridge: BridgeRow,
  sources: readonly PortRow[],
  output: PortRow | undefined,
  made: NewPort | undefined,
  request: MirrorRequest,
): VsctlCommand[] {
  const { output: to } = request;
  const direction = request.direction ?? "both";
  const outputName = output?.name ?? made?.name ?? `vlan${"vlan" in to ? to.vlan : ""}`;
  const ids: Record<string, string> = { [CREATED]: String(Math.floor(Date.now() / 1000)) };
  if (sources.length > 0) ids[SOURCES] = formatSources(sources.map(({ name }) => ({ port: name, direction })));
  if (made) ids[MADE_PORT] = made.name;
  const commands: VsctlCommand[] = [];
  const ref = new Map<string, string>();
  for (const port of [...sources, ...(output ? [output] : [])]) ref.set(port.name, `@p${ref.size}`);
  if (made) ref.set(made.name, `@p${ref.size}`);
  for (const [name, id] of ref) commands.push([`--id=${id}`, "get", "port", name]);
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
      commands.push(["add", "bridge", bridge.name, "flood_vlans", String(to.vlan)]);
      ids[FLOODED] = String(to.vlan);
    }
  } else {
    columns.push(`output_port=${ref.get(outputName)}`);
  }
  if (request.stripVlan && output) {
    ids[TAG_BEFORE] = output.tag === null ? "none" : String(output.tag);
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

/** @returns the filter, or undefined where this OVS has none: then the user is told where to filter instead */
export async function usableFilter(session: Session, filter: string): Promise<string | undefined> {
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
export async function checkUnderlay(
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
