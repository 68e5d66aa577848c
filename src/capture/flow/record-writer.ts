/** Streams connection records to an output in big pieces. */
import { ByteWriter } from "./byte-writer.ts";
import type { FlowLabels } from "./record.ts";
import type { RecordFormat } from "./record-formats.ts";
import type { FlowTable } from "./table.ts";

/** Bytes gathered before they are handed on. */
const PIECE = 256 * 1024;

export class RecordWriter {
  #writer = new ByteWriter();
  readonly #format: RecordFormat;
  readonly #output: (bytes: Buffer) => boolean;

  /** `output` gets pieces of bytes, and tells whether it is done with them; else they are its own to keep. */
  constructor(format: RecordFormat, output: (bytes: Buffer) => boolean) {
    this.#format = format;
    this.#output = output;
    this.#writer.text(format.header);
  }

  write(table: FlowTable, row: number, labels?: FlowLabels): void {
    this.#format.write(this.#writer, table, row, labels);
    if (this.#writer.length >= PIECE) this.flush();
  }

  /** Hands on what has been gathered. */
  flush(): void {
    const { bytes, length } = this.#writer;
    if (length === 0) return;
    if (!this.#output(bytes.subarray(0, length))) this.#writer = new ByteWriter();
    this.#writer.length = 0;
  }

  end(): void {
    this.#writer.text(this.#format.footer());
    this.flush();
  }
}
