/** Host taps (OVS internal ports) and taps of VMs put on a bridge, with minimega's names and defaults. */
import { TapscopeError, UsageError } from "../core/errors.ts";
import { type Cidr, parseCidr } from "./address.ts";
import { type Device, findDevices, givenAddresses, readDevices } from "./devices.ts";
import { addAddress, addressByDhcp } from "./host.ts";
import { findInUse, inUseError } from "./in-use.ts";
import { checkName, freeNames } from "./names.ts";
import type { NewPort } from "./new-port.ts";
import { isOwned, roleOf } from "./ownership.ts";
import { addPorts, bridgeFor, removePorts } from "./ports.ts";
import type { Session } from "./session.ts";
import { findPort, type PortRow, type SwitchState, takenNames } from "./state.ts";

export interface TapInfo {
  readonly name: string;
  readonly bridge: string;
  /** Null: a trunk. */
  readonly vlan: number | null;
  /** OVS's interface type: internal, system (a VM's tap, a veth, a NIC), tap, …; `bond` for a bond. */
  readonly type: string;
  readonly mac: string | null;
  /** The first address somebody gave it, with prefix length. */
  readonly ip: string | null;
  readonly ofport: number | null;
  readonly up: boolean;
  /** Something is at its other end; null: not known. */
  readonly carrier: boolean | null;
  /** As OVS counts: rx is into the switch. */
  readonly rx_packets: number;
  readonly rx_bytes: number;
  readonly tx_packets: number;
  readonly tx_bytes: number;
  readonly owned: boolean;
}

/** Ports that lead to other switches are no taps. */
const NO_TAPS = new Set([
  "patch",
  "vxlan",
  "gre",
  "geneve",
  "erspan",
  "ip6gre",
  "ip6erspan",
  "stt",
  "lisp",
  "bareudp",
  "gtpu",
]);

/** All taps, whoever made them. Addresses are read from the kernel, wherever the devices are. */
export async function listTaps(session: Session): Promise<TapInfo[]> {
  const state = await session.state();
  const ports = state.bridges.flatMap((bridge) => bridge.ports.filter((port) => isTap(port)));
  const wanted = ports.flatMap(({ interfaces }) => interfaces.slice(0, 1).map(({ name, mac }) => ({ name, mac })));
  const local = session.target.remote.startsWith("unix:");
  const devices = local ? await findDevices(session.place, wanted) : new Map<string, Device>();
  return ports.map((port) => tapInfo(port, devices));
}

function isTap(port: PortRow): boolean {
  return port.name !== port.bridge && !port.interfaces.some(({ type }) => NO_TAPS.has(type));
}

function tapInfo(port: PortRow, devices: ReadonlyMap<string, Device>): TapInfo {
  const [entry] = port.interfaces;
  const device = devices.get(entry?.name ?? port.name);
  const counted = (key: string) => port.interfaces.reduce((sum, { statistics }) => sum + (statistics.get(key) ?? 0), 0);
  // OVS has no counts of an internal port that was moved into a namespace. What the host sends by it is what the switch receives.
  const moved = device !== undefined && entry?.type === "internal" && !entry.statistics.has("rx_packets");
  return {
    name: port.name,
    bridge: port.bridge,
    vlan: port.tag,
    type: port.interfaces.length > 1 ? "bond" : entry?.type || "system",
    mac: entry?.mac ?? device?.mac ?? null,
    ip: (device ? givenAddresses(device) : [])[0] ?? null,
    ofport: entry?.ofport ?? null,
    up: device?.up ?? entry?.adminState === "up",
    carrier: device ? device.up && device.carrier : null,
    rx_packets: moved ? device.tx.packets : counted("rx_packets"),
    rx_bytes: moved ? device.tx.bytes : counted("rx_bytes"),
    tx_packets: moved ? device.rx.packets : counted("tx_packets"),
    tx_bytes: moved ? device.rx.bytes : counted("tx_bytes"),
    owned: isOwned(port),
  };
}

export interface TapRequest {
  /** 0: no tag, a trunk. */
  readonly vlan: number;
  readonly name?: string | undefined;
  /** Default mega_bridge, made when it is not there; one that is named is never made. */
  readonly bridge?: string | undefined;
  /** With prefix length. */
  readonly ip?: string | undefined;
  readonly dhcp?: boolean;
  readonly count?: number;
}

/** A hundred thousand words are the most a command line takes everywhere; each tap needs about twelve. */
const MAX_COUNT = 4096;
/** Two processes may choose one name at once: the loser chooses again. */
const ATTEMPTS = 3;

/** Creates taps, up and promiscuous, in one transaction. @returns their names */
export async function createTaps(session: Session, request: TapRequest): Promise<string[]> {
  const { vlan, name, count = 1, dhcp = false } = request;
  const cidr = request.ip === undefined ? undefined : parseCidr(request.ip);
  if (!(Number.isInteger(vlan) && vlan >= 0 && vlan <= 4094))
    throw new UsageError(`not a VLAN: ${vlan}`, { hint: "1 to 4094, or 0 for a trunk" });
  if (!(Number.isInteger(count) && count >= 1 && count <= MAX_COUNT))
    throw new UsageError(`the count must be from 1 to ${MAX_COUNT}`);
  if (count > 1 && (name !== undefined || cidr || dhcp))
    throw new UsageError("--count goes with neither --name nor --ip nor --dhcp");
  if (cidr && dhcp) throw new UsageError("--ip and --dhcp are two ways to an address: give one");
  if (name !== undefined) checkName(name, "tap");
  for (let attempt = 1; ; attempt++) {
    try {
      return await create(session, request, count, cidr);
    } catch (error) {
      const raced = error instanceof TapscopeError && error.code === "E_EXISTS" && name === undefined;
      if (!raced || attempt === ATTEMPTS) throw error;
    }
  }
}

async function create(session: Session, request: TapRequest, count: number, cidr: Cidr | undefined): Promise<string[]> {
  const state = await session.state();
  const taken = takenNames(state);
  const bridge = bridgeFor(session, state, request.bridge);
  if (request.name !== undefined && taken.has(request.name)) throw alreadyOnBridge(state, request.name);
  const names =
    request.name === undefined ? freeNames("mega_tap", count, await withDevices(session, taken)) : [request.name];
  const tag = request.vlan === 0 ? null : request.vlan;
  const ports = names.map((name): NewPort => ({ bridge: bridge.name, name, type: "internal", tag, role: "tap" }));
  const what = names.length === 1 ? `create tap ${names[0]}` : `create ${names.length} taps`;
  await addPorts(session, what, bridge.commands, ports);
  try {
    await session.ip(names.map((name) => `link set dev ${name} up promisc on`));
    if (cidr) await addAddress(session, names[0]!, cidr);
    if (request.dhcp) await addressByDhcp(session, names[0]!);
  } catch (error) {
    await session.change(
      "take the taps back",
      ports.map(({ name }) => ["--if-exists", "del-port", bridge.name, name]),
    );
    throw error;
  }
  return names;
}

/** Names a new tap must not have: OVS's own, and those of other devices there. */
async function withDevices(session: Session, taken: ReadonlySet<string>): Promise<Set<string>> {
  if (!session.target.remote.startsWith("unix:")) return new Set(taken);
  return new Set([...taken, ...(await readDevices(session.place)).keys()]);
}

function alreadyOnBridge(state: SwitchState, name: string): TapscopeError {
  const bridge = findPort(state, name)?.bridge;
  return new TapscopeError(
    "E_EXISTS",
    `tap already on bridge: ${name} is ${bridge === undefined ? "in use" : `on ${bridge}`}`,
    {
      hint: "tapscope tap list shows those there are",
    },
  );
}

export interface AttachRequest {
  readonly name: string;
  readonly vlan?: number | undefined;
  readonly bridge?: string | undefined;
}

/** Puts an existing device (a VM's tap, a veth) on a bridge. @throws TapscopeError `E_DEVICE` when there is none of that name */
export async function attachTap(session: Session, request: AttachRequest): Promise<void> {
  const { name, vlan } = request;
  checkName(name, "tap");
  const state = await session.state();
  if (takenNames(state).has(name)) throw alreadyOnBridge(state, name);
  const bridge = bridgeFor(session, state, request.bridge);
  const port: NewPort = { bridge: bridge.name, name, tag: vlan === 0 ? null : vlan, role: "tap" };
  await addPorts(session, `attach ${name}`, bridge.commands, [port]);
  await session.ip([`link set dev ${name} up`]);
}

/**
 * Deletes taps by name, by number (2 is mega_tap2), or `all` that tapscope made (not monitor ports: those belong to a process).
 * @returns their names
 */
export async function deleteTaps(session: Session, which: readonly string[], force = false): Promise<string[]> {
  const state = await session.state();
  const inUse = force ? new Map<string, string>() : await findInUse(session, state);
  const held = (port: PortRow) => inUse.get(port.name);
  const ports = new Set<PortRow>();
  for (const word of which) {
    for (const port of tapsMeant(state, word)) {
      const why = held(port);
      if (why === undefined) ports.add(port);
      else if (word === "all") session.warn(`kept ${port.name}: ${why} (--force deletes it all the same)`);
      else throw inUseError(`delete ${port.name}`, [[port.name, why]]);
    }
  }
  if (ports.size > 0) await removePorts(session, state, [...ports], force);
  return [...ports].map(({ name }) => name);
}

function tapsMeant(state: SwitchState, word: string): PortRow[] {
  if (word === "all") return [...state.ports.values()].filter((port) => roleOf(port) === "tap");
  const name = /^\d+$/.test(word) ? `mega_tap${Number(word)}` : word;
  const port = findPort(state, name);
  if (!port)
    throw new TapscopeError("E_NO_TAP", `unknown tap: ${name}`, { hint: "tapscope tap list shows those there are" });
  if (!isTap(port))
    throw new TapscopeError("E_NO_TAP", `not a host tap: ${name}`, {
      hint: "for trunks and tunnels: tapscope bridge notrunk, notunnel",
    });
  return [port];
}
