/** The virtual machines behind a switch; the ports that `vm:NAME[:NIC]` and `vlan:NAME` stand for, and the VLANs that names stand for. */
import { TapscopeError, UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { type Inventory, takeInventory } from "../inventory/inventory.ts";
import { parseNicName, tapOf, type Vm } from "../inventory/vm.ts";
import type { NameLookup } from "../mirror/declared/ensure.ts";
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

/** Looks names up; the inventory is taken once, when a name first needs it. */
export class Names implements NameLookup {
  readonly #session: Session;
  #inventory: Promise<Inventory> | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  #known(): Promise<Inventory> {
    this.#inventory ??= inventoryOf(this.#session);
    return this.#inventory;
  }

  /**
   * Ports for words in which `vm:NAME[:NIC]` stands for a port, and `vlan:N` or `vlan:ALIAS` for all access ports of a VLAN.
   * @throws TapscopeError `E_NO_VM`, `E_NO_NIC`, `E_AMBIGUOUS`, `E_NO_VLAN`
   */
  async ports(words: readonly string[]): Promise<string[]> {
    const ports: string[] = [];
    for (const word of words) {
      const nic = parseNicName(word);
      if (nic) ports.push(tapOf((await this.#known()).machines, nic));
      else if (word.startsWith("vlan:")) ports.push(...(await this.#accessPorts(await this.vlans(word.slice(5)))));
      else ports.push(word);
    }
    return ports;
  }

  async #accessPorts(vlan: string): Promise<string[]> {
    const outputs = new Set((await this.#session.state()).mirrors.map(({ outputPort }) => outputPort));
    const ports = (await portsOf(this.#session)).filter(({ tag, uuid }) => String(tag) === vlan && !outputs.has(uuid));
    if (ports.length > 0) return ports.map(({ name }) => name);
    throw new TapscopeError("E_NO_VLAN", `no port is in VLAN ${vlan}`, { hint: "tapscope tap list shows the VLANs" });
  }

  /** Numbers of VLANs for a list of numbers and aliases between commas: `100,LAN`. @throws UsageError */
  async vlans(text: string): Promise<string> {
    if (/^[\d,]*$/.test(text)) return text;
    const { vlans } = await this.#known();
    const number = (word: string): string => {
      const vlan = /^\d*$/.test(word) ? word : vlans.get(word);
      if (vlan !== undefined) return String(vlan);
      throw new UsageError(`not a VLAN: '${sanitize(word)}' is neither a number nor a name that minimega knows`, {
        hint: vlans.size > 0 ? `names: ${[...vlans.keys()].map(sanitize).join(", ")}` : "0 to 4095",
      });
    };
    return text.split(",").map(number).join(",");
  }

  /** What a port is best called in a file that is to last: `vm:NAME[:NIC]` where it is a machine's whose name no other has. */
  async lasting(): Promise<(port: string) => string> {
    const { machines } = await this.#known();
    const names = new Map<string, string>();
    for (const { name, nics } of machines) {
      if (machines.filter((vm) => vm.name === name).length > 1) continue;
      for (const { tap, index } of nics)
        if (tap !== null) names.set(tap, `vm:${name}${index === 0 ? "" : `:${index}`}`);
    }
    return (port) => names.get(port) ?? port;
  }
}

/** As `Names.ports`. */
export async function resolvePorts(session: Session, words: readonly string[]): Promise<string[]> {
  return await new Names(session).ports(words);
}

/** As `resolvePorts`, for a word that is to be one port. */
export async function resolvePort(session: Session, word: string): Promise<string> {
  const ports = await resolvePorts(session, [word]);
  if (ports.length === 1) return ports[0]!;
  throw new UsageError(`${sanitize(word)} is ${ports.length} ports, and one is meant here`);
}

/** As `Names.vlans`. */
export async function resolveVlans(session: Session, text: string): Promise<string> {
  return await new Names(session).vlans(text);
}
