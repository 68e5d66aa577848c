/**
 * A body as MIME entities (RFC 2045, RFC 2046 §5.1, RFC 2822 within RFC 822 parts): one file for each leaf, nested ones too,
 * with their transfer encoding undone, in bounded memory.
 */
import { Lines } from "./lines.ts";

export type MimeHeaders = ReadonlyMap<string, string>;

export interface MimeHandlers {
  /** An entity's headers are known, of leaves and of those that hold others; names in upper case, equal ones joined by line feeds. */
  headers?(headers: MimeHeaders): void;
  /** A leaf begins. */
  begin(headers: MimeHeaders): void;
  data(bytes: Uint8Array): void;
  end(): void;
}

/** Entities within entities; deeper ones are not told apart. */
const MAX_DEPTH = 100;
const MAX_HEADERS = 500;

function boundaryOf(contentType: string): string | undefined {
  if (!/^\s*multipart\//i.test(contentType)) return undefined;
  const match = /boundary\s*=\s*(?:"([^"]*)"|([^;\s]+))/i.exec(contentType);
  return match?.[1] ?? match?.[2];
}

const isMessage = (contentType: string): boolean => /^\s*message\/rfc822/i.test(contentType);

/** Whether a body with this Content-Type holds other entities. */
export function holdsEntities(contentType: string): boolean {
  return boundaryOf(contentType) !== undefined || isMessage(contentType);
}

export class MimeBody {
  readonly #handlers: MimeHandlers;
  readonly #boundaries: string[] = [];
  readonly #lines = new Lines((line) => this.#line(line));
  #state: "preamble" | "headers" | "body" = "preamble";
  #headers = new Map<string, string>();
  #lastHeader = "";
  #encoding = "";
  /** The line end before a boundary belongs to the boundary. */
  #held: string | null = null;
  /** Base64 digits that do not make three bytes yet. */
  #digits = "";

  /** @param headers those that came before the body; null where the body begins with its own (a mail message) */
  constructor(headers: MimeHeaders | null, handlers: MimeHandlers) {
    this.#handlers = handlers;
    if (headers === null) this.#state = "headers";
    else this.#open(headers);
  }

  data(bytes: Uint8Array): void {
    this.#lines.data(bytes);
  }

  /** A line without its end. */
  line(line: string): void {
    this.#line(line);
  }

  end(): void {
    const rest = this.#lines.pending;
    if (this.#state === "headers") this.#open(this.#headers);
    if (this.#state === "body") {
      if (rest !== "") this.#hold(rest);
      this.#endLeaf();
    }
    this.#state = "preamble";
  }

  #line(line: string): void {
    const level = line.startsWith("--") ? this.#boundaries.findIndex((boundary) => isBoundary(line, boundary)) : -1;
    if (level >= 0) this.#boundary(line, level);
    else if (this.#state === "headers") this.#header(line);
    else if (this.#state === "body") this.#hold(line);
  }

  #boundary(line: string, level: number): void {
    if (this.#state === "body") this.#endLeaf();
    const last = line.trimEnd() === `--${this.#boundaries[level]}--`;
    this.#boundaries.length = last ? level : level + 1;
    this.#state = last ? "preamble" : "headers";
    this.#headers = new Map();
    this.#lastHeader = "";
  }

  #header(line: string): void {
    if (line === "") {
      this.#open(this.#headers);
      return;
    }
    const previous = this.#headers.get(this.#lastHeader);
    if (/^[ \t]/.test(line) && previous !== undefined) {
      this.#headers.set(this.#lastHeader, `${previous} ${line.trim()}`);
      return;
    }
    const colon = line.indexOf(":");
    if (colon < 0 || this.#headers.size >= MAX_HEADERS) return;
    this.#lastHeader = line.slice(0, colon).trim().toUpperCase();
    const value = line.slice(colon + 1).trim();
    const same = this.#headers.get(this.#lastHeader);
    // Of Received there is one for each host of the path.
    this.#headers.set(this.#lastHeader, same === undefined ? value : `${same}\n${value}`);
  }

  #open(headers: MimeHeaders): void {
    this.#handlers.headers?.(headers);
    const type = headers.get("CONTENT-TYPE") ?? "";
    const inner = boundaryOf(type);
    this.#headers = new Map();
    this.#lastHeader = "";
    if (inner !== undefined && this.#boundaries.length < MAX_DEPTH) {
      this.#boundaries.push(inner);
      this.#state = "preamble";
    } else if (isMessage(type)) this.#state = "headers";
    else {
      this.#state = "body";
      this.#encoding = (headers.get("CONTENT-TRANSFER-ENCODING") ?? "").toLowerCase();
      this.#handlers.begin(headers);
    }
  }

  #hold(line: string): void {
    if (this.#held !== null) this.#deliver(this.#held, "\r\n");
    this.#held = line;
  }

  #endLeaf(): void {
    if (this.#held !== null) this.#deliver(this.#held, "");
    this.#held = null;
    if (this.#digits !== "") this.#handlers.data(Buffer.from(this.#digits, "base64"));
    this.#digits = "";
    this.#handlers.end();
  }

  #deliver(line: string, lineEnd: string): void {
    let bytes: Buffer;
    if (this.#encoding === "base64") {
      const digits = this.#digits + line.replace(/[^A-Za-z0-9+/]/g, "");
      const whole = digits.length - (digits.length % 4);
      bytes = Buffer.from(digits.slice(0, whole), "base64");
      this.#digits = digits.slice(whole);
    } else if (this.#encoding === "quoted-printable") {
      const soft = line.endsWith("=");
      const text = (soft ? line.slice(0, -1) : line + lineEnd).replace(/=([0-9a-fA-F]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
      bytes = Buffer.from(text, "latin1");
    } else bytes = Buffer.from(line + lineEnd, "latin1");
    if (bytes.length > 0) this.#handlers.data(bytes);
  }
}

function isBoundary(line: string, boundary: string): boolean {
  if (!line.startsWith(`--${boundary}`)) return false;
  return /^(?:--)?\s*$/.test(line.slice(2 + boundary.length));
}

const PARAMETER = '\\s*\\*?=\\s*(?:[\\w-]*\'\'([^;]*)|"([^"]*)"?|([^;]*))';
const FILE_NAME = new RegExp(`filename${PARAMETER}`, "i");
const NAME = new RegExp(`name${PARAMETER}`, "i");

/** The file name that an entity's Content-Disposition or Content-Type gives; undefined for none. */
export function fileNameOf(headers: MimeHeaders): string | undefined {
  const match =
    FILE_NAME.exec(headers.get("CONTENT-DISPOSITION") ?? "") ?? NAME.exec(headers.get("CONTENT-TYPE") ?? "");
  const name = match?.[1] ?? match?.[2] ?? match?.[3];
  return name?.trim() || undefined;
}
