/**
 * OVSDB's values in JSON (RFC 7047 §5.1): a set of one element is the bare element, an empty one `["set",[]]`; a map is
 * `["map",[[k,v],…]]`; a reference `["uuid","…"]`. Whatever else a server sends reads as empty.
 */

/** A row as `select` and `monitor` give it. */
export type Row = Readonly<Record<string, unknown>>;

function tagged(value: unknown, tag: string): unknown {
  return Array.isArray(value) && value.length === 2 && value[0] === tag ? value[1] : undefined;
}

/** The elements of a set column, references as their UUID. */
export function atoms(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  const set = tagged(value, "set");
  const elements = Array.isArray(set) ? set : [value];
  return elements.map((element) => tagged(element, "uuid") ?? element);
}

export function strings(value: unknown): string[] {
  return atoms(value).filter((atom): atom is string => typeof atom === "string");
}

export function numbers(value: unknown): number[] {
  return atoms(value).filter((atom): atom is number => typeof atom === "number");
}

/** The one string of a scalar or optional column. */
export function string(value: unknown): string | null {
  return strings(value)[0] ?? null;
}

export function number(value: unknown): number | null {
  return numbers(value)[0] ?? null;
}

export function boolean(value: unknown): boolean {
  return atoms(value)[0] === true;
}

/** A map column. Values that are numbers stay numbers. */
export function map<T extends string | number>(value: unknown): ReadonlyMap<string, T> {
  const entries = tagged(value, "map");
  const result = new Map<string, T>();
  if (!Array.isArray(entries)) return result;
  for (const entry of entries) {
    if (Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string") result.set(entry[0], entry[1] as T);
  }
  return result;
}
