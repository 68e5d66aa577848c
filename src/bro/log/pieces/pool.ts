/** Reads the pieces of a log in several threads and hands on what they gave in the order of the file. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, TapscopeError } from "../../../core/errors.ts";
import { type Divisible, type PlainSchema, piecesOf, plainSchema } from "./split.ts";
import type { Piece, PieceResult, Task } from "./task.ts";

/** Bytes of a piece whose output waits for its turn: large enough that starting one costs nothing, small enough to be held by the dozen. */
const CUT_PIECE = 8e6;
/** Of one that is summed up: what is found out about many pieces takes time to be added up. */
const TALLY_PIECE = 256e6;

/** Pieces given out for each thread at a time: one is read, the next waits. */
const AHEAD = 2;

/** Whoever reads a piece: a thread, or a test. */
export interface PieceReader extends AsyncDisposable {
  read(piece: Piece): Promise<PieceResult>;
}

/**
 * Reads a divided log. Results come in the order of the file, one at a time; `take` may hold the next ones back.
 * Where a piece ends with another header than the next ones were begun with, those are read again.
 */
export async function readPieces(
  log: Divisible,
  task: Task,
  readers: readonly PieceReader[],
  take: (result: PieceResult) => void,
  signal?: AbortSignal,
): Promise<void> {
  let schema: PlainSchema = plainSchema(log.schema);
  let from = 0;
  while (from < log.size) {
    const queue: { end: number; result: Promise<PieceResult> }[] = [];
    const pieces = piecesOf(
      log,
      from,
      task.kind === "cut" ? CUT_PIECE : Math.min(TALLY_PIECE, Math.ceil(log.size / readers.length / 2)),
    );
    let next = 0;
    let changed = false;
    const ask = async (): Promise<void> => {
      const { value: range, done } = await pieces.next();
      if (done) return;
      const result = readers[next++ % readers.length]!.read({ path: log.path, range, schema, task });
      result.catch(() => {});
      queue.push({ end: range.end, result });
    };
    for (let i = 0; i < readers.length * AHEAD; i++) await ask();
    for (let piece = queue.shift(); piece && !changed; piece = queue.shift()) {
      const result = await piece.result;
      if (signal?.aborted) return;
      take(result);
      from = piece.end;
      if (result.changed) {
        schema = result.changed;
        changed = true;
        break;
      }
      await ask();
    }
    await pieces.return(undefined);
    await Promise.allSettled(queue.map(({ result }) => result));
  }
}

/** A thread as a reader of pieces. */
export class PieceThread implements PieceReader {
  readonly #worker = new Worker(new URL("./worker.js", import.meta.url));
  readonly #waiting: { resolve: (result: PieceResult) => void; reject: (error: unknown) => void }[] = [];

  constructor() {
    this.#worker.on("message", (message: Answer) => {
      const { resolve, reject } = this.#waiting.shift()!;
      if ("result" in message) resolve(message.result);
      else reject(new TapscopeError(message.error.code, message.error.message));
    });
    this.#worker.on("error", (error) => this.#fail(error));
  }

  read(piece: Piece): Promise<PieceResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(piece);
    });
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

type Answer =
  | { readonly result: PieceResult }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };
