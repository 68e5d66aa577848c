/** A look at the beginning of a log: its kind, its fields, and when it begins. */
import { openUs } from "../format/time.ts";
import { type LogInput, readInput } from "./input.ts";
import { LogReader, type LogSummary, summarize } from "./reader.ts";
import { Column } from "./row.ts";
import { Rows } from "./rows.ts";
import { timeUs } from "./values.ts";

/** Rows looked at: those of JSON show their fields one by one. */
const ROWS = 1000;
const BYTES = 512 * 1024;

export interface PeekedLog {
  readonly input: LogInput;
  readonly kind: string;
  readonly format: LogSummary["format"];
  readonly fields: readonly string[];
  /** `#open` as microseconds, NaN where there is none: the writer's local time. */
  readonly openUs: number;
  /** The first row's `ts`, microseconds since the epoch; NaN where there is none. */
  readonly firstUs: number;
}

/** @throws TapscopeError `E_LOG_OPEN`, `E_LOG_READ` */
export async function peekLog(input: LogInput, signal?: AbortSignal): Promise<PeekedLog> {
  const ts = new Column("ts");
  let firstUs = Number.NaN;
  const rows: Rows = new Rows((row) => {
    if (rows.rows === 1) firstUs = timeUs(row, ts.of(row));
    if (rows.rows >= ROWS || row.schema.format === "tsv") rows.stopped = true;
  });
  const reader = new LogReader(rows);
  let bytes = 0;
  const sink = {
    push(chunk: Buffer) {
      bytes += chunk.length;
      reader.push(chunk);
    },
    get stopped() {
      return reader.stopped || bytes > BYTES;
    },
  };
  const { fault } = await readInput(input, sink, signal);
  const { schema } = reader;
  const { kind, format } = summarize(input, reader.end(), fault);
  const fields = schema?.fields ?? reader.schema?.fields ?? [];
  return { input, kind, format, fields, openUs: openUs(schema?.open ?? ""), firstUs };
}
