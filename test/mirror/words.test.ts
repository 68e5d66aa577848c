import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overlaps, parseCidr } from "../../src/mirror/address.ts";
import { captureDirection } from "../../src/mirror/direction.ts";
import { parseFdb } from "../../src/mirror/fdb.ts";
import { checkName, freeNames } from "../../src/mirror/names.ts";
import { atoms, map } from "../../src/mirror/ovsdb/values.ts";
import { compareNames } from "../../src/mirror/state.ts";
import { checkTunnel, parseRemote } from "../../src/mirror/tunnel.ts";

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

describe("a direction", () => {
  it("is tcpdump's opposite on ports whose other end is the host itself", () => {
    expect(["internal", "tap", "system", ""].map((type) => captureDirection(type, "in"))).toEqual([
      "out",
      "out",
      "in",
      "in",
    ]);
    expect(["internal", "system"].map((type) => captureDirection(type, "out"))).toEqual(["in", "out"]);
    expect(captureDirection("internal", "both")).toBe("inout");
  });
});

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

describe("tunnels", () => {
  it("reads a remote output", () => {
    expect(parseRemote("gre:192.0.2.1")).toEqual({ type: "gre", remoteIp: "192.0.2.1" });
    expect(parseRemote("vxlan:[2001:db8::1]:7")).toEqual({ type: "vxlan", remoteIp: "2001:db8::1", key: 7 });
  });

  it.each([
    "gre",
    "ipsec:192.0.2.1",
    "gre:nowhere",
    "vxlan:192.0.2.1:16777216",
    "vxlan:192.0.2.1:x",
    "erspan:192.0.2.1",
    "erspan:192.0.2.1:1024",
    "vxlan:2001:db8::1",
  ])("refuses %s", (text) => {
    expect(() => parseRemote(text)).toThrow(expect.objectContaining({ code: "E_USAGE" }));
  });

  it("knows the kinds bridges are joined by", () => {
    expect(checkTunnel("geneve", "192.0.2.1", "16777215")).toEqual({
      type: "geneve",
      remoteIp: "192.0.2.1",
      key: 16777215,
    });
    expect(() => checkTunnel("constructor", "192.0.2.1", undefined)).toThrow("not a tunnel");
  });
});

describe("subnets", () => {
  it.each([
    ["10.0.0.7/24", "10.0.0.0/8", true],
    ["10.0.0.7/24", "10.0.1.0/24", false],
    ["10.0.0.7/24", "10.0.0.7/32", true],
    ["fd00::1/64", "fd00::/8", true],
    ["fd00::1/64", "10.0.0.0/8", false],
    ["0.0.0.0/0", "192.0.2.1/32", true],
  ])("%s and %s overlap: %s", (a, b, expected) => {
    expect(overlaps(parseCidr(a), parseCidr(b))).toBe(expected);
    expect(overlaps(parseCidr(b), parseCidr(a))).toBe(expected);
  });

  it.each(["10.0.0.1", "10.0.0.1/33", "10.0.0/24", "x/24", "fd00::1/129", "10.0.0.1/24; rm -rf"])(
    "refuses %s",
    (text) => {
      expect(() => parseCidr(text)).toThrow("not an IP address with prefix length");
    },
  );
});
