/** ICMP (RFC 792), ICMPv6 (RFC 4443, 4861) and IGMP (RFC 2236, 3376). */
import { type Dissector, type Header, num } from "./dissection.ts";

const TYPES: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "destination unreachable",
  4: "source quench",
  5: "redirect",
  8: "echo request",
  9: "router advertisement",
  10: "router solicitation",
  11: "time exceeded",
  12: "parameter problem",
  13: "timestamp request",
  14: "timestamp reply",
  17: "address mask request",
  18: "address mask reply",
};

const UNREACHABLE: Readonly<Record<number, string>> = {
  0: "net unreachable",
  1: "host unreachable",
  2: "protocol unreachable",
  3: "port unreachable",
  4: "fragmentation needed",
  13: "administratively prohibited",
};

const TYPES_V6: Readonly<Record<number, string>> = {
  1: "destination unreachable",
  2: "packet too big",
  3: "time exceeded",
  4: "parameter problem",
  128: "echo request",
  129: "echo reply",
  130: "multicast listener query",
  131: "multicast listener report",
  132: "multicast listener done",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbor solicitation",
  136: "neighbor advertisement",
  137: "redirect",
  143: "multicast listener report v2",
};

export const ICMP: Header = {
  protocol: "ICMP",
  title: "Internet Control Message Protocol",
  length: 8,
  fields: [
    num("icmp.type", "Type", 0, 1, TYPES),
    num("icmp.code", "Code", 1, 1),
    num("icmp.checksum", "Checksum", 2, 2, "hex"),
  ],
  more: [
    ["icmp.ident", "Identifier"],
    ["icmp.seq", "Sequence"],
    ["icmp.mtu", "MTU of the next hop"],
  ],
};

export const ICMPV6: Header = {
  protocol: "ICMPv6",
  title: "Internet Control Message Protocol v6",
  length: 8,
  fields: [
    num("icmpv6.type", "Type", 0, 1, TYPES_V6),
    num("icmpv6.code", "Code", 1, 1),
    num("icmpv6.checksum", "Checksum", 2, 2, "hex"),
  ],
  more: [
    ["icmpv6.echo.identifier", "Identifier"],
    ["icmpv6.echo.sequence_number", "Sequence"],
    ["icmpv6.nd.ns.target_address", "Target"],
    ["icmpv6.nd.na.target_address", "Target"],
    ["icmpv6.mtu", "MTU"],
  ],
};

export const IGMP: Header = {
  protocol: "IGMP",
  title: "Internet Group Management Protocol",
  length: 8,
  fields: [
    num("igmp.type", "Type", 0, 1, "hex"),
    num("igmp.max_resp", "Maximum response time", 1, 1),
    num("igmp.checksum", "Checksum", 2, 2, "hex"),
    num("igmp.maddr", "Group", 4, 4, "ipv4"),
  ],
};

export const dissectIcmp: Dissector = (d, at) => {
  d.header(ICMP, at);
  if (!d.has(at, 4)) return null;
  const [type, code] = [d.u8(at), d.u8(at + 1)];
  d.info = TYPES[type] ?? `type ${type} code ${code}`;
  if (type === 3) d.info = UNREACHABLE[code] ?? d.info;
  if ((type === 0 || type === 8 || type === 13 || type === 14) && d.has(at, 8)) {
    d.field("icmp.ident", "Identifier", at + 4, 2, String(d.u16(at + 4)));
    d.field("icmp.seq", "Sequence", at + 6, 2, String(d.u16(at + 6)));
    d.info += ` id ${d.u16(at + 4)} seq ${d.u16(at + 6)}`;
  }
  if (type === 3 && code === 4 && d.has(at, 8))
    d.field("icmp.mtu", "MTU of the next hop", at + 6, 2, String(d.u16(at + 6)));
  d.summarize(d.info);
  return null;
};

export const dissectIcmpv6: Dissector = (d, at) => {
  d.header(ICMPV6, at);
  if (!d.has(at, 4)) return null;
  const type = d.u8(at);
  d.info = TYPES_V6[type] ?? `type ${type} code ${d.u8(at + 1)}`;
  if ((type === 128 || type === 129) && d.has(at, 8)) {
    d.field(
      "icmpv6.echo.identifier",
      "Identifier",
      at + 4,
      2,
      `0x${d
        .u16(at + 4)
        .toString(16)
        .padStart(4, "0")}`,
    );
    d.field("icmpv6.echo.sequence_number", "Sequence", at + 6, 2, String(d.u16(at + 6)));
    d.info += ` id ${d.u16(at + 4)} seq ${d.u16(at + 6)}`;
  }
  if (type === 2 && d.has(at, 8)) d.field("icmpv6.mtu", "MTU", at + 4, 4, String(d.u32(at + 4)));
  if ((type === 135 || type === 136) && d.has(at, 24)) {
    const target = d.ipv6(at + 8);
    d.field(`icmpv6.nd.${type === 135 ? "ns" : "na"}.target_address`, "Target", at + 8, 16, target);
    d.info += ` for ${target}`;
  }
  d.summarize(d.info);
  return null;
};

const IGMP_TYPES: Readonly<Record<number, string>> = {
  17: "membership query",
  18: "v1 membership report",
  22: "v2 membership report",
  23: "leave group",
  34: "v3 membership report",
};

export const dissectIgmp: Dissector = (d, at) => {
  const type = d.u8(at);
  const v3 = type === 0x22;
  d.header(v3 ? { ...IGMP, fields: IGMP.fields.filter(({ name }) => !/maddr|max_resp/.test(name)) } : IGMP, at);
  if (!d.has(at, 8)) return null;
  d.info = `${IGMP_TYPES[type] ?? `type 0x${type.toString(16)}`}${v3 ? "" : ` ${d.ipv4(at + 4)}`}`;
  d.summarize(d.info);
  return null;
};
