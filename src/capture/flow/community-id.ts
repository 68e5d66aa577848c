/**
 * Community ID v1 (github.com/corelight/community-id-spec): SHA-1 over the ordered 5-tuple, so that tools agree on a name for a flow.
 *
 *     "1:" + base64(SHA1(seed (2) | smaller address | larger | protocol (1) | 0 (1) [| port (2) | port (2)]))
 */
import { ICMP, ICMPV6, SCTP, TCP, UDP } from "../decode/packet.ts";
import { ICMP_COUNTERPART, ICMPV6_COUNTERPART, ONE_WAY } from "./icmp-pairs.ts";
import { sha1Block } from "./sha1.ts";

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_CODES = Buffer.from(BASE64, "latin1");
/** Bytes of an id: "1:" and 28 of base64. */
export const COMMUNITY_ID_LENGTH = 30;

/** One end of a flow: address words (most significant first; IPv4 uses the first) and port, or ICMP type and code. */
export interface Endpoint {
  readonly words: ArrayLike<number>;
  readonly port: number;
}

// The one block of SHA-1 input, at most 2 + 32 + 2 + 4 bytes of it used; and its digest.
const block = new Int32Array(16);
const digest = new Int32Array(5);

/**
 * Writes the id of a flow into `out` at `offset`: COMMUNITY_ID_LENGTH bytes of ASCII.
 * For ICMP the "ports" are type and counterpart (or code), as in the flow table; `oneWay` flows are not ordered.
 */
export function writeCommunityId(
  out: Uint8Array,
  offset: number,
  protocol: number,
  v6: boolean,
  source: ArrayLike<number>,
  sourcePort: number,
  target: ArrayLike<number>,
  targetPort: number,
  oneWay: boolean,
  seed: number,
): void {
  const count = v6 ? 4 : 1;
  const swapped = !oneWay && comesAfter(source, sourcePort, target, targetPort, count);
  const first = swapped ? target : source;
  const second = swapped ? source : target;
  // Two bytes of seed come first: every word of the message is made of the halves of two.
  let half = seed;
  let at = 0;
  for (let i = 0; i < count; i++) {
    block[at++] = (half << 16) | (first[i]! >>> 16);
    half = first[i]!;
  }
  for (let i = 0; i < count; i++) {
    block[at++] = (half << 16) | (second[i]! >>> 16);
    half = second[i]!;
  }
  block[at++] = (half << 16) | (protocol << 8);
  if (hasPorts(protocol)) {
    block[at++] = ((swapped ? targetPort : sourcePort) << 16) | (swapped ? sourcePort : targetPort);
  }
  const bits = at * 32;
  block[at++] = 0x80000000 | 0;
  while (at < 15) block[at++] = 0;
  block[15] = bits;
  sha1Block(block, digest);
  out[offset] = 0x31;
  out[offset + 1] = 0x3a;
  putBase64(out, offset + 2);
}

function hasPorts(protocol: number): boolean {
  return protocol === TCP || protocol === UDP || protocol === SCTP || protocol === ICMP || protocol === ICMPV6;
}

function comesAfter(a: ArrayLike<number>, aPort: number, b: ArrayLike<number>, bPort: number, count: number): boolean {
  for (let i = 0; i < count; i++) {
    const x = a[i]! >>> 0;
    const y = b[i]! >>> 0;
    if (x !== y) return x > y;
  }
  return aPort > bPort;
}

/** The 20 bytes of the digest in 28 characters. */
function putBase64(out: Uint8Array, offset: number): void {
  let to = offset;
  for (let i = 0; i < 21; i += 3) {
    const three = (digestByte(i) << 16) | (digestByte(i + 1) << 8) | digestByte(i + 2);
    out[to++] = BASE64_CODES[three >>> 18]!;
    out[to++] = BASE64_CODES[(three >>> 12) & 63]!;
    out[to++] = BASE64_CODES[(three >>> 6) & 63]!;
    out[to++] = BASE64_CODES[three & 63]!;
  }
  out[to - 1] = 0x3d;
}

function digestByte(i: number): number {
  return i < 20 ? (digest[i >> 2]! >>> (24 - (i & 3) * 8)) & 255 : 0;
}

export interface CommunityIdInput {
  /** IANA protocol number. */
  readonly protocol: number;
  /** Addresses as text, both of the same version. */
  readonly source: string;
  readonly target: string;
  /** Ports; for ICMP the message's type and code as on the wire. Without meaning for other protocols. */
  readonly sourcePort?: number;
  readonly targetPort?: number;
  /** 16 bits, default 0. */
  readonly seed?: number;
}

/** The Community ID v1 of a flow, `1:…`. @throws RangeError when an address is none, or the two differ in version. */
export function communityId(input: CommunityIdInput): string {
  const source = parseAddress(input.source);
  const target = parseAddress(input.target);
  if (source.length !== target.length) throw new RangeError("the addresses differ in IP version");
  const { protocol, sourcePort = 0 } = input;
  let targetPort = input.targetPort ?? 0;
  let oneWay = false;
  if (protocol === ICMP || protocol === ICMPV6) {
    const counterpart = (protocol === ICMP ? ICMP_COUNTERPART : ICMPV6_COUNTERPART)[sourcePort & 255]!;
    oneWay = counterpart === ONE_WAY;
    if (!oneWay) targetPort = counterpart;
  }
  const out = Buffer.alloc(COMMUNITY_ID_LENGTH);
  const v6 = source.length === 4;
  writeCommunityId(out, 0, protocol, v6, source, sourcePort, target, targetPort, oneWay, input.seed ?? 0);
  return out.toString("latin1");
}

/** The 32-bit words of an address in text: one for IPv4, four for IPv6. @throws RangeError */
export function parseAddress(text: string): number[] {
  const quad = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (quad) {
    const bytes = quad.slice(1).map(Number);
    if (bytes.every((byte) => byte < 256)) return [bytes.reduce((word, byte) => word * 256 + byte, 0)];
  }
  const mixed = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (mixed) {
    const word = parseAddress(mixed[2]!)[0]!;
    return parseAddress(`${mixed[1]}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`);
  }
  const halves = text.split("::");
  const groups = (half: string | undefined) => (half ? half.split(":") : []);
  const head = groups(halves[0]);
  const tail = groups(halves[1]);
  const missing = 8 - head.length - tail.length;
  const all = halves.length === 2 ? [...head, ...Array<string>(Math.max(missing, 0)).fill("0"), ...tail] : head;
  const valid = halves.length <= 2 && all.length === 8 && all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group));
  if (!valid) throw new RangeError(`not an IP address: '${text}'`);
  const numbers = all.map((group) => Number.parseInt(group, 16));
  return [0, 2, 4, 6].map((i) => numbers[i]! * 65536 + numbers[i + 1]!);
}
