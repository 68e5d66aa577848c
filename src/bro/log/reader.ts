/**
 * Reads one log, TSV or JSON, which it recognises by its content, and hands its rows to a sink. Damage is no exception: what is
 * whole is handed on, and the summary says what is not.
 */
import { HeaderReader, type LogSchema, lineEnd, looksOf, markLength } from "../format/header.ts";
import { kindOfName, withoutCompression } from "../format/names.ts";
import { type InputFault, type LogInput, readInput } from "./input.ts";
import { JsonSchema } from "./json.ts";
import { LINE_LIMIT, LineCutter } from "./lines.ts";

const HASH = 0x23;

/** Takes the rows of a log as bytes; everything is valid during the call only. */
export interface RowSink {
  /** Rows are of this form from now on. */
  schema(schema: LogSchema): void;
  /** Takes whole lines of TSV from `start` on, up to one that begins with `#` or `end`. @returns where it stopped */
  tsv(buffer: Buffer, start: number, end: number): number;
  /** Takes a JSON object, without its line end. */
  json(schema: JsonSchema, buffer: Buffer, start: number, end: number): void;
  /** A header line of TSV, without its line end. */
  header?(buffer: Buffer, start: number, end: number): void;
  /** Rows taken so far, bad ones included. */
  readonly rows: number;
  /** Rows that could not be read, and which one was the first: 1 is the first row. */
  readonly badRows: number;
  readonly firstBadRow: number;
  /** No more rows are wanted. */
  readonly stopped?: boolean;
}

/** What was found out about a log by reading it. */
export interface LogSummary {
  /** As the input was named. */
  readonly name: string;
  /** `conn`, `dns`, …: by its own word, else by its file's name. */
  readonly kind: string;
  /** `empty`: there is nothing in it; `other`: it is not a Zeek log. */
  readonly format: "tsv" | "json" | "empty" | "other";
  /** Bytes it takes where it is kept; null when unknown. */
  readonly size: number | null;
  /** Rows that were read. */
  readonly rows: number;
  /** `#open` and `#close` of its last header, as they are written: the writer's local time. Null where there is none. */
  readonly open: string | null;
  readonly close: string | null;
  /** What is wrong with it, sentences; empty when it is whole. */
  readonly damage: readonly string[];
}

/** What reading a log, or a part of one, has counted. */
export interface ReadCounts {
  readonly format: "tsv" | "json" | "other" | null;
  readonly path: string | null;
  readonly bytes: number;
  readonly lines: number;
  readonly rows: number;
  readonly badLines: number;
  /** Number of the first bad line, 0 when there is none. */
  readonly firstBadLine: number;
  readonly zerosInside: number;
  readonly zerosAtEnd: number;
  readonly overlong: number;
  /** The last line has no line end; or it has too few fields besides. */
  readonly unfinished: boolean;
  readonly cut: boolean;
  /** The last thing of a TSV log was its `#close`. */
  readonly closed: boolean;
  readonly open: string | null;
  readonly close: string | null;
  /** Not all was read, because no more was wanted. */
  readonly stopped: boolean;
}

export interface ReadLogOptions {
  readonly signal?: AbortSignal;
}

/** Reads a log to its end. @throws TapscopeError `E_LOG_OPEN`, `E_LOG_READ` when its bytes cannot be had */
export async function readRows(input: LogInput, sink: RowSink, options: ReadLogOptions = {}): Promise<LogSummary> {
  const reader = new LogReader(sink);
  const { fault } = await readInput(input, reader, options.signal);
  return summarize(input, reader.end(), fault);
}

/** The counts of a log's parts, in their order, as those of the whole. */
export function addCounts(a: ReadCounts, b: ReadCounts): ReadCounts {
  return {
    format: b.format ?? a.format,
    path: b.path ?? a.path,
    bytes: a.bytes + b.bytes,
    lines: a.lines + b.lines,
    rows: a.rows + b.rows,
    badLines: a.badLines + b.badLines,
    firstBadLine: a.firstBadLine > 0 ? a.firstBadLine : b.firstBadLine > 0 ? a.lines + b.firstBadLine : 0,
    zerosInside: a.zerosInside + a.zerosAtEnd + b.zerosInside,
    zerosAtEnd: b.zerosAtEnd,
    overlong: a.overlong + b.overlong,
    unfinished: b.unfinished,
    cut: b.cut,
    closed: b.closed,
    open: b.open ?? a.open,
    close: b.close ?? a.close,
    stopped: a.stopped || b.stopped,
  };
}

/** @param fault why the bytes of the log ended before it did */
export function summarize(input: LogInput, counts: ReadCounts, fault: InputFault | null): LogSummary {
  const format = counts.format ?? (counts.bytes === counts.zerosAtEnd ? "empty" : "other");
  return {
    name: input.name,
    kind: counts.path ?? kindOfName(withoutCompression(input.name.split("/").at(-1)!)),
    format,
    size: input.size,
    rows: counts.rows,
    open: counts.open,
    close: counts.closed ? counts.close : null,
    damage: format === "other" ? [] : damageOf(format, counts, fault),
  };
}

function damageOf(format: "tsv" | "json" | "empty", counts: ReadCounts, fault: InputFault | null): string[] {
  const { bytes, zerosAtEnd, zerosInside, overlong, unfinished, cut, badLines, firstBadLine, stopped } = counts;
  const found: string[] = [];
  if (fault) found.push(fault.cause);
  else if (bytes === 0) found.push("size 0: the guest had probably not written it to disk yet (delayed allocation)");
  if (zerosAtEnd > 0) found.push(`${zerosAtEnd} NUL bytes at the end: the last blocks were not written yet`);
  if (zerosInside > 0) found.push(`${zerosInside} NUL bytes inside`);
  if (overlong > 0) found.push(`lines left out for being longer than ${LINE_LIMIT} bytes: ${overlong}`);
  if (cut) found.push("the last line is incomplete");
  else if (unfinished && !stopped) found.push("the last line has no line end: its last field may be cut");
  if (badLines > 0) {
    const what = format === "json" ? "no JSON object" : "another number of fields than the header says";
    found.push(`${badLines} ${badLines === 1 ? "line has" : "lines have"} ${what} (the first: line ${firstBadLine})`);
  }
  if (format === "tsv" && !counts.closed && !stopped) found.push("no #close: its writer was killed or still running");
  return found;
}

export class LogReader {
  /** The bytes are not a log's, or the sink wants no more. */
  stopped = false;
  readonly #sink: RowSink;
  readonly #lines = new LineCutter((buffer, start, end) => this.#region(buffer, start, end));
  readonly #header = new HeaderReader();
  #format: "tsv" | "json" | "other" | null = null;
  #json: JsonSchema | null = null;
  /** What the sink knows. */
  #schema: LogSchema | null = null;
  /** Lines that are not rows. */
  #otherLines = 0;
  #firstBadLine = 0;
  #malformed = 0;

  /** @param schema of the rows of a part of a file, whose header was read before */
  constructor(sink: RowSink, schema?: LogSchema) {
    this.#sink = sink;
    if (!schema) return;
    this.#format = schema.format;
    if (schema instanceof JsonSchema) this.#json = schema;
    this.#schema = schema;
    sink.schema(schema);
  }

  /** How the rows that come next are read; null before any header. */
  get schema(): LogSchema | null {
    return this.#format === "tsv" ? (this.#header.schema ?? this.#schema) : this.#schema;
  }

  push(chunk: Buffer): void {
    const first = this.#lines.bytes === 0 ? markLength(chunk) : 0;
    if (this.#lines.bytes === 0 && this.#format === null && !mayBegin(chunk[first])) this.#reject();
    this.#lines.push(first > 0 ? chunk.subarray(first) : chunk);
  }

  /** The end of the log: what was counted. */
  end(): ReadCounts {
    const sink = this.#sink;
    const badBefore = sink.badRows;
    const { stopped } = this;
    if (!stopped) this.#lines.end();
    const { schema } = this;
    // A log without rows has a header all the same.
    if (schema !== null && schema !== this.#schema) this.#use(schema);
    const { bytes, zerosInside, zerosAtEnd, overlong, unfinished } = this.#lines;
    const cut = unfinished && sink.badRows > badBefore;
    return {
      format: this.#format,
      path: schema?.path ?? null,
      bytes,
      lines: this.#otherLines + sink.rows,
      rows: sink.rows - sink.badRows,
      badLines: sink.badRows + this.#malformed - (cut ? 1 : 0),
      firstBadLine: this.#firstBadLine,
      zerosInside,
      zerosAtEnd,
      overlong,
      unfinished,
      cut,
      closed: this.#header.closed,
      open: this.#header.lastOpen,
      close: this.#header.lastClose,
      stopped,
    };
  }

  #region(buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.stopped) {
      const { schema } = this;
      if (schema?.format === "tsv" && buffer[at] !== HASH) {
        if (schema !== this.#schema) this.#use(schema);
        at = this.#sink.tsv(buffer, at, end);
        this.#noteBad();
      } else {
        const newline = lineEnd(buffer, at, end);
        this.#line(buffer, at, newline);
        at = newline + 1;
      }
      if (this.#sink.stopped) this.stopped = true;
    }
  }

  #use(schema: LogSchema): void {
    this.#schema = schema;
    this.#sink.schema(schema);
  }

  #noteBad(): void {
    if (this.#firstBadLine > 0 || this.#sink.badRows === 0) return;
    this.#firstBadLine = this.#otherLines + this.#sink.firstBadRow;
  }

  /** A line that is not a row of TSV. */
  #line(buffer: Buffer, start: number, end: number): void {
    const looks = looksOf(buffer, start, end);
    if (looks === "json" && this.#format !== "tsv") {
      this.#format = "json";
      this.#json ??= new JsonSchema();
      if (this.#schema !== this.#json) this.#use(this.#json);
      let at = start;
      while (buffer[at] === 0x20) at++;
      this.#sink.json(this.#json, buffer, at, end);
      this.#noteBad();
      return;
    }
    this.#otherLines++;
    if (looks === "tsv" || (looks === "comment" && this.#format !== null)) {
      const line = this.#header.line(buffer, start, end);
      if (line === "fields") this.#format = "tsv";
      this.#sink.header?.(buffer, start, end);
    } else if (looks === "other" && end > start && !(end - start === 1 && buffer[start] === 0x0d)) {
      if (this.#format === null) this.#reject();
      else {
        this.#malformed++;
        if (this.#firstBadLine === 0) this.#firstBadLine = this.#otherLines + this.#sink.rows;
      }
    }
  }

  #reject(): void {
    this.#format = "other";
    this.stopped = true;
  }
}

/** A log begins with `#` or `{`; NULs and empty lines may come before where a machine was killed. */
function mayBegin(byte: number | undefined): boolean {
  return byte === HASH || byte === 0x7b || byte === undefined || byte <= 0x20;
}
