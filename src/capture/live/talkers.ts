/** Who talks: the flows summed up by host, port, application, VLAN, MAC address or OVS port. */
import { formatMac } from "../../core/address.ts";
import { formatAddress } from "../../engine/host/endpoint.ts";
import type { Rows } from "../../engine/host/rows.ts";
import { rowsAtRanks } from "./ranking.ts";
import type { TalkerKey, TalkersAnswer, TalkersQuery } from "./snapshot.ts";
import type { Sum } from "./walk.ts";

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

/** The flows of one key, summed up so far. */
export class TalkerSum implements Sum {
  readonly #source: TalkerSource;
  readonly #kind: KeyKind;
  readonly #groups = new Map<string | number, Group>();

  constructor(source: TalkerSource, key: TalkerKey) {
    this.#source = source;
    this.#kind = KEYS[key];
  }

  add(row: number): void {
    if (!this.#kind.bothSides) {
      // Of a service, what clients send it has received.
      this.#count(this.#group(row, false), row, false);
      return;
    }
    const orig = this.#group(row, true);
    this.#count(orig, row, true);
    const resp = this.#group(row, false);
    if (resp !== orig) this.#count(resp, row, false);
  }

  #group(row: number, orig: boolean): Group {
    const id = this.#kind.id(this.#source, row, orig);
    const known = this.#groups.get(id);
    if (known) return known;
    const isFull = this.#groups.size >= MOST_GROUPS;
    const others = isFull ? this.#groups.get(OTHERS) : undefined;
    if (others) return others;
    const { name, filter } = isFull ? { name: OTHERS, filter: "" } : this.#kind.describe(this.#source, row, orig);
    const group = {
      ...{ name, filter, flows: 0, sentPackets: 0, sentBytes: 0 },
      ...{ receivedPackets: 0, receivedBytes: 0, rateBps: 0 },
    };
    this.#groups.set(isFull ? OTHERS : id, group);
    return group;
  }

  #count(group: Group, row: number, orig: boolean): void {
    const { table, rate } = this.#source;
    group.flows++;
    group.sentPackets += table.packets(row, orig);
    group.sentBytes += table.ipBytes(row, orig);
    group.receivedPackets += table.packets(row, !orig);
    group.receivedBytes += table.ipBytes(row, !orig);
    group.rateBps += rate(row);
  }

  /** Those on screen. */
  page({ sort, descending, offset, rows }: Omit<TalkersQuery, "key">): TalkersAnswer {
    const groups = [...this.#groups.values()];
    const by = VALUES[sort];
    const byName = (a: Group, b: Group): number => (a.name < b.name ? -1 : 1);
    const ascending = (a: number, b: number): number => {
      const [one, other] = [groups[a]!, groups[b]!];
      return by(one) - by(other) || (sort === "name" ? byName(one, other) : 0);
    };
    const compare = (a: number, b: number): number =>
      (descending ? ascending(b, a) : ascending(a, b)) || byName(groups[a]!, groups[b]!);
    const from = Math.max(0, Math.min(offset, groups.length - rows));
    const each = (visit: (index: number) => void): void => groups.forEach((_, index) => void visit(index));
    const moving = groups.some(({ rateBps }) => rateBps > 0);
    const weight = (group: Group): number => (moving ? group.rateBps : group.sentBytes + group.receivedBytes);
    const all = groups.reduce((sum, group) => sum + weight(group), 0);
    const shown = rowsAtRanks(each, groups.length, compare, from, rows).map((index) => groups[index]!);
    return {
      total: groups.length,
      offset: from,
      rows: shown.map((group) => ({ ...group, share: all > 0 ? weight(group) / all : 0 })),
    };
  }
}

const VALUES: Readonly<Record<TalkersQuery["sort"], (group: Group) => number>> = {
  flows: (group) => group.flows,
  sent: (group) => group.sentBytes,
  received: (group) => group.receivedBytes,
  // Of those that do not move, those that have moved most.
  rate: (group) => group.rateBps || (group.sentBytes + group.receivedBytes) * 1e-15,
  name: () => 0,
};

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

function macOf(table: Rows, row: number, orig: boolean): string {
  return formatMac(table.bytes, table.macOffset(row, orig));
}

const KEYS: Record<TalkerKey, KeyKind> = {
  host: {
    bothSides: true,
    id: ({ table }, row, orig) => (table.isV6(row) ? formatAddress(table, row, orig) : table.addressWord(row, orig, 0)),
    describe: ({ table }, row, orig) => {
      const name = formatAddress(table, row, orig);
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
