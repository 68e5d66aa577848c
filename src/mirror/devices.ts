/**
 * The kernel's side of a port: the network device, its addresses, and the network namespace that holds it. A port moved into a
 * namespace keeps working, but OVSDB's link_state, ifindex and mtu of it are stale from then on: only the kernel knows.
 * Sources: ip-link(8), ip-netns(8), network_namespaces(7), proc(5).
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { TapscopeError } from "../core/errors.ts";
import type { Place } from "../core/place.ts";
import { compareNames } from "./state.ts";
import { pathFromHere } from "./target.ts";

export interface Address {
  readonly ip: string;
  readonly prefix: number;
  readonly scope: string;
}

export interface Device {
  readonly name: string;
  readonly place: Place;
  readonly mac: string;
  readonly ifindex: number;
  readonly mtu: number;
  readonly up: boolean;
  /** False: nothing is at the other end (NO-CARRIER). */
  readonly carrier: boolean;
  readonly addresses: readonly Address[];
  /** What it is, as ip-link(8) calls it: tun (a tap), veth, openvswitch, …; null for a NIC. */
  readonly kind: string | null;
  /** As the host counts: received from and sent to the other end. */
  readonly rx: Counts;
  readonly tx: Counts;
}

export interface Counts {
  readonly packets: number;
  readonly bytes: number;
  /** Packets the host gave up: its buffers were full, or the other end too slow. */
  readonly dropped: number;
}

interface IpAddrJson {
  readonly ifname?: string;
  readonly address?: string;
  readonly ifindex?: number;
  readonly mtu?: number;
  readonly flags?: readonly string[];
  readonly linkinfo?: { readonly info_kind?: string };
  readonly stats64?: { readonly rx?: Counts; readonly tx?: Counts };
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
}

/** All devices of a place's network namespace by name, or only the one named. A name that is not there gives none. */
export async function readDevices(place: Place, name?: string): Promise<Map<string, Device>> {
  const { run } = await import("../core/process.ts");
  const { stdout } = await run(
    ["ip", "-j", "-d", "-s", "address", "show", ...(name === undefined ? [] : ["dev", name])],
    {
      place,
      okCodes: [0, 1],
    },
  );
  const devices = new Map<string, Device>();
  for (const entry of stdout.trim() === "" ? [] : (JSON.parse(stdout) as IpAddrJson[])) {
    if (entry.ifname === undefined) continue;
    const flags = entry.flags ?? [];
    devices.set(entry.ifname, {
      name: entry.ifname,
      place,
      mac: entry.address ?? "",
      ifindex: entry.ifindex ?? 0,
      mtu: entry.mtu ?? 0,
      up: flags.includes("UP"),
      carrier: !flags.includes("NO-CARRIER"),
      addresses: (entry.addr_info ?? []).flatMap(({ local, prefixlen, scope }) =>
        local === undefined ? [] : [{ ip: local, prefix: prefixlen ?? 0, scope: scope ?? "" }],
      ),
      kind: entry.linkinfo?.info_kind ?? null,
      rx: entry.stats64?.rx ?? { packets: 0, bytes: 0, dropped: 0 },
      tx: entry.stats64?.tx ?? { packets: 0, bytes: 0, dropped: 0 },
    });
  }
  return devices;
}

/** Addresses somebody gave it: link-local ones come by themselves. */
export function givenAddresses(device: Device): string[] {
  return device.addresses.filter(({ scope }) => scope !== "link").map(({ ip, prefix }) => `${ip}/${prefix}`);
}

interface Namespace {
  /** What to enter, as the place sees it. */
  readonly netns: string;
  /** A process in it, as the place's PID namespace numbers it. */
  readonly pid: number | undefined;
}

/** The network namespaces that can be seen from a place, other than its own: those with a name, then those a process is in. */
function namespacesOf(place: Place): Namespace[] {
  const proc = pathFromHere(place, "/proc");
  const found = new Map<number, Namespace>();
  const names = new Map<number, string>();
  const run = pathFromHere(place, "/run/netns");
  for (const name of listDir(run)) {
    const inode = inodeOf(`${run}/${name}`);
    if (inode !== undefined) names.set(inode, name);
  }
  const own = inodeOf(`${proc}/${place.lab ? 1 : "self"}/ns/net`);
  for (const entry of listDir(proc)) {
    if (!/^\d+$/.test(entry)) continue;
    const inode = inodeOf(`${proc}/${entry}/ns/net`);
    if (inode === undefined || inode === own || found.has(inode)) continue;
    found.set(inode, { netns: names.get(inode) ?? `/proc/${entry}/ns/net`, pid: Number(entry) });
  }
  for (const [inode, name] of names) {
    if (inode !== own && !found.has(inode)) found.set(inode, { netns: name, pid: undefined });
  }
  return [...found.values()].sort((a, b) => compareNames(a.netns, b.netns));
}

function listDir(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

/** The names of the devices in a process's network namespace, without entering it; undefined when that cannot be told. */
function namesIn(place: Place, namespace: Namespace): ReadonlySet<string> | undefined {
  if (namespace.pid === undefined) return undefined;
  try {
    const text = readFileSync(`${pathFromHere(place, "/proc")}/${namespace.pid}/net/dev`, "utf8");
    return new Set(text.split("\n").map((line) => line.split(":")[0]!.trim()));
  } catch {
    return undefined;
  }
}

/** A port's device, and what OVSDB knows as its address (mac_in_use): that tells devices of one name in several namespaces apart. */
export interface Wanted {
  readonly name: string;
  readonly mac: string | null;
}

/** The devices behind ports, by name, in whatever network namespaces that can be reached from the switch's place. */
export async function findDevices(switchPlace: Place, wanted: readonly Wanted[]): Promise<Map<string, Device>> {
  const found = new Map<string, Device>();
  const missing = new Map(wanted.map((port) => [port.name, port]));
  const look = async (place: Place) => {
    const devices = await readDevices(place, missing.size === 1 ? [...missing.keys()][0] : undefined);
    for (const { name, mac } of [...missing.values()]) {
      const device = devices.get(name);
      if (device === undefined || (mac !== null && device.mac !== mac)) continue;
      found.set(name, device);
      missing.delete(name);
    }
  };
  await look(switchPlace);
  const { netns: _, ...outer } = switchPlace;
  for (const namespace of missing.size > 0 ? namespacesOf(outer) : []) {
    if (missing.size === 0) break;
    const names = namesIn(outer, namespace);
    if (names && ![...missing.keys()].some((name) => names.has(name))) continue;
    // A namespace may be gone by now, or not be ours to enter.
    await look({ ...outer, netns: namespace.netns }).catch(() => {});
  }
  return found;
}

/** As `findDevices`, for one. */
export async function findDevice(switchPlace: Place, name: string, mac: string | null): Promise<Device | undefined> {
  return (await findDevices(switchPlace, [{ name, mac }])).get(name);
}

/** As `findDevice`. @throws TapscopeError `E_NO_DEVICE` when it is not found. */
export async function requireDevice(switchPlace: Place, name: string, mac: string | null): Promise<Device> {
  const device = await findDevice(switchPlace, name, mac);
  if (device) return device;
  throw new TapscopeError(
    "E_NO_DEVICE",
    `could not find the device of port ${name}: no network namespace seen from here holds it`,
    {
      hint: "was it deleted, or is it in a container whose processes you may not see? run as root, or: tapscope doctor",
    },
  );
}
