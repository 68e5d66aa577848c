/** The values of fields: typed, for the library, and as text without Zeek's escapes. */
import { unescapeBytes } from "../format/header.ts";
import { decimalUs, isoUs, jsonUs } from "../format/time.ts";
import { jsonText } from "./json.ts";
import type { Row } from "./row.ts";
import { jsonType } from "./types.ts";

/**
 * A field's value: `time` and `interval` as bigint nanoseconds (a time since the epoch), `count`, `int` and `port` as numbers
 * (bigint beyond 2^53), `double` as a number, `bool`, sets and vectors as arrays (null: an unset element), all else as text. Null
 * where what is written is not of the field's type: a masked time, for instance.
 */
export type LogValue = string | number | bigint | boolean | null | readonly LogValue[];

const ELEMENTS = /^(?:set|vector|table|list)\[(.*)\]$/;

/** The value of a field that is there. */
export function fieldValue(row: Row, index: number): LogValue {
  const { schema, buffer } = row;
  const start = row.starts[index]!;
  const end = row.ends[index]!;
  if (schema.format === "json") return jsonValue(schema.fields[index]!, buffer, start, end);
  return tsvValue(row.raw(index), schema.types[index]!, schema.setSeparator, schema.emptyField, schema.unsetField);
}

/** The text of a field that is there: without escapes, of sets and vectors the elements with commas between. */
export function textOf(row: Row, index: number): string {
  const start = row.starts[index]!;
  const end = row.ends[index]!;
  if (row.schema.format === "tsv") {
    const raw = row.raw(index);
    return raw === row.schema.emptyField ? "" : decodeText(raw);
  }
  if (row.buffer[start] === 0x22) return jsonText(row.buffer, start, end) ?? "";
  if (row.buffer[start] !== 0x5b) return row.raw(index);
  const value = fieldValue(row, index);
  return Array.isArray(value) ? value.map((element) => element ?? "-").join(",") : row.raw(index);
}

/** The elements of a set or vector as text, of anything else its text alone. */
export function elementsOf(row: Row, index: number): string[] {
  const value = fieldValue(row, index);
  if (Array.isArray(value)) return value.filter((element) => element !== null).map(String);
  return [textOf(row, index)];
}

/** A number, whatever the type says; NaN when it is none. Times and intervals are seconds. */
export function numberOf(row: Row, index: number): number {
  const first = row.buffer[row.starts[index]!]!;
  if (first > 0x39 || first === 0x22) return Number.NaN;
  return Number(row.raw(index));
}

/** Microseconds of a time field; NaN when it is none. */
export function timeUs(row: Row, index: number): number {
  if (!row.has(index)) return Number.NaN;
  const start = row.starts[index]!;
  const end = row.ends[index]!;
  if (row.schema.format === "json") return jsonUs(row.buffer, start, end);
  const us = decimalUs(row.buffer, start, end);
  return Number.isNaN(us) && end - start >= 19 ? isoUs(row.raw(index)) : us;
}

function tsvValue(raw: string, type: string, setSeparator: string, empty: string, unset: string): LogValue {
  const elements = ELEMENTS.exec(type)?.[1];
  if (elements !== undefined) {
    if (raw === empty) return [];
    return raw
      .split(setSeparator)
      .map((element) => (element === unset ? null : tsvValue(element, elements, setSeparator, empty, unset)));
  }
  switch (type) {
    case "time":
      return isoNs(raw) ?? decimalNs(raw);
    case "interval":
      return decimalNs(raw);
    case "count":
    case "int":
    case "port":
      return whole(raw);
    case "double":
      return decimal(raw);
    case "bool":
      return raw === "T" ? true : raw === "F" ? false : null;
    default:
      return raw === empty ? "" : decodeText(raw);
  }
}

function jsonValue(name: string, buffer: Buffer, start: number, end: number): LogValue {
  const type = jsonType(name, buffer[start]!);
  switch (type) {
    case "bool":
      return buffer[start] === 0x74;
    case "string":
      return jsonText(buffer, start, end) ?? null;
    case "time":
      return jsonTime(buffer, start, end);
    case "interval":
      return decimalNs(buffer.toString("latin1", start, end));
    case "double":
      return jsonNumber(buffer.toString("latin1", start, end));
    default:
      return jsonList(buffer, start, end, type === "vector[interval]");
  }
}

function jsonTime(buffer: Buffer, start: number, end: number): LogValue {
  if (buffer[start] === 0x22) {
    const text = jsonText(buffer, start, end) ?? "";
    // A field of that name in a log of someone's own, or a masked time.
    return isoNs(text) ?? (/^[\dX]/.test(text) ? null : text);
  }
  const ns = decimalNs(buffer.toString("latin1", start, end));
  if (ns === null) return null;
  const milliseconds = ns > 100_000_000_000n * 1_000_000_000n || ns < -100_000_000_000n * 1_000_000_000n;
  return milliseconds ? ns / 1000n : ns;
}

function jsonList(buffer: Buffer, start: number, end: number, intervals: boolean): LogValue {
  // Numbers keep their text: a double has not all their digits.
  const text = buffer.toString("utf8", start, end);
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return text;
    if (intervals) return numbersOf(text).map((number) => decimalNs(number));
    return value.map(plain);
  } catch {
    return null;
  }
}

/** The numbers (and nulls) of a flat list, as they are written. */
function numbersOf(list: string): string[] {
  const inside = list.slice(1, -1).trim();
  return inside === "" ? [] : inside.split(",").map((part) => part.trim());
}

function plain(value: unknown): LogValue {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return value === null ? null : JSON.stringify(value);
}

/** Nanoseconds of a decimal number of seconds, exact; null when it is none. */
export function decimalNs(text: string): bigint | null {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (!match) return exponentNs(text);
  const ns = BigInt(match[2]!) * 1_000_000_000n + BigInt((match[3] ?? "").padEnd(9, "0").slice(0, 9));
  return match[1] ? -ns : ns;
}

function exponentNs(text: string): bigint | null {
  if (!/^-?\d+(?:\.\d*)?[eE][-+]?\d{1,3}$/.test(text)) return null;
  const ns = Number(text) * 1e9;
  return Number.isFinite(ns) ? BigInt(Math.round(ns)) : null;
}

function isoNs(text: string): bigint | null {
  const us = isoUs(text);
  return Number.isNaN(us) ? null : BigInt(us) * 1000n;
}

function whole(text: string): number | bigint | null {
  if (!/^-?\d{1,40}$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

function decimal(text: string): number | null {
  if (!/^-?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)$/i.test(text)) return null;
  const word = text.toLowerCase();
  if (word.endsWith("inf")) return word.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}

function jsonNumber(text: string): number | bigint | null {
  return /^-?\d+$/.test(text) ? whole(text) : decimal(text);
}

/** Text of TSV without its escapes; bytes that are not UTF-8 stay `\xHH`. */
export function decodeText(raw: string): string {
  if (!/[\\\x80-\xff]/.test(raw)) return raw;
  return utf8OrEscaped(unescapeBytes(raw));
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8OrEscaped(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    // Byte by byte what is not part of a character.
    let text = "";
    for (let at = 0; at < bytes.length; ) {
      const length = characterLength(bytes, at);
      if (length === 0) text += `\\x${bytes[at++]!.toString(16).padStart(2, "0")}`;
      else {
        text += bytes.toString("utf8", at, at + length);
        at += length;
      }
    }
    return text;
  }
}

/** The length of the UTF-8 character at `at`, 0 when there is none. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    UTF8.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}
