/** Lets timers and signals in now and then: reading from the page cache never waits, so the event loop would starve. */
import { setImmediate } from "node:timers/promises";

const SLICE_MS = 20;

export class Pace {
  readonly #signal: AbortSignal | undefined;
  readonly #onTick: (() => void) | undefined;
  #last = performance.now();
  #countdown = 0;

  /** `onTick` is called at every pause, `signal` ends the work there. */
  constructor(signal?: AbortSignal, onTick?: () => void) {
    this.#signal = signal;
    this.#onTick = onTick;
  }

  /** Cheap: looks at the clock every 64th time. @throws the signal's reason when it was aborted. */
  async step(): Promise<void> {
    if (--this.#countdown > 0) return;
    this.#countdown = 64;
    await this.breathe();
  }

  /** As `step`, but looks at the clock each time. */
  async breathe(): Promise<void> {
    const now = performance.now();
    if (now - this.#last < SLICE_MS) return;
    this.#last = now;
    this.#onTick?.();
    await setImmediate();
    this.#signal?.throwIfAborted();
  }
}
