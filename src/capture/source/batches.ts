/** From a reader that pushes to a consumer that pulls: what is read waits until what was handed on has been taken. */

/** What a reader gets to be held back, and to be ended early. */
export interface Pace {
  /** To be awaited now and then; resolves when the reader may go on. */
  readonly pause: () => Promise<void> | undefined;
  readonly signal: AbortSignal;
}

/** Items handed on at a time, at most. */
const BATCH = 1000;

/**
 * Yields what `read` emits, in batches; its result is the generator's return value. At most what is emitted between two
 * pauses is held. When the consumer leaves early, `signal` is aborted and `read` is waited for.
 */
export async function* batchesOf<T, R>(
  read: (emit: (item: T) => void, pace: Pace) => Promise<R>,
): AsyncGenerator<readonly T[], R, void> {
  const stop = new AbortController();
  let items: T[] = [];
  let finished = false;
  let goOn = () => {};
  let wake = () => {};
  const pause = () => {
    if (items.length === 0 || stop.signal.aborted) return undefined;
    wake();
    return new Promise<void>((resolve) => {
      goOn = resolve;
    });
  };
  const reading = read((item) => items.push(item), { pause, signal: stop.signal }).finally(() => {
    finished = true;
    wake();
  });
  reading.catch(() => {});
  try {
    while (!finished || items.length > 0) {
      if (items.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          goOn();
          if (finished) resolve();
        });
      }
      const held = items;
      items = [];
      for (let i = 0; i < held.length; i += BATCH) yield held.slice(i, i + BATCH);
    }
    return await reading;
  } finally {
    stop.abort();
    items = [];
    goOn();
    await reading.catch(() => {});
  }
}
