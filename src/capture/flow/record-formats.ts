/** Connection records as text: one JSON object a line, CSV (RFC 4180), and Zeek's own tab-separated conn.log. */
import type { ByteWriter } from "./byte-writer.ts";
import { FIELDS, type Field, type FlowLabels, ZEEK_FIELDS } from "./fields.ts";
import type { FlowTable } from "./table.ts";

/** Writes records of one format; `header` comes before the first, `footer` after the last. */
export interface RecordFormat {
  readonly header: string;
  footer(): string;
  write(w: ByteWriter, table: FlowTable, row: number, labels: FlowLabels | undefined): void;
}

/** Above the longest record without text from packets, whose fields reserve their own room. */
const RECORD_ROOM = 4096;
const QUOTE = 0x22;
const COMMA = 0x2c;
const NEWLINE = 0x0a;

const jsonNames = FIELDS.map((field) => Buffer.from(`,"${field.name}":`, "latin1"));

/** What Zeek's JSON logs hold, and more: an unset field is absent. */
export const jsonFormat: RecordFormat = {
  header: "",
  footer: () => "",
  write(w, table, row, labels) {
    w.reserve(RECORD_ROOM);
    const start = w.length;
    for (let i = 0; i < FIELDS.length; i++) putJson(w, FIELDS[i]!, jsonNames[i]!, table, row, labels);
    w.bytes[start] = 0x7b;
    w.byte(0x7d);
    w.byte(NEWLINE);
  },
};

function putJson(w: ByteWriter, f: Field, name: Uint8Array, t: FlowTable, row: number, labels?: FlowLabels): void {
  const start = w.length;
  w.raw(name);
  const { kind } = f;
  const opening = kind === "list" || kind === "numbers" ? 0x5b : QUOTE;
  const bare = kind === "number" || kind === "bool";
  if (!bare) w.byte(opening);
  const value = w.length;
  if (!f.put(w, t, row, labels)) {
    w.length = start;
    return;
  }
  if (bare) return;
  if (kind === "plain") w.byte(QUOTE);
  else if (kind === "numbers") w.byte(0x5d);
  else {
    // Rare enough for strings.
    const text = w.bytes.toString("utf8", value, w.length);
    w.length = value - 1;
    w.text(JSON.stringify(kind === "list" ? text.split(",") : text));
    w.reserve(RECORD_ROOM);
  }
}

/** The same fields as JSON; an unset one is empty. */
export const csvFormat: RecordFormat = {
  header: `${FIELDS.map((field) => field.name).join(",")}\n`,
  footer: () => "",
  write(w, table, row, labels) {
    w.reserve(RECORD_ROOM);
    for (const [i, field] of FIELDS.entries()) {
      if (i > 0) w.byte(COMMA);
      const start = w.length;
      if (!field.put(w, table, row, labels) || field.kind === "number" || field.kind === "plain") continue;
      const text = w.bytes.toString("utf8", start, w.length);
      if (!/[",\r\n]/.test(text)) continue;
      w.length = start;
      w.text(`"${text.replaceAll('"', '""')}"`);
      w.reserve(RECORD_ROOM);
    }
    w.byte(NEWLINE);
  },
};

const zeekTime = () => new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");

/** A conn.log as Zeek's ASCII writer makes it: `-` for unset, sets joined by commas. */
export function zeekFormat(): RecordFormat {
  return {
    header: [
      "#separator \\x09",
      "#set_separator\t,",
      "#empty_field\t(empty)",
      "#unset_field\t-",
      "#path\tconn",
      `#open\t${zeekTime()}`,
      `#fields\t${ZEEK_FIELDS.map((field) => field.name).join("\t")}`,
      `#types\t${ZEEK_FIELDS.map((field) => field.zeekType).join("\t")}`,
      "",
    ].join("\n"),
    footer: () => `#close\t${zeekTime()}\n`,
    write(w, table, row, labels) {
      w.reserve(RECORD_ROOM);
      for (const [i, field] of ZEEK_FIELDS.entries()) {
        if (i > 0) w.byte(0x09);
        const start = w.length;
        const set = field.putZeek ? field.putZeek(w, table, row) : field.put(w, table, row, labels);
        if (!set) w.byte(0x2d);
        else if (field.kind === "text") escapeZeek(w, start);
      }
      w.byte(NEWLINE);
    },
  };
}

/** Zeek writes bytes that would break a line, and backslashes, as \xNN. */
function escapeZeek(w: ByteWriter, start: number): void {
  const text = w.bytes.toString("utf8", start, w.length);
  const escaped = text.replace(
    /[\\\u0000-\u001f\u007f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  if (escaped === text) return;
  w.length = start;
  w.text(escaped);
  w.reserve(RECORD_ROOM);
}
