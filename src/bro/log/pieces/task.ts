/** What is done with a piece of a log: cutting it, or summing it up. One module per task makes the sink; here is what they share. */
import type { ByteRange } from "../../../capture/source/chunks.ts";
import { type LogSchema, sameColumns } from "../../format/header.ts";
import { Cutter } from "../cut/cutter.ts";
import type { CutOptions } from "../cut/options.ts";
import { OutputBuffer } from "../cut/output.ts";
import { fileInput, type InputFault, readInput, readRange } from "../input.ts";
import { type PlainTally, Tally } from "../overview/tally.ts";
import { LogReader, type ReadCounts, type RowSink } from "../reader.ts";
import { type PlainSchema, plainSchema, reviveSchema } from "./split.ts";

export type Task =
  | {
      readonly kind: "cut";
      readonly options: CutOptions;
      readonly known: readonly string[] | null;
      readonly headed: boolean;
    }
  | { readonly kind: "tally"; readonly logKind: string };

export interface Piece {
  readonly path: string;
  /** Null: the whole file, which may be compressed. */
  readonly range: ByteRange | null;
  /** How its rows are read, unless it is the beginning of a file. */
  readonly schema: PlainSchema | null;
  readonly task: Task;
}

/** What a piece gave. */
export interface PieceResult {
  readonly counts: ReadCounts;
  readonly fault: InputFault | null;
  /** The rows after it are of another form: pieces that were begun with the old one are to be read again. */
  readonly changed: PlainSchema | null;
  readonly output: readonly Uint8Array[];
  readonly missing: readonly string[];
  readonly unconverted: number;
  readonly tally: PlainTally | null;
}

interface Sink extends RowSink {
  /** All rows have been taken. */
  end(): void;
}

export async function runPiece({ path, range, schema, task }: Piece): Promise<PieceResult> {
  const output: Uint8Array[] = [];
  const assumed = schema === null ? null : reviveSchema(schema);
  let last: LogSchema | null = assumed;
  const noteSchema = (next: LogSchema) => {
    last = next;
  };
  const first = range === null || range.start === 0;
  let cutter: Cutter | null = null;
  let tally: Tally | null = null;
  let sink: Sink;
  if (task.kind === "cut") {
    const out = new OutputBuffer((bytes) => {
      output.push(new Uint8Array(bytes));
      return true;
    });
    sink = cutter = new Cutter(out, task.options, { headed: !first || task.headed }, task.known, noteSchema);
  } else {
    sink = tally = new Tally(task.logKind, noteSchema);
  }
  const reader = new LogReader(sink, first || assumed === null ? undefined : assumed);
  let fault: InputFault | null = null;
  if (range === null) ({ fault } = await readInput(fileInput(path, null), reader));
  else await readRange(path, range, reader);
  const counts = reader.end();
  sink.end();
  return {
    counts,
    fault,
    changed: assumed === null || last === null || isSame(assumed, last) ? null : plainSchema(last),
    output,
    missing: [...(cutter?.missing ?? [])],
    unconverted: cutter?.unconverted ?? 0,
    tally: tally?.plain() ?? null,
  };
}

/** Rows of JSON say themselves what they hold. */
function isSame(a: LogSchema, b: LogSchema): boolean {
  return a.format === "json" && b.format === "json" ? true : sameColumns(a, b);
}
