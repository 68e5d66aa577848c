/** Filters made from what is under the cursor. */
import type { FlowRow } from "../capture/live/snapshot.ts";

const TRANSPORTS = new Set(["tcp", "udp", "sctp"]);

/** A display filter for flows like this one: the same hosts, and the same service. */
export function filterLike(row: FlowRow): string {
  const hosts = `host ${row.origAddress} and host ${row.respAddress}`;
  return TRANSPORTS.has(row.proto)
    ? `${hosts} and ${row.proto}.dstport == ${row.respPort}`
    : `${hosts} and ${protocol(row)}`;
}

/** A display filter for exactly this flow. */
export function filterOf(row: FlowRow): string {
  const field = row.origAddress.includes(":") ? "ipv6" : "ip";
  const ends = `${field}.src == ${row.origAddress} and ${field}.dst == ${row.respAddress}`;
  if (!TRANSPORTS.has(row.proto)) return `${ends} and ${protocol(row)}`;
  return `${ends} and ${row.proto}.srcport == ${row.origPort} and ${row.proto}.dstport == ${row.respPort}`;
}

/** The same as a capture filter, pcap-filter(7), for both directions. */
export function bpfOf(row: FlowRow): string {
  const hosts = `host ${row.origAddress} and host ${row.respAddress}`;
  if (!TRANSPORTS.has(row.proto)) return `${row.proto === "icmp6" ? "icmp6" : row.proto} and ${hosts}`;
  return `${row.proto} and ${hosts} and port ${row.origPort} and port ${row.respPort}`;
}

function protocol({ proto }: FlowRow): string {
  const number = /^ip-(\d+)$/.exec(proto)?.[1];
  if (number !== undefined) return `ip.proto == ${number}`;
  return { icmp6: "icmpv6", igmp: "ip.proto == 2", udplite: "ip.proto == 136" }[proto] ?? proto;
}

/** `filter` narrowed by another one, or by what is not of it. */
export function combine(filter: string, other: string, exclude: boolean): string {
  const added = exclude ? `not (${other})` : other;
  if (filter.trim() === "") return added;
  return / or |\|\|/.test(filter) ? `(${filter}) and ${added}` : `${filter} and ${added}`;
}
