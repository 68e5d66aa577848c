/** What makes packets one connection: protocol, addresses, ports (or ICMP's pairs), and VLANs where they are wanted. */
import { ICMP, ICMPV6, type Packet } from "../decode/packet.ts";
import { ICMP_COUNTERPART, ICMPV6_COUNTERPART, ONE_WAY } from "./icmp-pairs.ts";
import { KEY_VLAN, META, META_ONE_WAY, META_V6, PORTS } from "./rows.ts";

/** Which way a packet goes in a connection that has its key. */
export const NO_MATCH = 0;
export const FORWARD = 1;
export const BACKWARD = 2;

export class FlowKey {
  /** The source's address in words 0 to 3, the destination's in 4 to 7; of IPv4 words 0 and 4 alone have meaning. */
  readonly words = new Int32Array(8);
  /** Source port above destination port; of ICMP type above counterpart or code. */
  ports = 0;
  /** META of a row. */
  meta = 0;
  /** The outer VLAN id, the inner one above it; 0 where VLANs are no part of the key. */
  vlan = 0;
  /** The same for both directions. */
  hash = 0;
  readonly #seed = (Math.random() * 2 ** 32) | 0;
  readonly #withVlans: boolean;

  constructor(withVlans: boolean) {
    this.#withVlans = withVlans;
  }

  /** Takes the key of a decoded packet. */
  read(p: Packet): void {
    const { data, src, dst, ipProto } = p;
    const { words } = this;
    let meta = ipProto;
    if (p.ipVersion === 4) {
      words[0] = (data[src]! << 24) | (data[src + 1]! << 16) | (data[src + 2]! << 8) | data[src + 3]!;
      words[4] = (data[dst]! << 24) | (data[dst + 1]! << 16) | (data[dst + 2]! << 8) | data[dst + 3]!;
    } else {
      meta |= META_V6;
      for (let i = 0; i < 4; i++) {
        const s = src + i * 4;
        const d = dst + i * 4;
        words[i] = (data[s]! << 24) | (data[s + 1]! << 16) | (data[s + 2]! << 8) | data[s + 3]!;
        words[4 + i] = (data[d]! << 24) | (data[d + 1]! << 16) | (data[d + 2]! << 8) | data[d + 3]!;
      }
    }
    let ports = (p.srcPort << 16) | p.dstPort;
    if (ipProto === ICMP || ipProto === ICMPV6) {
      const counterpart = (ipProto === ICMP ? ICMP_COUNTERPART : ICMPV6_COUNTERPART)[p.icmpType]!;
      if (counterpart === ONE_WAY) meta |= META_ONE_WAY;
      ports = (p.icmpType << 16) | (counterpart === ONE_WAY ? p.icmpCode : counterpart);
    }
    this.ports = ports;
    this.meta = meta;
    this.vlan = this.#withVlans && p.vlanCount > 0 ? vlanWord(p) : 0;
    this.#mix(ports, meta);
  }

  #mix(ports: number, meta: number): void {
    const { words } = this;
    let source = Math.imul(words[0]! ^ Math.imul(ports >>> 16, 0x9e3779b1), 0x85ebca6b);
    let target = Math.imul(words[4]! ^ Math.imul(ports & 0xffff, 0x9e3779b1), 0x85ebca6b);
    if ((meta & META_V6) !== 0) {
      for (let i = 1; i < 4; i++) {
        source = Math.imul((source ^ (source >>> 15)) + words[i]!, 0xc2b2ae35);
        target = Math.imul((target ^ (target >>> 15)) + words[4 + i]!, 0xc2b2ae35);
      }
    }
    source ^= source >>> 15;
    target ^= target >>> 15;
    let hash = Math.imul(source + target + (source ^ target) * 31, 0x27d4eb2f) ^ this.#seed ^ this.vlan ^ meta;
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    this.hash = hash ^ (hash >>> 13);
  }

  /** Whether the row whose words begin at `at` has this key, and which way. */
  match(rows: Int32Array, at: number): number {
    const { words, ports, meta } = this;
    if (rows[at + META] !== meta || rows[at + KEY_VLAN] !== this.vlan) return NO_MATCH;
    const v6 = (meta & META_V6) !== 0;
    const rowPorts = rows[at + PORTS]!;
    if (rowPorts === ports && rows[at] === words[0] && rows[at + 4] === words[4]) {
      if (!v6 || (sameTail(rows, at, words, 0) && sameTail(rows, at + 4, words, 4))) return FORWARD;
    }
    if ((meta & META_ONE_WAY) !== 0) return NO_MATCH;
    const swapped = (ports << 16) | (ports >>> 16);
    if (rowPorts === swapped && rows[at] === words[4] && rows[at + 4] === words[0]) {
      if (!v6 || (sameTail(rows, at, words, 4) && sameTail(rows, at + 4, words, 0))) return BACKWARD;
    }
    return NO_MATCH;
  }
}

/** Words 1 to 3 of an IPv6 address. */
function sameTail(rows: Int32Array, at: number, words: Int32Array, from: number): boolean {
  return rows[at + 1] === words[from + 1] && rows[at + 2] === words[from + 2] && rows[at + 3] === words[from + 3];
}

/** The outer two VLAN ids of a packet. */
export function vlanWord(p: Packet): number {
  return p.vlans[0]! | (p.vlanCount > 1 ? p.vlans[1]! << 16 : 0);
}
