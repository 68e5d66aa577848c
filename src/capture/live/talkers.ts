/** Who talks: the flows summed up by host, port, application, VLAN, MAC address or OVS port. */
import { formatIpv4, formatIpv6 } from "../../core/address.ts";
import type { Rows } from "../../engine/host/rows.ts";
import type { TalkerKey, TalkerRow, TalkersAnswer, TalkersQuery } from "./snapshot.ts";

/** Groups that are told apart; what comes beyond is summed up in one. */
const MOST_GROUPS = 100_000;
const OTHERS = "(others)";

export interface TalkerSource {
  readonly table: Rows;
  readonly app: (row: number) => string;
  /** Bits per second of a row. */
  readonly rate: (row: number) => number;
  /** The OVS port a MAC address was last seen on, if the switch was asked. */
  readonly ovsPort: (mac: string) => string | undefined;
}

interface Group {
  name: string;
  filter: string;
  flows: number;
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
  rateBps: number;
}

/** Sums up the rows that `each` visits. */
export function talkers(
  source: TalkerSource,
  each: (visit: (row: number) => void) => void,
  { key, sort, descending, offset, rows }: TalkersQuery,
): TalkersAnswer {
  const groups = group(source, each, key);
  const value: Record<TalkersQuery["sort"], (group: Group) => number> = {
    flows: (group) => group.flows,
    sent: (group) => group.sentBytes,
    received: (group) => group.receivedBytes,
    rate: (group) => group.rateBps || (group.sentBytes + group.receivedBytes) * 1e-15,
    name: () => 0,
  };
  const by = value[sort];
  const sorted = groups.sort((a, b) => (descending ? by(b) - by(a) : by(a) - by(b)) || (a.name < b.name ? -1 : 1));
  if (sort === "name" && descending) sorted.reverse();
  const from = Math.max(0, Math.min(offset, sorted.length - rows));
  return { total: sorted.length, offset: from, rows: withShares(sorted, from, rows) };
}

function withShares(groups: readonly Group[], from: number, rows: number): TalkerRow[] {
  const moving = groups.some(({ rateBps }) => rateBps > 0);
  const weight = (group: Group): number => (moving ? group.rateBps : group.sentBytes + group.receivedBytes);
  const all = groups.reduce((sum, group) => sum + weight(group), 0);
  return groups.slice(from, from + rows).map((group) => ({ ...group, share: all > 0 ? weight(group) / all : 0 }));
}

function group(source: TalkerSource, each: (visit: (row: number) => void) => void, key: TalkerKey): Group[] {
  const groups = new Map<string | number, Group>();
  const { table, rate } = source;
  const names = KEYS[key];
  const find = (id: string | number, row: number, orig: boolean): Group => {
    let found = groups.get(id);
    if (found) return found;
    const known = groups.size < MOST_GROUPS;
    if (!known) {
      found = groups.get(OTHERS);
      if (found) return found;
    }
    const { name, filter } = known ? names.describe(source, row, orig) : { name: OTHERS, filter: "" };
    found = {
      ...{ name, filter, flows: 0, sentPackets: 0, sentBytes: 0 },
      ...{ receivedPackets: 0, receivedBytes: 0, rateBps: 0 },
    };
    groups.set(known ? id : OTHERS, found);
    return found;
  };
  const add = (to: Group, row: number, orig: boolean): void => {
    to.flows++;
    to.sentPackets += table.packets(row, orig);
    to.sentBytes += table.ipBytes(row, orig);
    to.receivedPackets += table.packets(row, !orig);
    to.receivedBytes += table.ipBytes(row, !orig);
    to.rateBps += rate(row);
  };
  each((row) => {
    if (!names.bothSides) {
      // Of a service, what clients send it has received.
      add(find(names.id(source, row, false), row, false), row, false);
      return;
    }
    const orig = find(names.id(source, row, true), row, true);
    add(orig, row, true);
    const resp = find(names.id(source, row, false), row, false);
    if (resp !== orig) add(resp, row, false);
  });
  return [...groups.values()];
}

interface KeyKind {
  /** Both ends of a flow are talkers, not only one. */
  readonly bothSides: boolean;
  readonly id: (source: TalkerSource, row: number, orig: boolean) => string | number;
  readonly describe: (
    source: TalkerSource,
    row: number,
    orig: boolean,
  ) => { readonly name: string; readonly filter: string };
}

const TRANSPORTS: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };

function addressOf(table: Rows, row: number, orig: boolean): string {
  const word = (index: number): number => table.addressWord(row, orig, index);
  return table.isV6(row) ? formatIpv6(word(0), word(1), word(2), word(3)) : formatIpv4(word(0));
}

function macOf(table: Rows, row: number, orig: boolean): string {
  const at = table.macOffset(row, orig);
  return Array.from(table.bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

const KEYS: Record<TalkerKey, KeyKind> = {
  host: {
    bothSides: true,
    id: ({ table }, row, orig) => (table.isV6(row) ? addressOf(table, row, orig) : table.addressWord(row, orig, 0)),
    describe: ({ table }, row, orig) => {
      const name = addressOf(table, row, orig);
      return { name, filter: `host ${name}` };
    },
  },
  port: {
    bothSides: false,
    id: ({ table }, row) => table.protocol(row) * 65536 + table.port(row, false),
    describe: ({ table }, row) => {
      const protocol = table.protocol(row);
      const transport = TRANSPORTS[protocol];
      if (transport === undefined) return { name: `ip protocol ${protocol}`, filter: `ip.proto == ${protocol}` };
      const port = table.port(row, false);
      return { name: `${transport}/${port}`, filter: `${transport}.dstport == ${port}` };
    },
  },
  app: {
    bothSides: false,
    id: ({ app }, row) => app(row),
    describe: ({ app }, row) => {
      const name = app(row);
      return { name: name || "(unknown)", filter: name === "" ? "not flow.app" : `flow.app == "${name}"` };
    },
  },
  vlan: {
    bothSides: false,
    id: ({ table }, row) => table.vlan(row),
    describe: ({ table }, row) => {
      const vlan = table.vlan(row);
      return {
        name: vlan === 0 ? "(untagged)" : String(vlan),
        filter: vlan === 0 ? "not vlan.id" : `vlan.id == ${vlan}`,
      };
    },
  },
  mac: {
    bothSides: true,
    id: ({ table }, row, orig) => macOf(table, row, orig),
    describe: ({ table }, row, orig) => {
      const name = macOf(table, row, orig);
      return { name, filter: `eth.addr == ${name}` };
    },
  },
  "ovs-port": {
    bothSides: true,
    id: ({ table, ovsPort }, row, orig) => ovsPort(macOf(table, row, orig)) ?? "",
    describe: ({ table, ovsPort }, row, orig) => {
      const mac = macOf(table, row, orig);
      return { name: ovsPort(mac) ?? "(not known)", filter: `eth.addr == ${mac}` };
    },
  },
};
