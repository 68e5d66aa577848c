/** The virtual machines of a host from every source that knows some, each machine once; with what the switch knows of their ports. */
import { HOST } from "../core/place.ts";
import { libvirtMachines } from "./libvirt.ts";
import { askMinimega, DEFAULT_BASE } from "./minimega.ts";
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
  /** The folder of minimega's socket; null: none is asked. Default /tmp/minimega. */
  readonly minimega?: string | null | undefined;
  /** libvirt is asked too. Default true. */
  readonly libvirt?: boolean;
}

export interface Inventory {
  readonly machines: readonly Vm[];
  /** VLANs by the names that minimega gave them. */
  readonly vlans: ReadonlyMap<string, number>;
}

/** All that can be found, machines by name. A source that is not there, or may not be read, gives none. */
export async function takeInventory(options: InventoryOptions): Promise<Inventory> {
  const { namespace, ports, minimega: base = DEFAULT_BASE, libvirt = true } = options;
  const [minimega, virtual] = await Promise.all([
    base === null ? undefined : askMinimega(base),
    libvirt ? libvirtMachines(HOST) : [],
  ]);
  const byName = new Map(ports.map((port) => [port.name, port]));
  const machines: Vm[] = [];
  for (const vm of [...(minimega?.machines ?? []), ...virtual, ...qemuMachines(namespace), ...ovsMachines(ports)]) {
    const at = machines.findIndex((known) => isSame(known, vm));
    if (at < 0) machines.push(vm);
    else machines[at] = join(machines[at]!, vm);
  }
  return {
    machines: machines
      .map((vm) => ({ ...vm, nics: vm.nics.map((nic) => onSwitch(nic, byName)) }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : (a.pid ?? 0) - (b.pid ?? 0))),
    vlans: minimega?.vlans ?? new Map(),
  };
}

/** The same machine, as two sources know it: by its UUID, its process, or a tap. */
function isSame(a: Vm, b: Vm): boolean {
  if (a.uuid !== null && a.uuid === b.uuid) return true;
  if (a.pid !== null && a.pid === b.pid) return true;
  return a.nics.some(({ tap }) => tap !== null && b.nics.some((nic) => nic.tap === tap));
}

/** What the first knows, and of the second what the first does not. */
function join(first: Vm, second: Vm): Vm {
  const nics = first.nics.length >= second.nics.length ? first.nics : second.nics;
  return {
    ...first,
    pid: first.pid ?? second.pid,
    uuid: first.uuid ?? second.uuid,
    nics: nics.map((nic) => {
      const [one, other] = [first, second].map((vm) => vm.nics.find(({ index }) => index === nic.index));
      return {
        index: nic.index,
        tap: one?.tap ?? other?.tap ?? null,
        mac: one?.mac ?? other?.mac ?? null,
        vlan: one?.vlan ?? other?.vlan ?? null,
        bridge: one?.bridge ?? other?.bridge ?? null,
      };
    }),
    disks: first.disks.length > 0 ? first.disks : second.disks,
  };
}

/** What OpenStack, XenServer and others leave at the interface (ovs-vswitchd.conf.db(5), "Common Columns": vm-id, iface-id, attached-mac). */
function ovsMachines(ports: readonly SwitchPort[]): Vm[] {
  const machines = new Map<string, Nic[]>();
  for (const { name, ids } of ports) {
    const vm = ids.get("vm-uuid") ?? ids.get("vm-id") ?? ids.get("xs-vm-uuid") ?? ids.get("iface-id");
    if (vm === undefined) continue;
    const nics = machines.get(vm) ?? [];
    nics.push({ index: nics.length, tap: name, mac: ids.get("attached-mac") ?? null, vlan: null, bridge: null });
    machines.set(vm, nics);
  }
  return [...machines].map(([name, nics]) => ({ name, pid: null, uuid: name, from: "ovs", nics, disks: [] }));
}

function onSwitch(nic: Nic, ports: ReadonlyMap<string, SwitchPort>): Nic {
  const port = nic.tap === null ? undefined : ports.get(nic.tap);
  return port ? { ...nic, vlan: port.tag ?? nic.vlan, bridge: port.bridge } : nic;
}
