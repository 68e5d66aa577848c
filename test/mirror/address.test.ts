import { describe, expect, it } from "vitest";
import { overlaps, parseCidr } from "../../src/mirror/address.ts";

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
