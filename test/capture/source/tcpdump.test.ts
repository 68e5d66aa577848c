import { describe, expect, it } from "vitest";
import { parseCounts, tcpdumpArgv } from "../../../src/capture/source/tcpdump.ts";

describe("tcpdump's counts", () => {
  it("are read from the line it writes on SIGUSR1", () => {
    const line = "tcpdump: 4 packets captured, 8 packets received by filter, 2 packets dropped by kernel";
    expect(parseCounts(line, null)).toEqual({ received: 8, kernel: 2, interface: 0 });
    expect(parseCounts(`${line}, 1 packet dropped by interface`, null)).toMatchObject({ interface: 1 });
  });

  it("are read from the lines it ends with", () => {
    const lines = ["4 packets captured", "9 packets received by filter", "1 packet dropped by kernel"];
    expect(lines.reduce<ReturnType<typeof parseCounts>>((drops, line) => parseCounts(line, drops), null)).toEqual({
      received: 9,
      kernel: 1,
      interface: 0,
    });
  });

  it("are unknown as long as it has told none", () => {
    expect(parseCounts("tcpdump: listening on lo", null)).toBeNull();
  });
});

describe("tcpdump's arguments", () => {
  it("never let a filter be taken for an option", () => {
    const argv = tcpdumpArgv({ device: "tap0", filter: "-r /etc/passwd", immediate: false });
    expect(argv.at(-2)).toBe("--");
    expect(argv).toContain("-U");
    expect(argv).not.toContain("--immediate-mode");
  });
});
