/**
 * Sums over all rows of the flow table, a few rows at a time: an answer must not keep packets waiting, however many flows are held. What is shown is the
 * last sum that was completed, or, before there is one, what has been seen so far.
 */
import type { Rows } from "../../engine/host/rows.ts";

/** How long a step may take, milliseconds. */
const BUDGET_MS = 15;
/** Rows between two looks at the clock. */
const ROWS_AT_A_TIME = 256;

/** What is being summed up. */
export interface Sum {
  add(row: number): void;
}

export class Walk<S extends Sum> {
  readonly #table: Rows;
  /** What the sum is of: another text, and it is begun anew. */
  #name = "";
  #row = 0;
  #growing: S | null = null;
  #complete: S | null = null;

  constructor(table: Rows) {
    this.#table = table;
  }

  /** Goes on summing up. @param wanted which rows are summed up */
  step(name: string, begin: () => S, wanted: (row: number) => boolean): S {
    if (name !== this.#name) {
      this.#name = name;
      this.#complete = null;
      this.#growing = null;
    }
    if (this.#growing === null) {
      this.#growing = begin();
      this.#row = 0;
    }
    const until = performance.now() + BUDGET_MS;
    while (this.#row < this.#table.rows) {
      const end = Math.min(this.#table.rows, this.#row + ROWS_AT_A_TIME);
      for (; this.#row < end; this.#row++) if (wanted(this.#row)) this.#growing.add(this.#row);
      if (performance.now() > until) break;
    }
    if (this.#row < this.#table.rows) return this.#complete ?? this.#growing;
    this.#complete = this.#growing;
    this.#growing = null;
    return this.#complete;
  }
}
