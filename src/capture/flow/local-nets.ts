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
const MASKS = V4.map(([, length]) => (-1 << (32 - length)) >>> 0);

function isLocalIpv4(word: number): boolean {
  for (let i = 0; i < V4.length; i++) if ((word & MASKS[i]!) >>> 0 === V4[i]![0]) return true;
  return false;
}

/** Whether an address, given as 32-bit words (IPv4 in the first), is private, reserved or local to a link or host. */
export function isLocal(v6: boolean, w0: number, w1: number, w2: number, w3: number): boolean {
  if (!v6) return isLocalIpv4(w0);
  if (w0 >>> 25 === 0x7e || w0 >>> 22 === 0x3fa) return true; // fc00::/7, fe80::/10
  if (w0 === 0 && w1 === 0 && w2 === 0) return w3 <= 1; // ::, ::1
  if (w0 >>> 9 === 0x20010000 >>> 9 || w0 === 0x20010db8) return true; // 2001::/23, 2001:db8::/32
  if (w0 === 0x01000000 && w1 === 0) return true; // 100::/64
  if (w0 === 0x0064ff9b && w1 >>> 16 === 1) return true; // 64:ff9b:1::/48
  return w0 >>> 16 === 0x2002 && isLocalIpv4(((w0 << 16) | (w1 >>> 16)) >>> 0);
}
