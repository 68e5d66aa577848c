/**
 * Addresses that are not routed on the Internet (IANA special-purpose registries): what Zeek takes for local by default
 * (`Site::private_address_space`), IPv4 blocks also in their 6to4 form (RFC 3056).
 */

/** [first 32 bits, prefix length] */
const V4: readonly (readonly [number, number])[] = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000000, 24],
  [0xc0000200, 24],
  [0xc0a80000, 16],
  [0xc6120000, 15],
  [0xc6336400, 24],
  [0xcb007100, 24],
  [0xe0000000, 24],
  [0xef000000, 8],
  [0xf0000000, 4],
];

/** For each value of an address's first byte the blocks that begin with it: only they need a look. */
const BY_FIRST_BYTE = Array.from({ length: 256 }, (_, byte) =>
  V4.filter(([block, length]) => (((byte << 24) ^ block) & (-1 << (32 - Math.min(length, 8)))) === 0).map(
    ([block, length]) => ({ block: block | 0, mask: -1 << (32 - length) }),
  ),
);

/** Whether an IPv4 address, given as a 32-bit word, is private, reserved or local to a link or host. */
export function isLocalIpv4(word: number): boolean {
  const blocks = BY_FIRST_BYTE[word >>> 24]!;
  for (let i = 0; i < blocks.length; i++) if ((word & blocks[i]!.mask) === blocks[i]!.block) return true;
  return false;
}

/** The same of an IPv6 address in four words, most significant first. */
export function isLocalIpv6(w0: number, w1: number, w2: number, w3: number): boolean {
  if (w0 >>> 25 === 0x7e || w0 >>> 22 === 0x3fa) return true; // fc00::/7, fe80::/10
  if (w0 === 0 && w1 === 0 && w2 === 0) return w3 <= 1; // ::, ::1
  if (w0 >>> 9 === 0x20010000 >>> 9 || w0 === 0x20010db8) return true; // 2001::/23, 2001:db8::/32
  if (w0 === 0x01000000 && w1 === 0) return true; // 100::/64
  if (w0 === 0x0064ff9b && w1 >>> 16 === 1) return true; // 64:ff9b:1::/48
  return w0 >>> 16 === 0x2002 && isLocalIpv4(((w0 << 16) | (w1 >>> 16)) >>> 0);
}
