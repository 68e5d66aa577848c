/** `bro extract` as a job: undoes what killed runs left, then extracts; an abort undoes all of this run. */
import { type ExtractOptions, type ExtractResult, extract } from "../bro/disk/extract/extract.ts";
import { sweepDeadRuns } from "../bro/disk/run-state.ts";

export interface ExtractJob extends ExtractOptions {
  /** Disk images or block devices. */
  readonly images: readonly string[];
  /** Where the files go: absent, or empty. */
  readonly dir: string;
  /** Reports what was undone of killed runs, sentences. */
  readonly onSwept?: (sentence: string) => void;
}

/**
 * Ends when all is extracted. When `signal` is aborted, nothing is kept and its reason is thrown.
 * @throws TapscopeError as `extract` does.
 */
export async function runExtract({ images, dir, onSwept, ...options }: ExtractJob): Promise<ExtractResult> {
  for (const sentence of await sweepDeadRuns()) onSwept?.(sentence);
  return extract(images, dir, options);
}
