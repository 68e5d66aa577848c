/** The formats the engine writes records in: their numbers (engine/record/format.ts), and what comes before and after the records. */
import { type ConnectionField, FIELDS } from "../tables/fields.ts";

export type RecordFormatName = "json" | "csv" | "zeek";

export interface RecordFormat {
  readonly number: number;
  header(): string;
  footer(): string;
}

const written = (FIELDS as readonly ConnectionField[]).filter(({ zeek }) => zeek !== undefined);
const zeekTime = () => new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
const nothing = () => "";

export const RECORD_FORMATS: Readonly<Record<RecordFormatName, RecordFormat>> = {
  json: { number: 0, header: nothing, footer: nothing },
  csv: { number: 1, header: () => `${written.map(({ name }) => name).join(",")}\n`, footer: nothing },
  zeek: { number: 2, header: zeekHeader, footer: () => `#close\t${zeekTime()}\n` },
};

/** As Zeek's ASCII writer begins a conn.log. */
function zeekHeader(): string {
  const fields = written.filter(({ zeek }) => zeek !== null);
  return [
    "#separator \\x09",
    "#set_separator\t,",
    "#empty_field\t(empty)",
    "#unset_field\t-",
    "#path\tconn",
    `#open\t${zeekTime()}`,
    `#fields\t${fields.map(({ name }) => name).join("\t")}`,
    `#types\t${fields.map(({ zeek }) => zeek).join("\t")}`,
    "",
  ].join("\n");
}
