/** A thread that reads pieces of logs, one after another. */
import { parentPort } from "node:worker_threads";
import { messageOf, TapscopeError } from "../../../core/errors.ts";
import { type Piece, type PieceResult, runPiece } from "./task.ts";

const port = parentPort!;

let last: Promise<void> = Promise.resolve();

port.on("message", (piece: Piece) => {
  last = last.then(() => answer(piece));
});

async function answer(piece: Piece): Promise<void> {
  try {
    const result = await runPiece(piece);
    port.postMessage({ result }, buffersOf(result));
  } catch (error) {
    const code = error instanceof TapscopeError ? error.code : "E_LOG_READ";
    port.postMessage({ error: { code, message: messageOf(error) } });
  }
}

/** What is handed over, not copied. */
function buffersOf({ output, tally }: PieceResult): ArrayBuffer[] {
  const counters = tally?.counters.flatMap(([, { arena, keys, sums }]) => [arena, keys, sums]);
  return [...output, ...(counters ?? [])].map(({ buffer }) => buffer as ArrayBuffer);
}
