/**
 * ICMP messages that come in pairs: the counterpart of a type is the flow's other "port", as in Zeek and Community ID (echo, timestamp,
 * information, router and mask; for ICMPv6 also multicast listener, neighbour, node information, home agent).
 */
export const ICMP_PAIRS = [
  [8, 0],
  [13, 14],
  [15, 16],
  [10, 9],
  [17, 18],
] as const;
export const ICMPV6_PAIRS = [
  [128, 129],
  [130, 131],
  [133, 134],
  [135, 136],
  [139, 140],
  [144, 145],
] as const;

/** Types without a counterpart: the code is the other "port", and the flow has one direction. */
export const ONE_WAY = -1;

/** The counterparts by type. */
export function counterparts(pairs: readonly (readonly [number, number])[]): number[] {
  const table = new Array<number>(256).fill(ONE_WAY);
  for (const [a, b] of pairs) {
    table[a] = b;
    table[b] = a;
  }
  return table;
}
