import { spawn as spawnChild } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { Ground } from "../mirror/ground.ts";
import { program } from "../support.ts";

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.make();
});
afterAll(async () => await ground[Symbol.asyncDispose]());
// Whatever is tried here: no mirror and no monitor port is left.
afterEach(async () => {
  expect(await ground.mirrors()).toEqual([]);
  expect((await ground.rows("port", "name")).flat().sort()).toEqual([
    "mega_bridge",
    "mega_tap0",
    "mega_tap1",
    "mega_tap2",
  ]);
});

/** Runs the program with a standard output of the test's choice. */
function start(stdout: "pipe" | number, ...args: string[]) {
  const child = spawnChild(process.execPath, [program, "--lab", ground.lab.name, ...args], {
    stdio: ["ignore", stdout, "pipe"],
  });
  let words = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    words += chunk.toString("utf8");
  });
  return { child, ended: once(child, "close").then(([exitCode]) => ({ exitCode, words })) };
}

const LONG_RUNNING: readonly (readonly [string, readonly string[]])[] = [
  ["watch --text", ["watch", "--mirror", "mega_tap0", "--text", "--interval", "200ms"]],
  ["watch --json", ["watch", "--mirror", "mega_tap0", "--json", "--interval", "200ms"]],
];

for (const [what, args] of LONG_RUNNING) {
  it(`ends ${what}, and removes its mirror, when its reader has had enough`, async () => {
    const { child, ended } = start("pipe", ...args);
    await once(child.stdout!, "data");
    child.stdout!.destroy();
    expect(await ended).toMatchObject({ exitCode: 0 });
  });

  it(`says that ${what} cannot write, and removes its mirror`, async () => {
    const { ended } = start(openSync("/dev/full", "w"), ...args);
    const { exitCode, words } = await ended;
    expect(exitCode).toBe(1);
    expect(words).toContain("cannot write standard output: no space left on device");
  });
}

it("removes the mirror of `mirror create --for` when its output cannot be written", async () => {
  const { ended } = start(openSync("/dev/full", "w"), "mirror", "create", "mega_tap0", "mega_tap2", "--for", "1h");
  expect((await ended).exitCode).toBe(1);
});

it("says that a demo's last words could not be written", async () => {
  const { ended } = start(openSync("/dev/full", "w"), "demo", "--duration", "1s");
  const { exitCode, words } = await ended;
  expect(exitCode).toBe(1);
  expect(words).toMatch(/gone\ntapscope: cannot write standard output: no space left on device\n$/);
});

it("says that a list cannot be written", async () => {
  const { ended } = start(openSync("/dev/full", "w"), "tap", "list");
  expect(await ended).toEqual({
    exitCode: 1,
    words: "tapscope: cannot write standard output: no space left on device\n",
  });
});

it("tells at once that a capture's file cannot be written, though no packet comes", async () => {
  const dir = mkdtempSync(join(tmpdir(), "tapscope-output-"));
  try {
    // mega_tap2 is no mirror's output: hardly anything comes there.
    for (const [path, why] of [
      [dir, "it is a directory"],
      [join(dir, "none/x"), "no such directory"],
    ] as const) {
      const answer = await ground.tapscope("capture", "mega_tap2", "--filter", "tcp port 9", "-w", path);
      expect(answer).toMatchObject({ exitCode: 1, stderr: `tapscope: cannot write ${path}: ${why}\n` });
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
