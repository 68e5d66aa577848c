/** SHA-1 (RFC 3174) of messages that fit one block: what naming a flow needs, without an object for each. */

const schedule = new Int32Array(80);

/** Writes the digest of one padded block (16 big-endian words) to `out`: five words. */
export function sha1Block(block: Int32Array, out: Int32Array): void {
  const w = schedule;
  for (let i = 0; i < 16; i++) w[i] = block[i]!;
  for (let i = 16; i < 80; i++) {
    const x = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!;
    w[i] = (x << 1) | (x >>> 31);
  }
  let a = 0x67452301;
  let b = 0xefcdab89 | 0;
  let c = 0x98badcfe | 0;
  let d = 0x10325476;
  let e = 0xc3d2e1f0 | 0;
  let next = 0;
  for (let i = 0; i < 20; i++) {
    next = (((((a << 5) | (a >>> 27)) + ((b & c) | (~b & d))) | 0) + ((e + w[i]! + 0x5a827999) | 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let i = 20; i < 40; i++) {
    next = (((((a << 5) | (a >>> 27)) + (b ^ c ^ d)) | 0) + ((e + w[i]! + 0x6ed9eba1) | 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let i = 40; i < 60; i++) {
    next = (((((a << 5) | (a >>> 27)) + ((b & c) | (b & d) | (c & d))) | 0) + ((e + w[i]! + 0x8f1bbcdc) | 0)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let i = 60; i < 80; i++) {
    next = (((((a << 5) | (a >>> 27)) + (b ^ c ^ d)) | 0) + ((e + w[i]! + 0xca62c1d6) | 0)) | 0;
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
