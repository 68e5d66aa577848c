/** A field of a row as it is written in TSV, JSON and CSV, from either format, its text kept exact. */
import type { LogSchema } from "../../format/header.ts";
import { jsonText } from "../json.ts";
import type { Row } from "../row.ts";
import { decodeText } from "../values.ts";
import type { OutputBuffer } from "./output.ts";

const QUOTE = 0x22;
const LIST = 0x5b;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;
const NUMBERS = new Set(["time", "interval", "count", "int", "port", "double"]);

/** Writes a field as in Zeek's TSV; `-` when it is unset. */
export function writeTsv(out: OutputBuffer, row: Row, index: number): void {
  if (row.schema.format === "tsv") {
    out.copy(row.buffer, row.starts[index]!, row.ends[index]!);
    return;
  }
  out.text(row.has(index) ? tsvOfJson(row, index) : "-");
}

/** Writes a field that is set as JSON. */
export function writeJson(out: OutputBuffer, row: Row, index: number): void {
  const { schema } = row;
  if (schema.format === "json") out.copy(row.buffer, row.starts[index]!, row.ends[index]!);
  else out.text(jsonOfTsv(row.raw(index), schema.types[index]!, schema));
}

/** Writes a field for CSV: nothing when it is unset, `""` for an empty text or set, else as in TSV. */
export function writeCsv(out: OutputBuffer, row: Row, index: number): void {
  if (!row.has(index)) return;
  const { schema } = row;
  const raw = schema.format === "tsv" ? row.raw(index) : Buffer.from(tsvOfJson(row, index)).toString("latin1");
  writeCsvText(out, raw === schema.emptyField ? "" : raw);
}

/** Writes text (one character a byte) as a cell of CSV that is not unset. */
export function writeCsvText(out: OutputBuffer, text: string): void {
  const quoted = text === "" || /[",\r\n]/.test(text);
  out.text(quoted ? `"${text.replaceAll('"', '""')}"` : text, "latin1");
}

function jsonOfTsv(raw: string, type: string, schema: LogSchema): string {
  const elements = /^(?:set|vector|table|list)\[(.*)\]$/.exec(type)?.[1];
  if (elements !== undefined) {
    if (raw === schema.emptyField) return "[]";
    const parts = raw.split(schema.setSeparator);
    return `[${parts.map((part) => (part === schema.unsetField ? "null" : jsonOfTsv(part, elements, schema))).join(",")}]`;
  }
  if (NUMBERS.has(type)) {
    if (NUMBER.test(raw)) return raw;
    // JSON has no infinity; a masked or converted time stays text.
    return type === "double" ? "null" : JSON.stringify(decodeText(raw));
  }
  if (type === "bool" && (raw === "T" || raw === "F")) return raw === "T" ? "true" : "false";
  return JSON.stringify(raw === schema.emptyField ? "" : decodeText(raw));
}

function tsvOfJson(row: Row, index: number): string {
  const start = row.starts[index]!;
  const end = row.ends[index]!;
  const first = row.buffer[start];
  if (first === QUOTE) return tsvText(jsonText(row.buffer, start, end) ?? "", false);
  if (first === LIST) {
    try {
      return tsvList(
        JSON.parse(row.buffer.toString("utf8", start, end)) as unknown[],
        row.buffer.toString("latin1", start, end),
      );
    } catch {
      return "-";
    }
  }
  const raw = row.raw(index);
  return raw === "true" ? "T" : raw === "false" ? "F" : raw;
}

function tsvList(values: readonly unknown[], raw: string): string {
  if (values.length === 0) return "(empty)";
  // Numbers as they are written.
  if (values.every((value) => typeof value === "number")) return raw.slice(1, -1).replaceAll(/\s/g, "");
  return values
    .map((value) => {
      if (value === null) return "-";
      if (typeof value === "boolean") return value ? "T" : "F";
      return tsvText(typeof value === "string" ? value : JSON.stringify(value), true);
    })
    .join(",");
}

/**
 * Text as Zeek's ASCII writer escapes it. In JSON, bytes that are not UTF-8 are `\xHH` already.
 */
function tsvText(text: string, element: boolean): string {
  if (text === "") return "(empty)";
  if (text === "-") return "\\x2d";
  if (text === "(empty)") return "\\x28empty)";
  const escaped = text.replace(/\\(?!x[0-9a-fA-F]{2})|[\u0000-\u001f\u007f]/g, (c) => (c === "\\" ? "\\\\" : hex(c)));
  return element ? escaped.replaceAll(",", "\\x2c") : escaped;
}

function hex(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
