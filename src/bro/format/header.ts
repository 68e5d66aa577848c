/**
 * The header of Zeek's ASCII logs (scripts/base/frameworks/logging/writers/ascii.zeek, src/logging/writers/ascii/Ascii.cc):
 *
 *     #separator \x09                  always one space here; the separator's bytes may be written \xHH
 *     #set_separator<SEP>,             between elements of sets and vectors
 *     #empty_field<SEP>(empty)         an empty string, set or vector
 *     #unset_field<SEP>-
 *     #path<SEP>conn                   the kind of log
 *     #open<SEP>2026-11-23-10-00-00    local time of the writer, without a zone
 *     #fields<SEP>ts<SEP>…
 *     #types<SEP>time<SEP>…
 *
 * and `#close<SEP>time` at the end. A file may hold several (rotated logs that were joined). Text is kept as latin1: one
 * character a byte.
 */

const HASH = 0x23;
const NEWLINE = 0x0a;

/** What a block of rows looks like. */
export interface LogSchema {
  readonly format: "tsv" | "json";
  /** Between fields, one byte or more. */
  readonly separator: Buffer;
  readonly setSeparator: string;
  readonly emptyField: string;
  readonly unsetField: string;
  /** The kind of log by its own word, or null. */
  readonly path: string | null;
  /** `#open` as it is written, or null. */
  readonly open: string | null;
  readonly fields: readonly string[];
  /** As many as `fields`; `string` where the header says nothing. */
  readonly types: readonly string[];
  /** Lines end in CR LF. */
  readonly crlf: boolean;
}

/** What a header line was. */
export type HeaderLine = "separator" | "fields" | "close" | "other";

/** Reads header lines one after another and keeps what they say of the rows that follow. */
export class HeaderReader {
  #separator: Buffer = Buffer.from("\t");
  #setSeparator = ",";
  #emptyField = "(empty)";
  #unsetField = "-";
  #path: string | null = null;
  #open: string | null = null;
  #fields: readonly string[] | null = null;
  #types: readonly string[] | null = null;
  #crlf = false;
  #schema: LogSchema | null = null;
  /** `#close` was the last that came of a block. */
  closed = false;
  /** The times of the last `#open` and `#close` as they are written, or null. */
  lastOpen: string | null = null;
  lastClose: string | null = null;

  /** Takes the line at [start, end), which begins with `#`, without its line end. */
  line(buffer: Buffer, start: number, end: number): HeaderLine {
    const crlf = buffer[end - 1] === 0x0d;
    const line = buffer.toString("latin1", start, crlf ? end - 1 : end);
    if (line.startsWith("#separator ")) {
      const separator = unescapeBytes(line.slice(11));
      if (separator.length > 0) this.#separator = separator;
      this.#schema = null;
      this.#fields = null;
      this.#types = null;
      return "separator";
    }
    // Tests of Zeek mask the time together with its separator.
    if (line.startsWith("#close")) {
      this.closed = true;
      this.lastClose = line.slice("#close".length + this.#separator.length);
      return "close";
    }
    const [key, ...values] = line.split(this.#separator.toString("latin1"));
    const value = values[0] ?? "";
    switch (key) {
      case "#set_separator":
        this.#setSeparator = latin1(unescapeBytes(value)) || ",";
        break;
      case "#empty_field":
        this.#emptyField = value;
        break;
      case "#unset_field":
        this.#unsetField = value;
        break;
      case "#path":
        this.#path = value === "" ? null : Buffer.from(value, "latin1").toString("utf8");
        break;
      case "#open":
        this.#open = this.lastOpen = value;
        break;
      case "#fields":
        this.#fields = values.map((name) => Buffer.from(name, "latin1").toString("utf8"));
        this.#types = null;
        this.#schema = null;
        this.#crlf = crlf;
        this.closed = false;
        return "fields";
      case "#types":
        this.#types = values;
        this.#schema = null;
        break;
    }
    return "other";
  }

  /** How the rows after these lines are to be read; null while there was no `#fields`. The same object until that changes. */
  get schema(): LogSchema | null {
    if (this.#schema || this.#fields === null) return this.#schema;
    const fields = this.#fields;
    const types = this.#types;
    this.#schema = {
      format: "tsv",
      separator: this.#separator,
      setSeparator: this.#setSeparator,
      emptyField: this.#emptyField,
      unsetField: this.#unsetField,
      path: this.#path,
      open: this.#open,
      fields,
      types: fields.map((_, i) => types?.[i] ?? "string"),
      crlf: this.#crlf,
    };
    return this.#schema;
  }
}

/** Whether rows of the one can be read as rows of the other: all but the times of the header is equal. */
export function sameColumns(a: LogSchema, b: LogSchema): boolean {
  return (
    a.format === b.format &&
    a.separator.equals(b.separator) &&
    a.setSeparator === b.setSeparator &&
    a.emptyField === b.emptyField &&
    a.unsetField === b.unsetField &&
    a.crlf === b.crlf &&
    a.fields.length === b.fields.length &&
    a.fields.every((name, i) => name === b.fields[i]) &&
    a.types.every((type, i) => type === b.types[i])
  );
}

/** The bytes of text in which some may be written `\xHH`, and a backslash `\\`. */
export function unescapeBytes(latin1Text: string): Buffer {
  const text = latin1Text.replace(/\\(?:x([0-9a-fA-F]{2})|\\)/g, (_, hex: string | undefined) =>
    hex === undefined ? "\\" : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(text, "latin1");
}

function latin1(bytes: Buffer): string {
  return bytes.toString("latin1");
}

/** What the first bytes of a file look like, after a byte order mark and comments. */
export type Looks = "tsv" | "json" | "other";

/** The looks of a line that is not empty. `### BTest …` is what Zeek's own tests put before a log. */
export function looksOf(buffer: Buffer, start: number, end: number): Looks | "comment" {
  if (buffer[start] === HASH) {
    if (buffer[start + 1] === HASH) return "comment";
    return "tsv";
  }
  let at = start;
  while (at < end && buffer[at] === 0x20) at++;
  return buffer[at] === 0x7b ? "json" : "other";
}

/** The length of a UTF-8 byte order mark at the beginning, 0 or 3. */
export function markLength(buffer: Buffer): number {
  return buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf ? 3 : 0;
}

/** The end of the line that begins at `start`: where its newline is, or `end`. */
export function lineEnd(buffer: Buffer, start: number, end: number): number {
  const found = buffer.indexOf(NEWLINE, start);
  return found === -1 || found > end ? end : found;
}
