/** Rows as lines: Zeek's TSV with its header, or JSON, one object a line. */
import { formatNs } from "../../core/time.ts";
import type { LogField, LogRow, LogSchema, LogValue, ZeekType } from "./schema.ts";
import { escapeWireText } from "./text.ts";

export type ZeekLogFormat = "tsv" | "json";

const UNSET = "-";
const EMPTY = "(empty)";

/** What turns the rows of one log into lines, each with its line feed. */
export interface LineFormat {
  readonly format: ZeekLogFormat;
  header(schema: LogSchema, openedNs: bigint): string;
  line(schema: LogSchema, row: LogRow): string;
  footer(closedNs: bigint): string;
}

/** Zeek's name of a moment in `#open` and `#close`: local time. */
function stamp(ns: bigint): string {
  const at = new Date(Number(ns / 1_000_000n));
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = [String(at.getFullYear()), two(at.getMonth() + 1), two(at.getDate())];
  return [...date, two(at.getHours()), two(at.getMinutes()), two(at.getSeconds())].join("-");
}

function inner(type: ZeekType): { readonly container: boolean; readonly element: ZeekType } {
  const match = /^(?:vector|set)\[(.+)\]$/.exec(type);
  return match ? { container: true, element: match[1] as ZeekType } : { container: false, element: type };
}

function tsvScalar(type: ZeekType, value: LogValue, separator: string): string {
  if (value === undefined) return UNSET;
  switch (type) {
    case "time":
    case "interval":
      return formatNs(value as bigint);
    case "bool":
      return value ? "T" : "F";
    case "string": {
      const text = value as string;
      if (text === UNSET) return "\\x2d";
      if (text === EMPTY) return "\\x28empty)";
      return text === "" ? EMPTY : escapeWireText(text, separator);
    }
    default:
      return String(value);
  }
}

function tsvValue({ type }: LogField, value: LogValue): string {
  const { container, element } = inner(type);
  if (!container) return tsvScalar(type, value, "\t");
  if (value === undefined) return UNSET;
  const values = value as readonly LogValue[];
  return values.length === 0 ? EMPTY : values.map((item) => tsvScalar(element, item, ",")).join(",");
}

export const zeekTsv: LineFormat = {
  format: "tsv",
  header: ({ path, fields }, openedNs) =>
    [
      "#separator \\x09",
      "#set_separator\t,",
      `#empty_field\t${EMPTY}`,
      `#unset_field\t${UNSET}`,
      `#path\t${path}`,
      `#open\t${stamp(openedNs)}`,
      ["#fields", ...fields.map(({ name }) => name)].join("\t"),
      ["#types", ...fields.map(({ type }) => type)].join("\t"),
      "",
    ].join("\n"),
  line: ({ fields }, row) => `${fields.map((field) => tsvValue(field, row[field.name])).join("\t")}\n`,
  footer: (closedNs) => `#close\t${stamp(closedNs)}\n`,
};

function jsonScalar(type: ZeekType, value: LogValue): string {
  if (value === undefined) return "null";
  switch (type) {
    case "time":
    case "interval":
      return formatNs(value as bigint);
    case "string":
    case "addr":
    case "enum":
      return JSON.stringify(escapeWireText(value as string));
    default:
      return String(value);
  }
}

function jsonValue({ type }: LogField, value: LogValue): string {
  const { container, element } = inner(type);
  if (!container) return jsonScalar(type, value);
  return `[${(value as readonly LogValue[]).map((item) => jsonScalar(element, item)).join(",")}]`;
}

export const zeekJson: LineFormat = {
  format: "json",
  header: () => "",
  line: ({ fields }, row) => {
    const set = fields.filter(({ name }) => row[name] !== undefined);
    return `{${set.map((field) => `${JSON.stringify(field.name)}:${jsonValue(field, row[field.name])}`).join(",")}}\n`;
  },
  footer: () => "",
};
