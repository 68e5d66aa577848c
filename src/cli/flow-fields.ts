/** `tapscope flows --fields`: what records hold, what they are sorted by, what filters know. */
import { DISPLAY_FIELDS } from "../capture/filter/display-fields.ts";
import { SORT_FIELDS } from "../engine/host/sort-fields.ts";
import { type ConnectionField, FIELDS } from "../engine/tables/fields.ts";
import { print, printJson } from "./context.ts";

const fields: readonly ConnectionField[] = FIELDS;

/** Links and code marks are for the page that the descriptions stand in, too. */
const plain = (about: string) => about.replaceAll(/\[(\w+)\]\([^)]*\)/g, "$1").replaceAll("`", "");

export function printFields(json: boolean): void {
  const records = fields
    .filter(({ zeek }) => zeek !== undefined)
    .map(({ name, zeek, about }) => ({ name, type: zeek ?? null, about: plain(about) }));
  const filters = DISPLAY_FIELDS.filter((field) => field.of !== "packet").map(({ name, type, about }) => ({
    name,
    type,
    about: plain(about),
  }));
  if (json) {
    printJson({ records, sort: SORT_FIELDS, filters });
    return;
  }
  print("Fields of records (--json, --format csv); those with a type are in conn.log (--format zeek), too:");
  printRows(records.map(({ name, type, about }) => [name, type ?? "-", about]));
  print(`\n--sort: ${SORT_FIELDS.join(", ")}`);
  print("\nFields of --where (docs/reference/display-filter.md):");
  printRows(filters.map(({ name, type, about }) => [name, type, about]));
}

function printRows(rows: readonly (readonly [string, string, string])[]): void {
  const width = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length));
  const [first, second] = [width(0), width(1)];
  for (const [name, type, about] of rows) print(`  ${name.padEnd(first)}  ${type.padEnd(second)}  ${about}`);
}
