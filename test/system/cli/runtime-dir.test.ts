import { expect, it } from "vitest";
import { run } from "../../../src/core/process.ts";
import { EVERY_CODE, program } from "../support.ts";

it.each(["/proc", "/dev/null", "/tmp"])("says that labs cannot be kept in %s", async (dir) => {
  const argv = [process.execPath, program, "lab", "up", "--name", "nowhere"];
  const { exitCode, stderr } = await run(argv, { env: { XDG_RUNTIME_DIR: dir }, okCodes: EVERY_CODE });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^tapscope: cannot keep labs in \S+: .*\nhint: set XDG_RUNTIME_DIR to a folder of your own\n$/,
  );
});
