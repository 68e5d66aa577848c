/**
 * Whether what enters a tunnel leaves the host, and whether full frames do. OVS reports neither: `error` of the interface stays empty.
 * Sources: Open vSwitch's "Connecting VMs Using Tunnels (Userspace)", and what was seen by experiment on OVS 3.1.
 */
import { describePlace } from "../core/place.ts";
import { bad, type Check } from "./check.ts";
import { type Device, givenAddresses, readDevices } from "./devices.ts";
import { ipLine, vsctlLine } from "./fixes.ts";
import { freeNames } from "./names.ts";
import type { Session } from "./session.ts";
import { findBridge, hasDevice, type PortRow, type SwitchState, takenNames } from "./state.ts";
import { tapscopeCommand } from "./target.ts";
import { OVERHEAD, type TunnelType } from "./tunnel.ts";

interface RouteJson {
  readonly dev?: string;
  readonly gateway?: string;
}

/** An Ethernet header and one VLAN tag. */
const FRAME = 14 + 4;

/** What is wrong with the tunnels of a switch that is on this machine. */
export async function checkTunnels(session: Session, state: SwitchState): Promise<Check[]> {
  const checks = [];
  for (const port of state.ports.values()) checks.push(...(await checkTunnel(session, state, port)));
  return checks;
}

/** What is wrong with one port, when it is a tunnel. */
export async function checkTunnel(session: Session, state: SwitchState, port: PortRow): Promise<Check[]> {
  const { run } = await import("../core/process.ts");
  const entry = port.interfaces.find(({ type }) => Object.hasOwn(OVERHEAD, type));
  const remote = entry?.options.get("remote_ip");
  if (!entry || remote === undefined || remote === "flow") return [];
  const at = `tunnel ${port.name} (${entry.type} to ${remote})`;
  const { stdout } = await run(["ip", "-j", "route", "get", remote], { place: session.place, okCodes: [0, 1, 2] });
  const route = stdout.trim() === "" ? undefined : (JSON.parse(stdout) as RouteJson[])[0];
  const devices = await readDevices(session.place);
  const underlay = devices.get(route?.dev ?? "");
  if (!underlay) {
    return [
      bad(
        "tunnel-route",
        `${at}: there is no route to ${remote}`,
        `# add a route (in ${describePlace(session.place)}), or remove it: ${vsctlLine(session, ["--if-exists", "del-port", port.bridge, port.name])}`,
      ),
    ];
  }
  const userspace = findBridge(state, port.bridge)?.datapathType === "netdev";
  if (userspace && !isOnSwitch(state, underlay.name)) {
    return [
      bad(
        "tunnel-underlay",
        `${at}: nothing leaves by it: a userspace datapath sends a tunnel's packets only by a bridge that holds the underlay's address, and ${remote} is reached by ${underlay.name}`,
        underlayLine(session, state, underlay, remote, route?.gateway),
      ),
    ];
  }
  const carrier = narrowest(state, underlay, devices);
  const key = entry.type === "gre" && entry.options.has("key") ? 4 : 0;
  const overhead = FRAME + OVERHEAD[entry.type as TunnelType] + key + (remote.includes(":") ? 20 : 0);
  const needed = largestPacket(state, port.bridge) + overhead;
  if (carrier.mtu >= needed) return [];
  const isOutput = state.mirrors.some(({ outputPort }) => outputPort === port.uuid);
  const room = carrier.mtu - overhead;
  return [
    bad(
      "tunnel-mtu",
      `${at}: full frames need an MTU of ${needed} on ${carrier.name}, which has ${carrier.mtu}`,
      `${ipLine(session.place, `link set dev ${carrier.name} mtu ${needed}`)}   # or ${isOutput ? `mirror with --snaplen ${room + FRAME}` : `an MTU of ${room} in the machines that talk through it`}`,
    ),
  ];
}

/** The device is a bridge of the userspace datapath, or an internal port of one. */
function isOnSwitch(state: SwitchState, device: string): boolean {
  return [...state.ports.values()].some(
    ({ bridge, interfaces }) =>
      findBridge(state, bridge)?.datapathType === "netdev" &&
      interfaces.some(({ name, type }) => name === device && (type === "internal" || name === bridge)),
  );
}

/** Puts the underlay's device on a bridge of its own, and its addresses on the bridge. */
function underlayLine(
  session: Session,
  state: SwitchState,
  underlay: Device,
  remote: string,
  gateway: string | undefined,
): string {
  const bridge = freeNames("underlay", 1, takenNames(state))[0]!;
  const commands = (...args: string[]) => tapscopeCommand(session.target, ...args);
  return [
    commands("bridge", "create", bridge, "--datapath", "netdev"),
    commands("bridge", "trunk", bridge, underlay.name),
    ipLine(
      session.place,
      `address flush dev ${underlay.name}`,
      ...givenAddresses(underlay).map((address) => `address add ${address} dev ${bridge}`),
      `link set dev ${bridge} up`,
      ...(gateway === undefined ? [] : [`route add ${remote} via ${gateway} dev ${bridge}`]),
    ),
  ].join(" && ");
}

/** Of the underlay's device, and where that is a bridge of its ports' devices, the one with the smallest MTU. */
function narrowest(state: SwitchState, underlay: Device, devices: ReadonlyMap<string, Device>): Device {
  const ports = findBridge(state, underlay.name)?.ports ?? [];
  return ports
    .flatMap(({ name }) => (name === underlay.name ? [] : (devices.get(name) ?? [])))
    .reduce((least, device) => (device.mtu <= least.mtu ? device : least), underlay);
}

/** The largest MTU of what is on a bridge. */
function largestPacket(state: SwitchState, bridge: string): number {
  const mtus = (findBridge(state, bridge)?.ports ?? []).flatMap(({ interfaces }) =>
    interfaces.map((entry) => (hasDevice(entry) ? (entry.mtu ?? 0) : 0)),
  );
  return Math.max(1500, ...mtus);
}
