/** A connection record as an object: its type follows from the table of fields. */
import type { FIELDS, FieldKind } from "../tables/fields.ts";

type Field = (typeof FIELDS)[number];
type Written = Extract<Field, { readonly zeek: string | null }>;
type Optional = Extract<Written, { readonly optional: true }>;

/** What JSON has for a kind of field. */
type ValueOf<Kind extends FieldKind> = Kind extends "bool"
  ? boolean
  : Kind extends "count" | "time" | "interval"
    ? number
    : Kind extends "strings"
      ? readonly string[]
      : Kind extends "numbers"
        ? readonly number[]
        : string;

/**
 * A connection as `tapscope flows --format json` writes it (docs/reference/conn-records.md): Zeek's conn.log fields, and more.
 * An unset field is absent. Nanosecond times are decimal strings.
 */
export type ConnectionRecord = {
  readonly [F in Exclude<Written, Optional> as F["name"]]: ValueOf<F["kind"]>;
} & {
  readonly [F in Optional as F["name"]]?: ValueOf<F["kind"]>;
};
