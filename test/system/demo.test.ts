import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { startTimeOf } from "../../src/core/identity.ts";
import { findLab, type Lab } from "../../src/lab/find.ts";
import { labDir } from "../../src/lab/registry.ts";
import { hostState, ordinaryUser, processesOf, startTapscope, tapscope, watchOutput } from "./support.ts";

const stillThere = (pids: readonly number[]) => pids.filter((pid) => startTimeOf(pid) !== undefined);

/** A demo that shows flows, its lab, and the processes in that. */
async function runningDemo(): Promise<{ demo: ReturnType<typeof startTapscope>; lab: Lab; inside: number[] }> {
  const demo = startTapscope(["demo", "--duration", "60"]);
  const output = watchOutput(demo);
  await output.until(/tcp .*10\.0\.0\.2:80 /);
  const lab = findLab(`demo-${demo.pid}`)!;
  return { demo, lab, inside: processesOf(lab.place) };
}

describe("tapscope demo", () => {
  it("shows mirrored flows of real traffic in a pipe, ends by itself, and leaves nothing", async () => {
    const before = await hostState();
    const demo = await tapscope(["demo", "--duration", "6"]);
    expect(demo.stderr).toMatch(/\d+ packets captured, .* 0 dropped by kernel/);
    expect(demo.exitCode).toBe(0);
    const summary = demo.stdout.slice(demo.stdout.indexOf("summary:"));
    expect(summary).toMatch(/^icmp +10\.0\.0\.1 +10\.0\.0\.2 +100 /m);
    expect(summary).toMatch(/^tcp +10\.0\.0\.1:\d+ +10\.0\.0\.2:5001 +100 /m);
    expect(summary).toMatch(/^tcp +10\.0\.0\.1:\d+ +10\.0\.0\.2:80 +100 /m);
    expect(summary).toMatch(/^tcp +\[fd00::1\]:\d+ +\[fd00::2\]:80 +100 /m);
    expect(demo.stdout).toMatch(/^udp +10\.0\.0\.1:\d+ +10\.0\.0\.2:53 +100 /m);
    expect(await hostState()).toBe(before);
  });

  it("gives an object an interval with --json", async () => {
    const demo = await tapscope(["demo", "--duration", "5", "--json"]);
    const intervals = demo.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(intervals.length).toBeGreaterThanOrEqual(2);
    const last = intervals.at(-1);
    expect(last.packets).toBeGreaterThan(100);
    expect(last.flows[0]).toMatchObject({ "id.orig_h": expect.any(String), proto: expect.any(String), vlan: 100 });
  });

  it.each([
    ["SIGINT", 0],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("cleans up on %s and ends with %d", async (signal, code) => {
    const { demo, lab, inside } = await runningDemo();
    expect(inside.length).toBeGreaterThan(5);
    demo.signal(signal);
    expect((await demo.ended).exitCode).toBe(code);
    await expect.poll(() => stillThere(inside), { timeout: 10_000 }).toEqual([]);
    expect(existsSync(labDir(lab.name))).toBe(false);
  });

  it("leaves no process when it is killed, and clean removes the rest", async () => {
    const before = await hostState();
    const { demo, lab, inside } = await runningDemo();
    demo.signal("SIGKILL");
    await demo.ended;
    await expect.poll(() => stillThere([lab.pid, ...inside]), { timeout: 10_000 }).toEqual([]);
    expect((await tapscope(["clean"])).stderr).not.toContain("hint: this is a fault");
    expect(existsSync(labDir(lab.name))).toBe(false);
    expect(await hostState()).toBe(before);
  });

  it("needs no root", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "not root: the other tests of this file have just shown it");
    await using user = await ordinaryUser();
    const demo = await tapscope(["demo", "--duration", "5"], { as: user });
    expect(demo.stdout).toMatch(/^tcp +10\.0\.0\.1:\d+ +10\.0\.0\.2:80 +100 /m);
    expect(demo.exitCode).toBe(0);
  });
});
