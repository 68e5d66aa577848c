/**
 * How a running command is told to end: signals, a standard output that takes no more, and errors that nobody caught. It gives the jobs
 * an AbortSignal; the first thing that happens counts, later signals are waited out while the job cleans up.
 */
import { constants } from "node:os";
import { TapscopeError } from "../core/errors.ts";
import { EXIT_DONE } from "./exit.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
export type EndingSignal = (typeof SIGNALS)[number];

/** Listens from its making until it is disposed of. */
export class Shutdown implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners = SIGNALS.map((name) => [name, () => this.#end(name)] as const);
  #received: EndingSignal | null = null;
  readonly #onError = (error: unknown): void => this.#controller.abort(error);
  /** Who reads standard output has had enough (`tapscope watch | head`): that is no error. */
  readonly #onStdoutError = (error: NodeJS.ErrnoException): void => {
    if (error.code === "EPIPE") this.#controller.abort();
    else this.#controller.abort(unwritable(error));
  };

  constructor() {
    for (const [name, listener] of this.#listeners) process.on(name, listener);
    process.on("uncaughtException", this.#onError);
    process.on("unhandledRejection", this.#onError);
    process.stdout.on("error", this.#onStdoutError);
  }

  /** Aborted when the command is to end; its reason is an error only where something has failed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The signal that ended the command. */
  get received(): EndingSignal | null {
    return this.#received;
  }

  /**
   * As shells count a program that a signal ended: 128+n; 0 when none did.
   * @param ctrlCIsDone Ctrl-C is how its user ends the command: that is 0
   */
  exitCode(ctrlCIsDone: boolean): number {
    if (this.#received === null || (ctrlCIsDone && this.#received === "SIGINT")) return EXIT_DONE;
    return 128 + constants.signals[this.#received];
  }

  #end(name: EndingSignal): void {
    if (this.#controller.signal.aborted) return;
    this.#received = name;
    this.#controller.abort();
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
    process.off("uncaughtException", this.#onError);
    process.off("unhandledRejection", this.#onError);
    process.stdout.off("error", this.#onStdoutError);
  }
}

/** Standard output cannot be written: the disk is full, for instance. */
export function unwritable(error: Error): TapscopeError {
  return new TapscopeError(
    "E_OUTPUT",
    `cannot write standard output: ${error.message.replace(/^E[A-Z]+: |, write$/g, "")}`,
    { cause: error },
  );
}
