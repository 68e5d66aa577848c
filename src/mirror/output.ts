/**
 * May a port become a mirror's output? OVS takes any, and then drops all that the port sends: a live endpoint loses its network,
 * and not at once but when its flows are next refreshed. Each refusal here was seen by experiment on OVS 3.1.
 */
import type { TapscopeError } from "../core/errors.ts";
import { type Device, givenAddresses } from "./devices.ts";
import type { OutputFacts } from "./mirror-facts.ts";
import { isOwned } from "./ownership.ts";
import { refusal } from "./refusal.ts";
import { findBridge, type MirrorRow, type PortRow, type SwitchState } from "./state.ts";

/**
 * What OVSDB alone can say against an output.
 * @param sources UUIDs of the source ports; `all`: the whole bridge is the source
 */
export function outputRowRefusal(
  state: SwitchState,
  output: PortRow,
  sources: ReadonlySet<string>,
  { all, force }: { readonly all?: boolean; readonly force?: boolean },
): TapscopeError | undefined {
  const { name } = output;
  const mirrors = findBridge(state, output.bridge)?.mirrors ?? [];
  const same = mirrors.find(({ outputPort }) => outputPort === output.uuid);
  if (same) {
    return refusal(
      "E_MIRROR_OUTPUT_BUSY",
      `destination tap is already a mirror: ${name} is the output of ${same.name}`,
      `add a source to it with: tapscope mirror add ${name} <source>`,
    );
  }
  const loop = findLoop(mirrors, output.uuid, sources);
  if (loop) {
    return refusal(
      "E_MIRROR_LOOP",
      `${name} would feed itself through mirror ${loop.name}`,
      "choose an output that no mirror copies",
    );
  }
  if (force) return undefined;
  const chained = mirrors.find(
    (mirror) => mirror.selectSrc.includes(output.uuid) || mirror.selectDst.includes(output.uuid),
  );
  if (chained && !all) {
    return refusal(
      "E_MIRROR_OUTPUT_IS_SOURCE",
      `${name} is itself a source of mirror ${chained.name}`,
      "choose another output, or insist with --force",
    );
  }
  if (output.interfaces.some(({ type }) => type === "patch")) {
    return refusal(
      "E_MIRROR_OUTPUT_PATCH",
      `${name} leads into another bridge, which would take the copies for traffic`,
      "choose a tap as the output, or insist with --force",
    );
  }
  return undefined;
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

const INSIST = "choose a tap that nothing else uses (tapscope tap create 0), or insist with --force";

/** What the kernel and OVS's MAC table say against an output: it is somebody's live endpoint, or nothing reads it. */
export function outputDeviceRefusal(output: PortRow, facts: OutputFacts): TapscopeError | undefined {
  const { name } = output;
  const { device, atHome, conversations } = facts;
  const live = (why: string) => refusal("E_MIRROR_OUTPUT_LIVE", `${name} is in use: ${why}`, INSIST);
  const addresses = device ? givenAddresses(device) : [];
  if (addresses.length > 0) return live(`it has the address ${addresses.join(", ")} and would lose its network`);
  if (device && !atHome) return live(`it was moved into ${device.place.netns} and would lose its network`);
  if (conversations.length > 0)
    return live(`${conversations.slice(0, 3).join(", ")} talked through it and would lose the network`);
  if (!device || !withoutReader(device, output, facts)) return undefined;
  return refusal(
    "E_MIRROR_OUTPUT_NO_CARRIER",
    `${name} has no carrier: no program reads this tap (or its peer is down), so the copies would vanish`,
    "start what reads it first, use an internal port (tapscope tap create 0), or insist with --force",
  );
}

/** Nothing is at the device's other end. A device that is down has no carrier to show, but a tap is read by a process or by none. */
function withoutReader(device: Device, port: PortRow, { holder, seesAll }: OutputFacts): boolean {
  if (device.up) return !device.carrier;
  const internal = port.interfaces.some(({ type }) => type === "internal");
  return device.kind === "tun" && !internal && holder === null && seesAll;
}

/**
 * What the user should know of an output that is taken.
 * @param mirrored the ports that are copied; `stripVlan`: the copies lose their tag
 */
export function outputWarnings(
  output: PortRow,
  mirrored: readonly PortRow[],
  { device, holder, learned, conversations }: OutputFacts,
  stripVlan: boolean,
): string[] {
  const warnings: string[] = [];
  if (device && !device.up) warnings.push(`${device.name} was down: bringing it up`);
  if (learned.length > 0 && conversations.length === 0) {
    const who = holder ? `${holder.program} (pid ${holder.pid})` : "the machine at its other end";
    warnings.push(
      `${output.name}: ${who} sent multicast and broadcast frames only (${learned.slice(0, 3).join(", ")}): from now on the switch drops all it sends`,
    );
  }
  if (mirrored.some(({ tag }) => tag !== null) && output.tag === null && !stripVlan) {
    warnings.push(
      `copies on ${output.name} carry their VLAN tag (it is a trunk): there a plain tcpdump filter misses them; say 'icmp or (vlan and icmp)', or --strip-vlan`,
    );
  }
  return warnings;
}

/**
 * The ip(8) commands that make an output ready: up, since nothing arrives on a port that is down, and silent: without IPv6 before it is
 * up. A tap of ours that is up already loses its link-local address, and with it IPv6's chatter.
 */
export function readyOutput(port: PortRow, { device }: OutputFacts, ipv6: boolean): string[] {
  if (!device) return [];
  const { name, up, addresses } = device;
  if (!up) return silentUp(name, ipv6);
  if (!isOwned(port) || addresses.length === 0 || givenAddresses(device).length > 0) return [];
  return [`link set dev ${name} addrgenmode none`, `address flush dev ${name} scope link`];
}

/** The ip(8) commands that bring a monitor port up without a frame of its own: no IPv6 address, hence no DAD, RS or MLD. */
export function silentUp(name: string, ipv6: boolean): string[] {
  return [...(ipv6 ? [`link set dev ${name} addrgenmode none`] : []), `link set dev ${name} up promisc on`];
}
