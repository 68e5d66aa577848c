import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Child } from "../../../src/core/process.ts";
import { Ground } from "../mirror/ground.ts";
import { startTapscope, tapscope } from "../support.ts";

let ground: Ground;
let dir: string;
beforeAll(async () => {
  ground = await Ground.make();
  dir = mkdtempSync(join(tmpdir(), "tapscope-zeek-live-"));
});
afterAll(async () => {
  await ground[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const start = (...args: string[]): Child => startTapscope(["--lab", ground.lab.name, ...args]);
const rows = (path: string) =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));

it("logs a mirror of its own, counts drops, and leaves nothing of it behind", async () => {
  await using _ping = ground.pingOn();
  const logs = join(dir, "logs");
  const { exitCode, stdout } = await tapscope([
    "--lab",
    ground.lab.name,
    "--json",
    "zeek",
    "--mirror",
    "mega_tap0",
    "--duration",
    "3s",
    logs,
  ]);
  expect(exitCode).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ dropped_kernel: 0, given_up: 0, mirror: { output: "ts-mon0" } });
  expect(rows(join(logs, "conn.log")).some((line) => line.includes("\ticmp\t"))).toBe(true);
  expect((await ground.rows("port", "name")).flat()).not.toContain("ts-mon0");
});

it("ends after SIGTERM with all logs written", async () => {
  await using _ping = ground.pingOn();
  const logs = join(dir, "term");
  await using child = start("zeek", "--mirror", "mega_tap0", logs);
  await new Promise((resolve) => setTimeout(resolve, 4000));
  child.signal("SIGTERM");
  expect((await child.ended).exitCode).toBe(143);
  expect(readFileSync(join(logs, "conn.log"), "utf8")).toMatch(/\ticmp\t[\s\S]*#close/);
  expect((await tapscope(["--lab", ground.lab.name, "--json", "mirror", "list"])).stdout).not.toMatch(/ts-mon0/);
});
