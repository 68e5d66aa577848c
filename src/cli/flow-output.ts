/** The forms in which `flows` writes connections to standard output. */
import { UsageError } from "../core/errors.ts";
import type { FlowMeter } from "../engine/host/meter.ts";
import type { RecordExport } from "../jobs/export-records.ts";

export const FLOW_FORMATS = ["table", "json", "csv", "zeek", "ecs", "parquet"] as const;
export type FlowFormat = (typeof FLOW_FORMATS)[number];

/** Where connections are written, one after another. */
export interface FlowOutput {
  begin(): void;
  write(row: number): void;
  /** Hands on what has been gathered. */
  flush(): void;
  end(): void;
}

export const NO_OUTPUT: FlowOutput = { begin() {}, write() {}, flush() {}, end() {} };
/** Characters of a table that are gathered before they are printed. */
const PIECE = 64 * 1024;

/** Connections in a format, to standard output. @throws UsageError for Parquet to a terminal */
export async function outputOf(name: FlowFormat, meter: FlowMeter): Promise<FlowOutput> {
  if (name === "table") return await tableOutput(meter);
  if (name === "ecs") {
    const { ecsLine } = await import("../export/ecs.ts");
    return { ...NO_OUTPUT, write: (row) => void process.stdout.write(ecsLine(meter.record(row))) };
  }
  if (name === "parquet") {
    if (process.stdout.isTTY) throw new UsageError("parquet is not for a terminal", { hint: "> flows.parquet" });
    const { ParquetRecords } = await import("../export/parquet.ts");
    const records = new ParquetRecords((bytes) => void process.stdout.write(bytes));
    return { ...NO_OUTPUT, write: (row) => records.add(meter.record(row)), end: () => records.finish() };
  }
  const { RECORD_FORMATS } = await import("../engine/host/record-formats.ts");
  const format = RECORD_FORMATS[name];
  meter.startRecords(name);
  return {
    begin: () => void process.stdout.write(format.header()),
    write: (row) => meter.writeRecord(row),
    flush: () => meter.flushRecords(),
    end() {
      meter.flushRecords();
      process.stdout.write(format.footer());
    },
  };
}

/** What is shown is also sent. */
export function alsoTo(sending: RecordExport, shown: FlowOutput, meter: FlowMeter): FlowOutput {
  return {
    ...shown,
    write(row) {
      shown.write(row);
      sending.add(meter.record(row));
    },
  };
}

async function tableOutput(meter: FlowMeter): Promise<FlowOutput> {
  const { tableFormat } = await import("../engine/host/table-format.ts");
  const { header, line } = tableFormat(meter.table);
  let gathered = header;
  const flush = () => {
    process.stdout.write(gathered);
    gathered = "";
  };
  return {
    begin() {},
    write(row) {
      gathered += line(row);
      if (gathered.length > PIECE) flush();
    },
    flush,
    end: flush,
  };
}

/** Holds bytes that standard output is to take: the engine writes over its own. */
let held = Buffer.alloc(0);

/** Writes bytes that are the engine's to standard output. */
export function writeOut(bytes: Uint8Array): void {
  if (held.length < bytes.length) held = Buffer.allocUnsafeSlow(bytes.length);
  held.set(bytes);
  process.stdout.write(held.subarray(0, bytes.length));
  // Files and pipes take what they are given at once; what is still waiting keeps its bytes.
  if (process.stdout.writableLength > 0) held = Buffer.alloc(0);
}
