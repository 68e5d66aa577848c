/** The general way of `bro cut`: rows are split into fields, chosen by filter and time, and written as TSV, JSON or CSV. */
import type { LogSchema } from "../../format/header.ts";
import { Column, type Row } from "../row.ts";
import { jsonType } from "../types.ts";
import { timeUs } from "../values.ts";
import { rowFilter } from "../where.ts";
import { writeCsv, writeCsvText, writeJson, writeTsv } from "./cells.ts";
import { type ChosenColumn, chooseColumns } from "./columns.ts";
import type { CutOptions, TimeFormat } from "./options.ts";
import type { OutputBuffer } from "./output.ts";
import { strftime } from "./strftime.ts";

const TS = new Column("ts");

export class RowCutter {
  readonly #options: CutOptions;
  readonly #matches: ((row: Row) => boolean) | null;
  readonly #keys = new Map<string, string>();
  #columns: readonly ChosenColumn[] = [];
  /** Which columns are times that are to be converted. */
  #times: readonly boolean[] = [];
  #last = -1;
  #between = "\t";
  #schema: LogSchema | null = null;
  #fields = -1;
  /** Columns of CSV are those of the first rows: its header cannot change. */
  #fixed: readonly string[] | null = null;
  // The second converted last: rows that follow each other often share it.
  #second = Number.NaN;
  #secondText = "";
  /** Times that could not be converted. */
  unconverted = 0;

  constructor(options: CutOptions, known: readonly string[] | null) {
    this.#options = options;
    this.#matches = options.where === "" ? null : rowFilter(options.where, known);
  }

  /** The columns of rows of this schema. */
  columns(schema: LogSchema): readonly ChosenColumn[] {
    if (schema !== this.#schema || schema.fields.length !== this.#fields) this.#use(schema);
    return this.#columns;
  }

  #use(schema: LogSchema): void {
    const { format, time, separator } = this.#options;
    this.#schema = schema;
    this.#fields = schema.fields.length;
    // Rows of JSON and CSV have one set of columns; only JSON output shows what came later.
    const fixed = format === "csv" || (format === "tsv" && schema.format === "json");
    this.#columns =
      fixed && this.#fixed
        ? this.#fixed.map((name) => ({ name, index: schema.fields.indexOf(name) }))
        : chooseColumns(schema, this.#options);
    if (fixed) this.#fixed ??= this.#columns.map(({ name }) => name);
    this.#times = this.#columns.map(
      ({ name, index }) =>
        time !== null &&
        index >= 0 &&
        (schema.format === "json" ? jsonType(name, 0x30) : schema.types[index]) === "time",
    );
    this.#last = Math.max(...this.#columns.map(({ index }) => index));
    this.#between = separator ?? schema.separator.toString("latin1");
  }

  /** Writes the row, if it is wanted. @returns false when it has too few fields for that */
  write(out: OutputBuffer, row: Row): boolean {
    const columns = this.columns(row.schema);
    if (row.schema.format === "tsv" && row.count <= this.#last) return false;
    if (!this.#wanted(row)) return true;
    const { format } = this.#options;
    if (format === "json" && this.#whole(row)) out.copy(row.buffer, row.start, row.end);
    else if (format === "json") this.#json(out, row, columns);
    else if (format === "csv") this.#csv(out, row, columns);
    else this.#tsv(out, row, columns);
    out.byte(0x0a);
    out.rowEnd();
    return true;
  }

  /** A row of JSON that is to be JSON stays as it is. */
  #whole(row: Row): boolean {
    const { columns, time } = this.#options;
    return row.schema.format === "json" && columns.length === 0 && time === null;
  }

  #wanted(row: Row): boolean {
    const { sinceUs, untilUs } = this.#options;
    if (sinceUs !== null || untilUs !== null) {
      const us = timeUs(row, TS.of(row));
      if (!(us >= (sinceUs ?? Number.NEGATIVE_INFINITY) && us < (untilUs ?? Number.POSITIVE_INFINITY))) return false;
    }
    return this.#matches === null || this.#matches(row);
  }

  #tsv(out: OutputBuffer, row: Row, columns: readonly ChosenColumn[]): void {
    for (let i = 0; i < columns.length; i++) {
      const { index } = columns[i]!;
      if (i > 0) out.text(this.#between, "latin1");
      if (this.#times[i] && row.has(index)) this.#time(out, row, index);
      else if (index >= 0) writeTsv(out, row, index);
      else if (row.schema.format === "json") out.byte(0x2d);
    }
  }

  #json(out: OutputBuffer, row: Row, columns: readonly ChosenColumn[]): void {
    out.byte(0x7b);
    let first = true;
    for (let i = 0; i < columns.length; i++) {
      const { name, index } = columns[i]!;
      if (!row.has(index)) continue;
      if (!first) out.byte(0x2c);
      first = false;
      out.text(this.#key(name));
      if (!this.#times[i]) writeJson(out, row, index);
      else out.text(JSON.stringify(this.#timeText(row, index) ?? row.raw(index)));
    }
    out.byte(0x7d);
  }

  #key(name: string): string {
    let key = this.#keys.get(name);
    if (key === undefined) {
      key = `${JSON.stringify(name)}:`;
      this.#keys.set(name, key);
    }
    return key;
  }

  #csv(out: OutputBuffer, row: Row, columns: readonly ChosenColumn[]): void {
    for (let i = 0; i < columns.length; i++) {
      const { index } = columns[i]!;
      if (i > 0) out.byte(0x2c);
      if (!this.#times[i] || !row.has(index)) writeCsv(out, row, index);
      else writeCsvText(out, this.#timeText(row, index) ?? row.raw(index));
    }
  }

  #time(out: OutputBuffer, row: Row, index: number): void {
    const text = this.#timeText(row, index);
    if (text === null) writeTsv(out, row, index);
    else out.text(text);
  }

  /** Null when it cannot be converted. */
  #timeText(row: Row, index: number): string | null {
    const seconds = Math.floor(timeUs(row, index) / 1e6);
    if (!(seconds >= 0 && seconds <= 8.64e12)) {
      this.unconverted++;
      return null;
    }
    if (seconds !== this.#second) {
      const { format, utc } = this.#options.time as TimeFormat;
      this.#second = seconds;
      this.#secondText = strftime(format, seconds, utc);
    }
    return this.#secondText;
  }
}
