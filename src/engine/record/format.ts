/** The format records are written in, and how it writes one field of each kind: JSON (an object a line), CSV (RFC 4180), Zeek's conn.log. */
import { get8, put8 } from "../bytes";
import { fieldHead } from "../generated/heads";
import { byte, bytes, character, hexByte, integer, padded, prepared, to, writeAt } from "./text";

export const JSON_LINES: i32 = 0;
export const CSV: i32 = 1;
export const ZEEK: i32 = 2;
/** A value alone, for the host. */
export const PLAIN: i32 = 3;

export let format: i32 = JSON_LINES;

export function setFormat(value: i32): void {
  format = value;
}

const QUOTE: i32 = 0x22;
const COMMA: i32 = 0x2c;
const TAB: i32 = 0x09;
const DASH: i32 = 0x2d;
const BACKSLASH: i32 = 0x5c;
const NANOSECONDS: i64 = 1_000_000_000;

// What stands around a value.

/** Where the field at hand begins. */
let begin: usize = 0;

/** What comes before a field's value: its name, in JSON. `quoted` values are closed with `close(true)`. */
export function open(field: i32): void {
  begin = to;
  if (format === JSON_LINES) prepared(fieldHead(field));
}

export function close(quoted: bool): void {
  if (format === JSON_LINES) {
    if (quoted) byte(QUOTE);
  } else byte(format === CSV ? COMMA : TAB);
}

export function unset(): void {
  if (format === JSON_LINES) return;
  if (format === ZEEK) byte(DASH);
  close(false);
}

/** Closes a field whose value has written itself, or, where it is unset, takes back what came before it. */
export function finish(isSet: bool, quoted: bool): void {
  if (isSet) {
    close(quoted);
    return;
  }
  writeAt(begin);
  unset();
}

/** Around a value within a set, in JSON. */
export function quote(): void {
  if (format === JSON_LINES) byte(QUOTE);
}

/** Around a set: an array in JSON, else the values with commas between. */
export function openSet(): void {
  if (format === JSON_LINES) byte(0x5b);
}

export function closeSet(start: usize): void {
  if (format === JSON_LINES) byte(0x5d);
  else if (format === CSV) quoteIfNeeded(start);
}

// Values by their kind.

export function count(field: i32, value: u64): void {
  open(field);
  integer(value);
  close(false);
}

/** Below 0: unset. */
export function optionalCount(field: i32, value: i64): void {
  if (value < 0) unset();
  else count(field, value);
}

/** Nanoseconds as seconds with six decimals. */
export function seconds(field: i32, value: i64): void {
  open(field);
  integer(value / NANOSECONDS);
  byte(0x2e);
  padded(<u32>(value % NANOSECONDS) / 1000, 6);
  close(false);
}

/** 0 or below: unset. */
export function optionalSeconds(field: i32, value: i64): void {
  if (value <= 0) unset();
  else seconds(field, value);
}

export function nanoseconds(field: i32, value: i64): void {
  open(field);
  integer(value);
  close(true);
}

export function flag(field: i32, value: bool): void {
  open(field);
  if (format === ZEEK) byte(value ? 0x54 : 0x46);
  else word(value ? "true" : "false");
  close(false);
}

/** A prepared text; unset where it is empty. One that names several is quoted in CSV. */
export function name(field: i32, text: usize): void {
  open(field);
  const start = to;
  const isSet = prepared(text);
  if (format === CSV) quoteIfNeeded(start);
  finish(isSet, true);
}

/** For the host: a count, NaN where it is unset. */
export function numberOrNaN(value: i64): f64 {
  return value < 0 ? NaN : <f64>value;
}

// Text from packets.

/**
 * Bytes from the wire as text: what is UTF-8 stays so, any other byte becomes `\\xNN`, as in Zeek's logs. JSON escapes what would steer a
 * terminal, too.
 */
export function escaped(from: usize, length: i32): void {
  const start = to;
  const end = from + <usize>length;
  for (let i = from; i < end; ) {
    const size = utf8Size(i, end);
    if (size === 0) {
      if (format === JSON_LINES) byte(BACKSLASH);
      byte(BACKSLASH);
      byte(0x78);
      hexByte(get8(i));
      i++;
      continue;
    }
    const character = codePoint(i, size);
    if (format !== JSON_LINES || !escapedInJson(character)) bytes(i, size);
    i += <usize>size;
  }
  if (format === CSV) quoteIfNeeded(start);
}

/** Writes a character that JSON wants escaped, or that does something to a terminal. @returns false for all others */
function escapedInJson(code: u32): bool {
  if (code === QUOTE || code === BACKSLASH) {
    byte(BACKSLASH);
    byte(<i32>code);
    return true;
  }
  if (!isControl(code)) return false;
  byte(BACKSLASH);
  const letter = code >= 8 && code <= 13 ? character("btn.fr", <i32>code - 8) : 0;
  if (letter !== 0 && letter !== 0x2e) byte(letter);
  else {
    byte(0x75);
    hexByte(<i32>code >> 8);
    hexByte(<i32>code & 0xff);
  }
  return true;
}

/** C0, DEL, C1; marks that change the direction of text; separators of lines and paragraphs. */
function isControl(code: u32): bool {
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true;
  if (code < 0x200e || code > 0x2069) return false;
  return code <= 0x200f || (code >= 0x2028 && code <= 0x202e) || code >= 0x2066;
}

/** The bytes of the UTF-8 character at `at` (RFC 3629), 0 where there is none. */
function utf8Size(at: usize, end: usize): i32 {
  const first = get8(at);
  if (first < 0x80) return 1;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + <usize>size > end) return 0;
  for (let i = 1; i < size; i++) if ((get8(at + <usize>i) & 0xc0) !== 0x80) return 0;
  const second = get8(at + 1);
  // Longer than need be, halves of UTF-16 pairs, above U+10FFFF.
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  return first === 0xf4 && second > 0x8f ? 0 : size;
}

function codePoint(at: usize, size: i32): u32 {
  const first = <u32>get8(at);
  if (size === 1) return first;
  let code = first & (0x7f >> size);
  for (let i = 1; i < size; i++) code = (code << 6) | (<u32>get8(at + <usize>i) & 0x3f);
  return code;
}

/** Puts what stands behind `start` in quotes, where CSV wants that. */
export function quoteIfNeeded(start: usize): void {
  let quotes = 0;
  let needed = false;
  for (let i = start; i < to; i++) {
    const code = get8(i);
    if (code === QUOTE) quotes++;
    if (code === QUOTE || code === COMMA || code === 0x0a || code === 0x0d) needed = true;
  }
  if (!needed) return;
  const end = to + quotes + 2;
  let target = end - 1;
  put8(target, QUOTE);
  for (let i = to - 1; i >= start; i--) {
    const code = get8(i);
    put8(--target, code);
    if (code === QUOTE) put8(--target, QUOTE);
  }
  put8(start, QUOTE);
  writeAt(end);
}

function word(text: string): void {
  for (let i = 0; i < text.length; i++) byte(character(text, i));
}
