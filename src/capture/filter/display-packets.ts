/** Display filters over decoded packets: the innermost layer that was decoded is the one that is looked at. */
import { ICMP, ICMPV6, type Packet, SCTP, TCP, UDP, u32 } from "../decode/packet.ts";
import { formatIpv4, formatIpv6 } from "../flow/address.ts";
import { protocolName } from "../flow/names.ts";
import { type Access, compile, type Predicate, type Subject } from "./display-compile.ts";
import { type DisplayField, TCP_FLAGS } from "./display-fields.ts";
import { parseDisplayFilter } from "./display-parser.ts";

/**
 * The predicate of a display filter over packets; the empty filter lets everything pass.
 * @throws FilterError where the filter is wrong, UsageError for a field of flows
 */
export function packetFilter(text: string): Predicate<Packet> {
  const expression = parseDisplayFilter(text);
  return expression ? compile(expression, PACKETS) : () => true;
}

const sourceWord = (p: Packet, word: number) => u32(p.data, p.src + word * 4);
const targetWord = (p: Packet, word: number) => u32(p.data, p.dst + word * 4);
const sourceMac = (p: Packet, byte: number) => p.l2Data[p.l2Src + byte]!;
const targetMac = (p: Packet, byte: number) => p.l2Data[p.l2Dst + byte]!;
const sourcePort = (p: Packet) => p.srcPort;
const targetPort = (p: Packet) => p.dstPort;

function sides<T>(name: string, source: T, target: T): readonly T[] {
  if (name.endsWith("src") || name.endsWith("srcport")) return [source];
  return name.endsWith("dst") || name.endsWith("dstport") ? [target] : [source, target];
}

const has = (protocol: number) => (p: Packet) => p.transport && p.ipProto === protocol;
const isIcmp = (p: Packet) => p.transport && (p.ipProto === ICMP || p.ipProto === ICMPV6);

function number(present: Predicate<Packet>, ...values: readonly ((p: Packet) => number)[]): Access<Packet> {
  return { kind: "number", present, values };
}

function access({ name, type }: DisplayField): Access<Packet> | undefined {
  if (type === "ipv4" || type === "ipv6") {
    const version = type === "ipv4" ? 4 : 6;
    return { kind: "address", present: (p) => p.ipVersion === version, values: sides(name, sourceWord, targetWord) };
  }
  if (type === "mac") {
    return { kind: "mac", present: (p) => p.l2Src >= 0, values: sides(name, sourceMac, targetMac) };
  }
  const portOf = { tcp: TCP, udp: UDP, sctp: SCTP }[/^(tcp|udp|sctp)\.(src|dst)?port$/.exec(name)?.[1] ?? ""];
  if (portOf !== undefined) return number(has(portOf), ...sides(name, sourcePort, targetPort));
  const flag = TCP_FLAGS[name];
  if (flag !== undefined) return number(has(TCP), (p) => ((p.tcpFlags & flag) !== 0 ? 1 : 0));
  switch (name) {
    case "frame.len":
      return number(
        () => true,
        (p) => p.frameLength,
      );
    case "vlan.id":
      return number(
        (p) => p.vlanCount > 0,
        (p) => p.vlans[0]!,
        (p) => p.vlans[Math.min(1, p.vlanCount - 1)]!,
      );
    case "ip.proto":
      return number(
        (p) => p.ipVersion !== 0,
        (p) => p.ipProto,
      );
    case "icmp.type":
      return number(isIcmp, (p) => p.icmpType);
    case "icmp.code":
      return number(isIcmp, (p) => p.icmpCode);
    default:
      return undefined;
  }
}

function addressText(p: Packet, at: number): string {
  if (p.ipVersion === 4) return formatIpv4(u32(p.data, at));
  return formatIpv6(u32(p.data, at), u32(p.data, at + 4), u32(p.data, at + 8), u32(p.data, at + 12));
}

const PACKETS: Subject<Packet> = {
  name: "packets",
  access,
  protocol: (p) => (p.ipVersion === 0 ? -1 : p.ipProto),
  version: (p) => p.ipVersion,
  hasPorts: (p) => p.transport && [TCP, UDP, SCTP].includes(p.ipProto),
  ports: [sourcePort, targetPort],
  addresses: [sourceWord, targetWord],
  text(p) {
    if (p.ipVersion === 0) return "";
    const ends = `${addressText(p, p.src)}:${p.srcPort} ${addressText(p, p.dst)}:${p.dstPort}`;
    return `${protocolName(p.ipProto)} ${ends}`.toLowerCase();
  },
};
