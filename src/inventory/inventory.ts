/** The virtual machines of a host from every source that knows some, each machine once; with what the switch knows of their ports. */
import { qemuMachines } from "./qemu.ts";
import type { Nic, Vm } from "./vm.ts";

/** A port of the switch, as the inventory needs it. */
export interface SwitchPort {
  readonly name: string;
  /** Null: a trunk. */
  readonly tag: number | null;
  readonly bridge: string;
  /** `external_ids` of port and interface. */
  readonly ids: ReadonlyMap<string, string>;
}

export interface InventoryOptions {
  /** The network namespace that holds the taps, as a path: /proc/self/ns/net, /proc/PID/ns/net. */
  readonly namespace: string;
  readonly ports: readonly SwitchPort[];
}

/** All virtual machines that can be found, by name. A source that is not there, or may not be read, gives none. */
export async function listMachines({ namespace, ports }: InventoryOptions): Promise<Vm[]> {
  const machines = qemuMachines(namespace);
  const byName = new Map(ports.map((port) => [port.name, port]));
  return machines
    .map((vm) => ({ ...vm, nics: vm.nics.map((nic) => onSwitch(nic, byName)) }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : (a.pid ?? 0) - (b.pid ?? 0)));
}

function onSwitch(nic: Nic, ports: ReadonlyMap<string, SwitchPort>): Nic {
  const port = nic.tap === null ? undefined : ports.get(nic.tap);
  return port ? { ...nic, vlan: port.tag, bridge: port.bridge } : nic;
}
