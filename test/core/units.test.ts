import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { formatNs, toNs } from "../../src/core/time.ts";
import {
  formatBitRate,
  formatDuration,
  formatScaled,
  parseDuration,
  parseInteger,
  parseSize,
} from "../../src/core/units.ts";

describe("durations", () => {
  it.each([
    ["10", 10_000],
    ["500ms", 500],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["1h", 3_600_000],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
  it.each(["", "0", "-1", "10 s", "1d", "ten", "1e3", "NaN"])("refuses '%s'", (text) => {
    expect(() => parseDuration(text)).toThrow(UsageError);
  });
  it.each([
    [850, "850ms"],
    [4200, "4.2s"],
    [192_000, "3m12s"],
    [7_500_000, "2h05m"],
  ])("shows %d ms as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe("sizes", () => {
  it.each([
    ["1500", 1500],
    ["64k", 64_000],
    ["1.5M", 1_500_000],
    ["2G", 2e9],
  ])("%s is %d", (text, size) => {
    expect(parseSize(text)).toBe(size);
  });
  it.each(["", "-1", "1.5", "1T", "0x10", "1 k"])("refuses '%s'", (text) => {
    expect(() => parseSize(text)).toThrow(UsageError);
  });
});

it("takes whole numbers of a range only", () => {
  expect(parseInteger("4094", "a VLAN", 0, 4094)).toBe(4094);
  for (const bad of ["4095", "-1", "1.5", "", "0x1"])
    expect(() => parseInteger(bad, "a VLAN", 0, 4094)).toThrow(/a VLAN/);
});

it("scales numbers to at most four characters and a prefix", () => {
  expect([0, 999, 1000, 1234, 9949, 9950, 99_500, 999_499, 999_500, 5.5e9].map((n) => formatScaled(n))).toEqual([
    "0",
    "999",
    "1.0k",
    "1.2k",
    "9.9k",
    "10k",
    "100k",
    "999k",
    "1.0M",
    "5.5G",
  ]);
  expect(formatBitRate(38_123_456)).toBe("38Mb/s");
  expect(formatScaled(Number.NaN)).toBe("-");
});

it("keeps nanoseconds that a float of seconds would lose", () => {
  expect(formatNs(toNs(1_700_000_000, 123_456_789), 9)).toBe("1700000000.123456789");
  expect(formatNs(-1_500_000_000n)).toBe("-1.500000");
});
