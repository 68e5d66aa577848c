/** A large file cut at line ends into pieces that are read beside each other. */
import { type FileHandle, open } from "node:fs/promises";
import { compressionOf } from "../../../capture/compression/decompress.ts";
import type { ByteRange } from "../../../capture/source/chunks.ts";
import type { LogSchema } from "../../format/header.ts";
import type { LogInput } from "../input.ts";
import { JsonSchema } from "../json.ts";
import { LINE_LIMIT } from "../lines.ts";
import { LogReader, type RowSink } from "../reader.ts";

/** Smaller files are read in one go: threads take time to start. */
const WORTH_IT = 64e6;
const HEAD = 64 * 1024;

/** A file that can be read in pieces: how the rows of all but the first are read. */
export interface Divisible {
  readonly path: string;
  readonly size: number;
  readonly schema: LogSchema;
}

/** Whether a log is read in pieces: a large regular file, not compressed, that begins as a log does. Null: it is not. */
export async function divisible(input: LogInput): Promise<Divisible | null> {
  if (input.path === null || input.size === null || input.size < WORTH_IT) return null;
  await using file = await open(input.path, "r");
  const head = Buffer.alloc(HEAD);
  const { bytesRead } = await file.read(head, 0, HEAD, 0);
  if (compressionOf(head) !== null) return null;
  const reader = new LogReader(NOTHING);
  reader.push(head.subarray(0, bytesRead));
  const { schema } = reader;
  return schema === null ? null : { path: input.path, size: input.size, schema };
}

/** Takes no rows: for what comes before them. */
const NOTHING: RowSink = {
  rows: 0,
  badRows: 0,
  firstBadRow: 0,
  schema() {},
  tsv: (_buffer, _start, end) => end,
  json() {},
};

/** The pieces of a file, from the byte `from` on, of about `length` bytes; each ends behind a newline, but for the last. */
export async function* piecesOf({ path, size }: Divisible, from: number, length: number): AsyncGenerator<ByteRange> {
  await using file = await open(path, "r");
  for (let start = from; start < size; ) {
    const end = start + length >= size ? size : await lineEndAfter(file, start + length, size);
    yield { start, end };
    start = end;
  }
}

/** Behind the first newline at or after `at`; where there is none for too long, wherever that is: the line is left out anyway. */
async function lineEndAfter(file: FileHandle, at: number, size: number): Promise<number> {
  const buffer = Buffer.alloc(HEAD);
  for (let position = at; position < size && position < at + 2 * LINE_LIMIT; position += HEAD) {
    const { bytesRead } = await file.read(buffer, 0, HEAD, position);
    const found = buffer.subarray(0, bytesRead).indexOf(0x0a);
    if (found >= 0) return position + found + 1;
  }
  return Math.min(size, at + 2 * LINE_LIMIT);
}

/** A schema as plain data, to be handed to another thread. */
export type PlainSchema = Omit<LogSchema, "separator"> & { readonly separator: string };

export function plainSchema(schema: LogSchema): PlainSchema {
  const { format, setSeparator, emptyField, unsetField, path, open: opened, fields, types, crlf } = schema;
  const separator = schema.separator.toString("latin1");
  return {
    format,
    separator,
    setSeparator,
    emptyField,
    unsetField,
    path,
    open: opened,
    fields: [...fields],
    types: [...types],
    crlf,
  };
}

export function reviveSchema(plain: PlainSchema): LogSchema {
  if (plain.format === "json") return new JsonSchema();
  return { ...plain, separator: Buffer.from(plain.separator, "latin1") };
}
