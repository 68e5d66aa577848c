/** Display filters over rows of the flow table: numbers and addresses are compared in its columns, and nothing is made of them. */
import { ICMP, ICMPV6, SCTP, TCP, TUNNEL_NAMES, UDP } from "../decode/packet.ts";
import { formatIpv4, formatIpv6 } from "../flow/address.ts";
import { connState, formatUid, protocolName } from "../flow/names.ts";
import type { FlowLabels } from "../flow/record.ts";
import type { FlowTable } from "../flow/table.ts";
import { type Access, compile, type Predicate, type Subject } from "./display-compile.ts";
import type { DisplayField } from "./display-fields.ts";
import { parseDisplayFilter } from "./display-parser.ts";

/**
 * The predicate of a display filter over the rows of a flow table; the empty filter lets everything pass.
 * @param labels what is known of applications; without it those fields are unset
 * @throws FilterError where the filter is wrong, UsageError for a field of packets
 */
export function flowFilter(text: string, table: FlowTable, labels?: FlowLabels): Predicate<number> {
  const expression = parseDisplayFilter(text);
  return expression ? compile(expression, flowSubject(table, labels)) : () => true;
}

type Numbers = readonly ((row: number) => number)[];

function flowSubject(table: FlowTable, labels: FlowLabels | undefined): Subject<number> {
  const always = () => true;
  const numbers = (present: Predicate<number>, ...values: Numbers): Access<number> => ({
    kind: "number",
    present,
    values,
  });
  const text = (value: (row: number) => string | undefined): Access<number> => ({ kind: "text", value });
  const of = (protocol: number) => (row: number) => table.protocol(row) === protocol;
  const isIcmp = (row: number) => of(ICMP)(row) || of(ICMPV6)(row);
  const both = (get: (row: number, orig: boolean) => number) => (row: number) => get(row, true) + get(row, false);
  const ports = [(row: number) => table.port(row, true), (row: number) => table.port(row, false)] as const;
  const addresses = [
    (row: number, word: number) => table.addressWord(row, true, word),
    (row: number, word: number) => table.addressWord(row, false, word),
  ] as const;
  const macs = [
    (row: number, byte: number) => table.macs()[table.macOffset(row, true) + byte]!,
    (row: number, byte: number) => table.macs()[table.macOffset(row, false) + byte]!,
  ] as const;
  const vlans: Numbers = [(row) => table.vlan(row), (row) => table.innerVlan(row)];
  const seconds = (row: number) =>
    table.lastSec(row) - table.firstSec(row) + (table.lastNsec(row) - table.firstNsec(row)) / 1e9;
  const ipBytes = both((row, orig) => table.ipBytes(row, orig));
  const appIs = (row: number, ...names: string[]) => names.includes(labels?.app(row) ?? labels?.service(row) ?? "");
  const serverNameOf = (...names: string[]) =>
    text((row) => (appIs(row, ...names) ? labels?.serverName(row) : undefined));

  const sides = <T>(name: string, pair: readonly [T, T]): readonly T[] =>
    name.endsWith("src") || name.endsWith("srcport")
      ? [pair[0]]
      : name.endsWith("dst") || name.endsWith("dstport")
        ? [pair[1]]
        : pair;

  function access({ name, type }: DisplayField): Access<number> | undefined {
    if (type === "ipv4" || type === "ipv6") {
      const v6 = type === "ipv6";
      return { kind: "address", present: (row) => table.isV6(row) === v6, values: sides(name, addresses) };
    }
    if (type === "mac") return { kind: "mac", present: always, values: sides(name, macs) };
    const portOf = { tcp: TCP, udp: UDP, sctp: SCTP }[/^(tcp|udp|sctp)\.(src|dst)?port$/.exec(name)?.[1] ?? ""];
    if (portOf !== undefined) return numbers(of(portOf), ...sides(name, ports));
    switch (name) {
      case "vlan.id":
        return numbers((row) => table.vlan(row) !== 0, ...vlans);
      case "ip.proto":
        return numbers(always, (row) => table.protocol(row));
      case "icmp.type":
        return numbers(isIcmp, ports[0]);
      case "flow.packets":
        return numbers(
          always,
          both((row, orig) => table.packets(row, orig)),
        );
      case "flow.orig_packets":
        return numbers(always, (row) => table.packets(row, true));
      case "flow.resp_packets":
        return numbers(always, (row) => table.packets(row, false));
      case "flow.bytes":
        return numbers(always, ipBytes);
      case "flow.orig_bytes":
        return numbers(always, (row) => table.ipBytes(row, true));
      case "flow.resp_bytes":
        return numbers(always, (row) => table.ipBytes(row, false));
      case "flow.payload":
        return numbers(
          always,
          both((row, orig) => table.payloadBytes(row, orig)),
        );
      case "flow.missed":
        return numbers(always, (row) => table.missedBytes(row));
      case "flow.retrans":
        return numbers(of(TCP), (row) => table.retransmits(row));
      case "flow.duration":
        return numbers(always, seconds);
      case "flow.rtt":
        return numbers(
          (row) => table.rtt(row) > 0,
          (row) => table.rtt(row),
        );
      case "flow.rate":
        return numbers(
          (row) => seconds(row) > 0,
          (row) => (ipBytes(row) * 8) / seconds(row),
        );
      case "flow.state":
        return text((row) => connState(table, row));
      case "flow.history":
        return text((row) => table.history.text(row));
      case "flow.proto":
        return text((row) => protocolName(table.protocol(row)));
      case "flow.service":
        return text((row) => labels?.service(row));
      case "flow.app":
        return text((row) => labels?.app(row) ?? labels?.service(row));
      case "flow.server_name":
        return text((row) => labels?.serverName(row));
      case "flow.tunnel":
        return text((row) => TUNNEL_NAMES[table.tunnel(row)] || undefined);
      case "flow.uid":
        return text((row) => formatUid(table.uidHigh(row), table.uidLow(row)));
      case "dns.qry.name":
        return serverNameOf("dns", "mdns", "llmnr");
      case "tls.sni":
        return serverNameOf("tls", "ssl", "quic", "dtls");
      case "http.host":
        return serverNameOf("http");
      default:
        return undefined;
    }
  }

  const address = (row: number, orig: boolean): string => {
    const word = (index: number) => table.addressWord(row, orig, index);
    return table.isV6(row) ? formatIpv6(word(0), word(1), word(2), word(3)) : formatIpv4(word(0));
  };
  const hasPorts = (row: number) => [TCP, UDP, SCTP].includes(table.protocol(row));
  return {
    name: "flows",
    access,
    protocol: (row) => table.protocol(row),
    version: (row) => (table.isV6(row) ? 6 : 4),
    hasPorts,
    ports,
    addresses,
    text(row) {
      const end = (orig: boolean) => `${address(row, orig)}:${table.port(row, orig)}`;
      const known = [labels?.service(row), labels?.app(row), labels?.serverName(row)].filter(Boolean).join(" ");
      const columns = [protocolName(table.protocol(row)), end(true), end(false), connState(table, row), known];
      return columns.join(" ").toLowerCase();
    },
  };
}
