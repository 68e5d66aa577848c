import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkName, freeNames } from "../../src/mirror/names.ts";
import { compareNames } from "../../src/mirror/state.ts";

describe("names of devices", () => {
  it.each([
    "r-sixteenchars-x",
    "a/b",
    "a b",
    "",
    ".",
    "..",
    "-x",
    "all",
    "17",
    "a:b",
    "a%d",
    "a\nb",
    'a"b',
    "é".repeat(8),
    "a\u200bb",
  ])("refuses %j", (name) => {
    expect(() => checkName(name, "tap")).toThrow("not a name for a tap");
  });

  it.each(["mega_tap0", "fifteen-chars-x", "br0.100", "é".repeat(7)])("takes %j", (name) => {
    expect(() => checkName(name, "tap")).not.toThrow();
  });

  it("takes nothing that the kernel would truncate or refuse", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 24 }), (name) => {
        let taken = true;
        try {
          checkName(name, "tap");
        } catch {
          taken = false;
        }
        const possible =
          Buffer.byteLength(name) <= 15 && name !== "" && !/[\s/:]/.test(name) && name !== "." && name !== "..";
        expect(taken && !possible).toBe(false);
      }),
    );
  });

  it("numbers new ones from the first that is free", () => {
    expect(freeNames("mega_tap", 3, new Set(["mega_tap0", "mega_tap2"]))).toEqual([
      "mega_tap1",
      "mega_tap3",
      "mega_tap4",
    ]);
  });

  it("sorts numbers as numbers", () => {
    expect(["t10", "t9", "b", "t9a", "t"].sort(compareNames)).toEqual(["b", "t", "t9", "t10", "t9a"]);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "1", "0", "b") })), (names) => {
        const sorted = [...names].sort(compareNames);
        for (let i = 1; i < sorted.length; i++) expect(compareNames(sorted[i - 1]!, sorted[i]!)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
