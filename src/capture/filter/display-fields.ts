/** The fields of the display filter: Wireshark's names where it has the field, `flow.*` for what only connections have. */

import { type ConnectionField, FIELDS } from "../../engine/tables/fields.ts";
import { PROTOCOLS } from "../../engine/tables/protocols.ts";

/** How a field's values are written and compared; of `any`, what it is compared with decides. */
export type FieldType = "number" | "duration" | "ipv4" | "ipv6" | "mac" | "text" | "flag" | "any";

export interface DisplayField {
  readonly name: string;
  readonly type: FieldType;
  /** What has the field. */
  readonly of: "flow" | "packet" | "both";
  readonly about: string;
}

const field = (name: string, type: FieldType, of: DisplayField["of"], about: string): DisplayField => ({
  name,
  type,
  of,
  about,
});

function ports(protocol: "tcp" | "udp" | "sctp"): DisplayField[] {
  const upper = protocol.toUpperCase();
  return [
    field(`${protocol}.port`, "number", "both", `${upper} port of either side`),
    field(`${protocol}.srcport`, "number", "both", `${upper} port of the originator (of a packet: its source)`),
    field(`${protocol}.dstport`, "number", "both", `${upper} port of the responder (of a packet: its destination)`),
  ];
}

function addresses(protocol: "eth" | "ip" | "ipv6", type: FieldType, what: string): DisplayField[] {
  return [
    field(`${protocol}.addr`, type, "both", `${what} of either side`),
    field(`${protocol}.src`, type, "both", `${what} of the originator (of a packet: its source)`),
    field(`${protocol}.dst`, type, "both", `${what} of the responder (of a packet: its destination)`),
  ];
}

/** The fields of connections that have a name in filters. */
function ofConnection({ filter, kind, about }: ConnectionField): DisplayField[] {
  if (filter === undefined) return [];
  return [field(filter, kind === "interval" ? "duration" : kind === "count" ? "number" : "text", "flow", about)];
}

/** TCP control bits by Wireshark's names. */
export const TCP_FLAGS: Readonly<Record<string, number>> = {
  "tcp.flags.fin": 0x01,
  "tcp.flags.syn": 0x02,
  "tcp.flags.reset": 0x04,
  "tcp.flags.push": 0x08,
  "tcp.flags.ack": 0x10,
};

export const DISPLAY_FIELDS: readonly DisplayField[] = [
  field("frame.len", "number", "packet", "length on the wire, bytes"),
  ...addresses("eth", "mac", "MAC address"),
  field("vlan.id", "number", "both", "VLAN id, of any tag"),
  ...addresses("ip", "ipv4", "IPv4 address"),
  ...addresses("ipv6", "ipv6", "IPv6 address"),
  field("ip.proto", "number", "both", "IP protocol number, of IPv6 too"),
  ...ports("tcp"),
  ...ports("udp"),
  ...ports("sctp"),
  ...Object.keys(TCP_FLAGS).map((name) =>
    field(name, "flag", "packet", `TCP flag ${name.slice(10).toUpperCase()} is set`),
  ),
  field("icmp.type", "number", "both", "type of an ICMP or ICMPv6 message"),
  field("icmp.code", "number", "packet", "code of an ICMP or ICMPv6 message"),
  field("dns.qry.name", "text", "flow", "name that was asked for, of DNS flows"),
  field("tls.sni", "text", "flow", "server name indication, of TLS flows"),
  field("http.host", "text", "flow", "Host, of HTTP flows"),
  ...(FIELDS as readonly ConnectionField[]).flatMap(ofConnection),
];

export const FIELD_BY_NAME: ReadonlyMap<string, DisplayField> = new Map(DISPLAY_FIELDS.map((f) => [f.name, f]));

/** What may stand alone: a protocol. */
export const PROTOCOL_WORDS: ReadonlyMap<string, number> = new Map(PROTOCOLS.map(({ name, number }) => [name, number]));

/** The fields that a filter may name. */
export interface FieldSet {
  get(name: string): DisplayField | undefined;
  /** The names there are, for proposals. */
  readonly names: readonly string[];
  /** Whether a word that stands alone and is not a field looks like one: a typing error, not a word to look for. */
  looksLikeField(word: string): boolean;
}

/** The fields of flows and packets. */
export const DISPLAY_FIELD_SET: FieldSet = {
  get: (name) => FIELD_BY_NAME.get(name.toLowerCase()),
  names: DISPLAY_FIELDS.map(({ name }) => name),
  looksLikeField: (word) => /^(frame|eth|vlan|ip|ipv6|tcp|udp|sctp|icmp|flow)\.[a-z]/i.test(word),
};

/** Words that a display filter may begin with, for completion. */
export const DISPLAY_WORDS: readonly string[] = [
  ...DISPLAY_FIELDS.filter(({ of }) => of !== "packet").map(({ name }) => name),
  ...["host", "net", "port", "ip", "ip6", "and", "or", "not", "contains", "matches", "in"],
  ...PROTOCOL_WORDS.keys(),
].sort();

/** The known name with the fewest edits from `name`, undefined when none is near. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const known of names) {
    const distance = editDistance(name.toLowerCase(), known);
    if (distance < least) {
      least = distance;
      best = known;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + cost));
    }
    row = next;
  }
  return row[b.length]!;
}

const TYPE_NAMES: Readonly<Record<FieldType, string>> = {
  number: "number",
  duration: "duration",
  ipv4: "IPv4 address",
  ipv6: "IPv6 address",
  mac: "MAC address",
  text: "text",
  flag: "1 or 0",
  any: "any",
};

/** docs/reference/display-filter.md. */
export function displayFilterPage(): string {
  const rows = DISPLAY_FIELDS.map(
    ({ name, type, of, about }) =>
      `| \`${name}\` | ${TYPE_NAMES[type]} | ${of === "both" ? "flows, packets" : `${of}s`} | ${about} |`,
  );
  return `${GRAMMAR}\n| field | values | of | |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

const GRAMMAR = `# Display filters

What \`tapscope flows --where\` and \`/\` in the terminal UI take: a strict subset of Wireshark's display filters, and a few shorthands. A display filter chooses what is
shown; it changes no count. (\`--filter\` is the other one: a capture filter, in tcpdump's language, which decides what is read at all.)

    tcp.port == 443 and not ip.addr == 10.0.0.0/8
    flow.bytes > 1M or flow.duration >= 5m
    tcp.port in {80, 443, 8000..8100} and flow.state != "SF"
    tls.sni matches "\\\\.example\\\\.(com|org)$"
    host 10.0.0.1 and port 53
    tcp api.example

## Language

- \`and\` \`&&\`, \`or\` \`||\`, \`not\` \`!\`, parentheses; two conditions side by side mean \`and\`. \`not\` binds tightest, then \`and\`.
- \`field\` alone: the field is there (a flag: is set). \`field op value\` with \`==\` \`!=\` \`>\` \`>=\` \`<\` \`<=\` (\`eq\` \`ne\` \`gt\` \`ge\` \`lt\` \`le\`),
  \`contains\` (text), \`matches\` (regular expression, upper and lower case alike), \`in {a, b, c..d}\`.
- A field with several values (\`tcp.port\`: both) satisfies a comparison if any of them does. \`!=\` is the exception, as in Wireshark: the field is there and none of its values is
  equal. \`!(tcp.port == 80)\` also lets through what has no TCP port.
- Shorthands: \`host ADDRESS\`, \`net NETWORK\`, \`port N\`, \`ip\`, \`ip6\`, and the protocols
  ${PROTOCOLS.map(({ name }) => `\`${name}\``).join(", ")}.
- Any other word, and "quoted text", is looked for in all that is shown of a row, upper and lower case alike.
- Numbers: \`80\`, \`0x50\`, \`1.5k\`, \`10M\`, \`1G\` (powers of 1000). Durations: seconds, or \`500us\`, \`20ms\`, \`5s\`, \`5m\`, \`1h\`. Networks: \`10.0.0.0/8\`, \`2001:db8::/32\`.
- Mistakes are told with their column: \`col 9: unknown field tcp.prt, did you mean tcp.port\`.

## Fields
`;
