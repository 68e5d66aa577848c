import { expect, it } from "vitest";
import { tapscope, uniqueName } from "../support.ts";

for (const command of [["lab", "up"], ["lab", "down"], ["demo"], ["verify", "mega_tap2"]]) {
  it(`refuses ${command.join(" ")} --dry-run rather than do it`, async () => {
    const answer = await tapscope(["--lab", uniqueName("dry"), ...command, "--dry-run"]);
    expect(answer).toMatchObject({ exitCode: 2, stdout: "" });
    expect(answer.stderr).toContain("has no --dry-run");
  });
}
