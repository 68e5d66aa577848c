/** `bro cat` and `bro ls` into a standard output that takes no more. */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" };
const PROGRAM = join(import.meta.dirname, "../../dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "tapscope-bro-output-"));
const image = join(folder, "disk.raw");

beforeAll(() => {
  mkdirSync(join(folder, "source/bro"), { recursive: true });
  writeFileSync(join(folder, "source/bro/big.log"), Buffer.alloc(4 << 20, "line\n"));
  writeFileSync(image, "");
  truncateSync(image, 16 << 20);
  const argv = ["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", join(folder, "source"), image];
  execFileSync("mke2fs", argv, { env, stdio: "pipe" });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(
  args: readonly string[],
  stdout: number | "pipe",
  readAtMost = 0,
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", stdout, "pipe"] });
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  if (readAtMost > 0) child.stdout!.once("data", () => child.stdout!.destroy());
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stderr })));
}

it.each([["cat", "big.log"], ["ls"]])(
  "bro %s says that the disk behind standard output is full",
  async (verb, ...rest) => {
    const full = openSync("/dev/full", "w");
    const { code, stderr } = await run(["bro", verb!, image, ...rest], full);
    closeSync(full);
    expect(code).toBe(1);
    expect(stderr).toContain("cannot write standard output: no space left on device");
    expect(stderr).not.toContain("fault in tapscope");
  },
);

it("bro cat is done when its reader has had enough", async () => {
  const { code, stderr } = await run(["bro", "cat", image, "big.log"], "pipe", 1);
  expect(stderr).toBe("");
  expect(code).toBe(0);
});
