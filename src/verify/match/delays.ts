/**
 * Quantiles of many durations in bounded memory: a histogram whose buckets are at most 1/64 of their value wide
 * (the idea of HdrHistogram). Smallest and largest are exact. Negative durations are kept too: Open vSwitch may hand the
 * copy to the mirror before it hands the frame to its receiver.
 */

const SUB_BITS = 6;
const SUB = 1 << SUB_BITS;
/** 2^52 ns is 52 days. */
const BUCKETS = (52 - SUB_BITS + 1) * SUB;

export interface DelaySummary {
  readonly min: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class Delays {
  readonly #negative = new Float64Array(BUCKETS);
  readonly #positive = new Float64Array(BUCKETS);
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  /** Adds a duration in nanoseconds. */
  add(ns: number): void {
    const rounded = Math.round(ns);
    (rounded < 0 ? this.#negative : this.#positive)[bucketOf(Math.abs(rounded))]!++;
    this.#count++;
    if (rounded < this.#min) this.#min = rounded;
    if (rounded > this.#max) this.#max = rounded;
  }

  /** Nanoseconds; null when nothing was added. */
  summary(): DelaySummary | null {
    if (this.#count === 0) return null;
    return { min: this.#min, p50: this.#quantile(0.5), p99: this.#quantile(0.99), max: this.#max };
  }

  #quantile(share: number): number {
    let left = Math.max(1, Math.ceil(this.#count * share));
    for (let i = BUCKETS - 1; i >= 0; i--) {
      left -= this.#negative[i]!;
      if (left <= 0) return this.#clamp(-middleOf(i));
    }
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.#positive[i]!;
      if (left <= 0) return this.#clamp(middleOf(i));
    }
    return this.#max;
  }

  #clamp(value: number): number {
    return Math.min(this.#max, Math.max(this.#min, value));
  }
}

function bucketOf(value: number): number {
  if (value < SUB) return value;
  const exponent = Math.floor(Math.log2(value)) - SUB_BITS;
  return Math.min(BUCKETS - 1, (exponent + 1) * SUB + Math.floor(value / 2 ** exponent) - SUB);
}

/** The middle of a bucket. */
function middleOf(bucket: number): number {
  if (bucket < SUB) return bucket;
  const exponent = Math.floor(bucket / SUB) - 1;
  return Math.round(((bucket % SUB) + SUB + 0.5) * 2 ** exponent);
}
