/** Bridges, the trunks and tunnels that join them to others, and what a bridge has learned. */
import { TapscopeError, UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { type FdbEntry, parseFdb } from "./fdb.ts";
import { findInUse, inUseError } from "./in-use.ts";
import { checkName, freeNames } from "./names.ts";
import { isOwned, roleOf } from "./ownership.ts";
import { addPorts, newBridgeCommands, noBridge, removeDevices, removePorts, requireBridge } from "./ports.ts";
import type { Session } from "./session.ts";
import { type BridgeRow, findBridge, findPort, type PortRow, takenNames } from "./state.ts";
import { type TunnelSpec, tunnelPort } from "./tunnel.ts";
import { checkTunnel } from "./tunnel-health.ts";

export interface TunnelInfo {
  readonly name: string;
  readonly type: string;
  readonly remote_ip: string | null;
  readonly key: string | null;
}

export interface BridgeInfo {
  readonly name: string;
  readonly datapath_type: string;
  /** Names of its ports, without its own (LOCAL). */
  readonly ports: readonly string[];
  /** The VLANs its access ports are in. */
  readonly vlans: readonly number[];
  /** Ports that `trunk` put there. */
  readonly trunks: readonly string[];
  readonly tunnels: readonly TunnelInfo[];
  readonly mirrors: readonly string[];
  readonly owned: boolean;
}

const TUNNELS = new Set(["vxlan", "gre", "geneve", "erspan", "ip6gre", "ip6erspan", "stt", "lisp"]);

export async function listBridges(session: Session): Promise<BridgeInfo[]> {
  return (await session.state()).bridges.map(bridgeInfo);
}

function bridgeInfo(bridge: BridgeRow): BridgeInfo {
  const ports = bridge.ports.filter(({ name }) => name !== bridge.name);
  const vlans = new Set(ports.flatMap(({ tag }) => (tag === null ? [] : [tag])));
  return {
    name: bridge.name,
    datapath_type: bridge.datapathType,
    ports: ports.map(({ name }) => name),
    vlans: [...vlans].sort((a, b) => a - b),
    trunks: ports.filter((port) => roleOf(port) === "trunk").map(({ name }) => name),
    tunnels: ports.flatMap(tunnelInfo),
    mirrors: bridge.mirrors.map(({ name }) => name),
    owned: isOwned(bridge),
  };
}

function tunnelInfo(port: PortRow): TunnelInfo[] {
  return port.interfaces
    .filter(({ type }) => TUNNELS.has(type))
    .map(({ type, options }) => ({
      name: port.name,
      type,
      remote_ip: options.get("remote_ip") ?? null,
      key: options.get("key") ?? null,
    }));
}

/** @throws TapscopeError `E_EXISTS`, or what OVS said: then nothing is left of it */
export async function createBridge(session: Session, name: string, datapath?: "system" | "netdev"): Promise<void> {
  checkName(name, "bridge");
  const state = await session.state();
  if (takenNames(state).has(name)) {
    const what = findBridge(state, name) ? "bridge" : "port";
    throw new TapscopeError("E_EXISTS", `could not create bridge ${name}: a ${what} of that name exists`);
  }
  await addPorts(session, `create bridge ${name}`, newBridgeCommands(session, state, name, datapath), []);
}

/** Destroys a bridge with all that is on it. @throws TapscopeError `E_FOREIGN` when it, or a port or mirror on it, is not tapscope's, unless `force` */
export async function destroyBridge(session: Session, name: string, force = false): Promise<void> {
  const state = await session.state();
  const bridge = requireBridge(state, name);
  const foreign = [
    ...(isOwned(bridge) ? [] : [`bridge ${name}`]),
    ...bridge.ports.filter((port) => port.name !== name && !isOwned(port)).map((port) => `port ${port.name}`),
    ...bridge.mirrors.filter((mirror) => !isOwned(mirror)).map((mirror) => `mirror ${mirror.name}`),
  ];
  if (foreign.length > 0 && !force) {
    throw new TapscopeError(
      "E_FOREIGN",
      `could not destroy bridge ${name}: tapscope did not make ${foreign.join(", ")}`,
      {
        hint: "insist with --force",
      },
    );
  }
  if (!force) {
    const inUse = await findInUse(session, state);
    // A bridge's own port has its name.
    const held = bridge.ports.flatMap((port) => {
      const why = inUse.get(port.name);
      return why === undefined ? [] : [[port.name, why] as const];
    });
    if (held.length > 0) throw inUseError(`destroy bridge ${name}`, held);
  }
  await session.change(`destroy bridge ${name}`, [["del-br", name]]);
  await removeDevices(session, bridge.ports);
}

/** Columns of which a careless `set` would lose what others made. */
const NOT_TO_SET = /^(?:mirrors|ports|name|_uuid)\b/;

/** Sets columns of a bridge, as `ovs-vsctl set bridge`. @throws UsageError */
export async function configureBridge(session: Session, name: string, settings: readonly string[]): Promise<void> {
  for (const setting of settings) {
    if (!/^[\w:-]+=/.test(setting)) throw new UsageError(`expected key=value: '${sanitize(setting)}'`);
    if (NOT_TO_SET.test(setting))
      throw new UsageError(`not to be set by hand: '${sanitize(setting)}'`, { hint: "tapscope mirror, tapscope tap" });
  }
  requireBridge(await session.state(), name);
  await session.change(`configure bridge ${name}`, [["set", "bridge", name, ...settings]]);
}

/** Puts a device on a bridge that carries all VLANs. */
export async function addTrunk(session: Session, bridge: string, name: string): Promise<void> {
  checkName(name, "trunk");
  const state = await session.state();
  requireBridge(state, bridge);
  const port = findPort(state, name);
  if (port?.bridge === bridge) throw new TapscopeError("E_EXISTS", `bridge already trunking to ${name}`);
  if (takenNames(state).has(name))
    throw new TapscopeError("E_EXISTS", `could not trunk to ${name}: it is on bridge ${port?.bridge ?? "another"}`);
  await addPorts(session, `trunk ${bridge} to ${name}`, [], [{ bridge, name, role: "trunk" }]);
  await session.ip([`link set dev ${name} up`]);
}

/** @throws TapscopeError `E_NO_TRUNK` */
export async function removeTrunk(session: Session, bridge: string, name: string): Promise<void> {
  const state = await session.state();
  requireBridge(state, bridge);
  const port = findPort(state, name);
  if (port?.bridge !== bridge || roleOf(port) !== "trunk")
    throw new TapscopeError("E_NO_TRUNK", `unknown trunk: ${name}`);
  await removePorts(session, state, [port], false);
}

/** Joins a bridge to another machine's. @returns the tunnel port's name */
export async function addTunnel(session: Session, bridge: string, spec: TunnelSpec): Promise<string> {
  const state = await session.state();
  requireBridge(state, bridge);
  const name = freeNames("mega_tun", 1, takenNames(state))[0]!;
  await addPorts(session, `make a ${spec.type} tunnel`, [], [tunnelPort(spec, bridge, name)]);
  if (!session.dryRun && session.target.remote.startsWith("unix:")) {
    const now = await session.state();
    const port = findPort(now, name);
    for (const { message, fix } of port ? await checkTunnel(session, now, port) : []) {
      session.warn(message);
      session.warn(`to cure it: ${fix}`);
    }
  }
  return name;
}

/** @throws TapscopeError `E_NO_TUNNEL` */
export async function removeTunnel(session: Session, bridge: string, name: string): Promise<void> {
  const state = await session.state();
  requireBridge(state, bridge);
  const port = findPort(state, name);
  if (port?.bridge !== bridge || roleOf(port) !== "tunnel")
    throw new TapscopeError("E_NO_TUNNEL", `unknown tunnel: ${name}`);
  await removePorts(session, state, [port], false);
}

export interface LearnedMac extends FdbEntry {
  /** The port's name. */
  readonly port: string;
}

/** The MAC addresses a bridge has learned, and where. @throws TapscopeError `E_NO_CONTROL` when OVS cannot be asked from here */
export async function listMacs(session: Session, name: string): Promise<LearnedMac[]> {
  const bridge = findBridge(await session.state(), name);
  if (!bridge) throw noBridge(name);
  const table = await session.control("fdb/show", name);
  if (table === undefined) {
    throw new TapscopeError(
      "E_NO_CONTROL",
      `could not read the MAC table of ${name}: ovs-vswitchd's control socket is not here`,
      {
        hint: "run tapscope on the switch's own host",
      },
    );
  }
  const names = new Map(
    bridge.ports.flatMap(({ interfaces }) => interfaces.map((entry) => [entry.ofport, entry.name])),
  );
  return parseFdb(table).map((entry) => ({
    port: entry.ofport === null ? name : (names.get(entry.ofport) ?? String(entry.ofport)),
    ...entry,
  }));
}

export interface PortInfo {
  /** The OpenFlow port number; -1: OVS could not open it, null: not set up yet; 65534 is the bridge's own. */
  readonly ofport: number | null;
  readonly interface: string;
  /** The port, other than the interface for a bond. */
  readonly port: string;
  readonly type: string;
  readonly vlan: number | null;
  readonly mac: string | null;
  readonly error: string | null;
}

/** Which OpenFlow port is which interface, by number. */
export async function listPorts(session: Session, name: string): Promise<PortInfo[]> {
  const { ports } = requireBridge(await session.state(), name);
  return ports
    .flatMap((port) =>
      port.interfaces.map((entry) => ({
        ofport: entry.ofport,
        interface: entry.name,
        port: port.name,
        type: entry.type || "system",
        vlan: port.tag,
        mac: entry.mac,
        error: entry.error,
      })),
    )
    .sort((a, b) => (a.ofport ?? 0) - (b.ofport ?? 0));
}
