/** The IP protocols that have a name here (IANA protocol numbers). */

export interface Protocol {
  readonly number: number;
  /** What the screen shows and display filters understand. */
  readonly name: string;
  /** `proto` in records, where it is not the name; absent: Zeek's word for the rest, `unknown_transport`. */
  readonly proto?: string;
  /** What Zeek itself calls it in conn.log, where that is not `proto`: there it has no ports either. */
  readonly zeek?: string;
  readonly hasPorts?: true;
}

const UNKNOWN = "unknown_transport";

export const PROTOCOLS = [
  { number: 1, name: "icmp", proto: "icmp" },
  { number: 2, name: "igmp" },
  { number: 4, name: "ipip" },
  { number: 6, name: "tcp", proto: "tcp", hasPorts: true },
  { number: 17, name: "udp", proto: "udp", hasPorts: true },
  { number: 33, name: "dccp", proto: "dccp", zeek: UNKNOWN, hasPorts: true },
  { number: 41, name: "ipv6" },
  { number: 47, name: "gre" },
  { number: 50, name: "esp" },
  { number: 51, name: "ah" },
  { number: 58, name: "icmpv6", proto: "icmp" },
  { number: 89, name: "ospf" },
  { number: 103, name: "pim" },
  { number: 112, name: "vrrp" },
  { number: 132, name: "sctp", proto: "sctp", zeek: UNKNOWN, hasPorts: true },
  { number: 136, name: "udplite", proto: "udplite", zeek: UNKNOWN, hasPorts: true },
] as const satisfies readonly Protocol[];
