import { existsSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { startTimeOf } from "../../src/core/identity.ts";
import { run } from "../../src/core/process.ts";
import { findLab, listLabs } from "../../src/lab/find.ts";
import { ensureLab, startLab, stopLab } from "../../src/lab/lab.ts";
import { labDir } from "../../src/lab/registry.ts";
import { hostState, ordinaryUser, processesOf, startTapscope, tapscope, uniqueName, watchOutput } from "./support.ts";

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
    expect(await tapscope(down)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("was not up") });
    expect(await hostState()).toBe(before);
  });

  it("takes everything with it when its holder is killed, and its remains are removed on sight", async () => {
    const name = newName();
    const { lab } = await ensureLab({ name });
    const inside = processesOf(lab.place);
    process.kill(lab.pid, "SIGKILL");
    await expect.poll(() => stillThere(inside), { timeout: 10_000 }).toEqual([]);
    expect(findLab(name)).toBeUndefined();
    expect(listLabs().map((other) => other.name)).not.toContain(name);
    expect(existsSync(labDir(name))).toBe(false);
    expect((await ensureLab({ name })).made).toBe(true);
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

  it("says what is wrong with a name, and that a lab is not up", async () => {
    expect(await tapscope(["lab", "up", "--name", "../x"])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("not a lab's name"),
    });
    expect(await tapscope(["lab", "exec", "a", "--name", "none-such", "--", "true"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/lab 'none-such' is not up\nhint: tapscope lab up/),
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
