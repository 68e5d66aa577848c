/**
 * The engine's memory as the host sees it, and typed getters for the records in it, derived from their layouts. When the engine asks
 * for more memory the old views are gone: `refresh` makes them anew, after each call that may have opened a connection.
 */
import type { PlacedField, Scalar, Struct } from "../layout/struct.ts";

const TWO_32 = 2 ** 32;

export class MemoryView {
  readonly memory: WebAssembly.Memory;
  bytes!: Uint8Array;
  /** Signed and unsigned words of 32 bits, halves of them, and whole 64 bits. */
  signed!: Int32Array;
  words!: Uint32Array;
  halves!: Uint16Array;
  bigints!: BigInt64Array;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.refresh();
  }

  refresh(): void {
    const { buffer } = this.memory;
    if (this.bytes?.buffer === buffer) return;
    this.bytes = new Uint8Array(buffer);
    this.signed = new Int32Array(buffer);
    this.words = new Uint32Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.bigints = new BigInt64Array(buffer);
  }
}

/** Reads one field of the record at an address; a 64-bit number as a double, exact up to 2^53. */
export type Getter = (at: number) => number;

/** A getter for each field of a layout; of fields that are bytes or records their address. */
export function gettersOf<Names extends string>(
  view: MemoryView,
  layout: Struct<Names>,
): { readonly [name in Names]: Getter } {
  const getters = {} as { [name in Names]: Getter };
  for (const field of Object.values<PlacedField>(layout.fields)) getters[field.name as Names] = getterOf(view, field);
  return getters;
}

function getterOf(view: MemoryView, { type, offset }: PlacedField): Getter {
  if (typeof type !== "string") return (at) => at + offset;
  switch (type satisfies Scalar) {
    case "bool":
    case "u8":
      return (at) => view.bytes[at + offset]!;
    case "u16":
      return (at) => view.halves[(at + offset) >>> 1]!;
    case "i32":
      return (at) => view.signed[(at + offset) >>> 2]!;
    case "u32":
      return (at) => view.words[(at + offset) >>> 2]!;
    case "u64":
      return (at) => view.words[(at + offset) >>> 2]! + view.words[(at + offset + 4) >>> 2]! * TWO_32;
    case "i64":
      return (at) => view.words[(at + offset) >>> 2]! + view.signed[(at + offset + 4) >>> 2]! * TWO_32;
  }
}

/** Reads a 64-bit field exactly. */
export function bigintGetter<Names extends string>(
  view: MemoryView,
  layout: Struct<Names>,
  name: NoInfer<Names>,
): (at: number) => bigint {
  const { offset } = layout.fields[name];
  return (at) => view.bigints[(at + offset) / 8]!;
}

/** Writes a field of the record at an address: a number, or true and false as 1 and 0. */
export type Setter = (at: number, value: number) => void;

/** A setter for each field of a layout whose fields are numbers of up to 32 bits. */
export function settersOf<Names extends string>(
  view: MemoryView,
  layout: Struct<Names>,
): { readonly [name in Names]: Setter } {
  const setters = {} as { [name in Names]: Setter };
  for (const { name, offset, size } of Object.values<PlacedField>(layout.fields)) {
    setters[name as Names] =
      size === 1
        ? (at, value) => {
            view.bytes[at + offset] = value;
          }
        : (at, value) => {
            view.signed[(at + offset) >>> 2] = value;
          };
  }
  return setters;
}
