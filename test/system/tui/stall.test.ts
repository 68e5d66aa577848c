import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Child, spawn } from "../../../src/core/process.ts";
import { program, watchOutput } from "../support.ts";
import { Wire } from "./netns.ts";

let wire: Wire;
const lack = process.getuid?.() === 0 ? null : "needs root: network namespaces of the host's";
beforeAll(async () => {
  if (lack !== null) return;
  wire = await Wire.make();
  wire.pingOn();
});
beforeEach(({ skip }) => skip(lack !== null, lack ?? ""));
afterAll(async () => {
  await wire?.[Symbol.asyncDispose]();
});

const python = (): Child => {
  const watch = [process.execPath, program, "--db", "/nonexistent/db.sock", "watch", wire.device];
  return spawn(["python3", join(import.meta.dirname, "stall.py"), ...watch], { stdin: "pipe" });
};

/** Bytes that the tcpdump on the wire has written so far; null when there is none. */
function written(): number | null {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const argv = readFileSync(`/proc/${entry}/cmdline`, "latin1").split("\0");
      if (argv[0] !== "tcpdump" || !argv.includes(wire.device)) continue;
      return Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${entry}/io`, "latin1"))![1]);
    } catch {
      // It has just ended.
    }
  }
  return null;
}

it("goes on capturing while the terminal does not read, and ends when it is told to", async () => {
  await using child = python();
  const output = watchOutput(child);
  await output.until("drawn");
  child.stdin!.write("stall\n");
  // More than the pipe between tcpdump and the worker holds: it is read, not only buffered.
  const before = written()!;
  await wire.ping(4000);
  await expect.poll(() => written()! - before, { timeout: 20_000 }).toBeGreaterThan(8000 * 100);

  process.kill(Number(/pid (\d+)/.exec(output.text())![1]), "SIGTERM");
  await output.until(/ended \d+ \d+/);
  // By the signal itself, or with the code that says so: the terminal may have had room for the last words.
  expect(output.text()).toMatch(/ended (15 0|0 143)/);
  await expect.poll(written, { timeout: 10_000 }).toBeNull();
});

it("draws on when the terminal reads again", async () => {
  await using child = python();
  const output = watchOutput(child);
  await output.until("drawn");
  child.stdin!.write("stall\n");
  await wire.ping(500);
  child.stdin!.write("read\n");
  const drawn = output.text().length;
  await expect.poll(() => output.text().slice(drawn), { timeout: 20_000 }).toContain("drawn");
  child.stdin!.write("quit\n");
  await output.until("ended 0 0");
});
