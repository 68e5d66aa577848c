/** SHA-1 (RFC 3174) of messages that fit one block: what naming a flow needs, without an object for each. */

const schedule = new Int32Array(80);

/**
 * Hashes the first `length` bytes (at most 55) of `block`, whose 64 bytes are overwritten with the padding.
 * The digest goes to `out`, five words, most significant byte first.
 */
export function sha1Block(block: Uint8Array, length: number, out: Uint32Array): void {
  block[length] = 0x80;
  block.fill(0, length + 1, 62);
  block[62] = length >>> 5;
  block[63] = length << 3;
  const w = schedule;
  for (let i = 0; i < 16; i++) {
    const at = i * 4;
    w[i] = (block[at]! << 24) | (block[at + 1]! << 16) | (block[at + 2]! << 8) | block[at + 3]!;
  }
  for (let i = 16; i < 80; i++) {
    const x = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!;
    w[i] = (x << 1) | (x >>> 31);
  }
  let a = 0x67452301;
  let b = 0xefcdab89 | 0;
  let c = 0x98badcfe | 0;
  let d = 0x10325476;
  let e = 0xc3d2e1f0 | 0;
  for (let i = 0; i < 80; i++) {
    let f: number;
    if (i < 20) f = ((b & c) | (~b & d)) + 0x5a827999;
    else if (i < 40) f = (b ^ c ^ d) + 0x6ed9eba1;
    else if (i < 60) f = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    else f = (b ^ c ^ d) + 0xca62c1d6;
    const next = (((a << 5) | (a >>> 27)) + f + e + w[i]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  out[0] = (0x67452301 + a) | 0;
  out[1] = (0xefcdab89 + b) | 0;
  out[2] = (0x98badcfe + c) | 0;
  out[3] = (0x10325476 + d) | 0;
  out[4] = (0xc3d2e1f0 + e) | 0;
}
