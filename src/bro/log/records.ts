/** The library's face of Zeek's logs: rows as objects, in batches. */
import { batchesOf } from "../../capture/source/batches.ts";
import { paced } from "../../capture/source/chunks.ts";
import { fileInput, type LogInput } from "./input.ts";
import { type LogSummary, readRows } from "./reader.ts";
import type { Row } from "./row.ts";
import { Rows } from "./rows.ts";
import { fieldValue, type LogValue } from "./values.ts";

/** A row of a log, by the names of its fields (`id.orig_h`). A field that is unset is absent. */
export type LogRecord = Readonly<Record<string, LogValue>>;

/**
 * Reads a log of Zeek or Bro (TSV or JSON, plain, gzip, zstd or lz4; `-` is standard input) and yields its rows in batches, in
 * file order. The file is read no faster than the batches are taken. A damaged log yields what is whole; the generator's
 * return value says what is not (`damage`), and whether it is a log at all (`format`).
 * @throws TapscopeError `E_LOG_OPEN`, `E_LOG_READ` when the file cannot be opened or read
 */
export function readLog(path: string): AsyncGenerator<readonly LogRecord[], LogSummary, void> {
  return recordsOf(fileInput(path, null));
}

/** The same of any input. */
export function recordsOf(input: LogInput): AsyncGenerator<readonly LogRecord[], LogSummary, void> {
  return batchesOf<LogRecord, LogSummary>((emit, { pause, signal }) => {
    const rows = new Rows((row) => emit(recordOf(row)));
    return readRows({ ...input, chunks: () => paced(input.chunks(), pause) }, rows, { signal });
  });
}

/** The typed record of a row; it is the receiver's own. */
export function recordOf(row: Row): LogRecord {
  const record: Record<string, LogValue> = Object.create(null);
  const { fields } = row.schema;
  for (let i = 0; i < row.count; i++) if (row.has(i)) record[fields[i]!] = fieldValue(row, i);
  return record;
}
