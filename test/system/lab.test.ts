import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { startTimeOf } from "../../src/core/identity.ts";
import { run } from "../../src/core/process.ts";
import { findLab, listLabs } from "../../src/lab/find.ts";
import { labFaults } from "../../src/lab/health.ts";
import { ensureLab, startLab, stopLab, sweepLabs } from "../../src/lab/lab.ts";
import { labDir } from "../../src/lab/registry.ts";
import {
  hostState,
  ordinaryUser,
  processesOf,
  program,
  startTapscope,
  tapscope,
  uniqueName,
  watchOutput,
} from "./support.ts";

const names: string[] = [];
const newName = () => {
  const name = uniqueName("lab");
  names.push(name);
  return name;
};
const stillThere = (pids: readonly number[]) => pids.filter((pid) => startTimeOf(pid) !== undefined);

afterEach(async () => {
  for (const name of names.splice(0)) await stopLab(name);
});

describe("tapscope lab", () => {
  it("starts once, reaches b from a, and is gone after down, with nothing of the host touched", async () => {
    const name = newName();
    const before = await hostState();
    const up = ["lab", "up", "--name", name];
    expect(await tapscope(up)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("is up") });
    const pid = findLab(name)!.pid;
    expect(await tapscope(up)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("was up already") });
    expect(findLab(name)!.pid).toBe(pid);

    const ping = await tapscope(["lab", "exec", "a", "--name", name, "--", "ping", "-c", "2", "-i", "0.2", "10.0.0.2"]);
    expect(ping).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("2 received") });
    expect((await tapscope(["lab", "exec", "b", "--name", name, "--", "ping", "-c", "1", "fd00::1"])).exitCode).toBe(0);
    const list = ["--", "ovs-vsctl", "--columns=name,tag", "list", "port"];
    const ports = await tapscope(["--lab", name, "lab", "exec", "switch", ...list]);
    expect(ports.stdout.replaceAll(/ +/g, " ")).toContain("name : mega_tap0\ntag : 100");
    expect(await hostState()).toBe(before);

    const [status] = JSON.parse((await tapscope(["lab", "status", "--name", name, "--json"])).stdout);
    expect(status).toMatchObject({ name, pid, bridge: "mega_bridge", monitor: "mega_tap2" });
    expect(status.hosts.map((host: { name: string }) => host.name)).toEqual(["a", "b"]);

    const inside = processesOf(findLab(name)!.place);
    expect(inside.length).toBeGreaterThanOrEqual(3);
    const down = ["lab", "down", "--name", name];
    expect(await tapscope(down)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("is down") });
    await expect.poll(() => stillThere(inside), { timeout: 10_000 }).toEqual([]);
    expect(existsSync(labDir(name))).toBe(false);
    expect(await tapscope(down)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`'${name}' is not up`) });
    expect(await hostState()).toBe(before);
  });

  it("takes everything with it when its holder is killed; what remains goes with up, down or clean, and not by looking", async () => {
    const name = newName();
    const { lab } = await ensureLab({ name });
    const inside = processesOf(lab.place);
    process.kill(lab.pid, "SIGKILL");
    await expect.poll(() => stillThere(inside), { timeout: 10_000 }).toEqual([]);
    expect(findLab(name)).toBeUndefined();
    expect(listLabs().map((other) => other.name)).not.toContain(name);
    expect((await tapscope(["lab", "status", "--name", name])).stdout).toContain("is not up");
    expect(existsSync(labDir(name))).toBe(true);
    expect((await sweepLabs(false, true)).removed).toContain(name);
    expect(existsSync(labDir(name))).toBe(true);
    expect((await tapscope(["--lab", name, "clean"])).stdout).toContain(`removed lab ${name}`);
    expect(existsSync(labDir(name))).toBe(false);
    expect((await ensureLab({ name })).made).toBe(true);
  });

  it("is not lost when tapscope looks for labs from inside of it", async () => {
    const name = newName();
    const { lab } = await ensureLab({ name });
    const inside = (...words: string[]) =>
      tapscope(["lab", "exec", "a", "--name", name, "--", process.execPath, program, ...words]);
    const unseen = expect.stringContaining("cannot be seen from here");
    expect(await inside("lab", "status")).toMatchObject({ exitCode: 0, stderr: unseen });
    expect(await inside("lab", "up", "--name", name)).toMatchObject({ exitCode: 1, stderr: unseen });
    expect(await inside("lab", "down", "--name", name)).toMatchObject({ exitCode: 1, stderr: unseen });
    expect((await inside("--lab", name, "clean")).stderr).toContain(`kept lab ${name}`);
    expect(findLab(name)?.pid).toBe(lab.pid);
    expect((await tapscope(["lab", "down", "--name", name])).exitCode).toBe(0);
  });

  it("can be ended when its record or its whole folder is lost", async () => {
    const [lost, orphan] = [newName(), newName()];
    const [one, two] = [await ensureLab({ name: lost }), await ensureLab({ name: orphan })];
    rmSync(join(labDir(lost), "lab.json"));
    rmSync(labDir(orphan), { recursive: true });
    expect(findLab(lost)).toBeUndefined();
    const { kept } = await sweepLabs(false);
    for (const name of [lost, orphan])
      expect(kept).toContainEqual({ name, why: expect.stringContaining("--all ends it") });
    expect([startTimeOf(one.lab.pid), startTimeOf(two.lab.pid)]).not.toContain(undefined);
    for (const [name, pid] of [
      [lost, one.lab.pid],
      [orphan, two.lab.pid],
    ] as const) {
      expect((await tapscope(["lab", "down", "--name", name])).stdout).toBe(`lab '${name}' is down\n`);
      expect([startTimeOf(pid), existsSync(labDir(name))]).toEqual([undefined, false]);
    }
  });

  it("says what is missing of it: status, up and doctor look", async () => {
    const name = newName();
    const { lab } = await ensureLab({ name });
    expect(await labFaults(lab)).toEqual([]);
    await run(["ovs-vsctl", "--timeout=10", "del-port", "mega_tap0"], { place: lab.place });
    await run(["ip", "netns", "del", "b"], { place: lab.place });
    const gone = "host a has lost its tap mega_tap0";
    expect((await tapscope(["lab", "status", "--name", name])).stdout).toContain(`WRONG: ${gone}`);
    expect(await tapscope(["lab", "up", "--name", name])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(
        /is up, but not whole: .*mega_tap0; host b is gone.*\nhint: make it anew: tapscope lab down/,
      ),
    });
    const doctor = await tapscope(["doctor", "--lab", name]);
    expect(doctor).toMatchObject({ exitCode: 3, stdout: expect.stringContaining(`WRONG lab: lab '${name}': ${gone}`) });
  });

  it("that is dead and named by $TAPSCOPE_LAB does not stop doctor and clean", async () => {
    const env = { TAPSCOPE_LAB: newName() };
    const ask = (...words: string[]) => run([process.execPath, program, ...words], { env, okCodes: [0, 3] });
    const doctor = await ask("doctor");
    expect([doctor.exitCode, doctor.stdout]).toEqual([
      3,
      expect.stringContaining(`lab '${env.TAPSCOPE_LAB}' is not up`),
    ]);
    expect(doctor.stdout).toContain("tool-tcpdump");
    expect((await ask("clean")).exitCode).toBe(0);
  });

  it("lets several labs run side by side, and two that start one at the same time share it", async () => {
    const [first, second] = [newName(), newName()];
    const [one, again, other] = await Promise.all([
      ensureLab({ name: first }),
      ensureLab({ name: first }),
      ensureLab({ name: second }),
    ]);
    expect([one.made, again.made].sort()).toEqual([false, true]);
    expect(one.lab.pid).toBe(again.lab.pid);
    expect(other.lab.pid).not.toBe(one.lab.pid);
    for (const { lab } of [one, other]) {
      await run(["ping", "-c", "1", "-W", "5", "10.0.0.2"], { place: lab.host("a") });
    }
  });

  it("ends with the handle of the process that started it for itself alone", async () => {
    const name = newName();
    {
      await using lab = await startLab({ name });
      expect(findLab(name)?.pid).toBe(lab.pid);
      await expect(startLab({ name })).rejects.toMatchObject({ code: "E_LAB_EXISTS" });
    }
    expect(findLab(name)).toBeUndefined();
  });

  it("ends as the program it runs did, and passes it Ctrl-C", async () => {
    const name = newName();
    await ensureLab({ name });
    const exec = (host: string, ...argv: string[]) => ["lab", "exec", host, "--name", name, "--", ...argv];
    expect((await tapscope(exec("b", "sh", "-c", "exit 7"))).exitCode).toBe(7);
    expect(await tapscope(exec("c", "true"))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("a, b, or switch"),
    });
    const ping = startTapscope(exec("a", "ping", "-i", "0.2", "10.0.0.2"));
    const output = watchOutput(ping);
    await output.until("icmp_seq=2");
    // What a terminal does: SIGINT to the whole foreground group (a child of `spawn` leads a group of its own).
    process.kill(-ping.pid, "SIGINT");
    expect((await ping.ended).exitCode).toBe(0);
    expect(output.text()).toContain("packets transmitted");
  });

  it("runs a program with options of its own, with and without --, and says as a shell does that there is none", async () => {
    const name = newName();
    await ensureLab({ name });
    const bare = await tapscope(["lab", "exec", "--name", name, "a", "ping", "-c1", "-v", "-W", "5", "10.0.0.2"]);
    expect(bare).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("1 received") });
    const after = await tapscope([
      "--lab",
      name,
      "lab",
      "exec",
      "a",
      "sh",
      "-c",
      'echo "$0 $*"',
      "--json",
      "--",
      "--name",
    ]);
    expect(after).toMatchObject({ exitCode: 0, stdout: "--json -- --name\n" });
    for (const [argv, code] of [
      [["no-such-program"], 127],
      [["/etc/passwd"], 126],
    ] as const) {
      const answer = await tapscope(["--lab", name, "lab", "exec", "a", ...argv]);
      expect([answer.exitCode, answer.stderr]).toEqual([code, expect.stringContaining(`cannot run ${argv[0]}: `)]);
    }
  });

  it("says what is wrong with a name, and that a lab is not up", async () => {
    expect(await tapscope(["lab", "up", "--name", "../x"])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("not a lab's name"),
    });
    expect(await tapscope(["lab", "exec", "a", "--name", "none-such", "--", "true"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/lab 'none-such' is not up\nhint: .*tapscope lab up/),
    });
    const up = newName();
    await ensureLab({ name: up });
    expect(await tapscope(["lab", "down", "--name", "typo"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(new RegExp(`lab 'typo' is not up\nhint: these are: .*${up}`)),
    });
  });

  it("needs no root", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "not root: the other tests of this file have just shown it");
    await using user = await ordinaryUser();
    try {
      const up = await tapscope(["lab", "up"], { as: user });
      expect(up).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("is up") });
      const ping = await tapscope(["lab", "exec", "a", "--", "ping", "-c", "1", "10.0.0.2"], { as: user });
      expect(ping).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("1 received") });
      const devices = await tapscope(["lab", "exec", "switch", "--", "tcpdump", "-D"], { as: user });
      expect(devices.stdout).toContain("mega_tap2");
    } finally {
      const down = await tapscope(["lab", "down"], { as: user });
      expect(down).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("is down") });
    }
  });
});
