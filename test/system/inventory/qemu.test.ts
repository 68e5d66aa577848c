import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Child } from "../../../src/core/process.ts";
import type { Vm } from "../../../src/inventory/vm.ts";
import type { MirrorInfo } from "../../../src/mirror/mirror-info.ts";
import { describeUnless } from "../../describe-unless.ts";
import { Ground } from "../mirror/ground.ts";
import { QEMU, startMachine } from "../mirror/machines.ts";

let ground: Ground;
const machines: Child[] = [];

beforeAll(async () => {
  ground = await Ground.make();
  for (const tap of ["vm_a", "vm_a1", "vm_m"]) {
    await ground.inSwitch("ip", "tuntap", "add", "dev", tap, "mode", "tap");
    const vlan = tap === "vm_m" ? [] : ["--vlan", "100"];
    expect(await ground.tapscope("tap", "attach", tap, "--bridge", "mega_bridge", ...vlan)).toMatchObject({
      exitCode: 0,
    });
  }
});
afterAll(async () => {
  for (const machine of machines) await machine[Symbol.asyncDispose]();
  await ground[Symbol.asyncDispose]();
});

describeUnless(
  existsSync(QEMU) ? null : "no QEMU: package qemu-system-x86",
  "virtual machines that run as QEMU processes",
  () => {
    it("are listed with their taps, and vm:NAME names a port", async () => {
      machines.push(await startMachine(ground, "A", "vm_a", "vm_a1"));
      machines.push(await startMachine(ground, "monitor", "vm_m"));
      const listed = await ground.json<Vm[]>("vm", "list");
      expect(listed).toMatchObject([
        {
          name: "A",
          from: "qemu",
          nics: [
            { index: 0, tap: "vm_a", mac: "02:00:00:00:00:00", vlan: 100, bridge: "mega_bridge" },
            { index: 1, tap: "vm_a1", mac: "02:00:00:00:00:01", vlan: 100, bridge: "mega_bridge" },
          ],
        },
        { name: "monitor", nics: [{ index: 0, tap: "vm_m", vlan: null }] },
      ]);
      const made = await ground.json<MirrorInfo>("mirror", "create", "vm:A:1", "vm:monitor");
      expect(made).toMatchObject({ sources: [{ port: "vm_a1", direction: "both" }], output: "vm_m" });
      expect((await ground.tapscope("mirror", "delete", "vm:monitor")).exitCode).toBe(0);
      expect(await ground.tapscope("mirror", "create", "vm:B", "vm:monitor")).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining("there is no virtual machine 'B'"),
      });
      expect((await ground.tapscope("mirror", "create", "vm:A:2", "vm:monitor")).stderr).toContain(
        "no such interface 2 for A",
      );
    });
  },
);
