/** Names of what the flow table holds as numbers: protocols, uids, connection states. */
import { DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE } from "../decode/packet.ts";
import type { FlowTable } from "./table.ts";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `tcp`, `udp`, `icmp` (also for ICMPv6), `sctp`, `dccp`, `udplite`, else `unknown_transport`. */
export function protocolName(protocol: number): string {
  switch (protocol) {
    case TCP:
      return "tcp";
    case UDP:
      return "udp";
    case ICMP:
    case ICMPV6:
      return "icmp";
    case SCTP:
      return "sctp";
    case DCCP:
      return "dccp";
    case UDPLITE:
      return "udplite";
    default:
      return "unknown_transport";
  }
}

/** What Zeek calls it: it knows three transports. */
export function zeekProtocolName(protocol: number): string {
  const known = protocol === TCP || protocol === UDP || protocol === ICMP || protocol === ICMPV6;
  return known ? protocolName(protocol) : "unknown_transport";
}

/** A connection's uid: `C` and the two numbers of its hash in base 62, six digits each. */
export function formatUid(high: number, low: number): string {
  return `C${base62(high)}${base62(low)}`;
}

function base62(word: number): string {
  let text = "";
  let rest = word;
  for (let i = 0; i < 6; i++) {
    text = BASE62[rest % 62]! + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** Zeek's `conn_state` of a row. */
export function connState(table: FlowTable, row: number): string {
  const slot = table.tcpSlot(row);
  if (slot >= 0) return table.tcp.connState(slot, () => isAbandonedAttempt(table.history.text(row)));
  if (table.protocol(row) !== UDP) return "OTH";
  const orig = table.packets(row, true) > 0;
  const resp = table.packets(row, false) > 0;
  return orig ? (resp ? "SF" : "S0") : resp ? "SHR" : "OTH";
}

/** A SYN, then a RST of the same side, and nothing of its own between. */
function isAbandonedAttempt(history: string): boolean {
  return /^\^?S[^HAFGIQ]*R/.test(history);
}
