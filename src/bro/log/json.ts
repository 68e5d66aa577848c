/**
 * One JSON object a line, as Zeek writes with LogAscii::use_json and as others pass it on (nested objects are flattened with
 * dots). Objects are scanned, not parsed: what is found is where each value lies. Keys come in the same order row after row, so
 * that the key expected next is compared first.
 */
import type { LogSchema } from "../format/header.ts";
import type { Row } from "./row.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const LIST = 0x5b;
const LIST_END = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
/** Objects within objects; deeper ones are values of their own. */
const MAX_DEPTH = 8;
/** Keys of a file; more than that is not a log. */
const MAX_KEYS = 10_000;

/** A key within an object: a field, or an object with keys of its own. */
interface Key {
  readonly name: string;
  readonly bytes: Buffer;
  /** Index of the field of this name, -1 until there was a value that is not an object. */
  field: number;
  readonly within: Level;
  /** The key that came after it the last time. */
  next: Key | null;
}

interface Level {
  readonly prefix: string;
  readonly keys: Map<string, Key>;
  first: Key | null;
}

const newLevel = (prefix: string): Level => ({ prefix, keys: new Map(), first: null });

/** The schema of a JSON log: its fields become more as rows show them. */
export class JsonSchema implements LogSchema {
  readonly format = "json";
  readonly separator = Buffer.from("\t");
  readonly setSeparator = ",";
  readonly emptyField = "(empty)";
  readonly unsetField = "-";
  readonly open = null;
  readonly crlf = false;
  path: string | null = null;
  readonly fields: string[] = [];
  /** What JSON does not say: see types.ts. */
  readonly types: string[] = [];
  readonly #top = newLevel("");
  #keys = 0;

  /** The field of a name; adds it. */
  field(name: string): number {
    const known = this.fields.indexOf(name);
    if (known >= 0) return known;
    this.types.push("any");
    return this.fields.push(name) - 1;
  }

  /**
   * Finds the fields of the object at [start, end).
   * @returns false when it is not a JSON object, as far as that can be seen without parsing its values
   */
  scan(row: Row, buffer: Buffer, start: number, end: number): boolean {
    row.buffer = buffer;
    row.start = start;
    row.end = end;
    row.schema = this;
    row.starts.fill(-1);
    const after = this.#object(row, start, end, this.#top, 0);
    row.count = this.fields.length;
    if (this.path === null) this.#findPath(row);
    return after > 0 && skipSpace(buffer, after, end) === end;
  }

  /** The package json-streaming-logs writes the kind of log into each row. */
  #findPath(row: Row): void {
    const index = this.fields.indexOf("_path");
    if (index >= 0 && row.starts[index]! >= 0)
      this.path = jsonText(row.buffer, row.starts[index]!, row.ends[index]!) ?? null;
  }

  /** Returns the position behind the object, or -1. */
  #object(row: Row, start: number, end: number, level: Level, depth: number): number {
    const { buffer } = row;
    let at = skipSpace(buffer, start + 1, end);
    if (buffer[at] === CLOSE) return at + 1;
    let expected = level.first;
    let last: Key | null = null;
    for (;;) {
      if (at >= end || buffer[at] !== QUOTE) return -1;
      const closing = stringEnd(buffer, at, end);
      if (closing < 0) return -1;
      const key = this.#key(buffer, at + 1, closing - 1, level, expected);
      if (key === null) return -1;
      if (last === null) level.first = key;
      else last.next = key;
      last = key;
      expected = key.next;
      at = skipSpace(buffer, closing, end);
      if (buffer[at] !== COLON) return -1;
      at = skipSpace(buffer, at + 1, end);
      if (buffer[at] === OPEN && depth < MAX_DEPTH) {
        at = this.#object(row, at, end, key.within, depth + 1);
        if (at < 0) return -1;
      } else {
        const after = valueEnd(buffer, at, end);
        if (after < 0) return -1;
        // Unset is absent, or null.
        if (buffer[at] !== 0x6e) {
          if (key.field < 0) {
            key.field = this.field(level.prefix + key.name);
            row.reserve(this.fields.length);
          }
          row.starts[key.field] = at;
          row.ends[key.field] = after;
        } else if (key.field < 0) key.field = this.field(level.prefix + key.name);
        at = after;
      }
      at = skipSpace(buffer, at, end);
      if (buffer[at] === CLOSE) return at + 1;
      if (buffer[at] !== COMMA) return -1;
      at = skipSpace(buffer, at + 1, end);
    }
  }

  #key(buffer: Buffer, start: number, end: number, level: Level, expected: Key | null): Key | null {
    if (expected !== null && expected.bytes.length === end - start) {
      const { bytes } = expected;
      let i = 0;
      while (i < bytes.length && bytes[i] === buffer[start + i]) i++;
      if (i === bytes.length) return expected;
    }
    const raw = buffer.toString("latin1", start, end);
    const known = level.keys.get(raw);
    if (known) return known;
    if (++this.#keys > MAX_KEYS) return null;
    const name = jsonText(buffer, start - 1, end + 1);
    if (name === undefined) return null;
    const key: Key = {
      name,
      bytes: Buffer.from(raw, "latin1"),
      field: -1,
      within: newLevel(`${level.prefix}${name}.`),
      next: null,
    };
    level.keys.set(raw, key);
    return key;
  }
}

/** The text of the JSON string at [start, end), quotes included; undefined when it is malformed. */
export function jsonText(buffer: Buffer, start: number, end: number): string | undefined {
  for (let i = start + 1; i < end - 1; i++) {
    if (buffer[i] === BACKSLASH || buffer[i]! < 0x20) {
      try {
        const value: unknown = JSON.parse(buffer.toString("utf8", start, end));
        return typeof value === "string" ? value : undefined;
      } catch {
        return undefined;
      }
    }
  }
  return buffer.toString("utf8", start + 1, end - 1);
}

function skipSpace(buffer: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (buffer[at] === 0x20 || buffer[at] === 0x09 || buffer[at] === 0x0d)) at++;
  return at;
}

/** Behind the closing quote of the string that begins at `start`, or -1. */
function stringEnd(buffer: Buffer, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const byte = buffer[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

/** Behind the value that begins at `start`, or -1 when it does not end. */
function valueEnd(buffer: Buffer, start: number, end: number): number {
  const byte = buffer[start];
  if (byte === QUOTE) return stringEnd(buffer, start, end);
  if (byte === LIST || byte === OPEN) {
    let depth = 0;
    for (let at = start; at < end; ) {
      const c = buffer[at];
      if (c === QUOTE) {
        at = stringEnd(buffer, at, end);
        if (at < 0) return -1;
        continue;
      }
      at++;
      if (c === LIST || c === OPEN) depth++;
      else if ((c === LIST_END || c === CLOSE) && --depth === 0) return at;
    }
    return -1;
  }
  let at = start;
  while (at < end && isPlain(buffer[at]!)) at++;
  return at > start ? at : -1;
}

/** Characters of numbers and of true, false, null. */
function isPlain(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x2b ||
    // Of a number the E; and masked times are XXXXXXXXXX.XXXXXX.
    (byte >= 0x41 && byte <= 0x5a)
  );
}
