/**
 * What is known of a connection: each field once. From this table come the records of every format and their type, the words of `--sort`,
 * the display filter's fields and docs/reference/conn-records.md. Rows that are written stand in the order of a record: Zeek's conn.log,
 * then what only JSON and CSV have.
 *
 * A field is computed by the function of its name, in camelCase, in engine/record/values.ts (`orig_pkts`: `origPkts(row)`), or, where its
 * value is no number, written by the one in engine/record/texts.ts.
 */

/**
 * How a field's value is held and written.
 *
 * - `time`, `interval`: nanoseconds, written as seconds with six decimals; `nanoseconds`: as they are, a decimal string in JSON
 * - `count`: a whole number
 * - `bool`
 * - `name`: one of a known set of names
 * - `string`: text that is written by a function of its own and needs no escaping; `text`: text from packets, escaped
 * - `strings`, `numbers`: a set, written as an array in JSON
 */
export type FieldKind =
  | "time"
  | "interval"
  | "nanoseconds"
  | "count"
  | "bool"
  | "name"
  | "string"
  | "text"
  | "strings"
  | "numbers";

export interface ConnectionField {
  readonly name: string;
  readonly kind: FieldKind;
  /** Zeek's type of the field in conn.log; null for what only JSON and CSV have; absent for what is not written at all. */
  readonly zeek?: string | null;
  /** It may be unset: absent in JSON, empty in CSV, `-` in Zeek's format. */
  readonly optional?: true;
  readonly about: string;
  /** A word of `--sort`. */
  readonly sorts?: true;
  /** The display filter's name of it. */
  readonly filter?: string;
}

export const FIELDS = [
  { name: "ts", kind: "time", zeek: "time", about: "first packet, seconds since 1970", sorts: true },
  {
    name: "uid",
    kind: "string",
    zeek: "string",
    about: "`C` and a hash of first time, 5-tuple and the ordinal of its reuse: the same every time the file is read",
    filter: "flow.uid",
  },
  {
    name: "id.orig_h",
    kind: "string",
    zeek: "addr",
    about: "address of the originator, who opened the connection",
  },
  {
    name: "id.orig_p",
    kind: "count",
    zeek: "port",
    about: "port of the originator; the type of an ICMP message; 0 for protocols without ports",
  },
  { name: "id.resp_h", kind: "string", zeek: "addr", about: "address of the responder" },
  {
    name: "id.resp_p",
    kind: "count",
    zeek: "port",
    about: "port of the responder; the counterpart or code of an ICMP message; 0 for protocols without ports",
  },
  {
    name: "proto",
    kind: "name",
    zeek: "enum",
    about:
      "`tcp`, `udp`, `icmp` (ICMPv6, too), `sctp`, `dccp`, `udplite`, else `unknown_transport`; in Zeek's format, which knows the first three, with ports 0",
    filter: "flow.proto",
  },
  {
    name: "service",
    kind: "name",
    zeek: "string",
    optional: true,
    about: "application protocol by Zeek's name, several joined by a comma ([services](services.md))",
    filter: "flow.service",
  },
  {
    name: "duration",
    kind: "interval",
    zeek: "interval",
    optional: true,
    about:
      "seconds from the first to the last packet, without what came after both sides of a TCP connection had closed; unset for a single packet",
    sorts: true,
    filter: "flow.duration",
  },
  {
    name: "orig_bytes",
    kind: "count",
    zeek: "count",
    optional: true,
    about:
      "payload bytes of the originator. TCP: by sequence numbers, so retransmissions count once and gaps count; protocols other than TCP, UDP and ICMP: 0 in Zeek's format. Unset when `duration` is",
    sorts: true,
  },
  {
    name: "resp_bytes",
    kind: "count",
    zeek: "count",
    optional: true,
    about: "payload bytes of the responder, counted likewise",
    sorts: true,
  },
  { name: "conn_state", kind: "name", zeek: "string", about: "Zeek's code of how it went", filter: "flow.state" },
  {
    name: "local_orig",
    kind: "bool",
    zeek: "bool",
    about: "the originator's address is private, reserved or link-local, as Zeek takes them for local today",
  },
  { name: "local_resp", kind: "bool", zeek: "bool", about: "the responder's address is" },
  {
    name: "missed_bytes",
    kind: "count",
    zeek: "count",
    about: "bytes that were acknowledged but never seen in the capture",
    sorts: true,
    filter: "flow.missed",
  },
  {
    name: "history",
    kind: "string",
    zeek: "string",
    optional: true,
    about: "Zeek's letters of what happened, upper case for the originator",
    filter: "flow.history",
  },
  {
    name: "orig_pkts",
    kind: "count",
    zeek: "count",
    about: "packets of the originator",
    sorts: true,
    filter: "flow.orig_packets",
  },
  {
    name: "orig_ip_bytes",
    kind: "count",
    zeek: "count",
    about: "IP bytes of the originator: the sum of the headers' total lengths",
    filter: "flow.orig_bytes",
  },
  {
    name: "resp_pkts",
    kind: "count",
    zeek: "count",
    about: "packets of the responder",
    sorts: true,
    filter: "flow.resp_packets",
  },
  {
    name: "resp_ip_bytes",
    kind: "count",
    zeek: "count",
    about: "IP bytes of the responder",
    filter: "flow.resp_bytes",
  },
  {
    name: "tunnel_parents",
    kind: "strings",
    zeek: "set[string]",
    optional: true,
    about: "uids of the connections around this one; GRE, IP-in-IP and ERSPAN have no record of their own",
  },
  { name: "ip_proto", kind: "count", zeek: "count", about: "IANA's number of the IP protocol" },
  { name: "community_id", kind: "string", zeek: "string", about: "Community ID v1, seed 0" },
  { name: "vlan", kind: "count", zeek: null, optional: true, about: "outer VLAN id of the first packet" },
  { name: "inner_vlan", kind: "count", zeek: null, optional: true, about: "the VLAN id within" },
  {
    name: "vlans",
    kind: "numbers",
    zeek: null,
    optional: true,
    about: "all VLAN ids of the first packet, where there are more than two",
  },
  {
    name: "orig_l2_addr",
    kind: "string",
    zeek: null,
    optional: true,
    about: "MAC address of the originator in the first packet",
  },
  {
    name: "resp_l2_addr",
    kind: "string",
    zeek: null,
    optional: true,
    about: "MAC address of the responder in the first packet",
  },
  {
    name: "app",
    kind: "name",
    zeek: null,
    optional: true,
    about: "application protocol by a finer name ([services](services.md))",
    filter: "flow.app",
  },
  {
    name: "service_basis",
    kind: "name",
    zeek: null,
    optional: true,
    about: "how it was found: `payload`, `parent`, or `port`, which is a guess",
  },
  {
    name: "server_name",
    kind: "text",
    zeek: null,
    optional: true,
    about: "the name a client asked for, in TLS, QUIC, HTTP or DNS",
    filter: "flow.server_name",
  },
  {
    name: "tcp_rtt",
    kind: "interval",
    zeek: null,
    optional: true,
    about: "seconds the TCP handshake took, from SYN to the acknowledgment of its answer",
    filter: "flow.rtt",
  },
  {
    name: "retransmits",
    kind: "count",
    zeek: null,
    optional: true,
    about: "TCP segments whose payload had been seen before",
    sorts: true,
    filter: "flow.retrans",
  },
  { name: "frag_pkts", kind: "count", zeek: null, about: "fragments that its datagrams came in" },
  { name: "bad_csum", kind: "count", zeek: null, about: "packets with a wrong checksum", filter: "flow.bad_csum" },
  { name: "first_ns", kind: "nanoseconds", zeek: null, about: "earliest packet, nanoseconds since 1970" },
  { name: "last_ns", kind: "nanoseconds", zeek: null, about: "latest packet" },
  {
    name: "close_reason",
    kind: "name",
    zeek: null,
    about: "why it ended: `fin`, `rst`, `idle`, `attempt`, `reuse`, `eof`, `evicted`",
  },
  {
    name: "offload_csum",
    kind: "count",
    zeek: null,
    about: "packets whose checksum was left to the network card: only the pseudo-header's sum stands there",
    filter: "flow.offload_csum",
  },
  {
    name: "orig_cut_bytes",
    kind: "count",
    zeek: null,
    optional: true,
    about: "payload of the originator that the capture's snaplen cut off: sent, seen, and not kept",
    filter: "flow.orig_cut_bytes",
  },
  {
    name: "resp_cut_bytes",
    kind: "count",
    zeek: null,
    optional: true,
    about: "payload of the responder that the capture's snaplen cut off",
    filter: "flow.resp_cut_bytes",
  },
  // Not written: for sorting and filtering.
  { name: "packets", kind: "count", about: "packets of both sides", sorts: true, filter: "flow.packets" },
  { name: "bytes", kind: "count", about: "IP bytes of both sides", sorts: true, filter: "flow.bytes" },
  {
    name: "wire_bytes",
    kind: "count",
    about: "bytes on the wire of both sides, link-layer headers included",
    sorts: true,
    filter: "flow.wire_bytes",
  },
  { name: "payload", kind: "count", about: "payload bytes of both sides", sorts: true, filter: "flow.payload" },
  {
    name: "rate",
    kind: "count",
    optional: true,
    about: "mean rate over the duration, bits per second",
    filter: "flow.rate",
  },
  {
    name: "tunnel",
    kind: "name",
    optional: true,
    about: "what carried it: `gre`, `vxlan`, `geneve`, …",
    filter: "flow.tunnel",
  },
] as const satisfies readonly ConnectionField[];
