/**
 * Connection records as Apache Parquet (the format's specification: parquet.apache.org): a column a field of the record, in row groups,
 * dictionary-encoded and compressed with Snappy. Memory is that of one row group, whatever the file's size.
 */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { ConnectionRecord } from "../engine/host/connection-record.ts";
import { type ConnectionField, FIELDS, type FieldKind } from "../engine/tables/fields.ts";

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];

/** Rows of a row group: DuckDB and Spark read groups in parallel, and prune by their statistics. */
const ROW_GROUP = 50_000;

type Column = unknown[];

/** How a kind of field stands in the file. */
interface ParquetKind {
  readonly elements: (name: string, optional: boolean) => SchemaElement[];
  /** From the record's value, as its JSON has it. */
  readonly value: (value: never) => unknown;
}

function scalar(type: SchemaElement["type"], converted?: SchemaElement["converted_type"]): ParquetKind["elements"] {
  return (name, optional) => [
    {
      name,
      type,
      ...(converted === undefined ? {} : { converted_type: converted }),
      repetition_type: optional ? "OPTIONAL" : "REQUIRED",
    } as SchemaElement,
  ];
}

function list(element: Partial<SchemaElement>): ParquetKind["elements"] {
  return (name) => [
    { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" } as SchemaElement,
    { name: "list", repetition_type: "REPEATED", num_children: 1 } as SchemaElement,
    { name: "element", repetition_type: "REQUIRED", ...element } as SchemaElement,
  ];
}

const same = (value: never): unknown => value;
const text: ParquetKind = { elements: scalar("BYTE_ARRAY", "UTF8"), value: same };
const nanoseconds: ParquetKind = { elements: scalar("INT64"), value: (value: string) => BigInt(value) };

const KINDS: Readonly<Record<FieldKind, ParquetKind>> = {
  // Microseconds: what all engines read. The nanoseconds are in first_ns and last_ns.
  time: { elements: scalar("INT64", "TIMESTAMP_MICROS"), value: (value: number) => BigInt(Math.round(value * 1e6)) },
  interval: { elements: scalar("DOUBLE"), value: same },
  nanoseconds,
  count: { elements: scalar("INT64"), value: (value: number) => BigInt(value) },
  bool: { elements: scalar("BOOLEAN"), value: same },
  name: text,
  string: text,
  text,
  strings: { elements: list({ type: "BYTE_ARRAY", converted_type: "UTF8" }), value: same },
  numbers: { elements: list({ type: "INT32" }), value: same },
};

/** The fields that are written, in the record's order. */
const COLUMNS: readonly ConnectionField[] = (FIELDS as readonly ConnectionField[]).filter(
  ({ zeek }) => zeek !== undefined,
);

/** Hands on what it holds after each row group and at the end, and begins anew; positions in the file go on. */
class PassingWriter extends ByteWriter {
  readonly #write: (bytes: Uint8Array) => void;

  constructor(write: (bytes: Uint8Array) => void) {
    super();
    this.#write = write;
  }

  flush(): void {
    if (this.index > 0) this.#write(new Uint8Array(this.buffer.slice(0, this.index)));
    this.index = 0;
  }

  override finish(): void {
    this.flush();
  }
}

export class ParquetRecords {
  readonly #parquet: ParquetWriter;
  #columns: Column[] = COLUMNS.map(() => []);
  #rows = 0;

  /** @param write takes the file's bytes, in order */
  constructor(write: (bytes: Uint8Array) => void) {
    const output = new PassingWriter(write);
    const fields = COLUMNS.flatMap(({ name, kind, optional }) => KINDS[kind].elements(name, optional === true));
    const root = { name: "connections", num_children: COLUMNS.length } as SchemaElement;
    this.#parquet = new ParquetWriter({ writer: output, schema: [root, ...fields], createdBy: "tapscope" });
  }

  add(record: ConnectionRecord): void {
    const values = record as unknown as Readonly<Record<string, never>>;
    COLUMNS.forEach(({ name, kind }, index) => {
      const value = values[name];
      this.#columns[index]!.push(value === undefined ? null : KINDS[kind].value(value));
    });
    if (++this.#rows >= ROW_GROUP) this.#flush();
  }

  /** Ends the file. */
  finish(): void {
    this.#flush();
    this.#parquet.finish();
  }

  #flush(): void {
    if (this.#rows === 0) return;
    const columnData = COLUMNS.map(({ name }, index) => ({ name, data: this.#columns[index]! }));
    this.#parquet.write({ columnData, rowGroupSize: ROW_GROUP });
    this.#columns = COLUMNS.map(() => []);
    this.#rows = 0;
  }
}
