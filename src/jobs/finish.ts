/** What ends a running job: the job itself, or the AbortSignal it was given. The job then cleans up, once. */

/**
 * Made from a signal of the caller's. An abort for no reason, or for one that `AbortController` and `AbortSignal.timeout` give by
 * themselves, is a way of being done; any other reason is an error that the job ends with.
 */
export class Finish implements Disposable {
  /** Resolves when the job is to end; rejects with an error that ends it. */
  readonly ended: Promise<void>;
  #end: () => void = () => {};
  #fail: (error: unknown) => void = () => {};
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal?.reason;
    const asked = reason instanceof DOMException && (reason.name === "AbortError" || reason.name === "TimeoutError");
    if (asked) this.end();
    else this.fail(reason);
  };

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    // It may fail while nobody waits for it yet.
    this.ended.catch(() => {});
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort);
  }

  end(): void {
    this.#end();
  }

  fail(error: unknown): void {
    this.#fail(error);
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}
