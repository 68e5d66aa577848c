/** What Wireshark can capture of a switch: each port, each bridge and each mirror as an interface, by extcap(4). */
import { TapscopeError } from "../core/errors.ts";
import type { Vm } from "../inventory/vm.ts";
import { type Direction, mirrorsOf } from "../mirror/mirror-info.ts";
import type { Session } from "../mirror/session.ts";
import { hasDevice } from "../mirror/state.ts";
import { type CaptureOptions, capture } from "./capture.ts";
import type { TargetRequest } from "./capture-target.ts";
import { machinesOf } from "./machines.ts";

export interface ExtcapInterface {
  /** What Wireshark hands back: `tapscope_port_mega_tap0`. */
  readonly value: string;
  /** What people read. */
  readonly display: string;
}

/** One prefix a kind, so that a port may be called as it likes. */
const KINDS = { port: "tapscope_port_", bridge: "tapscope_bridge_", mirror: "tapscope_mirror_" } as const;

/** All that can be captured, mirrors first: what they copy is there already. */
export async function listInterfaces(session: Session): Promise<ExtcapInterface[]> {
  const state = await session.state();
  const machines = await machinesOf(session);
  const mirrors = mirrorsOf(state).filter(({ output, owner }) => output !== null && owner === null);
  const ports = [...state.ports.values()].filter(
    ({ name, bridge, interfaces }) => name !== bridge && interfaces.some(hasDevice),
  );
  return [
    ...mirrors.map(({ uuid, name, output, sources, all, bridge }) => ({
      value: `${KINDS.mirror}${uuid}`,
      display: `tapscope mirror ${name}: ${all ? `all of ${bridge}` : sources.map(({ port }) => port).join(", ")} -> ${output}`,
    })),
    ...ports.map(({ name, tag, bridge }) => ({
      value: `${KINDS.port}${name}`,
      display: `tapscope port ${name} on ${bridge}, ${tag === null ? "trunk" : `VLAN ${tag}`}${machineText(machines, name)}`,
    })),
    ...state.bridges.map(({ name }) => ({
      value: `${KINDS.bridge}${name}`,
      display: `tapscope bridge ${name}, all ports`,
    })),
  ];
}

function machineText(machines: readonly Vm[], port: string): string {
  for (const { name, nics } of machines) {
    const nic = nics.find(({ tap }) => tap === port);
    if (nic) return ` (VM ${name}, NIC ${nic.index})`;
  }
  return "";
}

export interface ExtcapCapture extends Pick<CaptureOptions, "filter" | "snaplen" | "dedup" | "signal"> {
  /** As `listInterfaces` gave it. */
  readonly interface: string;
  /** Of the frames that are mirrored, for a port. */
  readonly direction: Direction;
  /** The pipe that Wireshark reads. */
  readonly fifo: string;
}

/** Captures into Wireshark's pipe until it is closed or `signal`; a mirror made for it goes with it. @throws TapscopeError `E_NO_SUCH_INTERFACE` */
export async function captureInto(session: Session, options: ExtcapCapture): Promise<void> {
  const { fifo, direction, interface: name, ...rest } = options;
  const target = await targetOf(session, name, direction);
  await capture(session, { ...rest, target, path: fifo, format: "pcapng", linktype: 1 });
}

async function targetOf(session: Session, name: string, direction: Direction): Promise<TargetRequest> {
  if (name.startsWith(KINDS.port)) return { mirror: [name.slice(KINDS.port.length)], direction };
  if (name.startsWith(KINDS.bridge)) return { bridge: name.slice(KINDS.bridge.length) };
  const uuid = name.startsWith(KINDS.mirror) ? name.slice(KINDS.mirror.length) : "";
  const output = mirrorsOf(await session.state()).find((mirror) => mirror.uuid === uuid)?.output;
  if (output !== undefined && output !== null) return { port: output };
  throw new TapscopeError("E_NO_SUCH_INTERFACE", `there is no port, bridge or mirror any more that is ${name}`, {
    hint: "let Wireshark read its list of interfaces again (F5)",
  });
}
