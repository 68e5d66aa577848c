/** Logs in memory: read, cut, and split into chunks of any size. */
import { Cutter } from "../../../src/bro/log/cut/cutter.ts";
import type { CutOptions } from "../../../src/bro/log/cut/options.ts";
import { OutputBuffer } from "../../../src/bro/log/cut/output.ts";
import type { LogInput } from "../../../src/bro/log/input.ts";
import { type LogSummary, readRows } from "../../../src/bro/log/reader.ts";
import { type LogRecord, recordsOf } from "../../../src/bro/log/records.ts";

/** An input of these bytes, in chunks of `chunk`. */
export function memoryInput(content: string | Buffer, name = "conn.log", chunk = 1 << 20): LogInput {
  const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
  return {
    name,
    size: bytes.length,
    path: null,
    async *chunks() {
      for (let at = 0; at < bytes.length; at += chunk) yield Buffer.from(bytes.subarray(at, at + chunk));
    },
  };
}

export async function recordsIn(input: LogInput): Promise<{ records: LogRecord[]; summary: LogSummary }> {
  const records: LogRecord[] = [];
  const batches = recordsOf(input);
  for (;;) {
    const { value, done } = await batches.next();
    if (done) return { records, summary: value };
    records.push(...value);
  }
}

export const PLAIN: CutOptions = {
  columns: [],
  except: false,
  header: "none",
  minimal: false,
  separator: null,
  time: null,
  format: "tsv",
  where: "",
  sinceUs: null,
  untilUs: null,
};

/** What `bro cut` writes of an input. */
export async function cut(
  input: LogInput,
  options: Partial<CutOptions>,
): Promise<{ output: Buffer; summary: LogSummary }> {
  const parts: Buffer[] = [];
  const out = new OutputBuffer((bytes) => {
    parts.push(Buffer.from(bytes));
    return true;
  });
  const cutter = new Cutter(out, { ...PLAIN, ...options }, { headed: false }, null);
  const summary = await readRows(input, cutter);
  cutter.end();
  return { output: Buffer.concat(parts), summary };
}
