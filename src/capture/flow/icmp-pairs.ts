/**
 * ICMP messages that come in pairs: the counterpart of a type is the flow's other "port", as in Zeek and Community ID
 * (echo, timestamp, information, router and mask; for ICMPv6 also multicast listener, neighbour, node information,
 * home agent).
 */

/** Types without a counterpart: the code is the other "port", and the flow has one direction. */
export const ONE_WAY = -1;

function pairs(list: readonly (readonly [number, number])[]): Int16Array {
  const table = new Int16Array(256).fill(ONE_WAY);
  for (const [a, b] of list) {
    table[a] = b;
    table[b] = a;
  }
  return table;
}

/** Indexed by type. */
export const ICMP_COUNTERPART = pairs([
  [8, 0],
  [13, 14],
  [15, 16],
  [10, 9],
  [17, 18],
]);
export const ICMPV6_COUNTERPART = pairs([
  [128, 129],
  [130, 131],
  [133, 134],
  [135, 136],
  [139, 140],
  [144, 145],
]);
