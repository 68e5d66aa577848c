import { describe, expect, it } from "vitest";
import { parseFdb } from "../../src/mirror/fdb.ts";

describe("fdb/show", () => {
  it("is read line by line, heading and junk left out", () => {
    const text =
      " port  VLAN  MAC                Age\n    3   100  46:e0:41:17:27:7b    3\nLOCAL     0  aa:bb:cc:dd:ee:ff  static\nrubbish\n";
    expect(parseFdb(text)).toEqual([
      { ofport: 3, vlan: 100, mac: "46:e0:41:17:27:7b", age: 3 },
      { ofport: null, vlan: 0, mac: "aa:bb:cc:dd:ee:ff", age: null },
    ]);
  });
});
