/** One log cut: header lines and rows of its sink are written as the options say. */
import type { LogSchema } from "../../format/header.ts";
import type { JsonSchema } from "../json.ts";
import type { RowSink } from "../reader.ts";
import { Row, splitLine } from "../row.ts";
import { jsonType } from "../types.ts";
import { byteCutter, type CutLines } from "./byte-cutter.ts";
import { chooseColumns } from "./columns.ts";
import type { CutOptions } from "./options.ts";
import type { OutputBuffer } from "./output.ts";
import { RowCutter } from "./row-cutter.ts";

const HASH = 0x23;

/** What goes on from log to log of one output. */
export interface CutState {
  /** A block's header has been written. */
  headed: boolean;
}

export class Cutter implements RowSink {
  rows = 0;
  badRows = 0;
  firstBadRow = 0;
  /** Columns asked for that a block did not have, by name. */
  readonly missing = new Set<string>();
  readonly #out: OutputBuffer;
  readonly #options: CutOptions;
  readonly #state: CutState;
  readonly #rowCutter: RowCutter;
  readonly #row = new Row();
  readonly #onSchema: ((schema: LogSchema) => void) | null;
  #fast: CutLines | null = null;
  /** Header lines of a block whose rows have not come yet. */
  #pending: string[] = [];

  /** @param onSchema is called when rows of another form come, before they are cut */
  constructor(
    out: OutputBuffer,
    options: CutOptions,
    state: CutState,
    known: readonly string[] | null,
    onSchema: ((schema: LogSchema) => void) | null = null,
  ) {
    this.#out = out;
    this.#options = options;
    this.#state = state;
    this.#rowCutter = new RowCutter(options, known);
    this.#onSchema = onSchema;
  }

  get unconverted(): number {
    return this.#rowCutter.unconverted;
  }

  schema(schema: LogSchema): void {
    if (this.#onSchema !== null) this.#onSchema(schema);
    this.#row.schema = schema;
    this.#row.reserve(schema.fields.length);
    this.#fast = byteCutter(schema, this.#options, this);
    for (const name of this.#options.columns) {
      if (schema.format === "tsv" && !schema.fields.includes(name)) this.missing.add(name);
    }
    if (schema.format === "tsv") this.#head(schema);
  }

  tsv(buffer: Buffer, start: number, end: number): number {
    if (this.#pending.length > 0) this.#writePending();
    if (this.#fast) return this.#fast(this.#out, buffer, start, end);
    const row = this.#row;
    let at = start;
    while (at < end && buffer[at] !== HASH) {
      at = splitLine(row, buffer, at);
      this.rows++;
      if (!this.#rowCutter.write(this.#out, row)) this.#bad();
    }
    return at;
  }

  json(schema: JsonSchema, buffer: Buffer, start: number, end: number): void {
    this.rows++;
    if (!schema.scan(this.#row, buffer, start, end)) this.#bad();
    else {
      this.#head(schema);
      this.#rowCutter.write(this.#out, this.#row);
    }
  }

  header(buffer: Buffer, start: number, end: number): void {
    const { header, minimal, format } = this.#options;
    if (header === "none" || minimal || format !== "tsv") return;
    if (this.#state.headed && header === "first") return;
    this.#pending.push(buffer.toString("latin1", start, end));
  }

  /** Header lines after the last row. */
  end(): void {
    const { schema } = this.#row;
    for (const name of this.#options.columns) {
      if (schema?.format === "json" && !schema.fields.includes(name)) this.missing.add(name);
    }
    this.#writePending();
    this.#out.flush();
  }

  #writePending(): void {
    for (const line of this.#pending) this.#line(line);
    this.#pending = [];
  }

  #bad(): void {
    this.badRows++;
    if (this.firstBadRow === 0) this.firstBadRow = this.rows;
  }

  /** Writes what comes before the rows of a block. */
  #head(schema: LogSchema): void {
    const { header, minimal, format } = this.#options;
    const first = !this.#state.headed;
    if (schema.format === "json" && !first) return;
    this.#state.headed = true;
    const names = chooseColumns(schema, this.#options).map(({ name, index }) =>
      index < 0 && format === "tsv" ? "" : name,
    );
    if (format === "csv") {
      if (first)
        this.#line(
          this.#rowCutter
            .columns(schema)
            .map(({ name }) => csvName(name))
            .join(","),
        );
    } else if (format === "tsv" && header !== "none" && (first || header === "all")) {
      if (minimal) this.#line(names.join(this.#between(schema)));
      else if (schema.format === "json") for (const line of this.#madeUp(schema as JsonSchema)) this.#line(line);
      else for (const line of this.#pending) this.#line(this.#transformed(line, schema));
    }
    this.#pending = [];
  }

  #line(text: string): void {
    this.#out.text(text, "latin1");
    this.#out.byte(0x0a);
  }

  #between(schema: LogSchema): string {
    return this.#options.separator ?? schema.separator.toString("latin1");
  }

  /** `#fields` and `#types` of the columns chosen; other lines as they are. */
  #transformed(line: string, schema: LogSchema): string {
    const key = /^#(?:fields|types)(?=\W)/.exec(line)?.[0];
    if (key === undefined) return line;
    const chosen = chooseColumns(schema, this.#options);
    const isString = (type: string) => (this.#options.time !== null && type === "time" ? "string" : type);
    const values =
      key === "#fields"
        ? chosen.map(({ name, index }) => (index < 0 ? "" : Buffer.from(name, "utf8").toString("latin1")))
        : chosen.map(({ index }) => (index < 0 ? "" : isString(schema.types[index]!)));
    return [key, ...values].join(this.#between(schema)) + (schema.crlf ? "\r" : "");
  }

  /** A header for rows of JSON, which have none; the types as their first row shows them. */
  #madeUp(schema: JsonSchema): string[] {
    const row = this.#row;
    const between = this.#between(schema);
    const columns = this.#rowCutter.columns(schema);
    const types = columns.map(({ name, index }) => {
      if (!row.has(index)) return jsonType(name, 0x30) === "double" ? "string" : jsonType(name, 0x30);
      const type = jsonType(name, row.buffer[row.starts[index]!]!);
      if (type === "time" && this.#options.time !== null) return "string";
      if (type === "double" && /^\d+$/.test(row.raw(index))) return /^id\.\w+_p$/.test(name) ? "port" : "count";
      return type === "vector[any]" ? "vector[string]" : type;
    });
    const path = schema.path === null ? [] : [`#path${between}${schema.path}`];
    return [
      "#separator \\x09",
      `#set_separator${between},`,
      `#empty_field${between}(empty)`,
      `#unset_field${between}-`,
      ...path,
      ["#fields", ...columns.map(({ name }) => Buffer.from(name, "utf8").toString("latin1"))].join(between),
      ["#types", ...types].join(between),
    ];
  }
}

function csvName(name: string): string {
  return /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
