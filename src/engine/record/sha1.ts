/** SHA-1 (RFC 3174) of messages that fit one block: what naming a flow needs. */
import { get32, put32 } from "../bytes";

/** The message's sixteen words, padded by the caller, and the 64 that follow from them; the digest's five. */
export const SCHEDULE: usize = memory.data(320);
export const DIGEST: usize = memory.data(20);

const STEPS: i32 = 80;

function word(i: i32): u32 {
  return get32(SCHEDULE + ((<usize>i) << 2));
}

/** Digests the block in SCHEDULE. */
export function sha1(): void {
  for (let i = 16; i < STEPS; i++) {
    put32(SCHEDULE + ((<usize>i) << 2), rotl<u32>(word(i - 3) ^ word(i - 8) ^ word(i - 14) ^ word(i - 16), 1));
  }
  let a: u32 = 0x67452301;
  let b: u32 = 0xefcdab89;
  let c: u32 = 0x98badcfe;
  let d: u32 = 0x10325476;
  let e: u32 = 0xc3d2e1f0;
  for (let i = 0; i < STEPS; i++) {
    let next: u32 = rotl<u32>(a, 5) + e + word(i);
    if (i < 20) next += (d ^ (b & (c ^ d))) + 0x5a827999;
    else if (i < 40) next += (b ^ c ^ d) + 0x6ed9eba1;
    else if (i < 60) next += ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
    else next += (b ^ c ^ d) + 0xca62c1d6;
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = next;
  }
  put32(DIGEST, a + 0x67452301);
  put32(DIGEST + 4, b + 0xefcdab89);
  put32(DIGEST + 8, c + 0x98badcfe);
  put32(DIGEST + 12, d + 0x10325476);
  put32(DIGEST + 16, e + 0xc3d2e1f0);
}
