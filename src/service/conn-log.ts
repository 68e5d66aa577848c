/** conn.log: the engine's connection records in Zeek's fields. The engine writes the lines; this is what their header says. */
import { type ConnectionField, FIELDS } from "../engine/tables/fields.ts";
import { logSchema, type ZeekType } from "./log/schema.ts";

export const connLog = logSchema(
  "conn",
  Object.fromEntries(
    (FIELDS as readonly ConnectionField[])
      .filter(({ zeek }) => zeek !== undefined && zeek !== null)
      .map(({ name, zeek }) => [name, zeek as ZeekType]),
  ),
);
