/** The virtual machines behind a switch; the ports that `vm:NAME[:NIC]` and `vlan:NAME` stand for, and the VLANs that names stand for. */
import { TapscopeError, UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { type Inventory, takeInventory } from "../inventory/inventory.ts";
import { type NicName, parseNicName, tapOf, type Vm } from "../inventory/vm.ts";
import type { Session } from "../mirror/session.ts";
import type { PortRow } from "../mirror/state.ts";
import { namespacePath } from "../mirror/target.ts";

/** The virtual machines whose taps are, or could be, ports of this switch. */
export async function machinesOf(session: Session): Promise<readonly Vm[]> {
  return (await inventoryOf(session)).machines;
}

async function inventoryOf(session: Session, env = process.env): Promise<Inventory> {
  // A lab's switch is not minimega's or libvirt's, unless somebody says so.
  const inLab = session.place.lab !== undefined;
  return await takeInventory({
    namespace: namespacePath(session.place),
    ports: (await portsOf(session)).map((port) => ({
      name: port.name,
      tag: port.tag,
      bridge: port.bridge,
      ids: new Map([...port.ids, ...port.interfaces.flatMap(({ ids }) => [...ids])]),
    })),
    minimega: env.TAPSCOPE_MINIMEGA || (inLab ? null : undefined),
    libvirt: !inLab,
  });
}

async function portsOf(session: Session): Promise<PortRow[]> {
  try {
    return [...(await session.state()).ports.values()];
  } catch (error) {
    // The machines are there without any switch.
    if (error instanceof TapscopeError && error.code === "E_OVSDB_UNREACHABLE") return [];
    throw error;
  }
}

/**
 * Words of a command line in which `vm:NAME[:NIC]` stands for a port, and `vlan:N` or `vlan:ALIAS` for all access ports of a VLAN.
 * @throws TapscopeError `E_NO_VM`, `E_NO_NIC`, `E_AMBIGUOUS`, `E_NO_VLAN`
 */
export async function resolvePorts(session: Session, words: readonly string[]): Promise<string[]> {
  const names: (string | NicName | { readonly vlan: string })[] = words.map(
    (word) => parseNicName(word) ?? (word.startsWith("vlan:") ? { vlan: word.slice("vlan:".length) } : word),
  );
  if (names.every((name) => typeof name === "string")) return names;
  const inventory = await inventoryOf(session);
  const ports: string[] = [];
  for (const name of names) {
    if (typeof name === "string") ports.push(name);
    else if ("vm" in name) ports.push(tapOf(inventory.machines, name));
    else ports.push(...(await accessPorts(session, vlanOf(inventory, name.vlan))));
  }
  return ports;
}

/** As `resolvePorts`, for a word that is to be one port. */
export async function resolvePort(session: Session, word: string): Promise<string> {
  const ports = await resolvePorts(session, [word]);
  if (ports.length === 1) return ports[0]!;
  throw new UsageError(`${sanitize(word)} is ${ports.length} ports, and one is meant here`);
}

async function accessPorts(session: Session, vlan: number): Promise<string[]> {
  const outputs = new Set((await session.state()).mirrors.map(({ outputPort }) => outputPort));
  const ports = (await portsOf(session)).filter(({ tag, uuid }) => tag === vlan && !outputs.has(uuid));
  if (ports.length > 0) return ports.map(({ name }) => name);
  throw new TapscopeError("E_NO_VLAN", `no port is in VLAN ${vlan}`, { hint: "tapscope tap list shows the VLANs" });
}

/** Numbers of VLANs for a list of numbers and aliases between commas: `100,LAN`. @throws TapscopeError `E_NO_VLAN` */
export async function resolveVlans(session: Session, text: string): Promise<string> {
  if (/^[\d,]*$/.test(text)) return text;
  const inventory = await inventoryOf(session);
  return text
    .split(",")
    .map((word) => (word === "" ? word : String(vlanOf(inventory, word))))
    .join(",");
}

function vlanOf({ vlans }: Inventory, word: string): number {
  const vlan = /^\d{1,4}$/.test(word) ? Number(word) : vlans.get(word);
  if (vlan !== undefined) return vlan;
  throw new UsageError(`not a VLAN: '${sanitize(word)}' is neither a number nor a name that minimega knows`, {
    hint: vlans.size > 0 ? `names: ${[...vlans.keys()].map(sanitize).join(", ")}` : "0 to 4095",
  });
}
