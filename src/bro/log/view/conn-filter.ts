/** Display filters over rows of conn.log on the flow screens: the same fields as for flows, as far as a log has them. */
import { type Access, compile, type Predicate, type Subject } from "../../../capture/filter/display-compile.ts";
import { PROTOCOL_WORDS } from "../../../capture/filter/display-fields.ts";
import { parseDisplayFilter } from "../../../capture/filter/display-parser.ts";
import { type Network, parseIpv4, parseIpv6 } from "../../../capture/filter/display-values.ts";
import type { ConnRow } from "./conn-rows.ts";

/** @throws FilterError where the filter is wrong, UsageError for a field that logs do not have */
export function connFilter(text: string): Predicate<ConnRow> {
  const expression = parseDisplayFilter(text);
  return expression ? compile(expression, CONNS) : () => true;
}

const both = <T>(orig: T, resp: T, name: string): readonly T[] =>
  /\.(src|srcport)$/.test(name) ? [orig] : /\.(dst|dstport)$/.test(name) ? [resp] : [orig, resp];

const addressOf = (text: string): Network | undefined => parseIpv4(text) ?? parseIpv6(text);
const versionOf = ({ row }: ConnRow) => (row.origAddress.includes(":") ? 6 : row.origAddress === "" ? 0 : 4);
const origWord = ({ row }: ConnRow, word: number) => addressOf(row.origAddress)?.words[word] ?? 0;
const respWord = ({ row }: ConnRow, word: number) => addressOf(row.respAddress)?.words[word] ?? 0;
const origPort = ({ row }: ConnRow) => row.origPort ?? -1;
const respPort = ({ row }: ConnRow) => row.respPort ?? -1;
const protocolOf = ({ row }: ConnRow) => PROTOCOL_WORDS.get(row.proto) ?? -1;

const numbers = (...values: readonly ((conn: ConnRow) => number)[]): Access<ConnRow> => ({
  kind: "number",
  present: () => true,
  values,
});
const text = (value: (conn: ConnRow) => string): Access<ConnRow> => ({
  kind: "text",
  value: (conn) => value(conn) || undefined,
});

const NUMBERS: Readonly<Record<string, (conn: ConnRow) => number>> = {
  "ip.proto": protocolOf,
  "flow.packets": ({ row }) => row.origPackets + row.respPackets,
  "flow.orig_packets": ({ row }) => row.origPackets,
  "flow.resp_packets": ({ row }) => row.respPackets,
  "flow.bytes": ({ row }) => row.origBytes + row.respBytes,
  "flow.orig_bytes": ({ row }) => row.origBytes,
  "flow.resp_bytes": ({ row }) => row.respBytes,
  "flow.payload": ({ detail }) => detail.origPayload + detail.respPayload,
  "flow.missed": ({ row }) => row.missed,
  "flow.duration": ({ row }) => row.durationMs / 1000,
  "flow.rate": ({ row }) => row.rateBps,
};
const TEXTS: Readonly<Record<string, (conn: ConnRow) => string>> = {
  "flow.state": ({ row }) => row.state,
  "flow.history": ({ row }) => row.history,
  "flow.proto": ({ row }) => row.proto,
  "flow.service": ({ row }) => row.app,
  "flow.app": ({ row }) => row.app,
  "flow.uid": ({ detail }) => detail.uid,
};

const CONNS: Subject<ConnRow> = {
  name: "logs",
  access({ name, type }) {
    if (NUMBERS[name]) return numbers(NUMBERS[name]);
    if (TEXTS[name]) return text(TEXTS[name]);
    if (type === "ipv4" || type === "ipv6") {
      const version = type === "ipv4" ? 4 : 6;
      return {
        kind: "address",
        present: (conn) => versionOf(conn) === version,
        values: both(origWord, respWord, name),
      };
    }
    const proto = /^(tcp|udp|sctp)\.(?:src|dst)?port$/.exec(name)?.[1];
    if (proto !== undefined) {
      return { kind: "number", present: ({ row }) => row.proto === proto, values: both(origPort, respPort, name) };
    }
    if (name !== "vlan.id") return undefined;
    const vlan =
      (index: number) =>
      ({ row }: ConnRow) =>
        row.vlans[index] ?? 0;
    return { kind: "number", present: ({ row }) => row.vlans.length > 0, values: [vlan(0), vlan(1)] };
  },
  protocol: protocolOf,
  version: versionOf,
  hasPorts: ({ row }) => row.respPort !== null,
  ports: [origPort, respPort],
  addresses: [origWord, respWord],
  text: ({ row, detail }) =>
    [
      row.proto,
      `${row.origAddress}:${row.origPort}`,
      `${row.respAddress}:${row.respPort}`,
      row.app,
      row.state,
      detail.uid,
    ]
      .join(" ")
      .toLowerCase(),
};
