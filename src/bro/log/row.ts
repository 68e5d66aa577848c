/** One row of a log, looked at where it lies: which bytes each field has. Reused from row to row. */
import type { LogSchema } from "../format/header.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const MINUS = "-";

export class Row {
  buffer: Buffer = Buffer.alloc(0);
  /** The whole row, without its line end. */
  start = 0;
  end = 0;
  schema!: LogSchema;
  /** Fields the row has. */
  count = 0;
  /** Where field i begins and ends; in JSON -1 for one that is not there. */
  starts = new Int32Array(64);
  ends = new Int32Array(64);

  /** Makes room for `fields` fields. */
  reserve(fields: number): void {
    if (fields <= this.starts.length) return;
    const grow = (old: Int32Array) => {
      const larger = new Int32Array(Math.max(fields, old.length * 2));
      larger.set(old);
      return larger;
    };
    this.starts = grow(this.starts);
    this.ends = grow(this.ends);
  }

  /** The field's bytes as they are written, one character a byte. */
  raw(index: number): string {
    return this.buffer.toString("latin1", this.starts[index]!, this.ends[index]!);
  }

  /** The field is there and not unset. */
  has(index: number): boolean {
    if (index < 0 || index >= this.count) return false;
    const start = this.starts[index]!;
    if (start < 0) return false;
    if (this.schema.format === "json") return true;
    const unset = this.schema.unsetField;
    const length = this.ends[index]! - start;
    if (length !== unset.length) return true;
    if (unset === MINUS) return this.buffer[start] !== 0x2d;
    return this.buffer.toString("latin1", start, start + length) !== unset;
  }
}

/**
 * Finds the fields of the line at `at`, which ends in a newline within `buffer`.
 * @returns where the next line begins
 */
export function splitLine(row: Row, buffer: Buffer, at: number): number {
  const { separator, crlf } = row.schema;
  row.buffer = buffer;
  row.start = at;
  const next = separator.length === 1 ? splitByByte(row, buffer, at, separator[0]!) : splitByBytes(row, buffer, at);
  row.end = next - 1;
  if (crlf && row.end > row.start && buffer[row.end - 1] === RETURN) {
    row.end--;
    if (row.ends[row.count - 1]! > row.end) row.ends[row.count - 1] = row.end;
  }
  return next;
}

function splitByByte(row: Row, buffer: Buffer, at: number, separator: number): number {
  let { starts, ends } = row;
  let count = 0;
  let i = at;
  for (;;) {
    if (count === starts.length) {
      row.reserve(count + 1);
      ({ starts, ends } = row);
    }
    starts[count] = i;
    let byte = buffer[i];
    while (byte !== separator && byte !== NEWLINE) byte = buffer[++i];
    ends[count++] = i++;
    if (byte === NEWLINE) {
      row.count = count;
      return i;
    }
  }
}

function splitByBytes(row: Row, buffer: Buffer, at: number): number {
  const { separator } = row.schema;
  const end = buffer.indexOf(NEWLINE, at);
  let count = 0;
  let i = at;
  for (;;) {
    row.reserve(count + 1);
    const found = buffer.indexOf(separator, i);
    row.starts[count] = i;
    if (found === -1 || found + separator.length > end) {
      row.ends[count++] = end;
      row.count = count;
      return end + 1;
    }
    row.ends[count++] = found;
    i = found + separator.length;
  }
}

/** Where a field of some name stands in the rows at hand; looked up again only when their schema has changed. */
export class Column {
  readonly name: string;
  #schema: LogSchema | null = null;
  #fields = -1;
  #index = -1;

  constructor(name: string) {
    this.name = name;
  }

  /** -1 when the rows have no such field. */
  of(row: Row): number {
    const { schema } = row;
    // The fields of JSON become more as rows show them.
    if (schema !== this.#schema || schema.fields.length !== this.#fields) {
      this.#schema = schema;
      this.#fields = schema.fields.length;
      this.#index = schema.fields.indexOf(this.name);
    }
    return this.#index;
  }

  /** Whether the row has the field, and it is set. */
  in(row: Row): boolean {
    return row.has(this.of(row));
  }
}
