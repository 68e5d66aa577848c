/** What OVSDB holds, read in one transaction and linked up: bridges, their ports, interfaces and mirrors (ovs-vswitchd.conf.db(5)). */
import type { OvsdbClient } from "./ovsdb/client.ts";
import { boolean, map, number, numbers, type Row, string, strings } from "./ovsdb/values.ts";

type Ids = ReadonlyMap<string, string>;

export interface InterfaceRow {
  readonly uuid: string;
  readonly name: string;
  /** "" stands for `system`. */
  readonly type: string;
  readonly options: Ids;
  readonly mac: string | null;
  /** -1: OVS could not open the device. */
  readonly ofport: number | null;
  readonly error: string | null;
  readonly linkState: string | null;
  readonly adminState: string | null;
  readonly ifindex: number | null;
  readonly mtu: number | null;
  readonly statistics: ReadonlyMap<string, number>;
  readonly ids: Ids;
}

export interface PortRow {
  readonly uuid: string;
  readonly name: string;
  readonly tag: number | null;
  readonly vlanMode: string | null;
  readonly trunks: readonly number[];
  readonly interfaces: readonly InterfaceRow[];
  readonly ids: Ids;
  /** The name of the bridge that holds it. */
  readonly bridge: string;
}

export interface MirrorRow {
  readonly uuid: string;
  readonly name: string;
  readonly bridge: string;
  readonly selectAll: boolean;
  /** UUIDs of ports. A port that is deleted vanishes from these sets. */
  readonly selectSrc: readonly string[];
  readonly selectDst: readonly string[];
  readonly selectVlan: readonly number[];
  /** The UUID of a port. */
  readonly outputPort: string | null;
  readonly outputVlan: number | null;
  readonly snaplen: number | null;
  readonly filter: string | null;
  /** Empty until vswitchd has applied the mirror and its statistics have come round (every 5 s). */
  readonly statistics: ReadonlyMap<string, number>;
  readonly ids: Ids;
}

export interface BridgeRow {
  readonly uuid: string;
  readonly name: string;
  readonly datapathType: string;
  readonly floodVlans: readonly number[];
  /** `other_config:forward-bpdu` */
  readonly forwardBpdu: string | null;
  readonly ids: Ids;
  readonly ports: readonly PortRow[];
  readonly mirrors: readonly MirrorRow[];
}

export interface SwitchState {
  readonly bridges: readonly BridgeRow[];
  /** All ports, by UUID. */
  readonly ports: ReadonlyMap<string, PortRow>;
  readonly mirrors: readonly MirrorRow[];
  /** vswitchd has applied all that was asked of it (cur_cfg = next_cfg). */
  readonly applied: boolean;
  readonly ovsVersion: string | null;
}

const INTERFACE_COLUMNS = [
  ...["_uuid", "name", "type", "options", "mac_in_use", "ofport", "error", "link_state", "admin_state"],
  ...["ifindex", "mtu", "statistics", "external_ids"],
];

export async function readState(db: OvsdbClient): Promise<SwitchState> {
  const [roots, bridgeRows, portRows, interfaceRows, mirrorRows] = (await db.select([
    { table: "Open_vSwitch", columns: ["cur_cfg", "next_cfg", "ovs_version"] },
    {
      table: "Bridge",
      columns: ["_uuid", "name", "datapath_type", "ports", "mirrors", "flood_vlans", "other_config", "external_ids"],
    },
    { table: "Port", columns: ["_uuid", "name", "tag", "vlan_mode", "trunks", "interfaces", "external_ids"] },
    { table: "Interface", columns: INTERFACE_COLUMNS },
    { table: "Mirror" },
  ])) as [Row[], Row[], Row[], Row[], Row[]];
  return link(roots[0] ?? {}, bridgeRows, portRows, interfaceRows, mirrorRows);
}

function link(
  root: Row,
  bridgeRows: readonly Row[],
  portRows: readonly Row[],
  interfaceRows: readonly Row[],
  mirrorRows: readonly Row[],
): SwitchState {
  const interfaces = new Map(interfaceRows.map((row) => [uuidOf(row), toInterface(row)]));
  const rawPorts = new Map(portRows.map((row) => [uuidOf(row), row]));
  const rawMirrors = new Map(mirrorRows.map((row) => [uuidOf(row), row]));
  const ports = new Map<string, PortRow>();
  const bridges = bridgeRows.map((row): BridgeRow => {
    const name = string(row.name) ?? "";
    const own = strings(row.ports).flatMap((uuid): PortRow[] => {
      const raw = rawPorts.get(uuid);
      return raw ? [toPort(raw, name, interfaces)] : [];
    });
    for (const port of own) ports.set(port.uuid, port);
    return {
      uuid: uuidOf(row),
      name,
      datapathType: string(row.datapath_type) || "system",
      floodVlans: numbers(row.flood_vlans),
      forwardBpdu: map<string>(row.other_config).get("forward-bpdu") ?? null,
      ids: map(row.external_ids),
      ports: own.sort((a, b) => compareNames(a.name, b.name)),
      mirrors: strings(row.mirrors)
        .flatMap((uuid) => {
          const raw = rawMirrors.get(uuid);
          return raw ? [toMirror(raw, name)] : [];
        })
        .sort((a, b) => compareNames(a.name, b.name) || (a.uuid < b.uuid ? -1 : 1)),
    };
  });
  bridges.sort((a, b) => compareNames(a.name, b.name));
  return {
    bridges,
    ports,
    mirrors: bridges.flatMap((bridge) => bridge.mirrors),
    applied: (number(root.cur_cfg) ?? 0) >= (number(root.next_cfg) ?? 0),
    ovsVersion: string(root.ovs_version),
  };
}

function uuidOf(row: Row): string {
  return string(row._uuid) ?? "";
}

/** mega_tap9 before mega_tap10. (Intl's collation takes 15 ms to load.) */
export function compareNames(a: string, b: string): number {
  const [, stemA, digitsA] = /^(.*?)(\d{0,9})$/su.exec(a)!;
  const [, stemB, digitsB] = /^(.*?)(\d{0,9})$/su.exec(b)!;
  if (stemA === stemB && digitsA !== digitsB)
    return Number(digitsA) - Number(digitsB) || digitsA!.length - digitsB!.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

function toInterface(row: Row): InterfaceRow {
  return {
    uuid: uuidOf(row),
    name: string(row.name) ?? "",
    type: string(row.type) ?? "",
    options: map(row.options),
    mac: string(row.mac_in_use),
    ofport: number(row.ofport),
    error: string(row.error),
    linkState: string(row.link_state),
    adminState: string(row.admin_state),
    ifindex: number(row.ifindex),
    mtu: number(row.mtu),
    statistics: map(row.statistics),
    ids: map(row.external_ids),
  };
}

function toPort(row: Row, bridge: string, interfaces: ReadonlyMap<string, InterfaceRow>): PortRow {
  return {
    uuid: uuidOf(row),
    name: string(row.name) ?? "",
    tag: number(row.tag),
    vlanMode: string(row.vlan_mode),
    trunks: numbers(row.trunks),
    interfaces: strings(row.interfaces).flatMap((uuid) => interfaces.get(uuid) ?? []),
    ids: map(row.external_ids),
    bridge,
  };
}

function toMirror(row: Row, bridge: string): MirrorRow {
  return {
    uuid: uuidOf(row),
    name: string(row.name) ?? "",
    bridge,
    selectAll: boolean(row.select_all),
    selectSrc: strings(row.select_src_port),
    selectDst: strings(row.select_dst_port),
    selectVlan: numbers(row.select_vlan),
    outputPort: string(row.output_port),
    outputVlan: number(row.output_vlan),
    snaplen: number(row.snaplen),
    filter: string(row.filter) || null,
    statistics: map(row.statistics),
    ids: map(row.external_ids),
  };
}

/** Tunnels and patches exist in OVS alone; the others are devices of the kernel. */
export function hasDevice({ type }: Pick<InterfaceRow, "type">): boolean {
  return ["", "system", "internal", "tap"].includes(type);
}

export function findBridge(state: SwitchState, name: string): BridgeRow | undefined {
  return state.bridges.find((bridge) => bridge.name === name);
}

export function findPort(state: SwitchState, name: string): PortRow | undefined {
  for (const port of state.ports.values()) if (port.name === name) return port;
  return undefined;
}

/** All names that bridges, ports and interfaces have. */
export function takenNames(state: SwitchState): Set<string> {
  const names = new Set(state.bridges.map(({ name }) => name));
  for (const port of state.ports.values()) {
    names.add(port.name);
    for (const { name } of port.interfaces) names.add(name);
  }
  return names;
}
