/** The fields that connections can be sorted by (`--sort`). */
import { type ConnectionField, FIELDS } from "../tables/fields.ts";
import { type FieldName, numberField } from "./fields.ts";
import type { Rows, RowValue } from "./rows.ts";

type Sorting = Extract<(typeof FIELDS)[number], { readonly sorts: true }>["name"];

export const SORT_FIELDS = (FIELDS as readonly ConnectionField[])
  .filter(({ sorts }) => sorts)
  .map(({ name }) => name) as readonly Sorting[];

export function isSortField(name: string): name is Sorting {
  return (SORT_FIELDS as readonly string[]).includes(name);
}

/** What connections are sorted by: the field's value, and for those that have none one below all others. */
export function sortValue(rows: Rows, name: Sorting): RowValue {
  const value = numberField(rows, name satisfies FieldName);
  return (row) => {
    const number = value(row);
    return Number.isNaN(number) ? -1 : number;
  };
}
