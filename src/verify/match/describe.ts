/** One frame in a few words, for reports. */
import { Headers, u16, u32 } from "./content.ts";

const ETHERTYPES: Record<number, string> = {
  2054: "ARP",
  35020: "LLDP",
  34915: "PPPoE",
  34916: "PPPoE",
  34887: "MPLS",
};
const PROTOCOLS: Record<number, string> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP" };
const ECHO: Record<string, string> = {
  "1/8": "ICMP echo request",
  "1/0": "ICMP echo reply",
  "58/128": "ICMPv6 echo request",
  "58/129": "ICMPv6 echo reply",
};

const headers = new Headers();

/** What the untagged Ethernet frame at `bytes[start, start + length)` is. */
export function describeFrame(bytes: Uint8Array, start: number, length: number): string {
  headers.read(bytes, start, length);
  const { version, proto, l4, etherType } = headers;
  if (version === 0) {
    if (length < 14) return "a frame shorter than an Ethernet header";
    const name = ETHERTYPES[etherType] ?? (etherType < 0x600 ? "802.3" : `EtherType 0x${etherType.toString(16)}`);
    if (etherType === 0x0806 && length >= 42)
      return `ARP ${u16(bytes, start + 20) === 1 ? "request" : "reply"}, ${ipv4(bytes, start + 28)} > ${ipv4(bytes, start + 38)}`;
    return `${mac(bytes, start + 6)} > ${mac(bytes, start)} ${name}`;
  }
  const address = version === 4 ? ipv4 : ipv6;
  const [from, to] = version === 4 ? [26, 30] : [22, 38];
  const ends = `${address(bytes, start + from)} > ${address(bytes, start + to)}`;
  const name = PROTOCOLS[proto] ?? `IP protocol ${proto}`;
  if (l4 === 0 || l4 + 8 > length) return `${ends} ${name}`;
  if (proto === 6 || proto === 17) {
    const ports = `port ${u16(bytes, start + l4)} > ${u16(bytes, start + l4 + 2)}`;
    return `${ends} ${name} ${ports}${proto === 6 ? `, seq ${u32(bytes, start + l4 + 4)}` : ""}`;
  }
  const echo = ECHO[`${proto}/${bytes[start + l4]!}`];
  return echo === undefined ? `${ends} ${name}` : `${ends} ${echo}, seq ${u16(bytes, start + l4 + 6)}`;
}

function mac(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function ipv4(bytes: Uint8Array, at: number): string {
  return bytes.subarray(at, at + 4).join(".");
}

/** RFC 5952: the longest run of zero groups as `::`. */
function ipv6(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => u16(bytes, at + i * 2).toString(16));
  let start = -1;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === "0") end++;
    if (end - i > longest) {
      start = i;
      longest = end - i;
    }
  }
  if (start < 0) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + longest).join(":")}`;
}
