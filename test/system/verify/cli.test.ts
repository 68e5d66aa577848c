import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawn } from "../../../src/core/process.ts";
import type { VerifyReport } from "../../../src/verify/judge/report.ts";
import { Ground } from "../mirror/ground.ts";
import { ordinaryUser, processesOf, program, startTapscope, tapscope, watchOutput } from "../support.ts";

let ground: Ground;
const scratch = mkdtempSync(join(tmpdir(), "tapscope-test-verify-"));

beforeAll(async () => {
  ground = await Ground.make();
  await ground.tapscope("mirror", "create", "mega_tap0", "mega_tap2");
});
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await ground?.[Symbol.asyncDispose]();
});

const verify = (...args: string[]) => ground.tapscope("verify", ...args);
const PING = ["mega_tap2", "--ping", "10.0.0.2", "--count", "3", "--interval", "50ms"];

/** The programs that run in the lab, by name. */
function running(): string[] {
  return processesOf(ground.lab.place).flatMap((pid) => {
    try {
      const name = readFileSync(`/proc/${pid}/comm`, "latin1").trim();
      return readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ") ? [] : [name];
    } catch {
      return [];
    }
  });
}

async function untilQuiet(): Promise<string[]> {
  const busy = () => running().filter((name) => ["tcpdump", "ping", "sleep-ts"].includes(name));
  const deadline = performance.now() + 10_000;
  while (busy().length > 0 && performance.now() < deadline) await sleep(20);
  return busy();
}

describe("exit codes", () => {
  it("0 with one line of JSON when the mirror is faithful, all else on stderr", async () => {
    const answer = await ground.tapscope("verify", ...PING, "--json");
    expect(answer.exitCode).toBe(0);
    const report = JSON.parse(answer.stdout) as VerifyReport;
    expect(answer.stdout.trim().split("\n")).toHaveLength(1);
    expect(report).toMatchObject({ verdict: "faithful", ping: { sent: 3, requests_seen: 3, replies_seen: 3 } });
    expect(answer.stderr).toMatch(/^pinging 10.0.0.2 from a by mega_tap0: 3 requests, about \d+(ms|\.\ds)$/m);
    expect(answer.stderr).toMatch(/^waiting for what the kernel still holds: about 1 s$/m);
  });

  it("3 when it is not, and the report is on stdout", async () => {
    const answer = await verify(
      "mega_tap2",
      "--source",
      "mega_tap1",
      ...PING.slice(1),
      "--direction",
      "in",
      "--from",
      "b",
    );
    // b pings itself: nothing passes the switch.
    expect(answer).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("untested") });
    await ground.vsctl("clear", "mirror", "mirror-mega_tap2", "select_dst_port");
    const unfaithful = await verify(...PING);
    await ground.tapscope("mirror", "add", "mega_tap2", "mega_tap0");
    expect(unfaithful).toMatchObject({ exitCode: 3, stdout: expect.stringContaining("cause (one-direction)") });
  });

  it("2 for wrong arguments, 1 for what is not there, with one line of reason", async () => {
    const cases: [string[], number, RegExp][] = [
      [["mega_tap2"], 2, /what traffic/],
      [["mega_tap2", "--ping", "example"], 2, /not an IP address/],
      [["mega_tap2", "--ping", "10.0.0.2", "--inject", "2"], 2, /one kind of traffic/],
      [["mega_tap2", "--ping", "10.0.0.2", "--from", "nobody"], 2, /no network namespace is called 'nobody'/],
      [["mega_tap2", "--source", "mega_tap2", "--duration", "1"], 2, /source and monitor at once/],
      [["mega_tap2", "--count", "2", "--", "true"], 2, /--count goes with --ping/],
      [["none-such", "--ping", "10.0.0.2"], 1, /no device of that name/],
      [["mega_tap2", "--source", "none-such", "--ping", "10.0.0.2"], 1, /no port, bridge or device 'none-such'/],
      [["mega_tap2", "--", "no-such-program"], 1, /cannot run no-such-program/],
    ];
    for (const [args, exitCode, words] of cases) {
      expect(await verify(...args), args.join(" ")).toMatchObject({
        exitCode,
        stdout: "",
        stderr: expect.stringMatching(words),
      });
    }
    await verify("mega_tap2", "--duration", "100ms", "--save", scratch);
    expect(readdirSync(scratch)).toContain("report.json");
    expect(await verify(...PING, "--save", scratch)).toMatchObject({ exitCode: 2, stderr: /is not empty/ });
  });

  it("tells of a command that fails, and of one that has to be stopped", async () => {
    const failed = await verify(
      "mega_tap2",
      "--from",
      "a",
      "--json",
      "--",
      "sh",
      "-c",
      "ping -qc2 -i.05 10.0.0.2; exit 7",
    );
    expect(JSON.parse(failed.stdout)).toMatchObject({
      verdict: "faithful",
      command: { exit_code: 7 },
      notes: [{ code: "command-failed" }],
    });
    const hangs = ["sh", "-c", "trap '' TERM; ping -qc2 -i.05 10.0.0.2; while :; do sleep 1; done"];
    const stopped = await verify("mega_tap2", "--from", "a", "--json", "--duration", "1", "--", ...hangs);
    expect(JSON.parse(stopped.stdout)).toMatchObject({ verdict: "faithful", command: { signal: "SIGKILL" } });
    expect(await untilQuiet()).toEqual([]);
  });
});

describe("injected frames", () => {
  it("are counted at the other end, out of a source or of any device", async () => {
    for (const [more, direction] of [
      [[], "in"],
      [["--interface", "mega_tap1"], "out"],
    ] as const) {
      const answer = await verify("mega_tap2", "--inject", "25", "--interval", "2ms", "--json", ...more);
      expect(answer.stderr).not.toContain("hint:");
      const report = JSON.parse(answer.stdout) as VerifyReport;
      expect(report).toMatchObject({ verdict: "faithful", inject: { sent: 25, seen: 25 } });
      const frames = report.directions.find((each) => each.direction === direction)!;
      expect(frames.source_frames).toBeGreaterThanOrEqual(25);
    }
  });
});

describe("an end from outside", () => {
  it.each([
    ["SIGINT", 0],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("by %s stops the traffic and judges what was sent", async (signal, code) => {
    const child = startTapscope([
      "--lab",
      ground.lab.name,
      "verify",
      "mega_tap2",
      "--ping",
      "10.0.0.2",
      "--count",
      "5000",
    ]);
    const output = watchOutput(child);
    await output.until("pinging");
    await expect.poll(() => running().includes("ping"), { timeout: 20_000 }).toBe(true);
    await sleep(500);
    child.signal(signal);
    expect((await child.ended).exitCode).toBe(code);
    expect(output.text()).toContain("faithful: mega_tap2 saw all");
    expect(await untilQuiet()).toEqual([]);
  });

  it.each(["SIGTERM", "SIGKILL"] as const)("by %s leaves no process and no file", async (signal) => {
    const temporary = mkdtempSync(join(tmpdir(), "tapscope-test-kill-"));
    const args = ["--lab", ground.lab.name, "verify", "mega_tap2", "--ping", "10.0.0.2", "--count", "5000"];
    const child = spawn([process.execPath, program, ...args], { env: { TMPDIR: temporary } });
    child.stdout!.resume();
    child.stderr!.resume();
    await expect.poll(() => running().includes("ping"), { timeout: 20_000 }).toBe(true);
    child.signal(signal);
    const { exitCode } = await child.ended;
    if (signal === "SIGTERM") expect(exitCode).toBe(143);
    expect(await untilQuiet()).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
    rmSync(temporary, { recursive: true });
    expect(existsSync(temporary)).toBe(false);
  });
});

describe("an ordinary user", () => {
  it("needs no root on a lab of his own", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "not root: the other tests of this file have just shown it");
    await using user = await ordinaryUser();
    try {
      await tapscope(["lab", "up"], { as: user });
      await tapscope(["--lab", "lab", "mirror", "create", "mega_tap0", "mega_tap2"], { as: user });
      const answer = await tapscope(["--lab", "lab", "verify", ...PING], { as: user });
      expect(answer).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("faithful: mega_tap2 saw all") });
    } finally {
      await tapscope(["lab", "down"], { as: user });
    }
  });
});
