import { describe, expect, it } from "vitest";
import { captureDirection } from "../../src/mirror/direction.ts";

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
