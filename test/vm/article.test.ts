/** The mirroring experiment of minimega's users, step by step, in real virtual machines: MINIMEGA's VMs A, B and a monitor. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTimeOf } from "../../src/core/identity.ts";
import { findLab } from "../../src/lab/find.ts";
import { stopLab } from "../../src/lab/lab.ts";
import { LAB_VMS } from "../../src/lab/topology.ts";
import { READY } from "../../src/lab/vm/guest.ts";
import { consoleLog, startMachine } from "../../src/lab/vm/machine.ts";
import type { MirrorInfo } from "../../src/mirror/mirror-info.ts";
import { qemuNic } from "../../src/mirror/vm-tap.ts";
import type { VerifyReport } from "../../src/verify/judge/report.ts";
import { describeUnless } from "../describe-unless.ts";
import { type Answer, startTapscope, tapscope, uniqueName, watchOutput } from "../system/support.ts";
import { partsOrWhyNot } from "./support.ts";

const name = uniqueName("vms");
const found = await partsOrWhyNot();

const run = (...args: string[]): Promise<Answer> => tapscope(["--lab", name, ...args], { timeoutMs: 280_000 });
const inVm = (vm: string, ...argv: string[]): Promise<Answer> => run("lab", "exec", vm, "--", ...argv);

interface Status {
  readonly vms: readonly { readonly name: string; readonly tap: string; readonly pid: number | null }[];
  readonly disk: string;
}
const status = async (): Promise<Status> => JSON.parse((await run("--json", "lab", "status")).stdout)[0];

/** ICMP frames that arrive in the monitor VM while A pings B. */
async function framesSeen(pings: number): Promise<number> {
  const filter = "'icmp or (vlan and icmp)'";
  await inVm(
    "monitor",
    "sh",
    "-c",
    `tcpdump -i eth0 -U -w /tmp/seen.pcap ${filter} 2>/tmp/words & \
    until grep -q listening /tmp/words; do usleep 50000; done`,
  );
  const ping = await inVm("A", "ping", "-c", String(pings), "-i", "0.1", "10.0.0.2");
  expect(ping).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`${pings} packets received`) });
  const count = await inVm(
    "monitor",
    "sh",
    "-c",
    "sleep 1; killall -INT tcpdump; sleep 1; tcpdump -r /tmp/seen.pcap 2>/dev/null | wc -l",
  );
  return Number(count.stdout);
}

describeUnless("why" in found ? found.why : null, "the experiment in virtual machines", () => {
  beforeAll(async () => {
    const up = await run("lab", "up", "--vms");
    expect(up, up.stderr).toMatchObject({ exitCode: 0 });
  }, 300_000);
  afterAll(async () => void (await stopLab(name)));

  it("has A and B on VLAN 100 and the monitor on a trunk, by the taps' names in the article", async () => {
    const { vms } = await status();
    expect(vms.map(({ name: vm, tap }) => [vm, tap])).toEqual([
      ["A", "mega_tap0"],
      ["B", "mega_tap1"],
      ["monitor", "mega_tap2"],
    ]);
    for (const { pid } of vms) expect(startTimeOf(pid!)).toBeDefined();
    const taps = JSON.parse((await run("--json", "tap", "list")).stdout);
    expect(taps.map((tap: { vlan: number | null }) => tap.vlan)).toEqual([100, 100, null]);
    expect((await run("lab", "up", "--vms")).stdout).toContain("was up already");
    expect(await status()).toMatchObject({ vms });
  });

  it("runs commands by the VMs' consoles, and ends as they do", async () => {
    expect(await inVm("A", "hostname")).toMatchObject({ exitCode: 0, stdout: "A\n" });
    expect(await inVm("B", "sh", "-c", "printf '%s' \"it's\"; exit 7")).toMatchObject({ exitCode: 7, stdout: "it's" });
    expect(await inVm("B", "no-such-program")).toMatchObject({ exitCode: 127 });
    expect(await inVm("C", "true")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("no host 'C'") });
    const ping = startTapscope(["--lab", name, "lab", "exec", "A", "--", "ping", "10.0.0.2"]);
    await watchOutput(ping).until("seq=1", 60_000);
    ping.signal("SIGINT");
    expect((await ping.ended).exitCode).toBe(130);
    expect(await inVm("A", "true")).toMatchObject({ exitCode: 0 });
    // Two at once: QEMU lets one in after the other.
    const [one, two] = await Promise.all([inVm("A", "echo", "one"), inVm("A", "echo", "two")]);
    expect([one.stdout, two.stdout]).toEqual(["one\n", "two\n"]);
  });

  it("shows the monitor VM nothing without a mirror, every frame of A with one, and nothing after it", async () => {
    expect(await framesSeen(10)).toBe(0);
    const mirror = await run("--json", "mirror", "create", "vm:A", "vm:monitor");
    expect(mirror, mirror.stderr).toMatchObject({ exitCode: 0 });
    expect(await framesSeen(20)).toBe(40);
    const ping = inVm("A", "ping", "-c", "150", "-i", "0.1", "10.0.0.2");
    const verified = await run("--json", "verify", "vm:monitor", "--duration", "5s");
    const report = JSON.parse(verified.stdout) as VerifyReport;
    expect(report.verdict).toBe("faithful");
    expect(report.sources.every(({ frames }) => frames > 10)).toBe(true);
    await ping;
    await expect
      .poll(async () => JSON.parse((await run("--json", "mirror", "list")).stdout) as MirrorInfo[], { timeout: 15_000 })
      .toMatchObject([{ health: "ok", output: "mega_tap2" }]);
    expect((await run("mirror", "delete", "mega_tap2")).exitCode).toBe(0);
    expect(await framesSeen(10)).toBe(0);
  }, 180_000);

  it("says why TCP fails for a VM whose NIC leaves checksums to a userspace datapath, where ping works", async () => {
    const lab = findLab(name)!;
    const { vms } = await status();
    process.kill(vms[0]!.pid!, "SIGKILL");
    await expect.poll(() => startTimeOf(vms[0]!.pid!), { timeout: 10_000 }).toBeUndefined();
    const [a] = LAB_VMS;
    const { kernel, initramfs } = "parts" in found ? found.parts : { kernel: "", initramfs: "" };
    await startMachine(lab, {
      ...{ name: a!.name, memoryMb: a!.memoryMb, kernel, initramfs, disks: [], accelerator: "tcg" as const },
      boot: [`tapscope.ip=${a!.ip}`],
      nic: qemuNic(a!.tap, a!.mac, false),
    });
    await expect.poll(() => consoleLog(lab, a!.name), { timeout: 120_000 }).toContain(READY);
    expect((await run("doctor")).stdout).toContain("VM A: its NIC on mega_tap0 offers checksum offload");
    expect((await run("mirror", "create", "mega_tap0", "mega_tap2")).exitCode).toBe(0);
    await inVm("B", "sh", "-c", "mkdir -p /tmp/www; echo page >/tmp/www/page; httpd -p 80 -h /tmp/www");
    expect((await inVm("A", "ping", "-c", "1", "10.0.0.2")).exitCode).toBe(0);
    const get = inVm(
      "A",
      "sh",
      "-c",
      "for i in 1 2 3; do timeout 5 wget -q -O /dev/null http://10.0.0.2/page && exit 0; done; exit 9",
    );
    const { stdout } = await run("--json", "verify", "mega_tap2", "--duration", "8s");
    expect((await get).exitCode).toBe(9);
    expect(JSON.parse(stdout).notes).toContainEqual(
      expect.objectContaining({
        code: "unfinished-checksums",
        hint: expect.stringContaining("csum=off,guest_csum=off"),
      }),
    );
    await run("mirror", "delete", "mega_tap2");
  }, 240_000);

  it("starts a VM again that was killed, and the lab takes all of them along", async () => {
    const before = await status();
    process.kill(before.vms[0]!.pid!, "SIGKILL");
    await expect.poll(async () => (await status()).vms[0]!.pid, { timeout: 10_000 }).toBeNull();
    expect(await inVm("A", "true")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("does not run") });
    const again = await run("lab", "up", "--vms");
    expect(again.stderr).toContain("booting A");
    expect((await inVm("A", "ping", "-c", "1", "10.0.0.2")).exitCode).toBe(0);
    const { vms, disk } = await status();
    expect(vms[1]).toEqual(before.vms[1]);
    expect(existsSync(disk)).toBe(true);
    expect((await run("lab", "down")).exitCode).toBe(0);
    await expect.poll(() => vms.filter(({ pid }) => startTimeOf(pid!) !== undefined), { timeout: 10_000 }).toEqual([]);
    expect(existsSync(disk)).toBe(false);
  }, 180_000);
});
