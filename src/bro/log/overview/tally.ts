/**
 * What one log is summed up to: rows, span, and by its kind the values of some of its fields. Rows are looked at as bytes; sums
 * of parts of a log, or of a set of rotated logs, can be added.
 */
import type { LogSchema } from "../../format/header.ts";
import { Column, type Row } from "../row.ts";
import { Rows } from "../rows.ts";
import { timeUs } from "../values.ts";
import { ByteCounter, type PlainCounter } from "./byte-counter.ts";
import { type PlainBins, TimeBins } from "./time-bins.ts";

/** The fields whose values are counted, by kind of log. */
export const COUNTED_FIELDS: Readonly<Record<string, readonly string[]>> = {
  conn: ["service", "conn_state", "proto"],
  dns: ["query", "rcode_name", "qtype_name"],
  files: ["mime_type", "source"],
  http: ["host", "status_code", "method"],
  notice: ["note"],
  ssl: ["server_name", "version"],
  weird: ["name"],
};
/** Those counted with bytes: hosts, and ports of responders. */
const HOSTS = "hosts";
const PORTS = "ports";

export interface PlainTally {
  readonly firstUs: number;
  readonly lastUs: number;
  readonly counters: readonly (readonly [string, PlainCounter])[];
  readonly bins: PlainBins;
}

interface FieldCounter {
  readonly column: Column;
  readonly counter: ByteCounter;
}

const TS = new Column("ts");
const ORIG = new Column("id.orig_h");
const RESP = new Column("id.resp_h");
const PORT = new Column("id.resp_p");
const PROTO = new Column("proto");

export class Tally extends Rows {
  firstUs = Number.POSITIVE_INFINITY;
  lastUs = Number.NEGATIVE_INFINITY;
  readonly counters = new Map<string, ByteCounter>();
  readonly bins = new TimeBins();
  readonly #onSchema: ((schema: LogSchema) => void) | null;
  readonly #kind: string;
  #fields: readonly FieldCounter[] = [];
  #isConn = false;
  #sent = new Column("orig_ip_bytes");
  #received = new Column("resp_ip_bytes");
  readonly #key = Buffer.alloc(64);
  #hosts = new ByteCounter();
  #ports = new ByteCounter();

  /** @param kind of the log, where it does not say so itself */
  constructor(kind: string, onSchema: ((schema: LogSchema) => void) | null = null) {
    super((row) => this.#add(row));
    this.#kind = kind;
    this.#onSchema = onSchema;
  }

  override schema(schema: LogSchema): void {
    super.schema(schema);
    this.#onSchema?.(schema);
    const kind = schema.path ?? this.#kind;
    this.#isConn = kind === "conn";
    if (this.#isConn) {
      this.#hosts = this.#counter(HOSTS);
      this.#ports = this.#counter(PORTS);
    }
    this.#fields = (COUNTED_FIELDS[kind] ?? []).map((name) => ({
      column: new Column(name),
      counter: this.#counter(name),
    }));
    if (schema.format === "tsv" && !schema.fields.includes("orig_ip_bytes")) {
      this.#sent = new Column("orig_bytes");
      this.#received = new Column("resp_bytes");
    }
  }

  #counter(name: string): ByteCounter {
    let counter = this.counters.get(name);
    if (!counter) {
      counter = new ByteCounter();
      this.counters.set(name, counter);
    }
    return counter;
  }

  #add(row: Row): void {
    const us = timeUs(row, TS.of(row));
    if (us < this.firstUs) this.firstUs = us;
    if (us > this.lastUs) this.lastUs = us;
    const sent = this.#isConn ? count(row, this.#sent.of(row)) : 0;
    const received = this.#isConn ? count(row, this.#received.of(row)) : 0;
    for (const { column, counter } of this.#fields) {
      const index = column.of(row);
      if (row.has(index)) counter.add(row.buffer, textStart(row, index), textEnd(row, index), sent, received);
    }
    if (!this.#isConn) return;
    if (!Number.isNaN(us)) this.bins.add(us, sent + received);
    this.#host(row, ORIG.of(row), sent, received);
    this.#host(row, RESP.of(row), received, sent);
    this.#port(row, sent, received);
  }

  #host(row: Row, index: number, sent: number, received: number): void {
    if (!row.has(index)) return;
    this.#hosts.add(row.buffer, textStart(row, index), textEnd(row, index), sent, received);
  }

  /** By `443/tcp`. */
  #port(row: Row, sent: number, received: number): void {
    const port = PORT.of(row);
    const proto = PROTO.of(row);
    if (!row.has(port) || !row.has(proto)) return;
    const length = row.ends[port]! - row.starts[port]!;
    const name = textEnd(row, proto) - textStart(row, proto);
    if (length + name + 1 > this.#key.length) return;
    for (let i = 0; i < length; i++) this.#key[i] = row.buffer[row.starts[port]! + i]!;
    this.#key[length] = 0x2f;
    for (let i = 0; i < name; i++) this.#key[length + 1 + i] = row.buffer[textStart(row, proto) + i]!;
    this.#ports.add(this.#key, 0, length + 1 + name, sent, received);
  }

  end(): void {}

  plain(): PlainTally {
    return {
      firstUs: this.firstUs,
      lastUs: this.lastUs,
      counters: [...this.counters].map(([name, counter]) => [name, counter.plain()]),
      bins: this.bins.plain(),
    };
  }
}

/** Sums of several logs, or parts of one, added. */
export class Sum {
  firstUs = Number.POSITIVE_INFINITY;
  lastUs = Number.NEGATIVE_INFINITY;
  readonly counters = new Map<string, ByteCounter>();
  readonly bins = new TimeBins();

  /** Adds the time alone. */
  span({ firstUs, lastUs }: PlainTally): void {
    this.firstUs = Math.min(this.firstUs, firstUs);
    this.lastUs = Math.max(this.lastUs, lastUs);
  }

  add(tally: PlainTally): void {
    const { counters, bins } = tally;
    this.span(tally);
    for (const [name, plain] of counters) {
      const counter = this.counters.get(name) ?? new ByteCounter();
      this.counters.set(name, counter);
      counter.merge(plain);
    }
    this.bins.merge(bins);
  }
}

/** A text's bytes: of JSON those between the quotation marks. */
function textStart(row: Row, index: number): number {
  const start = row.starts[index]!;
  return row.schema.format === "json" && row.buffer[start] === 0x22 ? start + 1 : start;
}

function textEnd(row: Row, index: number): number {
  const end = row.ends[index]!;
  return row.schema.format === "json" && row.buffer[row.starts[index]!] === 0x22 ? end - 1 : end;
}

/** A count of the row, 0 when it is unset or is none. */
function count(row: Row, index: number): number {
  if (index < 0 || index >= row.count || row.starts[index]! < 0) return 0;
  const end = row.ends[index]!;
  let value = 0;
  for (let i = row.starts[index]!; i < end; i++) {
    const digit = row.buffer[i]! - 48;
    if (digit < 0 || digit > 9) return 0;
    value = value * 10 + digit;
  }
  return value;
}
