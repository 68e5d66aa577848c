import { describe, expect, it } from "vitest";
import type { TapInfo } from "../../../src/mirror/tap.ts";
import { ordinaryUser, tapscope, uniqueName } from "../support.ts";

describe("an ordinary user with a lab", () => {
  it("makes taps and mirrors in it, and sees where the hosts' devices are", async (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip("needs root to make a user");
    await using user = await ordinaryUser();
    const name = uniqueName("user");
    const as = async (...args: string[]) => await tapscope(["--lab", name, ...args], { as: user });
    try {
      expect(await as("lab", "up")).toMatchObject({ exitCode: 0 });
      expect(await as("tap", "create", "0")).toMatchObject({ exitCode: 0, stdout: "mega_tap3\n", stderr: "" });
      expect(await as("mirror", "create", "mega_tap0", "mega_tap3")).toMatchObject({
        exitCode: 0,
        stderr: expect.stringMatching(/^note: copies on mega_tap3 carry their VLAN tag .*--strip-vlan\n$/),
      });
      expect(JSON.parse((await as("mirror", "list", "--json")).stdout)).toMatchObject([
        { output: "mega_tap3", health: "waiting" },
      ]);
      const taps = JSON.parse((await as("tap", "list", "--json")).stdout) as TapInfo[];
      expect(taps.map(({ ip }) => ip)).toEqual(["10.0.0.1/24", "10.0.0.2/24", null, null]);
      expect((await as("mirror", "create", "mega_tap0", "mega_tap1")).stderr).toContain(
        "it has the address 10.0.0.2/24",
      );
      expect(await as("doctor")).toMatchObject({ exitCode: 0 });
      expect(await as("clean", "--all")).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining("removed port mega_tap3"),
        stderr: expect.stringContaining("kept mega_bridge: lab"),
      });
    } finally {
      await as("lab", "down");
    }
  });
});
