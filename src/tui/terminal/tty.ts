/**
 * The controlling terminal as two streams. Node writes to a terminal synchronously: one that has stopped reading would stop the whole
 * main thread, signals and cleaning up included. Here writes go through the thread pool, and who draws can see that the
 * last frame has not been taken yet.
 */
import { openSync, write, writeSync } from "node:fs";
import { Writable } from "node:stream";
import { ReadStream } from "node:tty";

/** What the screen is drawn to. */
export interface ScreenOutput extends Writable {
  columns: number;
  rows: number;
  isTTY: boolean;
}

/** Where keys come from. */
export interface ScreenInput extends NodeJS.ReadableStream {
  isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
  destroy?(): unknown;
}

/** Standard output's terminal, written without blocking. */
export class TtyOutput extends Writable implements ScreenOutput {
  readonly isTTY = true;
  columns = process.stdout.columns;
  rows = process.stdout.rows;
  #sync = false;
  readonly #fd = openOwn(1);
  readonly #onResize = (): void => {
    this.columns = process.stdout.columns;
    this.rows = process.stdout.rows;
    this.emit("resize");
  };

  constructor() {
    super({ decodeStrings: true, highWaterMark: 1 << 16 });
    process.stdout.on("resize", this.#onResize);
  }

  /** From here on writes are done when `write` returns: for the last words of a process. */
  writeNow(): void {
    this.#sync = true;
  }

  override write(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
    if (!this.#sync) return super.write(chunk, ...(rest as []));
    try {
      const bytes = Buffer.from(chunk as string);
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
    } catch {
      // The terminal is gone; there is nobody to tell.
    }
    return true;
  }

  override _write(chunk: Uint8Array, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    write(this.#fd, chunk, (error, written) => {
      if (error?.code === "EAGAIN") setTimeout(() => this._write(chunk, encoding, callback), 10);
      else if (error || written >= chunk.length) callback();
      else this._write(chunk.subarray(written), encoding, callback);
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    process.stdout.off("resize", this.#onResize);
    callback(error);
  }
}

/** Keys from standard input where that is a terminal, else from the controlling terminal. */
export function openInput(): ScreenInput {
  return process.stdin.isTTY ? process.stdin : new ReadStream(openSync("/dev/tty", "r"));
}

// A file description of our own: that of descriptor 1 is shared with the shell, and may have been made non-blocking.
function openOwn(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, "w");
  } catch {
    return fd;
  }
}
