/** A connection as either side of a comparison has it: what the capture's flow records and the rows of conn.log have in common. */

/** What one end of a connection sent. NaN: the log does not say; payload is unset in connections of a single packet, on both sides. */
export interface Sent {
  packets: number;
  /** From the IP header on. */
  ipBytes: number;
  /** Payload: of TCP by sequence numbers. */
  bytes: number;
}

export interface Conn {
  /** What both sides call it: see `keyOf`. */
  readonly key: string;
  readonly uid: string;
  /** Of what a tunnel carries, the uids of the connections that carry it. */
  readonly parents: readonly string[];
  /** First and last packet, microseconds since the epoch by that side's clock; NaN where it is unknown. */
  readonly startUs: number;
  readonly endUs: number;
  readonly proto: string;
  readonly orig: string;
  readonly resp: string;
  /** The originator is the end that comes second in the key. */
  readonly swapped: boolean;
  /** By the ends in the order of the key, whoever is the originator. */
  readonly ends: readonly [Sent, Sent];
  readonly state: string;
  /** Application protocols, sorted. */
  readonly service: string;
  readonly history: string;
  readonly missedBytes: number;
  /** What only the capture knows; 0 in logs. */
  readonly fragments: number;
  readonly badChecksums: number;
  readonly retransmits: number;
}

/** Zeek has names and ports for three transports. */
const TRANSPORTS = ["tcp", "udp", "icmp"];

export interface Ends {
  readonly proto: string;
  /** IP protocol number; null when the log does not say. */
  readonly ipProto: number | null;
  readonly orig: string;
  readonly origPort: number;
  readonly resp: string;
  readonly respPort: number;
}

/** What a log names its connections by: the key is made of that on both sides. */
export interface KeyColumns {
  readonly proto: boolean;
  /** Zeek 7 and later log `ip_proto`: other protocols than TCP, UDP and ICMP are told apart. */
  readonly ipProto: boolean;
  readonly origPort: boolean;
  readonly respPort: boolean;
  /** It has no addresses, but Community IDs. */
  readonly communityId: boolean;
}

/** The 5-tuple without roles, as far as the log has it. */
export function keyOf(ends: Ends, columns: KeyColumns): { readonly key: string; readonly swapped: boolean } {
  const known = TRANSPORTS.includes(ends.proto);
  const proto = !columns.proto ? "" : known ? ends.proto : columns.ipProto ? `ip${ends.ipProto}` : "other";
  const port = (there: boolean, number: number) => (!there ? "" : known || !columns.proto ? number : 0);
  const a = `${ends.orig} ${port(columns.origPort, ends.origPort)}`;
  const b = `${ends.resp} ${port(columns.respPort, ends.respPort)}`;
  return a <= b ? { key: `${proto} ${a} ${b}`, swapped: false } : { key: `${proto} ${b} ${a}`, swapped: true };
}

/** `10.0.0.1:80`, `[2001:db8::1]:53`; without ports the address alone. */
export function endText(address: string, port: number, proto: string): string {
  if (!["tcp", "udp", "sctp", "dccp", "udplite"].includes(proto)) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `ssl,http` and `http,ssl` are the same; `-ssl` is one that was taken back. */
export function services(text: string): string {
  return text
    .split(",")
    .filter((name) => name !== "" && !name.startsWith("-"))
    .sort()
    .join(",");
}
