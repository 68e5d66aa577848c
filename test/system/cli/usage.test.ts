import { describe, expect, it } from "vitest";
import { tapscope } from "../support.ts";

describe("wrong arguments", () => {
  const wrong: readonly [string, readonly string[], string][] = [
    ["an unknown command", ["nope"], "unknown command 'nope'"],
    ["an unknown option", ["mirror", "list", "--nope"], "unknown option '--nope'"],
    ["a missing argument", ["tap", "create"], "missing required argument 'vlan'"],
    [
      "a choice that is none",
      ["mirror", "create", "a", "b", "--direction", "up"],
      "Allowed choices are in, out, both.",
    ],
    ["an empty file name", ["capture", "a", "-w", ""], "--write needs the name of a file"],
  ];

  for (const [what, args, message] of wrong) {
    it(`answers ${what} as every other error, and as JSON with --json`, async () => {
      const plain = await tapscope(args);
      expect(plain).toMatchObject({ exitCode: 2, stdout: "" });
      expect(plain.stderr).toMatch(/^tapscope: /);
      expect(plain.stderr).toContain(message);
      const json = await tapscope(["--json", ...args]);
      expect(json).toMatchObject({ exitCode: 2, stdout: "" });
      expect(JSON.parse(json.stderr).error).toMatchObject({
        code: "E_USAGE",
        message: expect.stringContaining(message),
      });
    });
  }

  it("proposes the command that was meant", async () => {
    expect((await tapscope(["bridg"])).stderr).toBe("tapscope: unknown command 'bridg'\nhint: Did you mean bridge?\n");
  });
});
