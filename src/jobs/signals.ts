/** How a running job is told to end: signals, a standard output that takes no more, and errors that nobody caught. The job then cleans up, once. */
import { TapscopeError } from "../core/errors.ts";

/** What ended a job: itself (or its user), or a signal. */
export type Ending = "done" | "SIGINT" | "SIGTERM" | "SIGHUP";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** The user's own Ctrl-C is a way of being done; the others end as shells count it. */
const EXIT_CODES: Record<Ending, number> = { done: 0, SIGINT: 0, SIGTERM: 143, SIGHUP: 129 };

export function exitCodeOf(ending: Ending): number {
  return EXIT_CODES[ending];
}

/** Standard output cannot be written: the disk is full, for instance. */
export function unwritable(error: Error): TapscopeError {
  return new TapscopeError(
    "E_OUTPUT",
    `cannot write standard output: ${error.message.replace(/^E[A-Z]+: |, write$/g, "")}`,
    { cause: error },
  );
}

/** Listens from its making until it is disposed of; the first thing that happens counts, later signals are waited out. */
export class JobEnd implements Disposable {
  /** Resolves with what ended the job; rejects with an error that nobody caught. */
  readonly ended: Promise<Ending>;
  #settle: (ending: Ending) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  readonly #listeners = SIGNALS.map((name) => [name, () => this.end(name)] as const);
  readonly #onError = (error: unknown): void => this.#fail(error);
  /** Who reads standard output has had enough (`tapscope watch | head`): that is no error. */
  readonly #onStdoutError = (error: NodeJS.ErrnoException): void =>
    error.code === "EPIPE" ? this.end() : this.fail(unwritable(error));

  constructor() {
    this.ended = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    // It may fail while nobody waits for it yet.
    this.ended.catch(() => {});
    for (const [name, listener] of this.#listeners) process.on(name, listener);
    process.on("uncaughtException", this.#onError);
    process.on("unhandledRejection", this.#onError);
    process.stdout.on("error", this.#onStdoutError);
  }

  end(ending: Ending = "done"): void {
    this.#settle(ending);
  }

  fail(error: unknown): void {
    this.#fail(error);
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
    process.off("uncaughtException", this.#onError);
    process.off("unhandledRejection", this.#onError);
    process.stdout.off("error", this.#onStdoutError);
  }
}
