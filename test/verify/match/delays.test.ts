import fc from "fast-check";
import { expect, it } from "vitest";
import { Delays } from "../../../src/verify/match/delays.ts";

it("has no summary of nothing", () => {
  expect(new Delays().summary()).toBeNull();
});

it("gives quantiles of any durations within 1/64, smallest and largest exactly", () => {
  const durations = fc.array(fc.integer({ min: -5_000_000_000, max: 5_000_000_000 }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(durations, (values) => {
      const delays = new Delays();
      for (const value of values) delays.add(value);
      const sorted = [...values].sort((a, b) => a - b);
      const summary = delays.summary()!;
      expect(summary.min).toBe(sorted[0]);
      expect(summary.max).toBe(sorted.at(-1));
      for (const [quantile, share] of [
        [summary.p50, 0.5],
        [summary.p99, 0.99],
      ] as const) {
        const exact = sorted[Math.ceil(sorted.length * share) - 1]!;
        expect(Math.abs(quantile - exact)).toBeLessThanOrEqual(Math.abs(exact) / 64 + 1);
      }
    }),
  );
});
