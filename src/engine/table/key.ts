/** What makes packets one connection: protocol, addresses, ports (or ICMP's pairs), and VLANs where they are wanted. */
import { copyOut, get16, get32, get64, put32, put64 } from "../bytes";
import { ICMP_COUNTERPART, ICMPV6_COUNTERPART, ONE_WAY } from "../generated/icmp-pairs";
import { Packet, Row } from "../generated/layouts";
import { KEY } from "../generated/memory";
import { ICMP, ICMPV6 } from "../generated/protocols";
import { options } from "../options";
import { META_ONE_WAY, META_V6 } from "./row";

/** Which way a packet goes in a connection that has its key. */
export const NO_MATCH: i32 = 0;
export const FORWARD: i32 = 1;
export const BACKWARD: i32 = 2;

/** The addresses of the packet at hand as on the wire; IPv4 uses the first four bytes of each, the others are 0. */
export const KEY_SRC: usize = <usize>KEY;
export const KEY_DST: usize = <usize>KEY + 16;
/** Its source port, the destination port in the upper half; of ICMP type, and counterpart or code. */
export let keyPorts: u32 = 0;
/** `meta` of a row. */
export let keyMeta: u32 = 0;
/** The outer VLAN id, the inner one above it; 0 where VLANs are no part of the key. */
export let keyVlan: u32 = 0;
/** The same for both directions. */
export let keyHash: i32 = 0;

/** Takes the key of a decoded packet. */
export function readKey(p: Packet): void {
  const protocol = p.protocol;
  let meta = <u32>protocol;
  if (p.ipVersion === 4) {
    copyOut(KEY_SRC, p.src, 4);
    copyOut(KEY_DST, p.dst, 4);
  } else {
    meta |= META_V6;
    copyOut(KEY_SRC, p.src, 16);
    copyOut(KEY_DST, p.dst, 16);
  }
  let source = p.srcPort;
  let target = p.dstPort;
  if (protocol === ICMP || protocol === ICMPV6) {
    source = p.icmpType;
    target = protocol === ICMP ? counterpart(ICMP_COUNTERPART, source) : counterpart(ICMPV6_COUNTERPART, source);
    if (target === ONE_WAY) {
      meta |= META_ONE_WAY;
      target = p.icmpCode;
    }
  }
  keyPorts = <u32>source | ((<u32>target) << 16);
  keyMeta = meta;
  keyVlan = options.vlanKey && p.vlanCount > 0 ? vlanPair(p) : 0;
  keyHash = hashKey();
}

function counterpart(table: usize, type: i32): i32 {
  return <i32>load<i16>(table + ((<usize>type) << 1));
}

function hashKey(): i32 {
  let source = mixEnd(KEY_SRC, keyPorts & 0xffff);
  let target = mixEnd(KEY_DST, keyPorts >>> 16);
  if ((keyMeta & META_V6) !== 0) {
    source = mixTail(source, KEY_SRC);
    target = mixTail(target, KEY_DST);
  }
  source ^= source >>> 15;
  target ^= target >>> 15;
  let hash =
    <i32>((source + target + (source ^ target) * 31) * 0x27d4eb2f) ^ options.seed ^ <i32>keyVlan ^ <i32>keyMeta;
  hash = (hash ^ (hash >>> 15)) * 0x2c1b3c6d;
  return hash ^ (hash >>> 13);
}

function mixEnd(address: usize, port: u32): u32 {
  return (get32(address) ^ (port * 0x9e3779b1)) * 0x85ebca6b;
}

function mixTail(begun: u32, address: usize): u32 {
  let hash = begun;
  for (let i: usize = 4; i < 16; i += 4) hash = ((hash ^ (hash >>> 15)) + get32(address + i)) * 0xc2b2ae35;
  return hash;
}

/** Whether a row has this key, and which way the packet goes. */
export function matchKey(row: Row): i32 {
  if (row.meta !== keyMeta || row.keyVlan !== keyVlan) return NO_MATCH;
  const v6 = (keyMeta & META_V6) !== 0;
  const orig = row.origAddress;
  const resp = row.respAddress;
  if (row.ports === keyPorts && sameAddress(orig, KEY_SRC, v6) && sameAddress(resp, KEY_DST, v6)) return FORWARD;
  if ((keyMeta & META_ONE_WAY) !== 0 || row.ports !== rotl<u32>(keyPorts, 16)) return NO_MATCH;
  return sameAddress(orig, KEY_DST, v6) && sameAddress(resp, KEY_SRC, v6) ? BACKWARD : NO_MATCH;
}

function sameAddress(a: usize, b: usize, v6: bool): bool {
  if (!v6) return get32(a) === get32(b);
  return get64(a) === get64(b) && get64(a + 8) === get64(b + 8);
}

/** Copies an address of the key into a row that is all zeros. */
export function putAddress(to: usize, from: usize): void {
  put32(to, get32(from));
  if ((keyMeta & META_V6) === 0) return;
  put32(to + 4, get32(from + 4));
  put64(to + 8, get64(from + 8));
}

/** The outer two VLAN ids of a packet. */
export function vlanPair(p: Packet): u32 {
  return <u32>get16(p.vlans) | (p.vlanCount > 1 ? (<u32>get16(p.vlans + 2)) << 16 : 0);
}
