/** What must be undone when a job ends: run in reverse order, each step with a time limit, errors collected. */
import { TapscopeError } from "./errors.ts";

interface Step {
  readonly what: string;
  readonly undo: () => unknown;
}

/** A stack of undo steps. Disposing runs them last-in first-out; one that fails or hangs does not stop the others. */
export class Cleanup implements AsyncDisposable {
  readonly #steps: Step[] = [];
  readonly #limitMs: number;

  constructor(limitMs = 10_000) {
    this.#limitMs = limitMs;
  }

  /** Adds a step; `what` completes "could not …" in the error. */
  add(what: string, undo: () => unknown): void {
    this.#steps.push({ what, undo });
  }

  /** Adds a handle to be disposed of, and returns it. */
  use<T extends AsyncDisposable>(what: string, handle: T): T {
    this.add(what, () => handle[Symbol.asyncDispose]());
    return handle;
  }

  /** @throws TapscopeError `E_CLEANUP` naming every step that failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    const failed: string[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not done within ${this.#limitMs} ms`)), this.#limitMs);
      });
      try {
        await Promise.race([step.undo(), late]);
      } catch (error) {
        errors.push(error);
        failed.push(`${step.what} (${error instanceof Error ? error.message : error})`);
      } finally {
        clearTimeout(timer);
      }
    }
    if (errors.length > 0) {
      throw new TapscopeError("E_CLEANUP", `could not ${failed.join("; could not ")}`, {
        hint: "tapscope clean removes what was left behind",
        cause: new AggregateError(errors),
      });
    }
  }
}
