/** The format records are written in, and how it writes one field of each kind: JSON (an object a line), CSV (RFC 4180), Zeek's conn.log. */
import { get8, put8 } from "../bytes";
import { fieldHead } from "../generated/heads";
import { byte, character, hexByte, integer, padded, prepared, to, writeAt } from "./text";

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

/** Bytes as they were on the wire. */
export function escaped(from: usize, length: i32): void {
  if (format === JSON_LINES) escapedForJson(from, length);
  else if (format === ZEEK) escapedForZeek(from, length);
  else {
    const start = to;
    asUtf8(from, length);
    if (format === CSV) quoteIfNeeded(start);
  }
}

/** As JSON.stringify would write it, without the quotes. */
function escapedForJson(from: usize, length: i32): void {
  for (let i = from; i < from + length; i++) {
    const code = get8(i);
    if (code === QUOTE || code === BACKSLASH) {
      byte(BACKSLASH);
      byte(code);
    } else if (code < 0x20) {
      byte(BACKSLASH);
      const letter = code >= 8 && code <= 13 ? character("btn.fr", code - 8) : 0;
      if (letter !== 0 && code !== 11) byte(letter);
      else {
        word("u00");
        hexByte(code);
      }
    } else asUtf8(i, 1);
  }
}

/** Bytes that would break a line, and backslashes, as \xNN. */
function escapedForZeek(from: usize, length: i32): void {
  for (let i = from; i < from + length; i++) {
    const code = get8(i);
    if (code === BACKSLASH || code < 0x20 || code === 0x7f) {
      byte(BACKSLASH);
      byte(0x78);
      hexByte(code);
    } else asUtf8(i, 1);
  }
}

/** Latin 1 as UTF-8. */
function asUtf8(from: usize, length: i32): void {
  for (let i = from; i < from + length; i++) {
    const code = get8(i);
    if (code < 0x80) byte(code);
    else {
      byte(0xc0 | (code >> 6));
      byte(0x80 | (code & 0x3f));
    }
  }
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
