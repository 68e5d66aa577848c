import { expect, it } from "vitest";
import { parseRing } from "../../src/cli/capture.ts";
import { UsageError } from "../../src/core/errors.ts";

it("reads a ring's size and number of files", () => {
  expect(parseRing("100Mx10", "run.pcapng")).toEqual({ bytes: 1e8, files: 10 });
  expect(parseRing("1kx1", "run.pcapng")).toEqual({ bytes: 1000, files: 1 });
});

it("refuses what is no ring", () => {
  for (const text of ["", "10", "x3", "10x", "10Mx0", "10Mx-1", "999x3", "1.5x2", "10M x3", "10Mx3x4"]) {
    expect(() => parseRing(text, "run.pcapng"), text).toThrow(UsageError);
  }
  expect(() => parseRing("1Mx2", "-")).toThrow(/standard output/);
});
