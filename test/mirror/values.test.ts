import { describe, expect, it } from "vitest";
import { atoms, map } from "../../src/mirror/ovsdb/values.ts";

describe("values of OVSDB", () => {
  it("reads a set of one, of none and of many, and references", () => {
    expect(atoms(100)).toEqual([100]);
    expect(atoms(["set", []])).toEqual([]);
    expect(
      atoms([
        "set",
        [
          ["uuid", "a"],
          ["uuid", "b"],
        ],
      ]),
    ).toEqual(["a", "b"]);
    expect(atoms(["uuid", "a"])).toEqual(["a"]);
    expect([...map(["map", [["__proto__", "x"]]])]).toEqual([["__proto__", "x"]]);
    expect([...map(["map", "junk"])]).toEqual([]);
  });
});
