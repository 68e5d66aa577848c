/**
 * Addresses that are not routed on the Internet (IANA special-purpose registries): what Zeek takes for local by default
 * (`Site::private_address_space`), IPv4 blocks also in their 6to4 form (RFC 3056).
 */
import { get32 } from "../bytes";

/** First address and length of the prefix, in pairs. */
const BLOCKS: usize = memory.data<u32>([
  0x00000000, 8, 0x0a000000, 8, 0x64400000, 10, 0x7f000000, 8, 0xa9fe0000, 16, 0xac100000, 12, 0xc0000000, 24,
  0xc0000200, 24, 0xc0a80000, 16, 0xc6120000, 15, 0xc6336400, 24, 0xcb007100, 24, 0xe0000000, 24, 0xef000000, 8,
  0xf0000000, 4,
]);
const COUNT: usize = 15;

/** Whether an address (as on the wire, four bytes or sixteen) is private, reserved, or local to a link or host. */
export function isLocal(address: usize, v6: bool): bool {
  return v6 ? isLocalIpv6(address) : isLocalIpv4(word(address));
}

function isLocalIpv4(address: u32): bool {
  for (let i: usize = 0; i < COUNT; i++) {
    const block = BLOCKS + i * 8;
    if ((address ^ get32(block)) >> (32 - get32(block + 4)) === 0) return true;
  }
  return false;
}

function isLocalIpv6(address: usize): bool {
  const first = word(address);
  const second = word(address + 4);
  if (first >> 25 === 0x7e || first >> 22 === 0x3fa) return true; // fc00::/7, fe80::/10
  if (first === 0 && second === 0 && word(address + 8) === 0) return word(address + 12) <= 1; // ::, ::1
  if (first >> 9 === 0x20010000 >> 9 || first === 0x20010db8) return true; // 2001::/23, 2001:db8::/32
  if (first === 0x01000000 && second === 0) return true; // 100::/64
  if (first === 0x0064ff9b && second >> 16 === 1) return true; // 64:ff9b:1::/48
  return first >> 16 === 0x2002 && isLocalIpv4((first << 16) | (second >> 16));
}

function word(at: usize): u32 {
  return bswap<u32>(get32(at));
}
