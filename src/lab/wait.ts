import { setTimeout as sleep } from "node:timers/promises";
import { TapscopeError } from "../core/errors.ts";

/**
 * Asks `probe` every 10 ms until it answers something else than undefined.
 * @throws TapscopeError `E_TIMEOUT` naming `what` when it has not within `limitMs`.
 */
export async function eventually<T>(
  what: string,
  limitMs: number,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new TapscopeError("E_TIMEOUT", `${what}: not there within ${limitMs} ms`);
    await sleep(10);
  }
}
