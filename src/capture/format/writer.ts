/**
 * Writes capture files: what the two formats share. Writing is synchronous through one large buffer, so that a slow disk
 * or pipe holds the source back and nothing is ever queued without bound or lost.
 */
import { closeSync, writeSync } from "node:fs";
import { messageOf, TapscopeError } from "../../core/errors.ts";
import { openOutput } from "../../core/output-file.ts";
import type { Frame } from "../frame.ts";

const BUFFER = 1024 * 1024;
const STDOUT = 1;

const WHY: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOENT: "no such directory",
  ENOSPC: "no space left on the device",
  EPIPE: "its reader is gone",
  EROFS: "the file system is read-only",
};

/** An interface to be described in the file. */
export interface WriterInterface {
  readonly name: string;
  /** LINKTYPE_ value. */
  readonly linktype: number;
  /** Longest capture in bytes; default no limit. */
  readonly snaplen?: number;
  /** The capture filter in use, as text. */
  readonly filter?: string;
}

/** What the capturing program counted on one interface. */
export interface WriterStatistics {
  readonly received: number;
  readonly dropped: number;
}

export abstract class CaptureWriter {
  /** Where it writes; `-` is standard output. */
  readonly path: string;
  protected buffer = Buffer.allocUnsafeSlow(BUFFER);
  protected view = new DataView(this.buffer.buffer);
  protected length = 0;
  #fd: number;
  #flushed = 0;
  #open = true;

  /** Creates (or empties) the file. @throws TapscopeError `E_CAPTURE_WRITE`. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = path === "-" ? STDOUT : openOutput(path);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Describes an interface; returns the id to be given to `write`. Allowed at any time in pcapng, once in pcap. */
  abstract addInterface(description: WriterInterface): number;

  /** Appends a frame. It is in the file after the next `flush`, `close`, or when the buffer is full. */
  abstract write(frame: Frame, interfaceId: number): void;

  /** What is to follow the last frame. */
  protected abstract writeTrailer(statistics: readonly WriterStatistics[]): void;

  /** Size of the file in bytes with what is still in the buffer. */
  get bytes(): number {
    return this.#flushed + this.length;
  }

  /** Hands everything to the system. @throws TapscopeError `E_CAPTURE_WRITE`. */
  flush(): void {
    let position = 0;
    try {
      while (position < this.length) position += this.#writeSome(position);
    } finally {
      // What was written is not written again when the disk has room once more.
      this.buffer.copyWithin(0, position, this.length);
      this.#flushed += position;
      this.length -= position;
    }
  }

  /** Writes what is left, with each interface's statistics where the format has room for them, and closes the file. */
  close(statistics: readonly WriterStatistics[] = []): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.writeTrailer(statistics);
      this.flush();
    } finally {
      if (this.#fd !== STDOUT) closeSync(this.#fd);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Makes room for `bytes` more at `length`. */
  protected reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    this.flush();
    if (bytes > this.buffer.length) {
      this.buffer = Buffer.allocUnsafeSlow(bytes);
      this.view = new DataView(this.buffer.buffer);
    }
  }

  #writeSome(position: number): number {
    try {
      return writeSync(this.#fd, this.buffer, position, this.length - position);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw this.#failed(error);
      // A pipe that is full and non-blocking: its reader is slower than we are.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      return 0;
    }
  }

  #failed(error: unknown): TapscopeError {
    const why = WHY[(error as NodeJS.ErrnoException).code ?? ""] ?? messageOf(error);
    const where = this.path === "-" ? "standard output" : this.path;
    return new TapscopeError("E_CAPTURE_WRITE", `cannot write ${where}: ${why}`, { cause: error });
  }
}
