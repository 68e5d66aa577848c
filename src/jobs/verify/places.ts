/** Where `verify` looks: the monitor's device, the sources' devices and which way to capture on them, and who can ping. */
import { readdirSync } from "node:fs";
import { messageOf, TapscopeError, UsageError } from "../../core/errors.ts";
import type { Place } from "../../core/place.ts";
import { run } from "../../core/process.ts";
import { sanitize } from "../../core/text.ts";
import { type Device, findDevice, readDevices } from "../../mirror/devices.ts";
import { captureDirection } from "../../mirror/direction.ts";
import type { MirrorInfo } from "../../mirror/mirror-info.ts";
import type { Session } from "../../mirror/session.ts";
import { findBridge, findPort, type InterfaceRow, type SwitchState } from "../../mirror/state.ts";
import { pathFromHere } from "../../mirror/target.ts";
import type { Stream } from "../../verify/match/events.ts";

/** Ports of a bridge that are captured at most: two captures each. */
const MAX_SOURCES = 32;
/** Interface types that have a device in the kernel. "" is `system`. */
const WITH_DEVICE = new Set(["", "system", "internal", "tap"]);

/** What one capture at a source looks at. */
export interface SourceCapture extends Stream {
  readonly device: Device;
  /** tcpdump's `-Q`. */
  readonly look: "in" | "out" | "inout";
}

export interface Sources {
  readonly captures: readonly SourceCapture[];
  readonly uncaptured: readonly { readonly port: string; readonly why: string }[];
}

/** The device of the monitor. @throws TapscopeError `E_NO_SUCH_DEVICE` */
export async function findMonitor(session: Session, state: SwitchState | null, name: string): Promise<Device> {
  const port = state ? findPort(state, name) : undefined;
  const mac = port?.interfaces.length === 1 ? port.interfaces[0]!.mac : null;
  const device = (await findDevice(session.place, name, mac)) ?? (await findDevice(session.place, name, null));
  if (device) return device;
  const outputs = state?.bridges.flatMap((bridge) =>
    bridge.mirrors.flatMap(({ outputPort }) => (outputPort === null ? [] : (state.ports.get(outputPort)?.name ?? []))),
  );
  throw new TapscopeError(
    "E_NO_SUCH_DEVICE",
    `cannot verify ${name}: there is no device of that name here or in a network namespace that can be seen`,
    {
      hint:
        outputs && outputs.length > 0 ? `mirrors end at: ${outputs.join(", ")}` : "tapscope tap list shows the taps",
    },
  );
}

interface LinkJson {
  readonly ifname?: string;
  readonly ifindex?: number;
  /** The other end, when it is in the same namespace. */
  readonly link?: string;
  /** … and in another one. */
  readonly link_index?: number;
  readonly linkinfo?: { readonly info_kind?: string };
}

/** The port of the switch that a device stands for: itself, or of a veth whose other end is a port, that one; else null. */
export async function portOfDevice(session: Session, state: SwitchState, device: Device): Promise<string | null> {
  const named = findPort(state, device.name);
  if (named?.interfaces.some(({ name, mac }) => name === device.name && mac === device.mac)) return named.name;
  const link = (await readLinks(device.place)).find(({ ifname }) => ifname === device.name);
  // A container's eth0 is not the switch's port of that name; another device may have got a new address meanwhile.
  if (link?.linkinfo?.info_kind !== "veth") return named?.name ?? null;
  const peer = (await readLinks(session.place)).find(
    ({ ifname, ifindex, link: end, link_index: index }) =>
      (link.link !== undefined && ifname === link.link && end === device.name) ||
      (ifindex === link.link_index && index === device.ifindex),
  );
  return peer?.ifname !== undefined && findPort(state, peer.ifname) ? peer.ifname : null;
}

async function readLinks(place: Place): Promise<LinkJson[]> {
  const { stdout } = await run(["ip", "-j", "-d", "link", "show"], { place });
  return stdout.trim() === "" ? [] : (JSON.parse(stdout) as LinkJson[]);
}

/**
 * The captures for the named sources: ports, bridges (all their ports but mirrors' outputs), or devices.
 * @throws TapscopeError `E_NO_SUCH_PORT` for a name that is none of these; UsageError when there are too many
 */
export async function openSources(
  session: Session,
  state: SwitchState | null,
  names: readonly string[],
  monitor: string,
  directions: readonly ("in" | "out")[],
): Promise<Sources> {
  const captures: SourceCapture[] = [];
  const uncaptured: { port: string; why: string }[] = [];
  const ports = names.flatMap((name) => portsOf(state, name));
  const wanted = [...new Set(ports)].filter((name) => name !== monitor || names.includes(monitor));
  if (wanted.length > MAX_SOURCES) {
    throw new UsageError(`${wanted.length} sources are too many to capture at once: at most ${MAX_SOURCES}`, {
      hint: "name some of them with --source",
    });
  }
  for (const name of wanted) {
    const port = state ? findPort(state, name) : undefined;
    const interfaces: readonly Pick<InterfaceRow, "name" | "type" | "mac">[] = port?.interfaces ?? [
      { name, type: "internal", mac: null },
    ];
    for (const { name: device, type, mac } of interfaces) {
      if (!WITH_DEVICE.has(type)) {
        uncaptured.push({ port: name, why: `a ${type} port has no device to capture on` });
        continue;
      }
      const found = await findDevice(session.place, device, mac).catch(() => undefined);
      if (found?.up !== true) {
        if (!found && !port) {
          throw new TapscopeError(
            "E_NO_SUCH_PORT",
            `there is no port, bridge or device '${sanitize(name)}' to be a source`,
            {
              hint: "tapscope tap list shows the taps",
            },
          );
        }
        uncaptured.push({ port: name, why: found ? `${device} is down` : `its device ${device} is not to be found` });
        continue;
      }
      for (const direction of directions) {
        const look = captureDirection(type, direction);
        // What the switch's side of a veth or a VM's tap says itself leaves by it without having passed the switch.
        const own = direction === "out" && look === "out" && !sharesMac(state, device, found.mac);
        const ownMac = own ? { ownMac: Buffer.from(found.mac.replaceAll(":", ""), "hex") } : {};
        captures.push({ port: name, direction, device: found, look, ...ownMac });
      }
    }
  }
  return { captures, uncaptured };
}

/** A bridge's own port may have the address of its uplink. */
function sharesMac(state: SwitchState | null, device: string, address: string): boolean {
  const interfaces = [...(state?.ports.values() ?? [])].flatMap((port) => port.interfaces);
  return interfaces.some(({ name, mac }) => name !== device && mac === address);
}

function portsOf(state: SwitchState | null, name: string): string[] {
  if (!state || findPort(state, name)?.name !== name || findBridge(state, name)) {
    const bridge = state ? findBridge(state, name) : undefined;
    if (!bridge) return [name];
    const outputs = new Set(bridge.mirrors.map(({ outputPort }) => outputPort));
    return bridge.ports.filter(({ uuid }) => !outputs.has(uuid)).map((port) => port.name);
  }
  return [name];
}

/** The names of what the monitor's mirrors copy: what is captured when no source is named. */
export function mirroredPorts(mirrors: readonly MirrorInfo[]): string[] {
  return mirrors.flatMap(({ all, bridge, sources }) => (all ? [bridge] : sources.map(({ port }) => port)));
}

/**
 * The device to inject out of: as told, else the first source whose other end is this machine's own stack, so that what is
 * sent out of it enters the switch.
 */
export async function injectionDevice(session: Session, name: string | undefined, sources: Sources): Promise<Device> {
  if (name !== undefined) {
    const device = await findDevice(session.place, name, null);
    if (device?.up) return device;
    throw new TapscopeError(
      "E_NO_SUCH_DEVICE",
      `cannot inject frames out of ${name}: ${device ? "it is down" : "there is no device of that name"}`,
    );
  }
  const own = sources.captures.find(({ direction, look }) => direction === "in" && look === "out");
  if (own) return own.device;
  throw new UsageError("no source can be sent out of: what is sent to a VM's tap or a veth goes away from the switch", {
    hint: "name the device at the other end, or an internal port of the same VLAN, with --interface",
  });
}

export interface PingHost {
  readonly place: Place;
  /** How reports call it. */
  readonly name: string;
  /** The device the route leads out of, when there is a route, and the port of the switch that it stands for. */
  readonly device: string | null;
  readonly port: string | null;
}

export interface PingHostRequest {
  readonly address: string;
  /** A network namespace's name, `host`, or in a lab `switch`. */
  readonly from?: string | undefined;
  /** A device: where it is, ping runs. */
  readonly interface?: string | undefined;
}

/**
 * Who pings: as told, else whoever has a route to the address by a port of the switch. Looked at are the hosts behind
 * `near` (the sources' places), then the network namespaces that have names, then the switch's own.
 */
export async function choosePingHost(
  session: Session,
  state: SwitchState | null,
  request: PingHostRequest,
  near: readonly Place[],
): Promise<PingHost> {
  const hostAt = async (place: Place, name = nameOf(place)): Promise<PingHost> => {
    const device = await routeTo(place, request);
    const found = device === null ? undefined : (await readDevices(place, device)).get(device);
    return { place, name, device, port: state && found ? await portOfDevice(session, state, found) : null };
  };
  if (request.from !== undefined) return await hostAt(placeNamed(session, request.from), request.from);
  if (request.interface !== undefined) {
    const device = await findDevice(session.place, request.interface, null);
    if (!device) {
      throw new TapscopeError(
        "E_NO_SUCH_DEVICE",
        `cannot ping by ${request.interface}: there is no device of that name`,
        { hint: "tapscope tap list shows the taps" },
      );
    }
    return await hostAt(device.place);
  }
  const { netns: _, ...outer } = session.place;
  const named = namespaceNames(session).map((netns): Place => ({ ...outer, netns }));
  const hosts = await Promise.all(
    uniquePlaces([...near, ...named, session.place, outer]).map((place) => hostAt(place)),
  );
  const routed =
    hosts.find(({ port }) => port !== null) ?? (state ? undefined : hosts.find(({ device }) => device !== null));
  return routed ?? hosts[0]!;
}

/** A place by the name users give it. @throws UsageError */
export function placeNamed(session: Session, name: string): Place {
  const { netns: _, ...outer } = session.place;
  if (name === "host" || name === "switch") return outer;
  const names = namespaceNames(session);
  if (names.includes(name)) return { ...outer, netns: name };
  throw new UsageError(`no network namespace is called '${sanitize(name)}'`, {
    hint: `there ${names.length > 0 ? `are ${names.join(", ")}, and` : "is"} ${session.place.lab ? "switch" : "host"}`,
  });
}

function nameOf(place: Place): string {
  return place.netns ?? (place.lab ? "switch" : "host");
}

function namespaceNames(session: Session): string[] {
  const { netns: _, ...outer } = session.place;
  try {
    return readdirSync(pathFromHere(outer, "/run/netns")).sort();
  } catch {
    return [];
  }
}

function uniquePlaces(places: readonly Place[]): Place[] {
  const seen = new Set<string>();
  return places.filter((place) => {
    const key = `${place.lab?.pid} ${place.netns}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** The device by which an address is reached, or null: no route, or the address is the place's own. */
async function routeTo(place: Place, { address, interface: device }: PingHostRequest): Promise<string | null> {
  try {
    const [bare, zone] = address.split("%");
    const out = device ?? zone;
    const { stdout } = await run(["ip", "-j", "route", "get", bare!, ...(out === undefined ? [] : ["oif", out])], {
      place,
    });
    const [route] = JSON.parse(stdout) as { type?: string; dev?: string }[];
    return route?.type === "local" || route?.dev === "lo" ? null : (route?.dev ?? null);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TapscopeError) return null;
    throw new Error(messageOf(error), { cause: error });
  }
}
