/** Numbers of IP protocols by their names, and what else is known of them (tables/protocols.ts). */
import { PROTOCOLS, type Protocol } from "../tables/protocols.ts";

type Name = (typeof PROTOCOLS)[number]["name"];

const protocols: readonly Protocol[] = PROTOCOLS;
const byNumber = new Map(protocols.map((protocol) => [protocol.number, protocol]));

/** IANA's number. */
export function protocolNumber(name: Name): number {
  return protocols.find((protocol) => protocol.name === name)!.number;
}

/** `tcp`, `icmpv6`; `ip/99` for one without a name. */
export function protocolName(number: number): string {
  return byNumber.get(number)?.name ?? `ip/${number}`;
}

export function hasPorts(number: number): boolean {
  return byNumber.get(number)?.hasPorts ?? false;
}

/** `proto` in records: `tcp`, `udp`, `icmp` (also for ICMPv6), …, else `unknown_transport`. */
export function protoOf(number: number): string {
  return byNumber.get(number)?.proto ?? "unknown_transport";
}
