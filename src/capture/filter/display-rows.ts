/** Display filters over rows of the flow table: numbers and addresses are compared where they are, and nothing is made of them. */
import { formatEndpoint } from "../../engine/host/endpoint.ts";
import { type FieldName, numberField, textField } from "../../engine/host/fields.ts";
import { protocolNumber } from "../../engine/host/protocols.ts";
import type { Rows } from "../../engine/host/rows.ts";
import { type ConnectionField, FIELDS } from "../../engine/tables/fields.ts";
import { type Access, compile, type Predicate, type Subject } from "./display-compile.ts";
import type { DisplayField } from "./display-fields.ts";
import { parseDisplayFilter } from "./display-parser.ts";

/**
 * The predicate of a display filter over the rows of a flow table; the empty filter lets everything pass.
 * @throws FilterError where the filter is wrong, UsageError for a field of packets
 */
export function flowFilter(text: string, rows: Rows): Predicate<number> {
  const expression = parseDisplayFilter(text);
  return expression ? compile(expression, flowSubject(rows)) : () => true;
}

const TCP = protocolNumber("tcp");
const UDP = protocolNumber("udp");
const SCTP = protocolNumber("sctp");
const ICMP = protocolNumber("icmp");
const ICMPV6 = protocolNumber("icmpv6");

type Numbers = readonly ((row: number) => number)[];

/** The fields of connections that filters know by a name of their own. */
const FILTERED = new Map(
  (FIELDS as readonly ConnectionField[]).flatMap((field) => (field.filter ? [[field.filter, field] as const] : [])),
);
/** Wireshark's names for the server's name, and the applications that they are about. */
const NAMES_OF_SERVERS: Readonly<Record<string, readonly string[]>> = {
  "dns.qry.name": ["dns", "mdns", "llmnr"],
  "tls.sni": ["tls", "quic", "dtls"],
  "http.host": ["http"],
};

function flowSubject(rows: Rows): Subject<number> {
  const always = () => true;
  const numbers = (present: Predicate<number>, ...values: Numbers): Access<number> => ({
    kind: "number",
    present,
    values,
  });
  const of = (protocol: number) => (row: number) => rows.protocol(row) === protocol;
  const isIcmp = (row: number) => of(ICMP)(row) || of(ICMPV6)(row);
  const ports = [(row: number) => rows.port(row, true), (row: number) => rows.port(row, false)] as const;
  const addresses = [
    (row: number, word: number) => rows.addressWord(row, true, word),
    (row: number, word: number) => rows.addressWord(row, false, word),
  ] as const;
  const macs = [
    (row: number, byte: number) => rows.bytes[rows.macOffset(row, true) + byte]!,
    (row: number, byte: number) => rows.bytes[rows.macOffset(row, false) + byte]!,
  ] as const;
  const app = textField(rows, "app");
  const serverName = textField(rows, "server_name");

  const sides = <T>(name: string, pair: readonly [T, T]): readonly T[] =>
    name.endsWith("src") || name.endsWith("srcport")
      ? [pair[0]]
      : name.endsWith("dst") || name.endsWith("dstport")
        ? [pair[1]]
        : pair;

  function access({ name, type }: DisplayField): Access<number> | undefined {
    if (type === "ipv4" || type === "ipv6") {
      const v6 = type === "ipv6";
      return { kind: "address", present: (row) => rows.isV6(row) === v6, values: sides(name, addresses) };
    }
    if (type === "mac") return { kind: "mac", present: always, values: sides(name, macs) };
    const portOf = { tcp: TCP, udp: UDP, sctp: SCTP }[/^(tcp|udp|sctp)\.(src|dst)?port$/.exec(name)?.[1] ?? ""];
    if (portOf !== undefined) return numbers(of(portOf), ...sides(name, ports));
    if (name === "vlan.id") {
      return numbers(
        (row) => rows.vlan(row) !== 0,
        (row) => rows.vlan(row),
        (row) => rows.innerVlan(row),
      );
    }
    if (name === "ip.proto") return numbers(always, (row) => rows.protocol(row));
    if (name === "icmp.type") return numbers(isIcmp, ports[0]);
    const apps = NAMES_OF_SERVERS[name];
    if (apps) return { kind: "text", value: (row) => (apps.includes(app(row) ?? "") ? serverName(row) : undefined) };
    const field = FILTERED.get(name);
    if (!field) return undefined;
    if (type === "text") return { kind: "text", value: textField(rows, field.name as FieldName) };
    const value = numberField(rows, field.name as FieldName);
    return numbers((row) => !Number.isNaN(value(row)), value);
  }

  const words = (["proto", "conn_state", "service", "app", "server_name"] as const).map((name) =>
    textField(rows, name),
  );
  return {
    name: "flows",
    access,
    protocol: (row) => rows.protocol(row),
    version: (row) => (rows.isV6(row) ? 6 : 4),
    hasPorts: (row) => [TCP, UDP, SCTP].includes(rows.protocol(row)),
    ports,
    addresses,
    text(row) {
      const ends = `${formatEndpoint(rows, row, true)} ${formatEndpoint(rows, row, false)}`;
      return `${ends} ${words.map((word) => word(row) ?? "").join(" ")}`.toLowerCase();
    },
  };
}
