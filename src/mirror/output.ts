/**
 * May a port become a mirror's output? OVS takes any, and then drops all that the port sends: a live endpoint loses its network,
 * and not at once but when its flows are next refreshed. Each refusal here was seen by experiment on OVS 3.1.
 */
import { existsSync } from "node:fs";
import { TapscopeError } from "../core/errors.ts";
import { type Device, findDevice, givenAddresses } from "./devices.ts";
import { parseFdb } from "./fdb.ts";
import { isOwned } from "./ownership.ts";
import type { Session } from "./session.ts";
import { findBridge, type MirrorRow, type PortRow, type SwitchState } from "./state.ts";

function refuse(code: `E_${string}`, why: string, hint: string): never {
  throw new TapscopeError(code, `could not create the mirror: ${why}`, { hint });
}

/**
 * What OVSDB alone can tell against an output.
 * @param sources UUIDs of the source ports; `all`: the whole bridge is the source
 * @throws TapscopeError
 */
export function checkOutputRow(
  state: SwitchState,
  output: PortRow,
  sources: readonly string[],
  options: { readonly all: boolean; readonly force: boolean },
): void {
  const { name } = output;
  const mirrors = findBridge(state, output.bridge)?.mirrors ?? [];
  const same = mirrors.find(({ outputPort }) => outputPort === output.uuid);
  if (same) {
    refuse(
      "E_MIRROR_OUTPUT_BUSY",
      `destination tap is already a mirror: ${name} is the output of ${same.name}`,
      `add a source to it with: tapscope mirror add ${name} <source>`,
    );
  }
  const loop = findLoop(mirrors, output.uuid, new Set(sources));
  if (loop) {
    refuse(
      "E_MIRROR_LOOP",
      `${name} would feed itself through mirror ${loop.name}`,
      "choose an output that no mirror copies",
    );
  }
  if (options.force) return;
  const chained = mirrors.find(
    (mirror) => mirror.selectSrc.includes(output.uuid) || mirror.selectDst.includes(output.uuid),
  );
  if (chained && !options.all) {
    refuse(
      "E_MIRROR_OUTPUT_IS_SOURCE",
      `${name} is itself a source of mirror ${chained.name}`,
      "choose another output, or insist with --force",
    );
  }
  if (output.interfaces.some(({ type }) => type === "patch")) {
    refuse(
      "E_MIRROR_OUTPUT_PATCH",
      `${name} leads into another bridge, which would take the copies for traffic`,
      "choose a tap as the output, or insist with --force",
    );
  }
}

/** A mirror through which what leaves at `output` comes back to one of `sources`. */
function findLoop(mirrors: readonly MirrorRow[], output: string, sources: ReadonlySet<string>): MirrorRow | undefined {
  const seen = new Set<string>();
  const visit = (port: string): MirrorRow | undefined => {
    if (seen.has(port)) return undefined;
    seen.add(port);
    for (const mirror of mirrors) {
      if (mirror.outputPort === null) continue;
      if (!mirror.selectSrc.includes(port) && !mirror.selectDst.includes(port)) continue;
      if (sources.has(mirror.outputPort)) return mirror;
      const further = visit(mirror.outputPort);
      if (further) return further;
    }
    return undefined;
  };
  return visit(output);
}

/**
 * What the kernel and OVS's MAC table tell against an output: it is somebody's live endpoint, or nothing reads it.
 * @returns its device, when it has one that can be seen from here
 * @throws TapscopeError unless `force`
 */
export async function checkOutputDevice(
  session: Session,
  output: PortRow,
  force: boolean,
): Promise<Device | undefined> {
  const [entry] = output.interfaces;
  if (!entry || ["patch", "vxlan", "gre", "geneve", "erspan", "ip6gre"].includes(entry.type)) return undefined;
  const { name } = output;
  const device = await findDevice(session.place, name, entry.mac);
  if (force) return device;
  const insist = "choose a tap that nothing else uses (tapscope tap create 0), or insist with --force";
  const addresses = device ? givenAddresses(device) : [];
  if (addresses.length > 0) {
    refuse(
      "E_MIRROR_OUTPUT_LIVE",
      `${name} is in use: it has the address ${addresses.join(", ")} and would lose its network`,
      insist,
    );
  }
  if (device && device.place.netns !== session.place.netns) {
    refuse(
      "E_MIRROR_OUTPUT_LIVE",
      `${name} is in use: it was moved into ${device.place.netns} and would lose its network`,
      insist,
    );
  }
  const fdb = parseFdb((await session.control("fdb/show", output.bridge)) ?? "");
  const behind = fdb.filter(({ ofport, mac }) => ofport === entry.ofport && mac !== entry.mac).map(({ mac }) => mac);
  if (behind.length > 0) {
    refuse(
      "E_MIRROR_OUTPUT_LIVE",
      `${name} is in use: ${behind.slice(0, 3).join(", ")} talked through it and would lose the network`,
      insist,
    );
  }
  return device;
}

/**
 * Makes an output ready: up, since nothing arrives on a port that is down, and silent: without IPv6 before it is up. A tap of ours
 * that is up already loses its link-local address, and with it IPv6's chatter.
 * @throws TapscopeError `E_MIRROR_OUTPUT_NO_CARRIER` when nothing is at its other end, unless `force`
 */
export async function readyOutput(session: Session, port: PortRow, device: Device, force: boolean): Promise<void> {
  if (!device.up) {
    session.warn(`${device.name} was down: bringing it up`);
    await session.ip(silentUp(device.name));
  } else if (isOwned(port) && device.addresses.length > 0 && givenAddresses(device).length === 0) {
    await session.ip([`link set dev ${device.name} addrgenmode none`, `address flush dev ${device.name} scope link`]);
  }
  if (session.dryRun) return;
  const now = device.up ? device : await findDevice(session.place, device.name, device.mac);
  if (!force && now && !now.carrier) {
    refuse(
      "E_MIRROR_OUTPUT_NO_CARRIER",
      `${device.name} has no carrier: no program reads this tap (or its peer is down), so the copies would vanish`,
      "start what reads it first, use an internal port (tapscope tap create 0), or insist with --force",
    );
  }
}

/** The `ip` commands that bring a monitor port up without a word of its own: no IPv6 address, hence no DAD, RS or MLD. */
export function silentUp(name: string): string[] {
  const quiet = existsSync("/proc/sys/net/ipv6") ? [`link set dev ${name} addrgenmode none`] : [];
  return [...quiet, `link set dev ${name} up promisc on`];
}
