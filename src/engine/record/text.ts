/**
 * Text as bytes: numbers and addresses, written one behind the other without a string for any of them. Whole words are stored where a few
 * bytes are meant: up to SLACK bytes behind the last one may be touched.
 */
import { get8, get16, get32, get64, put8, put16, put32, put64 } from "../bytes";

export const SLACK: i32 = 32;

const TEN_TO_9: u64 = 1_000_000_000;
const HEX = "0123456789abcdef";
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Two digits for each number below 100, two hexadecimal ones for each byte, three characters and their number for each byte in decimal. */
const DECIMAL: usize = memory.data(200);
const HEXADECIMAL: usize = memory.data(512);
const OCTETS: usize = memory.data(1024);

/** Where the next byte goes. */
export let to: usize = 0;

fillTables();

export function writeAt(address: usize): void {
  to = address;
}

export function byte(code: i32): void {
  put8(to, code);
  to++;
}

/** One of the texts that are prepared in 32 bytes each: its length, then its characters. @returns whether there are any */
export function prepared(text: usize): bool {
  put64(to, get64(text + 1));
  put64(to + 8, get64(text + 9));
  put64(to + 16, get64(text + 17));
  put64(to + 24, get64(text + 24) >> 8);
  const length = get8(text);
  to += length;
  return length > 0;
}

export function bytes(from: usize, length: i32): void {
  memory.copy(to, from, length);
  to += length;
}

/** A whole number. */
export function integer(value: u64): void {
  if (value < 10) byte(0x30 + <i32>value);
  else if (value <= <u64>u32.MAX_VALUE) digits(<u32>value);
  else {
    integer(value / TEN_TO_9);
    padded(<u32>(value % TEN_TO_9), 9);
  }
}

function digits(value: u32): void {
  let size = 2;
  for (let power: u32 = 100; power <= value && size < 10; power *= 10) size++;
  padded(value, size);
}

/** Exactly `size` digits, with leading zeros; at most 10. */
export function padded(value: u32, size: i32): void {
  let rest = value;
  let i = to + <usize>size;
  const start = to;
  to = i;
  while (i >= start + 2) {
    const next = rest / 100;
    i -= 2;
    put16(i, get16(DECIMAL + ((<usize>(rest - next * 100)) << 1)));
    rest = next;
  }
  if (i > start) put8(start, 0x30 + <i32>rest);
}

/** The four bytes of an address in memory. */
export function ipv4(address: usize): void {
  for (let i = 0; i < 4; i++) {
    if (i > 0) byte(0x2e);
    const text = OCTETS + ((<usize>get8(address + i)) << 2);
    put32(to, get32(text));
    to += get8(text + 3);
  }
}

/** The sixteen bytes of an address in memory, as RFC 5952 wants it: the longest run of zeros (the first of equals, at least two) as `::`. */
export function ipv6(address: usize): void {
  // RFC 5952 §5: the well-known prefix of IPv4-mapped addresses takes the mixed form.
  if (get64(address) === 0 && get32(address + 8) === 0xffff0000) {
    put64(to, 0x3a666666663a3a); // "::ffff:"
    to += 7;
    ipv4(address + 12);
    return;
  }
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && get16(address + (end << 1)) === 0) end++;
    if (end - i > bestLength) {
      best = i;
      bestLength = end - i;
    }
    i = end + 1;
  }
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      byte(0x3a);
      i += bestLength - 1;
      if (i === 7) byte(0x3a);
      continue;
    }
    if (i > 0) byte(0x3a);
    group(bswap<u16>(<u16>get16(address + (i << 1))));
  }
}

/** Up to four hexadecimal digits. */
function group(value: i32): void {
  let shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0;
  for (; shift >= 0; shift -= 4) byte(character(HEX, (value >> shift) & 15));
}

/** Six bytes in memory as `52:54:00:12:34:56`. */
export function mac(address: usize): void {
  for (let i = 0; i < 6; i++) {
    put16(to, get16(HEXADECIMAL + ((<usize>get8(address + i)) << 1)));
    put8(to + 2, 0x3a);
    to += 3;
  }
  to--;
}

/** Two hexadecimal digits. */
export function hexByte(value: i32): void {
  put16(to, get16(HEXADECIMAL + ((<usize>value) << 1)));
  to += 2;
}

/** A 32-bit number as six digits of base 62. */
export function base62(word: u32): void {
  let rest = word;
  for (let i = 5; i >= 0; i--) {
    const next = rest / 62;
    put8(to + i, character(BASE62, rest - next * 62));
    rest = next;
  }
  to += 6;
}

/** The first `digits` of the four digits of base 64 that three bytes make. */
export function base64(three: u32, digits: i32): void {
  for (let i = 0; i < digits; i++) byte(character(BASE64, (three >> (18 - 6 * i)) & 63));
}

/** A character of a text that is ASCII. */
export function character(text: string, i: i32): i32 {
  return load<u16>(changetype<usize>(text) + ((<usize>i) << 1));
}

function fillTables(): void {
  for (let i = 0; i < 100; i++) put16(DECIMAL + (i << 1), (0x30 + i / 10) | ((0x30 + (i % 10)) << 8));
  for (let i = 0; i < 256; i++) {
    put16(HEXADECIMAL + (i << 1), character(HEX, i >> 4) | (character(HEX, i & 15) << 8));
    to = OCTETS + (i << 2);
    const start = to;
    // `padded` itself needs only the table of decimal pairs.
    padded(i, i > 99 ? 3 : i > 9 ? 2 : 1);
    put8(start + 3, i > 99 ? 3 : i > 9 ? 2 : 1);
  }
}
