import { describe, expect, it } from "vitest";
import { isAlive, ownerId, ownerState, pidScope, startTimeOf } from "../../src/core/identity.ts";
import { wrapForPlace } from "../../src/core/place.ts";
import { ProcessError, run, spawn } from "../../src/core/process.ts";

describe("run", () => {
  it("returns what the program wrote", async () => {
    expect(await run(["printf", "%s", "a $HOME 'b'"])).toMatchObject({ stdout: "a $HOME 'b'", exitCode: 0 });
    expect((await run(["cat"], { input: "in" })).stdout).toBe("in");
  });

  it("tells how a program failed, with its last words", async () => {
    const error = await run(["ls", "/nonexistent-folder"]).catch((e) => e);
    expect(error).toBeInstanceOf(ProcessError);
    expect(error).toMatchObject({ code: "E_COMMAND_FAILED", exitCode: 2 });
    expect(error.message).toMatch(/ls failed with exit code 2: .*nonexistent-folder/);
    expect((await run(["false"], { okCodes: [0, 1] })).exitCode).toBe(1);
  });

  it("says when a program is not installed", async () => {
    await expect(run(["no-such-program-x"])).rejects.toMatchObject({
      code: "E_COMMAND_NOT_FOUND",
      hint: "install no-such-program-x",
    });
  });

  it("ends a program that takes too long", async () => {
    await expect(run(["sleep", "60"], { timeoutMs: 100 })).rejects.toMatchObject({ code: "E_COMMAND_TIMEOUT" });
  });
});

describe("spawn", () => {
  it("passes a signal to the program and tells how it ended", async () => {
    const child = spawn(["sleep", "60"]);
    expect(child.signal("SIGTERM")).toBe(true);
    expect(await child.ended).toMatchObject({ signal: "SIGTERM", exitCode: undefined });
    expect(child.signal("SIGTERM")).toBe(false);
  });

  it("kills what is disposed of", async () => {
    const child = spawn(["sleep", "60"]);
    await child[Symbol.asyncDispose]();
    expect((await child.ended).signal).toBe("SIGKILL");
  });

  it("leaves nothing running when its parent is killed", async () => {
    const script =
      "const {spawn}=require('child_process');const c=spawn('setpriv',['--pdeathsig','KILL','--','sleep','60']);console.log(c.pid)";
    const parent = spawn([process.execPath, "-e", script]);
    const pid = await new Promise<number>((resolve) => parent.stdout!.once("data", (chunk) => resolve(Number(chunk))));
    const started = startTimeOf(pid)!;
    await expect.poll(() => startTimeOf(pid)).toBeDefined();
    parent.signal("SIGKILL");
    await expect.poll(() => isAlive(pid, started), { timeout: 5000 }).toBe(false);
  });
});

describe("a place", () => {
  it("wraps a program so that it dies with its parent, also across nsenter's fork", () => {
    const tie = ["setpriv", "--pdeathsig", "KILL", "--"];
    expect(wrapForPlace({}, ["ip", "link"])).toEqual([...tie, "ip", "link"]);
    expect(wrapForPlace({ netns: "a" }, ["ping"])).toEqual([...tie, "ip", "netns", "exec", "a", "ping"]);
    expect(wrapForPlace({ netns: "/proc/7/ns/net" }, ["ping"])).toEqual([
      ...tie,
      "nsenter",
      "--net=/proc/7/ns/net",
      "--",
      "ping",
    ]);
    expect(wrapForPlace({ lab: { pid: 9, user: true }, netns: "b" }, ["ping"])).toEqual([
      ...[...tie, "nsenter", "-t", "9", "-U", "-n", "-m", "-p", "--"],
      ...[...tie, "ip", "netns", "exec", "b", "ping"],
    ]);
  });
});

describe("an owner", () => {
  it("is alive while its process is", () => {
    expect(ownerState(ownerId())).toEqual({ pid: process.pid, state: "alive" });
  });
  it("is dead when its PID was reused or the machine was booted again, unknown from another PID namespace", () => {
    const [boot, namespace] = pidScope().split("/");
    expect(ownerState(`${process.pid}:1@${boot}/${namespace}`).state).toBe("dead");
    expect(ownerState(`1:1@00000000-0000-0000-0000-000000000000/${namespace}`).state).toBe("dead");
    expect(ownerState(`${process.pid}:1@${boot}/1`).state).toBe("unknown");
    expect(ownerState("nonsense").state).toBe("unknown");
  });
});
