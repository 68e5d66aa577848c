/** files.log: what HTTP, SMTP, FTP carry: type by content, sizes, and hashes where they are wanted. */
import { createHash, type Hash } from "node:crypto";
import type { AnalyzerOutput } from "./analyzer.ts";
import { CONNECTION_FIELDS, logSchema } from "./log/schema.ts";
import { mimeType } from "./mime.ts";
import type { CarriedFile, Connection } from "./protocol.ts";

const { ts, ...connectionFields } = CONNECTION_FIELDS;

export const filesLog = logSchema("files", {
  ts,
  fuid: "string",
  ...connectionFields,
  source: "string",
  depth: "count",
  analyzers: "set[string]",
  mime_type: "string",
  filename: "string",
  duration: "interval",
  local_orig: "bool",
  is_orig: "bool",
  seen_bytes: "count",
  total_bytes: "count",
  missing_bytes: "count",
  overflow_bytes: "count",
  timedout: "bool",
  parent_fuid: "string",
  md5: "string",
  sha1: "string",
  sha256: "string",
  extracted: "string",
  extracted_cutoff: "bool",
  extracted_size: "count",
});

/** Zeek's default_file_bof_buffer_size: the bytes in which a file's type is looked for. */
const BEGINNING = 4096;
const HASHES = ["md5", "sha1", "sha256"] as const;
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `F` and base62 of a hash of the connection and the file's ordinal in it: the same every time. */
export function fileId(uid: string, ordinal: number): string {
  let value = createHash("sha1").update(`${uid}/${ordinal}`).digest().readBigUInt64BE(0);
  let text = "";
  for (let i = 0; i < 11; i++) {
    text = BASE62[Number(value % 62n)]! + text;
    value /= 62n;
  }
  return `F${text}`;
}

class FileInTransit implements CarriedFile {
  readonly fuid: string;
  filename: string | undefined;
  totalBytes: number | undefined;
  depth = 0;
  readonly #log: FileLog;
  readonly #connection: Connection;
  readonly #source: string;
  readonly #fromOrig: boolean;
  readonly #startNs: bigint;
  readonly #hashes: readonly Hash[];
  #lastNs: bigint;
  #beginning: Buffer | null = Buffer.alloc(0);
  #mimeType: string | undefined;
  #seen = 0;
  #missing = 0;
  #ended = false;

  constructor(log: FileLog, connection: Connection, source: string, fromOrig: boolean, ordinal: number) {
    this.#log = log;
    this.#connection = connection;
    this.#source = source;
    this.#fromOrig = fromOrig;
    this.fuid = fileId(connection.uid, ordinal);
    this.#startNs = log.nowNs();
    this.#lastNs = this.#startNs;
    this.#hashes = log.hashes ? HASHES.map((name) => createHash(name)) : [];
  }

  get mimeType(): string | undefined {
    this.#sniff();
    return this.#mimeType;
  }

  data(bytes: Uint8Array): void {
    if (this.#beginning) {
      this.#beginning = Buffer.concat([this.#beginning, bytes.subarray(0, BEGINNING - this.#beginning.length)]);
      if (this.#beginning.length >= BEGINNING) this.#sniff();
    }
    this.#seen += bytes.length;
    this.#lastNs = this.#log.nowNs();
    for (const hash of this.#hashes) hash.update(bytes);
  }

  gap(length: number): void {
    // The beginning is only what came in one piece.
    this.#sniff();
    this.#missing += length;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sniff();
    const whole = this.#missing === 0;
    const digests = whole ? this.#hashes.map((hash, i) => [HASHES[i], hash.digest("hex")]) : [];
    this.#connection.write(filesLog, {
      ts: this.#startNs,
      fuid: this.fuid,
      source: this.#source,
      depth: this.depth,
      analyzers: this.#hashes.length > 0 ? ["MD5", "SHA1", "SHA256"] : [],
      mime_type: this.#mimeType,
      filename: this.filename,
      duration: this.#lastNs - this.#startNs,
      is_orig: this.#fromOrig,
      seen_bytes: this.#seen,
      total_bytes: this.totalBytes,
      missing_bytes: this.#missing,
      overflow_bytes: 0,
      timedout: false,
      ...Object.fromEntries(digests),
    });
  }

  #sniff(): void {
    if (!this.#beginning || this.#beginning.length === 0) return;
    this.#mimeType = mimeType(this.#beginning);
    this.#beginning = null;
  }
}

export class FileLog {
  readonly hashes: boolean;
  readonly nowNs: () => bigint;

  constructor(_output: AnalyzerOutput, hashes: boolean, nowNs: () => bigint) {
    this.hashes = hashes;
    this.nowNs = nowNs;
  }

  begin(connection: Connection, source: string, fromOrig: boolean, ordinal: number): CarriedFile {
    return new FileInTransit(this, connection, source, fromOrig, ordinal);
  }

  finish(): void {}
}
