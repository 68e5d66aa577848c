/** A sum over time in bins of equal width, which doubles when there are too many of them. */

const MAX_BINS = 1024;

export interface PlainBins {
  readonly width: number;
  readonly bins: readonly (readonly [number, number])[];
}

export class TimeBins {
  /** Seconds. */
  width = 1;
  /** Sums by the bin's number: its start divided by the width. */
  #bins = new Map<number, number>();
  #last = Number.NaN;
  #sum = 0;

  add(us: number, value: number): void {
    if (Math.floor(us / 1e6 / this.width) !== this.#last) {
      // May make the bins wider.
      this.#flush();
      this.#last = Math.floor(us / 1e6 / this.width);
      this.#sum = this.#bins.get(this.#last) ?? 0;
    }
    this.#sum += value;
  }

  #flush(): void {
    if (Number.isNaN(this.#last)) return;
    this.#bins.set(this.#last, this.#sum);
    this.#last = Number.NaN;
    while (this.#bins.size > MAX_BINS) this.#widen();
  }

  #widen(): void {
    const wider = new Map<number, number>();
    for (const [bin, sum] of this.#bins) {
      const to = Math.floor(bin / 2);
      wider.set(to, (wider.get(to) ?? 0) + sum);
    }
    this.width *= 2;
    this.#bins = wider;
  }

  plain(): PlainBins {
    this.#flush();
    return { width: this.width, bins: [...this.#bins] };
  }

  merge({ width, bins }: PlainBins): void {
    this.#flush();
    while (this.width < width) this.#widen();
    for (const [bin, sum] of bins) this.add(bin * width * 1e6, sum);
  }

  /** Sums of `count` equal parts of the time from the first to the last bin; the start of the first, and the width, in seconds. */
  parts(count: number): { readonly start: number; readonly width: number; readonly sums: readonly number[] } {
    this.#flush();
    const numbers = [...this.#bins.keys()];
    if (numbers.length === 0) return { start: 0, width: 0, sums: [] };
    const first = numbers.reduce((a, b) => Math.min(a, b));
    const last = numbers.reduce((a, b) => Math.max(a, b));
    const each = Math.max(1, Math.ceil((last - first + 1) / count));
    const sums = new Array<number>(Math.ceil((last - first + 1) / each)).fill(0);
    for (const [bin, sum] of this.#bins) sums[Math.floor((bin - first) / each)]! += sum;
    return { start: first * this.width, width: each * this.width, sums };
  }
}
