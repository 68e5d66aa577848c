/**
 * Community ID v1 (github.com/corelight/community-id-spec): SHA-1 over the ordered 5-tuple, so that tools agree on a name for a flow.
 *
 *     "1:" + base64(SHA1(seed (2) | smaller address | larger | protocol (1) | 0 (1) [| port (2) | port (2)]))
 */
import { get32, put32 } from "../bytes";
import { ICMP, ICMPV6, SCTP, TCP, UDP } from "../generated/protocols";
import { DIGEST, SCHEDULE, sha1 } from "./sha1";
import { base64, byte } from "./text";

const LAST_WORD: i32 = 15;

/** The message so far: the index of its next word, and the two bytes that wait for the other half of it (seed 0 comes first). */
let next: i32 = 0;
let half: u32 = 0;

/**
 * Writes the id of a flow between two addresses (as on the wire, four bytes or sixteen). Of ICMP the "ports" are type and counterpart, or code;
 * what is one-way is not ordered.
 */
export function writeCommunityId(
  protocol: i32,
  v6: bool,
  source: usize,
  sourcePort: i32,
  target: usize,
  targetPort: i32,
  oneWay: bool,
): void {
  const size: usize = v6 ? 16 : 4;
  const order = memory.compare(source, target, size);
  const swapped = !oneWay && (order !== 0 ? order > 0 : sourcePort > targetPort);
  next = 0;
  half = 0;
  address(swapped ? target : source, size);
  address(swapped ? source : target, size);
  word((half << 16) | ((<u32>protocol) << 8));
  if (hashesPorts(protocol)) {
    word(<u32>(swapped ? (targetPort << 16) | sourcePort : (sourcePort << 16) | targetPort));
  }
  const bits = next * 32;
  word(0x80000000);
  while (next < LAST_WORD) word(0);
  word(bits);
  sha1();
  writeDigest();
}

function hashesPorts(protocol: i32): bool {
  return protocol === TCP || protocol === UDP || protocol === SCTP || protocol === ICMP || protocol === ICMPV6;
}

function address(at: usize, size: usize): void {
  for (let i: usize = 0; i < size; i += 4) {
    const four = bswap<u32>(get32(at + i));
    word((half << 16) | (four >> 16));
    half = four & 0xffff;
  }
}

function word(value: u32): void {
  put32(SCHEDULE + ((<usize>next) << 2), value);
  next++;
}

/** The 20 bytes of the digest in 28 characters. */
function writeDigest(): void {
  byte(0x31);
  byte(0x3a);
  const a = get32(DIGEST);
  const b = get32(DIGEST + 4);
  const c = get32(DIGEST + 8);
  const d = get32(DIGEST + 12);
  const e = get32(DIGEST + 16);
  base64(a >> 8, 4);
  base64(((a & 0xff) << 16) | (b >> 16), 4);
  base64(((b & 0xffff) << 8) | (c >> 24), 4);
  base64(c & 0xffffff, 4);
  base64(d >> 8, 4);
  base64(((d & 0xff) << 16) | (e >> 16), 4);
  base64((e & 0xffff) << 8, 3);
  byte(0x3d);
}
