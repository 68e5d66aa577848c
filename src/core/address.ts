/** Text of addresses: dotted quads, RFC 5952 for IPv6, colon-separated MAC addresses. */

/** The IPv4 address in a 32-bit number. */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** RFC 5952: lower case, no leading zeros, the longest run (the first of equals, at least two) of zero groups as `::`. */
export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  // RFC 5952 §5: the well-known prefix of IPv4-mapped addresses takes the mixed form.
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return `::ffff:${formatIpv4(w3)}`;
  const groups = [w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, w2 >>> 16, w2 & 0xffff, w3 >>> 16, w3 & 0xffff];
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    if (groups[i] !== 0) {
      i++;
      continue;
    }
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) {
      best = i;
      bestLength = end - i;
    }
    i = end;
  }
  const hex = (list: readonly number[]) => list.map((group) => group.toString(16)).join(":");
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}

/** Six bytes as `52:54:00:12:34:56`. */
export function formatMac(bytes: Uint8Array, offset: number): string {
  let text = "";
  for (let i = 0; i < 6; i++) text += (i === 0 ? "" : ":") + (bytes[offset + i]! + 256).toString(16).slice(1);
  return text;
}
