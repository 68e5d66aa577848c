/** Which fields of a schema are cut out. */
import type { LogSchema } from "../../format/header.ts";
import type { CutOptions } from "./options.ts";

/** A column of the output: its name, and the field's index, -1 where the rows have no such field. */
export interface ChosenColumn {
  readonly name: string;
  readonly index: number;
}

export function chooseColumns(schema: LogSchema, options: Pick<CutOptions, "columns" | "except">): ChosenColumn[] {
  const { columns, except } = options;
  if (columns.length > 0 && !except) return columns.map((name) => ({ name, index: schema.fields.indexOf(name) }));
  return schema.fields.map((name, index) => ({ name, index })).filter(({ name }) => !columns.includes(name));
}
