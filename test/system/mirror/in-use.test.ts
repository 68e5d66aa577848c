import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Child, run } from "../../../src/core/process.ts";
import type { MirrorInfo } from "../../../src/mirror/mirror-info.ts";
import type { TapInfo } from "../../../src/mirror/tap.ts";
import { describeUnless } from "../../describe-unless.ts";
import { Ground } from "./ground.ts";
import { QEMU, startMachine } from "./machines.ts";

let ground: Ground;
const machines: Child[] = [];
beforeAll(async () => {
  ground = await Ground.make();
});
afterAll(async () => {
  for (const machine of machines) await machine[Symbol.asyncDispose]();
  await ground[Symbol.asyncDispose]();
});

const ports = async () => (await ground.vsctl("list-ports", "mega_bridge")).split("\n").sort();
const LAB = ["mega_tap0", "mega_tap1", "mega_tap2"];

describe("what a running lab holds", () => {
  it("is spared by all, named, and deleted only by force", async () => {
    expect((await ground.tapscope("tap", "create", "7", "--name", "own")).exitCode).toBe(0);
    const all = await ground.tapscope("tap", "delete", "all");
    expect(all).toMatchObject({ exitCode: 0, stdout: "deleted own\n" });
    expect(all.stderr).toContain(`kept mega_tap0: lab '${ground.lab.name}'`);
    expect(await ports()).toEqual(LAB);
    const one = await ground.tapscope("tap", "delete", "mega_tap0");
    expect(one).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("insist with --force") });
    const destroyed = await ground.tapscope("bridge", "destroy", "mega_bridge");
    expect(destroyed).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`in use: lab '${ground.lab.name}'`),
    });
    const cleaned = await ground.tapscope("clean", "--all");
    expect(cleaned).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("kept mega_bridge: lab") });
    expect((await ground.tapscope("clean")).stderr).not.toContain("kept");
    expect(await ports()).toEqual(LAB);
  });
});

describeUnless(existsSync(QEMU) ? null : "no QEMU: package qemu-system-x86", "the tap of a virtual machine", () => {
  it("has no carrier before its machine runs: seen in tap list, refused as output with nothing touched", async () => {
    await ground.inSwitch("ip", "tuntap", "add", "dev", "vm_m", "mode", "tap");
    await ground.vsctl("add-port", "mega_bridge", "vm_m");
    await ground.inSwitch("ip", "link", "set", "vm_m", "down");
    const refused = await ground.tapscope("mirror", "create", "mega_tap0", "vm_m");
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("vm_m has no carrier") });
    expect((await ground.inSwitch("ip", "-o", "link", "show", "vm_m")).stdout).toContain("state DOWN");
    expect((await ground.inSwitch("ip", "-o", "link", "show", "vm_m")).stdout).not.toContain(",UP");
    await ground.inSwitch("ip", "link", "set", "vm_m", "up");
    expect((await ground.json<TapInfo[]>("tap", "list")).find(({ name }) => name === "vm_m")).toMatchObject({
      up: true,
      carrier: false,
    });
    expect((await ground.tapscope("tap", "list")).stdout).toMatch(/vm_m .* up, no carrier/);
  });

  it("is spared while its machine runs, and an output nobody reads is said alike by list and doctor", async () => {
    const machine = await startMachine(ground, "M", "vm_m");
    machines.push(machine);
    const one = await ground.tapscope("tap", "delete", "vm_m");
    expect(one.stderr).toMatch(/vm_m: in use: qemu-system-x86 \(pid \d+\) holds it/);
    expect((await ground.tapscope("mirror", "create", "mega_tap0", "vm_m")).exitCode).toBe(0);
    await machine[Symbol.asyncDispose]();
    const health = async () => (await ground.json<MirrorInfo[]>("mirror", "list"))[0]!;
    await expect.poll(async () => (await health()).health, { timeout: 10_000, interval: 200 }).toBe("not-applied");
    const { why } = await health();
    expect(why).toContain("its output vm_m has no carrier");
    const doctor = JSON.parse((await ground.tapscope("--json", "doctor")).stdout) as {
      checks: { code: string; message: string; fix: string; ok: boolean }[];
    };
    const found = doctor.checks.find(({ code }) => code === "output-carrier");
    expect(found?.message).toContain(why);
    expect(doctor.checks.some(({ code }) => code === "mirror-not-applied")).toBe(false);
    expect((await ground.tapscope("mirror", "delete", "all")).exitCode).toBe(0);
  });
});

describe("what doctor says to do", () => {
  it("can be pasted, and leaves no mirror dangling", async () => {
    const add = (name: string) =>
      ground.vsctl("add-port", "mega_bridge", name, "--", "set", "interface", name, "type=internal");
    for (const name of ["src", "dst", "gone", "out", "two", "shared"]) await add(name);
    for (const name of ["dst", "out", "shared"]) await ground.inSwitch("ip", "link", "set", name, "up");
    await ground.json("mirror", "create", "src", "dst");
    await ground.json("mirror", "create", "gone", "two", "out");
    await ground.plainMirror("mega_bridge", "first", "shared", "src");
    await ground.plainMirror("mega_bridge", "second", "shared", "two");
    // A port whose device vanishes behind OVS while it is an output; a source that is deleted, and one that comes back.
    await ground.inSwitch("ip", "link", "delete", "dst");
    await ground.vsctl("del-port", "gone");
    await add("gone");
    const doctor = await ground.tapscope("--json", "doctor");
    const { checks } = JSON.parse(doctor.stdout) as { checks: { code: string; ok: boolean; fix: string }[] };
    const wrong = checks.filter(({ ok }) => !ok);
    expect(wrong.map(({ code }) => code)).toEqual(
      expect.arrayContaining(["port-gone", "mirror-dangling-source", "mirror-shared"]),
    );
    const program = `tapscope() { ${process.execPath} dist/cli/main.js "$@"; }`;
    for (const { fix } of wrong) await run(["bash", "-ec", `${program}\n${fix}`], { timeoutMs: 60_000 });
    const after = await ground.json<MirrorInfo[]>("mirror", "list");
    expect(after.filter(({ health }) => health.startsWith("dangling"))).toEqual([]);
    expect(after.find(({ output }) => output === "out")?.sources.map(({ port }) => port)).toEqual(["gone", "two"]);
    expect(after.filter(({ output }) => output === "shared")).toHaveLength(1);
  });
});

describe("minimega's words", () => {
  it("make and clear mirrors", async () => {
    const made = await ground.tapscope("tap", "mirror", "mega_tap0", "mega_tap2");
    expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("mirror-mega_tap2") });
    expect((await ground.tapscope("clear", "tap", "mirror", "mega_tap2")).exitCode).toBe(0);
    const cleared = await ground.tapscope("clear", "tap");
    expect(cleared).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("mirror delete all && ") });
    expect(cleared.stderr).not.toContain("clean");
  });

  it("says of a VLAN that is none that it is none", async () => {
    const answer = await ground.tapscope("mirror", "create", "--vlan", "foo", "mega_tap0", "mega_tap2");
    expect(answer).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/VLAN.*'foo'/) });
  });

  it("deletes a mirror into a VLAN by that VLAN", async () => {
    await ground.json("mirror", "create", "mega_tap0", "--to-vlan", "500", "--vlan", "100", "--snaplen", "99");
    expect((await ground.tapscope("mirror", "list")).stdout).toContain("VLAN 100, first 99 bytes");
    expect((await ground.tapscope("mirror", "delete", "500")).stdout).toBe("deleted mirror-vlan500 on mega_bridge\n");
  });
});

describe("a lab whose ovs-vswitchd has ended", () => {
  it("is told by every command, with what starts it again", async () => {
    await ground.json("mirror", "create", "mega_tap0", "mega_tap2");
    const [pid] = (await ground.inSwitch("cat", "/run/openvswitch/ovs-vswitchd.pid")).stdout.split("\n");
    await ground.inSwitch("kill", "-KILL", pid!);
    const cure = `tapscope lab down --name ${ground.lab.name} && tapscope lab up --name ${ground.lab.name}`;
    await expect
      .poll(async () => (await ground.tapscope("doctor")).stdout, { timeout: 15_000 })
      .toContain(`fix: ${cure}`);
    expect((await ground.tapscope("mirror", "create", "mega_tap0", "mega_tap2")).stderr).toContain(cure);
    const verify = await ground.tapscope("verify", "mega_tap2", "--ping", "10.0.0.2", "--duration", "1s");
    expect(verify.stdout + verify.stderr).toContain("ovs-vswitchd is not running");
    expect(verify.stdout + verify.stderr).not.toContain("an address that is there");
    const watch = await ground.tapscope("watch", "mega_tap2", "--text", "--duration", "1s");
    expect(watch).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(cure) });
  });
});
