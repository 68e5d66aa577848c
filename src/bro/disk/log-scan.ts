/**
 * A quick look at a log while it is copied: is it Zeek's (TSV with its `#` header, or JSON lines), which kind, how many
 * rows, from when to when, and what a killed machine did to it. The full reader of logs is another part; this one counts.
 */
import { finished } from "node:stream/promises";
import { createGunzip, type Gunzip } from "node:zlib";
import { HeaderReader } from "../format/header.ts";
import { isLogName, kindOfName } from "../format/names.ts";
import { decimalUs, jsonUs } from "../format/time.ts";

export interface LogSummary {
  /** `conn`, `dns`, …: from the log itself where it says so, else from its file name. */
  readonly kind: string;
  readonly format: "tsv" | "json" | "unknown";
  /** Whole rows. */
  readonly rows: number;
  /** Earliest and latest `ts`, microseconds since the epoch; null when no row has one. */
  readonly firstUs: number | null;
  readonly lastUs: number | null;
  /** What is wrong, or null. */
  readonly damage: string | null;
}

/** Takes a file's bytes in order. `zeros` stands for a hole. */
export interface LogScan {
  feed(chunk: Buffer): void | Promise<void>;
  zeros(count: number): void;
  /** Null when it was no log. */
  end(): Promise<LogSummary | null>;
}

/** No row is longer; what comes after this is counted but not looked at. */
const LINE_LIMIT = 64 * 1024;
/** A gzip of a few kilobytes can hold terabytes of zeros. */
const INFLATED_LIMIT = 16e9;
const NEWLINE = 10;

/** A scan for the file called `name` (its last part), or null when its name says that it is no log. */
export function scanFor(name: string): LogScan | null {
  if (!isLogName(name)) return null;
  return name.endsWith(".gz") ? new GzipScan(name) : new PlainScan(name);
}

class PlainScan implements LogScan {
  readonly #name: string;
  #format: LogSummary["format"] | null = null;
  #isLog = false;
  #kind: string | null = null;
  #rows = 0;
  #first: number | null = null;
  #last: number | null = null;
  #size = 0;
  #trailingZeros = 0;
  /** Runs of NUL bytes that something follows. */
  #holes = 0;
  #holeBytes = 0;
  readonly #header = new HeaderReader();
  #separator: Buffer = Buffer.from("\t");
  #timeColumn = -1;
  readonly #clock = new RowClock();
  /** The start of a line whose end has not come yet. */
  #carry: Buffer = Buffer.alloc(0);

  constructor(name: string) {
    this.#name = name;
  }

  feed(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#size += chunk.length;
    this.#watchZeros(chunk);
    if (this.#format === null) this.#format = chunk[0] === 0x23 ? "tsv" : chunk[0] === 0x7b ? "json" : "unknown";
    if (this.#format === "unknown") return;
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, at)) {
      if (this.#carry.length > 0) {
        const line = Buffer.concat([this.#carry, chunk.subarray(at, end)]);
        this.#carry = Buffer.alloc(0);
        this.#line(line, 0, line.length);
      } else this.#line(chunk, at, end);
      at = end + 1;
    }
    if (at < chunk.length && this.#carry.length < LINE_LIMIT) {
      this.#carry = Buffer.concat([this.#carry, chunk.subarray(at, at + LINE_LIMIT - this.#carry.length)]);
    }
  }

  zeros(count: number): void {
    this.#size += count;
    this.#trailingZeros += count;
    this.#format ??= "unknown";
    if (this.#carry.length < LINE_LIMIT) this.#carry = Buffer.concat([this.#carry, Buffer.alloc(1)]);
  }

  async end(): Promise<LogSummary | null> {
    const damage: string[] = [];
    if (this.#size === 0) damage.push("size 0: the guest had probably not written it to disk yet (delayed allocation)");
    else if (this.#trailingZeros > 0) {
      damage.push(`${this.#trailingZeros} NUL bytes at the end: the last blocks were not written yet`);
    }
    if (this.#holes > 0) {
      const holes = this.#holes === 1 ? "1 hole" : `${this.#holes} holes`;
      damage.push(`NUL bytes inside: ${holes}, ${this.#holeBytes} bytes: blocks that were not written yet`);
    }
    let left = this.#carry.length;
    while (left > 0 && this.#carry[left - 1] === 0) left--;
    if (left > 0) damage.push("the last line is incomplete");
    if (this.#format === "tsv" && !this.#header.closed)
      damage.push("no #close: its writer was killed or still running");
    if (!this.#isLog && (this.#size !== this.#trailingZeros || !isLogName(this.#name))) return null;
    return {
      kind: this.#header.schema?.path ?? this.#kind ?? kindOfName(this.#name),
      format: this.#format ?? "unknown",
      rows: this.#rows,
      firstUs: this.#first,
      lastUs: this.#last,
      damage: damage.length > 0 ? damage.join("; ") : null,
    };
  }

  #watchZeros(chunk: Buffer): void {
    let end = chunk.length;
    while (end > 0 && chunk[end - 1] === 0) end--;
    if (end === 0) {
      this.#trailingZeros += chunk.length;
      return;
    }
    for (let at = 0, run = this.#trailingZeros; at < end; run = 0) {
      for (; chunk[at] === 0; at++) run++;
      if (run > 0) this.#holes++;
      this.#holeBytes += run;
      const next = chunk.indexOf(0, at);
      at = next === -1 ? end : next;
    }
    this.#trailingZeros = chunk.length - end;
  }

  #line(buffer: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (this.#format === "tsv") this.#tsvLine(buffer, start, end);
    else if (buffer[start] === 0x7b) this.#jsonLine(buffer, start, end);
  }

  #tsvLine(buffer: Buffer, start: number, end: number): void {
    if (buffer[start] === 0x23) {
      this.#headerLine(buffer, start, end);
      return;
    }
    this.#rows++;
    if (this.#timeColumn < 0) return;
    const separator = this.#separator;
    const plain = this.#timeColumn === 0 && end - start > 17 && buffer[start + 17] === separator[0];
    const us = plain ? this.#clock.usAt(buffer, start) : -1;
    this.#time(us >= 0 ? us : tsvTimeUs(buffer, start, end, separator, this.#timeColumn));
  }

  #jsonLine(buffer: Buffer, start: number, end: number): void {
    if (this.#rows === 0) this.#firstObject(buffer.toString("latin1", start, Math.min(end, start + LINE_LIMIT)));
    this.#rows++;
    this.#time(jsonTimeUs(buffer, start, end));
  }

  #headerLine(buffer: Buffer, start: number, end: number): void {
    const line = this.#header.line(buffer, start, end);
    if (line === "separator" || line === "fields") this.#isLog = true;
    const { schema } = this.#header;
    if (schema === null) return;
    this.#timeColumn = schema.fields.indexOf("ts");
    this.#separator = schema.separator;
  }

  #firstObject(line: string): void {
    this.#isLog = true;
    this.#kind = /"_path":"([^"\\]{1,100})"/.exec(line)?.[1] ?? null;
  }

  #time(us: number): void {
    if (Number.isNaN(us)) return;
    if (this.#first === null || us < this.#first) this.#first = us;
    if (this.#last === null || us > this.#last) this.#last = us;
  }
}

/** The same of a gzipped log: what can be inflated is looked at, a cut is damage. */
class GzipScan implements LogScan {
  readonly #inner: PlainScan;
  readonly #gunzip: Gunzip;
  readonly #name: string;
  /** Resolves when nothing more comes out. */
  readonly #over: Promise<void>;
  #error: string | null = null;
  #size = 0;
  #inflated = 0;

  constructor(name: string) {
    this.#name = name;
    this.#inner = new PlainScan(name.slice(0, -3));
    this.#gunzip = createGunzip();
    this.#gunzip.on("data", (chunk: Buffer) => {
      this.#inflated += chunk.length;
      if (this.#inflated > INFLATED_LIMIT) this.#gunzip.destroy(new Error("too large to count"));
      this.#inner.feed(chunk);
    });
    this.#over = finished(this.#gunzip, { writable: false }).catch(() => {});
    this.#gunzip.on("error", (error: NodeJS.ErrnoException) => {
      this.#error = error.code === "Z_BUF_ERROR" ? "the gzip is cut" : `the gzip is damaged (${error.message})`;
    });
  }

  async feed(chunk: Buffer): Promise<void> {
    this.#size += chunk.length;
    if (this.#error !== null || this.#gunzip.destroyed) return;
    // The chunk's buffer is used again as soon as this returns.
    if (!this.#gunzip.write(Buffer.from(chunk))) {
      await Promise.race([new Promise((resolve) => this.#gunzip.once("drain", resolve)), this.#over]);
    }
  }

  zeros(count: number): void {
    this.#size += count;
    if (this.#error === null && !this.#gunzip.destroyed) this.#gunzip.write(Buffer.alloc(Math.min(count, 4096)));
  }

  async end(): Promise<LogSummary | null> {
    if (this.#size === 0) return this.#inner.end();
    if (!this.#gunzip.destroyed) {
      this.#gunzip.end();
      await this.#over;
    }
    const summary = await this.#inner.end();
    if (this.#error === null) return summary;
    const found = summary ?? { kind: kindOfName(this.#name), format: "unknown", rows: 0, firstUs: null, lastUs: null };
    const own = summary?.format === "tsv" ? "" : summary?.damage;
    return { ...found, damage: own ? `${this.#error}; ${own}` : this.#error };
  }
}

/** Reads the times of rows that follow each other: their first eight digits seldom change, and are not converted again. */
class RowClock {
  readonly #prefix = new Uint8Array(8);
  /** Microseconds that the prefix stands for. */
  #prefixUs = 0;

  /** Microseconds of the 17 bytes at `at`, if they are as Zeek writes times in this century (`1763892000.123456`); else -1. */
  usAt(buffer: Buffer, at: number): number {
    if (buffer[at + 10] !== 46) return -1;
    const prefix = this.#prefix;
    for (let i = 7; i >= 0; i--) {
      if (buffer[at + i] === prefix[i]) continue;
      if (!this.#change(buffer, at)) return -1;
      break;
    }
    let value = 0;
    for (let i = at + 8; i < at + 17; i++) {
      if (i === at + 10) continue;
      const digit = buffer[i]! - 48;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return this.#prefixUs + value;
  }

  #change(buffer: Buffer, at: number): boolean {
    let value = 0;
    for (let i = at; i < at + 8; i++) {
      const digit = buffer[i]! - 48;
      if (digit < 0 || digit > 9) return false;
      value = value * 10 + digit;
    }
    this.#prefix.set(buffer.subarray(at, at + 8));
    this.#prefixUs = value * 1e8;
    return true;
  }
}

function tsvTimeUs(buffer: Buffer, start: number, end: number, separator: Buffer, column: number): number {
  let at = start;
  for (let i = 0; i < column; i++) {
    const next = buffer.indexOf(separator, at);
    if (next === -1 || next >= end) return Number.NaN;
    at = next + separator.length;
  }
  const after = buffer.indexOf(separator, at);
  return decimalUs(buffer, at, after === -1 || after > end ? end : after);
}

const TS_KEY = Buffer.from('"ts":');
const COMMA = 0x2c;
const CLOSING = 0x7d;

function jsonTimeUs(buffer: Buffer, start: number, end: number): number {
  let at = start + 1;
  if (buffer.compare(TS_KEY, 0, 5, at, at + 5) !== 0) {
    const found = buffer.subarray(start, end).indexOf(TS_KEY);
    if (found === -1) return Number.NaN;
    at = start + found;
  }
  at += 5;
  if (buffer[at] === 0x20) at++;
  let after = at;
  while (after < end && buffer[after] !== COMMA && buffer[after] !== CLOSING) after++;
  return jsonUs(buffer, at, after);
}
