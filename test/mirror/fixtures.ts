/** A switch's state, ports, mirrors, devices and facts for tests that need no Open vSwitch. */
import type { Device } from "../../src/mirror/devices.ts";
import type { MirrorFacts, OutputFacts } from "../../src/mirror/mirror-facts.ts";
import type { BridgeRow, InterfaceRow, MirrorRow, PortRow, SwitchState } from "../../src/mirror/state.ts";

export const ids = (entries: Record<string, string> = {}) => new Map(Object.entries(entries));

export function anInterface(name: string, type = "internal"): InterfaceRow {
  return {
    uuid: `interface-${name}`,
    name,
    type,
    options: new Map(),
    mac: `02:00:00:00:00:${name.charCodeAt(0).toString(16)}`,
    ofport: 1,
    error: null,
    linkState: "up",
    adminState: "up",
    ifindex: 1,
    mtu: 1500,
    statistics: new Map(),
    ids: new Map(),
  };
}

export function aPort(name: string, change: Partial<PortRow> = {}): PortRow {
  return {
    uuid: `uuid-${name}`,
    name,
    tag: null,
    vlanMode: null,
    trunks: [],
    interfaces: [anInterface(name)],
    ids: new Map(),
    bridge: "br0",
    ...change,
  };
}

export function aMirror(name: string, change: Partial<MirrorRow> = {}): MirrorRow {
  return {
    uuid: `uuid-${name}`,
    name,
    bridge: "br0",
    selectAll: false,
    selectSrc: [],
    selectDst: [],
    selectVlan: [],
    outputPort: null,
    outputVlan: null,
    snaplen: null,
    filter: null,
    statistics: new Map(),
    ids: new Map(),
    ...change,
  };
}

/** A switch whose bridges are those of its ports and mirrors. */
export function aState(ports: readonly PortRow[], mirrors: readonly MirrorRow[] = []): SwitchState {
  const names = [...new Set([...ports, ...mirrors].map(({ bridge }) => bridge))];
  const bridges = names.map(
    (name): BridgeRow => ({
      uuid: `uuid-${name}`,
      name,
      datapathType: "netdev",
      floodVlans: [],
      forwardBpdu: null,
      ids: new Map(),
      ports: ports.filter((port) => port.bridge === name),
      mirrors: mirrors.filter((mirror) => mirror.bridge === name),
    }),
  );
  return {
    bridges,
    ports: new Map(ports.map((port) => [port.uuid, port])),
    mirrors,
    applied: true,
    ovsVersion: "3.1.0",
  };
}

export function aDevice(name: string, change: Partial<Device> = {}): Device {
  return {
    name,
    place: {},
    mac: "02:00:00:00:00:01",
    ifindex: 5,
    mtu: 1500,
    up: true,
    carrier: true,
    addresses: [],
    kind: "tun",
    rx: { packets: 0, bytes: 0, dropped: 0 },
    tx: { packets: 0, bytes: 0, dropped: 0 },
    ...change,
  };
}

export function outputFacts(change: Partial<OutputFacts> = {}): OutputFacts {
  return {
    device: aDevice("mon"),
    atHome: true,
    holder: null,
    seesAll: true,
    learned: [],
    conversations: [],
    ...change,
  };
}

export function theFacts(change: Partial<MirrorFacts> = {}): MirrorFacts {
  return {
    output: outputFacts(),
    route: undefined,
    filter: { possible: true, error: null },
    ipv6: true,
    nowS: 1000,
    ...change,
  };
}
