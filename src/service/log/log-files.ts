/**
 * A folder of Zeek logs: a file a kind, made with its first row. With rotation the files at hand are in `current/`, finished ones
 * in a folder of their day under the name that zeekctl gives them: `2026-11-24/conn.13:00:00-14:00:00.log`.
 */
import { closeSync, mkdirSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { TapscopeError } from "../../core/errors.ts";
import { openOutput } from "../../core/output-file.ts";
import type { LogRow, LogSchema } from "./schema.ts";
import type { LineFormat } from "./zeek-lines.ts";

/** Text that is held back before it is written. */
const BUFFER = 64 * 1024;

export interface WrittenLog {
  readonly path: string;
  readonly kind: string;
  readonly rows: number;
}

interface OpenLog {
  readonly schema: LogSchema;
  readonly path: string;
  readonly fd: number;
  text: string;
  rows: number;
}

const two = (value: number): string => String(value).padStart(2, "0");
const local = (ns: bigint): Date => new Date(Number(ns / 1_000_000n));
const clock = (at: Date): string => [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
const day = (at: Date): string => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

export class LogFiles {
  readonly #directory: string;
  readonly #format: LineFormat;
  /** Nanoseconds of packet time; null for files that are not rotated. */
  readonly #rotateNs: bigint | null;
  readonly #open = new Map<string, OpenLog>();
  readonly #written: WrittenLog[] = [];
  #periodNs: bigint | null = null;
  #nowNs = 0n;

  /** @throws TapscopeError when the folder cannot be made */
  constructor(directory: string, format: LineFormat, rotateNs: bigint | null = null) {
    this.#directory = directory;
    this.#format = format;
    this.#rotateNs = rotateNs;
    attempt(directory, () => mkdirSync(this.#current(), { recursive: true }));
  }

  /**
   * Time of the packet at hand: files that are full of their period are finished; before that `beforeEnd` may hand over what is
   * gathered elsewhere for them.
   */
  now(ns: bigint, beforeEnd?: () => void): void {
    this.#nowNs = ns;
    if (this.#rotateNs === null) return;
    const period = ns - (ns % this.#rotateNs);
    if (this.#periodNs !== null && period > this.#periodNs) {
      beforeEnd?.();
      this.#finishAll();
    }
    if (this.#periodNs === null || period > this.#periodNs) this.#periodNs = period;
  }

  /** @throws TapscopeError when the file cannot be written */
  write(schema: LogSchema, row: LogRow): void {
    const log = this.#open.get(schema.path) ?? this.#begin(schema);
    log.rows++;
    log.text += this.#format.line(schema, row);
    if (log.text.length > BUFFER) this.#flush(log);
  }

  /** Lines that another writer made, `rows` of them, in this folder's format. */
  writeLines(schema: LogSchema, lines: string, rows: number): void {
    const log = this.#open.get(schema.path) ?? this.#begin(schema);
    log.rows += rows;
    log.text += lines;
    if (log.text.length > BUFFER) this.#flush(log);
  }

  /** Hands what is held back to the file system. */
  flush(): void {
    for (const log of this.#open.values()) this.#flush(log);
  }

  /** Ends all files; returns what was written, finished files first. */
  close(): readonly WrittenLog[] {
    this.#finishAll();
    return this.#written;
  }

  /** What has been written until now. */
  get written(): readonly WrittenLog[] {
    return [
      ...this.#written,
      ...[...this.#open.values()].map(({ path, schema, rows }) => ({ path, kind: schema.path, rows })),
    ];
  }

  #current(): string {
    return this.#rotateNs === null ? this.#directory : join(this.#directory, "current");
  }

  #begin(schema: LogSchema): OpenLog {
    const path = join(this.#current(), `${schema.path}.log`);
    const fd = attempt(path, () => openOutput(path));
    const log: OpenLog = { schema, path, fd, text: this.#format.header(schema, this.#nowNs), rows: 0 };
    this.#open.set(schema.path, log);
    return log;
  }

  #flush(log: OpenLog): void {
    const bytes = Buffer.from(log.text, "utf8");
    log.text = "";
    attempt(log.path, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(log.fd, bytes, at);
    });
  }

  #finishAll(): void {
    for (const log of this.#open.values()) {
      log.text += this.#format.footer(this.#nowNs);
      this.#flush(log);
      closeSync(log.fd);
      this.#written.push({ path: this.#archive(log), kind: log.schema.path, rows: log.rows });
    }
    this.#open.clear();
  }

  #archive(log: OpenLog): string {
    if (this.#rotateNs === null || this.#periodNs === null) return log.path;
    const from = local(this.#periodNs);
    const folder = join(this.#directory, day(from));
    const name = `${log.schema.path}.${clock(from)}-${clock(local(this.#periodNs + this.#rotateNs))}.log`;
    attempt(folder, () => {
      mkdirSync(folder, { recursive: true });
      renameSync(log.path, join(folder, name));
    });
    return join(folder, name);
  }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new TapscopeError("E_WRITE", `cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}
