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
}

interface IpAddrJson {
  readonly ifname?: string;
  readonly address?: string;
  readonly ifindex?: number;
  readonly mtu?: number;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
}

/** All devices of a place's network namespace by name, or only the one named. A name that is not there gives none. */
export async function readDevices(place: Place, name?: string): Promise<Map<string, Device>> {
  const { run } = await import("../core/process.ts");
  const { stdout } = await run(["ip", "-j", "address", "show", ...(name === undefined ? [] : ["dev", name])], {
    place,
    okCodes: [0, 1],
  });
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

/** Whether a process's network namespace has a device of that name, without entering it; true when that cannot be told. */
function mayHold(place: Place, namespace: Namespace, name: string): boolean {
  if (namespace.pid === undefined) return true;
  try {
    const devices = readFileSync(`${pathFromHere(place, "/proc")}/${namespace.pid}/net/dev`, "latin1");
    return devices.includes(`${Buffer.from(name).toString("latin1")}:`);
  } catch {
    return true;
  }
}

/**
 * The device behind a port, in whatever network namespace that can be reached from the switch's place.
 * @param mac what OVSDB knows as its address (mac_in_use): tells devices of one name in several namespaces apart
 * @returns undefined when no namespace that can be seen holds it
 */
export async function findDevice(switchPlace: Place, name: string, mac: string | null): Promise<Device | undefined> {
  const matches = (device: Device | undefined) => device !== undefined && (mac === null || device.mac === mac);
  const here = (await readDevices(switchPlace, name)).get(name);
  if (matches(here)) return here;
  const { netns: _, ...outer } = switchPlace;
  for (const namespace of namespacesOf(outer)) {
    if (!mayHold(outer, namespace, name)) continue;
    const place: Place = { ...outer, netns: namespace.netns };
    const device = (await readDevices(place, name).catch(() => new Map<string, Device>())).get(name);
    if (matches(device)) return device;
  }
  return undefined;
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
