/** Addresses from bytes as text (RFC 5952 for IPv6). */
import { ipv4Text } from "./cursor.ts";

/** Sixteen bytes as IPv6 text. */
export function formatIpv6Bytes(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let from = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > length) {
      from = i;
      length = j - i;
    }
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(":");
  if (from < 0) return text(groups);
  return `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`;
}

/** Four or sixteen bytes as an address; undefined for any other length. */
export function addressText(bytes: Uint8Array): string | undefined {
  return bytes.length === 4 ? ipv4Text(bytes) : bytes.length === 16 ? formatIpv6Bytes(bytes) : undefined;
}
