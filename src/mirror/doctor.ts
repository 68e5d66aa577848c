/**
 * Looks for what goes wrong with Open vSwitch mirrors and can be seen from outside: each finding says how to cure it. The
 * conditions were all seen by experiment; OVS itself reports most of them nowhere but in its log.
 */
import { messageOf, TapscopeError } from "../core/errors.ts";
import { describePlace } from "../core/place.ts";
import { findProgram } from "../core/process.ts";
import { PROGRAMS } from "../core/programs.ts";
import { type Device, findDevices, givenAddresses, readDevices } from "./devices.ts";
import { MAX_MIRRORS, mirrorsOf } from "./mirror-info.ts";
import { isOwned, ownerOf } from "./ownership.ts";
import { BPDU_BEFORE, type Session } from "./session.ts";
import type { BridgeRow, InterfaceRow, MirrorRow, PortRow, SwitchState } from "./state.ts";
import { vswitchdSocket } from "./target.ts";
import { OVERHEAD, type TunnelType } from "./tunnel.ts";

export interface Check {
  /** A stable name: `ovsdb`, `mirror-health`, … */
  readonly code: string;
  readonly ok: boolean;
  readonly message: string;
  /** What to do; null when it is ok. */
  readonly fix: string | null;
}

const good = (code: string, message: string): Check => ({ code, ok: true, message, fix: null });
const bad = (code: string, message: string, fix: string): Check => ({ code, ok: false, message, fix });

/** Checks the programs, then the switch as far as it can be reached. */
export async function examine(session: Session): Promise<Check[]> {
  const checks: Check[] = checkPrograms();
  let state: SwitchState;
  try {
    state = await session.state();
    checks.push(good("ovsdb", `${session.target.label}: OVSDB answers at ${session.target.remote}`));
  } catch (error) {
    const hint = error instanceof TapscopeError ? error.hint : undefined;
    checks.push(
      bad(
        "ovsdb",
        `${session.target.label}: ${messageOf(error)}`,
        hint ?? "start ovsdb-server, or run: tapscope lab up",
      ),
    );
    return checks;
  }
  checks.push(...(await checkVswitchd(session, state)));
  checks.push(...(await checkRows(session, state)));
  return checks;
}

/** Checks that the programs are there that tapscope runs. */
export function checkPrograms(): Check[] {
  const root = process.getuid?.() === 0;
  return PROGRAMS.filter(({ optional, userOnly }) => !optional && !(userOnly && root)).map(
    ({ name, use, debianPackage }) =>
      findProgram(name) === undefined
        ? bad(`tool-${name}`, `${name} (for ${use}) is not installed`, `apt-get install ${debianPackage}`)
        : good(`tool-${name}`, `${name} is installed`),
  );
}

async function checkVswitchd(session: Session, state: SwitchState): Promise<Check[]> {
  const problem = await session.vswitchdProblem();
  if (problem) {
    return [
      bad(
        "vswitchd",
        `${problem}: nothing is switched or mirrored anew`,
        "start it: systemctl start openvswitch-switch; its log says why it ended",
      ),
    ];
  }
  const checks = [good("vswitchd", "ovs-vswitchd runs and answers")];
  if (!state.applied) {
    checks.push(bad("applied", "ovs-vswitchd has not applied the last change", "wait; if it stays, look into its log"));
  }
  if (vswitchdSocket(session.target) === undefined) {
    checks.push(
      good("control", "ovs-vswitchd's control socket is not here (a remote OVSDB): flows are refreshed over OVSDB"),
    );
    return checks;
  }
  const version = /\d+\.\d+(?:\.\d+)?/.exec((await session.control("version")) ?? "")?.[0] ?? "unknown";
  const [major, minor] = version.split(".").map(Number) as [number, number];
  const forgets = major === 3 && minor < 4;
  checks.push(
    good(
      "version",
      `Open vSwitch ${version}${forgets ? ": it ignores mirrors for running flows, so tapscope refreshes them" : ""}`,
    ),
  );
  return checks;
}

async function checkRows(session: Session, state: SwitchState): Promise<Check[]> {
  const local = session.target.remote.startsWith("unix:");
  const ports = [...state.ports.values()];
  const wanted = ports.flatMap(({ interfaces }) =>
    interfaces.filter(hasDevice).map(({ name, mac }) => ({ name, mac })),
  );
  const devices = local && wanted.length > 0 ? await findDevices(session.place, wanted) : undefined;
  const here = local ? await readDevices(session.place) : undefined;
  const findings = [
    ...ports.flatMap((port) => checkPort(port, devices, here, session)),
    ...state.bridges.flatMap((bridge) => checkBridge(bridge)),
    ...mirrorsOf(state).flatMap((mirror) => {
      if (mirror.health === "ok" || mirror.health === "waiting") return [];
      const cure = CURES[mirror.health] ?? "delete it, and create it anew";
      return [
        bad(
          `mirror-${mirror.health}`,
          `mirror ${mirror.name} on ${mirror.bridge}: ${mirror.why}`,
          cure.replaceAll("<mirror>", mirror.uuid),
        ),
      ];
    }),
    ...state.mirrors.flatMap((mirror) => checkOutput(state, mirror, devices)),
    ...checkOwners(state),
    ...(local ? await checkTunnels(session, state) : []),
  ];
  if (findings.length > 0) return findings;
  return [
    good(
      "rows",
      `${state.bridges.length} bridges, ${ports.length} ports and ${state.mirrors.length} mirrors: nothing is wrong with them`,
    ),
  ];
}

const CURES: Record<string, string> = {
  stale: "tapscope clean",
  "dangling-source": "tapscope mirror add <mirror> <source>, or: tapscope mirror delete <mirror>",
  "dangling-output": "tapscope mirror delete <mirror>",
  "not-applied": "tapscope mirror delete <mirror>, and create it on one bridge with its output up",
};

/** Tunnels and patches exist in OVS alone. */
function hasDevice({ type }: InterfaceRow): boolean {
  return ["", "system", "internal", "tap"].includes(type);
}

function checkPort(
  port: PortRow,
  devices: ReadonlyMap<string, Device> | undefined,
  here: ReadonlyMap<string, Device> | undefined,
  session: Session,
): Check[] {
  return port.interfaces.flatMap((entry): Check[] => {
    const { name } = entry;
    const at = `port ${name} on ${port.bridge}`;
    const remove = `ovs-vsctl del-port ${port.bridge} ${port.name}`;
    if (Buffer.byteLength(name) > 15) {
      return [
        bad(
          "port-name",
          `${at}: its name has more than 15 bytes, so its device is ${name.slice(0, 15)}`,
          `${remove}, and add it under a shorter name`,
        ),
      ];
    }
    if (entry.error !== null || entry.ofport === -1) {
      return [bad("port-error", `${at} does not work: ${entry.error ?? "OVS could not open it"}`, remove)];
    }
    if (!devices || !hasDevice(entry)) return [];
    const device = devices.get(name);
    if (device) return [];
    const other = here?.get(name);
    if (other) {
      return [
        bad(
          "port-replaced",
          `${at}: the device of that name in ${describePlace(session.place)} is not the one OVS opened (${entry.mac} there, ${other.mac} here)`,
          `${remove}, and add it again in a second step`,
        ),
      ];
    }
    return [
      bad(
        "port-gone",
        `${at}: no network namespace seen from here has its device (deleted behind OVS, or with its namespace)`,
        `${remove}, and add it again in a second step`,
      ),
    ];
  });
}

function checkBridge(bridge: BridgeRow): Check[] {
  const checks: Check[] = [];
  if (bridge.mirrors.length > MAX_MIRRORS) {
    checks.push(
      bad(
        "mirror-count",
        `bridge ${bridge.name} has ${bridge.mirrors.length} mirrors; OVS applies ${MAX_MIRRORS} and ignores the others`,
        "join mirrors: one mirror may have many sources (tapscope mirror add)",
      ),
    );
  }
  const names = bridge.mirrors.map(({ name }) => name);
  for (const name of new Set(names.filter((name, index) => names.indexOf(name) !== index))) {
    checks.push(
      bad(
        "mirror-name",
        `several mirrors on ${bridge.name} are called ${name}: ovs-vsctl cannot tell them apart`,
        "delete by uuid: tapscope --json mirror list shows it",
      ),
    );
  }
  if (bridge.ids.has(BPDU_BEFORE)) {
    checks.push(
      bad(
        "refresh",
        `bridge ${bridge.name}: a refresh was interrupted and left forward-bpdu changed`,
        "tapscope clean",
      ),
    );
  }
  return checks;
}

function checkOutput(state: SwitchState, mirror: MirrorRow, devices: ReadonlyMap<string, Device> | undefined): Check[] {
  const checks: Check[] = [];
  const at = `mirror ${mirror.name} on ${mirror.bridge}`;
  const bridge = state.bridges.find(({ name }) => name === mirror.bridge);
  if (mirror.outputPort !== null && mirror.outputVlan !== null) {
    checks.push(
      bad(
        "mirror-outputs",
        `${at} has an output port and an output VLAN: OVS ignores the VLAN`,
        `ovs-vsctl clear mirror ${mirror.uuid} output_vlan`,
      ),
    );
  }
  if (mirror.outputVlan !== null && mirror.outputPort === null && !bridge?.floodVlans.includes(mirror.outputVlan)) {
    checks.push(
      bad(
        "mirror-flood",
        `${at}: OVS learns addresses from the copies in VLAN ${mirror.outputVlan}`,
        `ovs-vsctl add bridge ${mirror.bridge} flood_vlans ${mirror.outputVlan}`,
      ),
    );
  }
  const output = mirror.outputPort === null ? undefined : state.ports.get(mirror.outputPort);
  if (!output) return checks;
  const feeding = state.mirrors.find(
    (other) => other !== mirror && (other.selectSrc.includes(output.uuid) || other.selectDst.includes(output.uuid)),
  );
  if (feeding) {
    checks.push(
      bad(
        "mirror-chain",
        `${at}: its output ${output.name} is a source of mirror ${feeding.name}`,
        "mirror the original ports instead of a mirror's output",
      ),
    );
  }
  const shared = state.mirrors.find((other) => other !== mirror && other.outputPort === output.uuid);
  if (shared && shared.uuid > mirror.uuid) {
    checks.push(
      bad(
        "mirror-shared",
        `mirrors ${mirror.name} and ${shared.name} have one output, ${output.name}`,
        "join them: tapscope mirror add",
      ),
    );
  }
  const device = devices?.get(output.interfaces[0]?.name ?? output.name);
  if (!device) return checks;
  const addresses = givenAddresses(device);
  if (addresses.length > 0) {
    checks.push(
      bad(
        "output-live",
        `${at}: its output ${output.name} has the address ${addresses.join(", ")}, and OVS drops all it sends`,
        `tapscope mirror delete ${mirror.uuid}, and choose an output that nothing uses`,
      ),
    );
  }
  if (!device.up) {
    checks.push(
      bad(
        "output-down",
        `${at}: its output ${output.name} is down, so nothing arrives`,
        `ip link set dev ${output.name} up (in ${describePlace(device.place)})`,
      ),
    );
  } else if (!device.carrier) {
    checks.push(
      bad(
        "output-carrier",
        `${at}: its output ${output.name} has no carrier: nothing reads that tap, and the copies vanish`,
        "start what reads it, or use an internal port: tapscope tap create 0",
      ),
    );
  } else if (addresses.length === 0 && device.addresses.length > 0) {
    checks.push(
      bad(
        "output-talks",
        `${at}: its output ${output.name} has IPv6 on and sends frames of its own`,
        `ip link set dev ${output.name} addrgenmode none; ip -6 address flush dev ${output.name} (in ${describePlace(device.place)})`,
      ),
    );
  }
  return checks;
}

function checkOwners(state: SwitchState): Check[] {
  const ports = [...state.ports.values()].filter((port) => isOwned(port) && ownerOf(port)?.alive === false);
  return ports.map(({ name, bridge, ids }) =>
    bad(
      "leftover",
      `port ${name} on ${bridge} was made for a process that has ended (${ids.get("tapscope-owner")})`,
      "tapscope clean",
    ),
  );
}

interface RouteJson {
  readonly dev?: string;
}

/** A full frame and its encapsulation have to fit into the underlay's MTU: else copies are fragmented, or lost. */
async function checkTunnels(session: Session, state: SwitchState): Promise<Check[]> {
  const { run } = await import("../core/process.ts");
  const checks: Check[] = [];
  for (const port of state.ports.values()) {
    const entry = port.interfaces.find(({ type }) => Object.hasOwn(OVERHEAD, type));
    const remote = entry?.options.get("remote_ip");
    if (!entry || remote === undefined || remote === "flow") continue;
    const at = `tunnel ${port.name} (${entry.type} to ${remote})`;
    const { stdout } = await run(["ip", "-j", "route", "get", remote], { place: session.place, okCodes: [0, 1, 2] });
    const device = stdout.trim() === "" ? undefined : (JSON.parse(stdout) as RouteJson[])[0]?.dev;
    const mtu = device === undefined ? undefined : (await readDevices(session.place, device)).get(device)?.mtu;
    if (device === undefined || mtu === undefined) {
      checks.push(
        bad(
          "tunnel-route",
          `${at}: there is no route to ${remote}`,
          `ip route add … (in ${describePlace(session.place)})`,
        ),
      );
      continue;
    }
    const key = entry.type === "gre" && entry.options.has("key") ? 4 : 0;
    const needed =
      largestFrame(state, port.bridge) + OVERHEAD[entry.type as TunnelType] + key + (remote.includes(":") ? 20 : 0);
    if (mtu < needed) {
      checks.push(
        bad(
          "tunnel-mtu",
          `${at}: full frames need an MTU of ${needed} on ${device}, which has ${mtu}`,
          `ip link set dev ${device} mtu ${needed}, or mirror with --snaplen ${mtu - needed + largestFrame(state, port.bridge)}`,
        ),
      );
    }
  }
  return checks;
}

/** With Ethernet header and one VLAN tag. */
function largestFrame(state: SwitchState, bridge: string): number {
  const mtus = (state.bridges.find(({ name }) => name === bridge)?.ports ?? []).flatMap(({ interfaces }) =>
    interfaces.map(({ mtu, type }) => (hasDevice({ type } as InterfaceRow) ? (mtu ?? 0) : 0)),
  );
  return Math.max(1500, ...mtus) + 14 + 4;
}
