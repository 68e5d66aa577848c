/** Rows one after another, split into their fields: what every reader of logs uses that looks at values. */
import type { LogSchema } from "../format/header.ts";
import type { JsonSchema } from "./json.ts";
import type { RowSink } from "./reader.ts";
import { Row, splitLine } from "./row.ts";

const HASH = 0x23;

/** Hands on each whole row, in a view that is reused; a row with another number of fields than its header is bad. */
export class Rows implements RowSink {
  rows = 0;
  badRows = 0;
  firstBadRow = 0;
  stopped = false;
  readonly row = new Row();
  readonly #each: (row: Row) => void;

  constructor(each: (row: Row) => void) {
    this.#each = each;
  }

  schema(schema: LogSchema): void {
    this.row.schema = schema;
    this.row.reserve(schema.fields.length);
  }

  tsv(buffer: Buffer, start: number, end: number): number {
    const { row } = this;
    const fields = row.schema.fields.length;
    let at = start;
    while (at < end && buffer[at] !== HASH && !this.stopped) {
      at = splitLine(row, buffer, at);
      this.rows++;
      if (row.count === fields) this.#each(row);
      else this.#bad();
    }
    return at;
  }

  json(schema: JsonSchema, buffer: Buffer, start: number, end: number): void {
    this.rows++;
    if (schema.scan(this.row, buffer, start, end)) this.#each(this.row);
    else this.#bad();
  }

  #bad(): void {
    this.badRows++;
    if (this.firstBadRow === 0) this.firstBadRow = this.rows;
  }
}
