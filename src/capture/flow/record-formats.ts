/** Connection records as text: one JSON object a line, CSV (RFC 4180), and Zeek's own tab-separated conn.log. */
import { Ascii, ByteWriter } from "./byte-writer.ts";
import { describeRow, type FlowLabels, RECORD_FIELDS, type RecordField, type RecordSink } from "./record.ts";
import type { FlowTable } from "./table.ts";

/** Writes records of one format; `header` comes before the first, `footer` after the last. */
export interface RecordFormat {
  readonly header: string;
  footer(): string;
  write(w: ByteWriter, table: FlowTable, row: number, labels: FlowLabels | undefined): void;
}

/** Above the longest record without text from packets and lists, which reserve their own room. */
const RECORD_ROOM = 4096;
const QUOTE = 0x22;
const COMMA = 0x2c;
const TAB = 0x09;
const NEWLINE = 0x0a;

const TRUE = new Ascii("true");
const FALSE = new Ascii("false");

/** What Zeek's JSON logs hold, and more: an unset field is absent. */
class JsonSink implements RecordSink {
  w = new ByteWriter(0);
  readonly asZeek = false;
  readonly connLogOnly = false;

  open(field: RecordField): void {
    this.w.ascii(field.json);
  }

  close(field: RecordField): void {
    if (field.quoted) this.w.byte(QUOTE);
  }

  unset(): void {}

  bool(field: RecordField, value: boolean): void {
    this.w.ascii(field.json);
    this.w.ascii(value ? TRUE : FALSE);
  }

  text(field: RecordField, value: string): void {
    this.w.ascii(field.json);
    this.w.text(JSON.stringify(value));
    this.w.reserve(RECORD_ROOM);
  }

  list(field: RecordField, values: readonly (string | number)[]): void {
    this.w.ascii(field.json);
    this.w.text(JSON.stringify(values));
    this.w.reserve(RECORD_ROOM);
  }
}

const jsonSink = new JsonSink();

export const jsonFormat: RecordFormat = {
  header: "",
  footer: () => "",
  write(w, table, row, labels) {
    w.reserve(RECORD_ROOM);
    const start = w.length;
    jsonSink.w = w;
    describeRow(jsonSink, table, row, labels);
    // Every field begins with a comma.
    w.bytes[start] = 0x7b;
    w.byte(0x7d);
    w.byte(NEWLINE);
  },
};

/** Values between separators: CSV, and Zeek's logs. */
abstract class SeparatedSink implements RecordSink {
  w = new ByteWriter(0);
  abstract readonly asZeek: boolean;
  abstract readonly connLogOnly: boolean;
  /** Written behind each value; the last one becomes the end of the line. */
  protected abstract readonly separator: number;

  abstract unset(): void;
  abstract bool(field: RecordField, value: boolean): void;
  protected abstract escape(value: string): string;

  open(): void {}

  close(): void {
    this.w.byte(this.separator);
  }

  text(_field: RecordField, value: string): void {
    this.w.text(this.escape(value));
    this.w.reserve(RECORD_ROOM);
    this.close();
  }

  list(field: RecordField, values: readonly (string | number)[]): void {
    this.text(field, values.join(","));
  }

  write(w: ByteWriter, table: FlowTable, row: number, labels: FlowLabels | undefined): void {
    w.reserve(RECORD_ROOM);
    this.w = w;
    describeRow(this, table, row, labels);
    w.bytes[w.length - 1] = NEWLINE;
  }
}

/** The same fields as JSON; an unset one is empty. */
class CsvSink extends SeparatedSink {
  readonly asZeek = false;
  readonly connLogOnly = false;
  protected readonly separator = COMMA;

  unset(): void {
    this.close();
  }

  bool(_field: RecordField, value: boolean): void {
    this.w.ascii(value ? TRUE : FALSE);
    this.close();
  }

  protected escape(value: string): string {
    return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  }
}

const csvSink = new CsvSink();

export const csvFormat: RecordFormat = {
  header: `${RECORD_FIELDS.map((field) => field.name).join(",")}\n`,
  footer: () => "",
  write: (w, table, row, labels) => csvSink.write(w, table, row, labels),
};

/** `-` for unset; bytes that would break a line, and backslashes, as \xNN. */
class ZeekSink extends SeparatedSink {
  readonly asZeek = true;
  readonly connLogOnly = true;
  protected readonly separator = TAB;

  unset(): void {
    this.w.byte(0x2d);
    this.close();
  }

  bool(_field: RecordField, value: boolean): void {
    this.w.byte(value ? 0x54 : 0x46);
    this.close();
  }

  protected escape(value: string): string {
    return value.replace(/[\\\u0000-\u001f\u007f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
  }
}

const zeekTime = () => new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");

/** A conn.log as Zeek's ASCII writer makes it. */
export function zeekFormat(): RecordFormat {
  const fields = RECORD_FIELDS.filter((field) => field.zeekType !== null);
  const sink = new ZeekSink();
  return {
    header: [
      "#separator \\x09",
      "#set_separator\t,",
      "#empty_field\t(empty)",
      "#unset_field\t-",
      "#path\tconn",
      `#open\t${zeekTime()}`,
      `#fields\t${fields.map((field) => field.name).join("\t")}`,
      `#types\t${fields.map((field) => field.zeekType).join("\t")}`,
      "",
    ].join("\n"),
    footer: () => `#close\t${zeekTime()}\n`,
    write: (w, table, row, labels) => sink.write(w, table, row, labels),
  };
}
