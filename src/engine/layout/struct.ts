/**
 * How a record of numbers lies in the engine's memory. A layout is declared once, here in TypeScript: the engine's side (a class with
 * getters and setters, generate.ts) and the host's side (getters over its views, host/view.ts) are both derived from it, offsets included.
 */

/** The bytes of each scalar type, named as AssemblyScript names them. */
const SIZES = { bool: 1, u8: 1, u16: 2, u32: 4, i32: 4, u64: 8, i64: 8 } as const;

export type Scalar = keyof typeof SIZES;

/** What a field is: a number, so many bytes, or another record. */
export type FieldType = Scalar | { readonly bytes: number } | { readonly struct: Struct };

export interface Field {
  readonly type: FieldType;
  /** What it holds: its comment on the engine's side. */
  readonly meaning: string;
  /** It is another view of the memory that begins with this field. */
  readonly over?: string;
}

export interface PlacedField extends Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

export interface Struct<Names extends string = string> {
  readonly name: string;
  readonly meaning: string;
  /** Bytes of one record, a multiple of `align`. */
  readonly size: number;
  readonly align: number;
  readonly fields: { readonly [name in Names]: PlacedField };
}

export function field(type: FieldType, meaning: string): Field {
  return { type, meaning };
}

/** A second view of a field and what follows it: two 16-bit numbers as one of 32 bits. */
export function overlay(type: Scalar, over: string, meaning: string): Field {
  return { type, over, meaning };
}

/** Places the fields in the order given, each at a multiple of its own size. */
export function struct<Names extends string>(
  name: string,
  meaning: string,
  fields: { readonly [field in Names]: Field },
  { align = 8 }: { readonly align?: number } = {},
): Struct<Names> {
  let offset = 0;
  const placed = {} as { [field in Names]: PlacedField };
  for (const [key, declared] of Object.entries<Field>(fields)) {
    const { size, align: step } = extent(declared.type);
    if (declared.over !== undefined) {
      placed[key as Names] = { ...declared, name: key, offset: placed[declared.over as Names].offset, size };
      continue;
    }
    offset = roundUp(offset, step);
    placed[key as Names] = { ...declared, name: key, offset, size };
    offset += size;
  }
  return { name, meaning, size: roundUp(offset, align), align, fields: placed };
}

function extent(type: FieldType): { readonly size: number; readonly align: number } {
  if (typeof type === "string") return { size: SIZES[type], align: SIZES[type] };
  if ("struct" in type) return { size: type.struct.size, align: 8 };
  return { size: type.bytes, align: type.bytes % 8 === 0 ? 8 : type.bytes % 4 === 0 ? 4 : 1 };
}

export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
