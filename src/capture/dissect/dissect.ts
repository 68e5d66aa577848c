/** `dissect`: from a frame's bytes to its layers, each found by the number the one before it gives. */
import type { Frame } from "../frame.ts";
import type { DissectedLayer } from "../live/snapshot.ts";
import { ARP, dissectArp } from "./arp.ts";
import { DHCP, dissectDhcp } from "./dhcp.ts";
import { Dissection, type Dissector, type Header, type Next } from "./dissection.ts";
import { DNS, dissectDns, dissectDnsOverTcp } from "./dns.ts";
import * as ethernet from "./ethernet.ts";
import { dissectHttp, HTTP, isHttp } from "./http.ts";
import { dissectIcmp, dissectIcmpv6, dissectIgmp, ICMP, ICMPV6, IGMP } from "./icmp.ts";
import * as wifi from "./ieee80211.ts";
import * as ip from "./ip.ts";
import * as link from "./link.ts";
import { dissectNtp, dissectQuic, NTP, QUIC } from "./quic.ts";
import { dissectTls, isRecord, TLS_RECORD } from "./tls.ts";
import * as transport from "./transport.ts";
import * as tunnels from "./tunnels.ts";

/** A packet as the packet list and the panes show it. */
export interface Dissected {
  readonly layers: readonly DissectedLayer[];
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly info: string;
}

/** Headers that can be looked into, one after another: what lies deeper stays data. */
const MOST_LAYERS = 40;
const ETHERNET = 1;

const ETHERTYPES: ReadonlyMap<number, Dissector> = new Map([
  [0x0800, ip.dissectIpv4],
  [0x0806, dissectArp],
  [0x6558, ethernet.dissectEthernet],
  [0x8100, ethernet.dissectVlan],
  [0x86dd, ip.dissectIpv6],
  [0x8847, ethernet.dissectMpls],
  [0x8848, ethernet.dissectMpls],
  [0x8863, link.dissectPppoe],
  [0x8864, link.dissectPppoe],
  [0x88a8, ethernet.dissectServiceVlan],
  [0x88cc, ethernet.dissectLldp],
  [0x88e7, ethernet.dissectServiceInstance],
  [0x9100, ethernet.dissectVlan],
]);

const IP_PROTOCOLS: Readonly<Record<number, Dissector>> = {
  1: dissectIcmp,
  2: dissectIgmp,
  4: ip.dissectIpv4,
  6: transport.dissectTcp,
  17: transport.dissectUdp,
  33: transport.dissectDccp,
  41: ip.dissectIpv6,
  47: tunnels.dissectGre,
  50: ip.dissectEsp,
  51: ip.dissectAh,
  58: dissectIcmpv6,
  132: transport.dissectSctp,
  136: transport.dissectUdpLite,
  137: ethernet.dissectMpls,
};

const LINKS: Readonly<Record<number, Dissector>> = {
  ...link.LINKS,
  1: ethernet.dissectEthernet,
  105: wifi.dissectIeee80211,
  119: wifi.dissectPrism,
  127: wifi.dissectRadiotap,
  192: wifi.dissectPpi,
};

const UDP_PORTS: Readonly<Record<number, Dissector>> = {
  53: (d, at) => dissectDns(d, at),
  67: dissectDhcp,
  68: dissectDhcp,
  123: dissectNtp,
  2152: tunnels.dissectGtpu,
  3544: tunnels.dissectTeredo,
  4789: tunnels.dissectVxlan,
  5072: tunnels.dissectAyiya,
  5353: (d, at) => dissectDns(d, at, "mDNS"),
  5355: (d, at) => dissectDns(d, at, "LLMNR"),
  6081: tunnels.dissectGeneve,
  8472: tunnels.dissectVxlan,
};

/** Every header that is described, in the order of layers: docs/reference/dissect.md. */
export const HEADERS: readonly Header[] = [
  ethernet.ETHERNET,
  ethernet.ETHERNET_LENGTH,
  ethernet.VLAN,
  ethernet.SERVICE_VLAN,
  ethernet.SERVICE_INSTANCE,
  ethernet.LLC,
  ethernet.SNAP,
  ethernet.STP,
  ethernet.LLDP,
  ethernet.MPLS,
  link.PPPOE,
  link.PPP,
  link.SLL,
  link.SLL2,
  link.NULL_LOOPBACK,
  link.FRAME_RELAY,
  link.CISCO_HDLC,
  wifi.RADIOTAP,
  wifi.IEEE80211,
  ARP,
  ip.IPV4,
  ip.IPV6,
  ip.IPV6_FRAGMENT,
  ip.AH,
  ip.ESP,
  ICMP,
  ICMPV6,
  IGMP,
  transport.TCP,
  transport.UDP,
  transport.UDP_LITE,
  transport.SCTP,
  transport.DCCP,
  tunnels.GRE,
  tunnels.ERSPAN,
  tunnels.VXLAN,
  tunnels.GENEVE,
  tunnels.GTPU,
  DNS,
  DHCP,
  HTTP,
  TLS_RECORD,
  QUIC,
  NTP,
];

/**
 * Takes a frame apart. Never throws on input: what makes no sense ends the layers there.
 * The answer holds no reference to the frame's bytes.
 */
export function dissect(
  frame: Pick<Frame, "data" | "offset" | "caplen" | "origLen" | "linktype" | "fcsLength">,
): Dissected {
  const { data, offset, caplen, origLen, linktype, fcsLength } = frame;
  const d = new Dissection(data.subarray(offset, offset + caplen), origLen - fcsLength);
  let next: Next | null = { by: linktype === ETHERNET ? "ethernet" : "link", number: linktype, at: 0 };
  for (let layers = 0; next !== null && layers < MOST_LAYERS && next.at < d.end; layers++) {
    const from: number = next.at;
    const dissector = find(d, next);
    if (dissector === undefined) {
      if (next.at < d.end) d.open("Data", next.at, d.end - next.at, `${d.end - next.at} bytes`);
      break;
    }
    next = dissector(d, from);
  }
  return d.result();
}

function find(d: Dissection, next: Next): Dissector | undefined {
  switch (next.by) {
    case "ethernet":
      return ethernet.dissectEthernet;
    case "link":
      return LINKS[next.number];
    case "llc":
      return ethernet.dissectLlc;
    case "ppp":
      return link.dissectPpp;
    case "ip":
      return d.u8(next.at) >> 4 === 6 ? ip.dissectIpv6 : d.u8(next.at) >> 4 === 4 ? ip.dissectIpv4 : undefined;
    case "ethertype":
      return ETHERTYPES.get(next.number);
    case "ip.proto":
      return IP_PROTOCOLS[next.number];
    case "udp.port":
      return UDP_PORTS[next.number] ?? UDP_PORTS[next.other!] ?? byContent(d, next.at, false);
    case "tcp.port":
      return next.number === 53 || next.other === 53 ? dissectDnsOverTcp : byContent(d, next.at, true);
  }
}

/** Applications that are known by their first bytes, on whatever port. */
function byContent(d: Dissection, at: number, tcp: boolean): Dissector | undefined {
  if (tcp) return isRecord(d, at) ? dissectTls : isHttp(d, at) ? dissectHttp : undefined;
  return (d.u8(at) & 0xc0) === 0xc0 && d.has(at, 7) && d.u8(at + 5) <= 20 && knownVersion(d.u32(at + 1))
    ? dissectQuic
    : undefined;
}

/** QUIC v1, v2 and drafts. */
function knownVersion(version: number): boolean {
  return version === 1 || version === 0x6b3343cf || version >>> 8 === 0xff0000;
}

/** docs/reference/dissect.md. */
export function dissectPage(): string {
  const sections = HEADERS.map(({ title, protocol, fields, more = [] }) => {
    const rows = [
      ...fields.map(
        ({ name, label, at, size }) => `| ${name === "" ? "" : `\`${name}\``} | ${label} | ${at} | ${size} |`,
      ),
      ...more.map(([name, label]) => `| \`${name}\` | ${label} | | |`),
    ];
    return `## ${title} (${protocol})\n\n| field | | at byte | bytes |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
  });
  return `${INTRODUCTION}\n${sections.join("\n")}`;
}

const INTRODUCTION = `# What the packets screen reads

Every header that the layers pane of \`tapscope watch\` takes apart, with its fields by Wireshark's names and where they lie. Fields without
a place are found by walking through what the header holds. This page is written from the tables in \`src/capture/dissect/\`.
`;
