/** A connection's fields (tables/fields.ts) read by their names. */
import { FIELDS } from "../tables/fields.ts";
import type { Rows, RowValue } from "./rows.ts";

export type FieldName = (typeof FIELDS)[number]["name"];

/** The ordinal of a field: what the engine knows it by. */
export function fieldNumber(name: FieldName): number {
  return FIELDS.findIndex((field) => field.name === name);
}

/** A field that is a number, times and intervals in seconds; NaN where it is unset. */
export function numberField(rows: Rows, name: FieldName): RowValue {
  const field = fieldNumber(name);
  return (row) => rows.fieldNumber(field, row);
}

/** A field that is text, as it is written in CSV without quotes; undefined where it is unset. */
export function textField(rows: Rows, name: FieldName): (row: number) => string | undefined {
  const field = fieldNumber(name);
  return (row) => rows.fieldText(field, row);
}
