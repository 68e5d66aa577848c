/** `demo --vms`: what is seen, logged, killed, extracted and compared, as one run reports it. */
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { startTimeOf } from "../../src/core/identity.ts";
import type { VmDemoReport } from "../../src/jobs/vm-demo.ts";
import { listLabs } from "../../src/lab/find.ts";
import { labDir } from "../../src/lab/registry.ts";
import { describeUnless } from "../describe-unless.ts";
import { processesOf, startTapscope, tapscope, watchOutput } from "../system/support.ts";
import { partsOrWhyNot } from "./support.ts";

const parts = await partsOrWhyNot();
const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("tapscope-demo-"));

describeUnless("why" in parts ? parts.why : null, "demo --vms", () => {
  it("finds every frame of the mirror, every row of the log, and the 50 frames that were taken away inside the VM", async () => {
    const before = folders();
    const { stdout, stderr, exitCode } = await tapscope(["--json", "demo", "--vms"], { timeoutMs: 280_000 });
    expect(exitCode, stderr).toBe(0);
    const report = JSON.parse(stdout) as VmDemoReport;
    expect(report.ping).toEqual({ sent: 20, received: 20, frames_in_monitor_vm: 40 });
    expect(report.verify.verdict).toBe("faithful");
    expect(report.verify.frames).toBeGreaterThan(40);
    expect(report.capture.dropped).toBe(0);
    expect(report.log).toEqual({ rows_in_vm: 150, rows_on_disk: 150, journal: "replayed" });
    expect(report.compare.verdict).toBe("differ");
    expect(report.compare.cut).toEqual({ connections: 50, packets: 50 });
    expect(stderr).toContain("tapscope bro compare run.pcapng logs");
    expect(folders()).toEqual(before);
  }, 300_000);

  it("leaves nothing when it is ended", async () => {
    const before = folders();
    const demo = startTapscope(["demo", "--vms"]);
    await watchOutput(demo).until("boot A, B and monitor", 60_000);
    const lab = await expect
      .poll(() => listLabs().find(({ name }) => name === `demo-${demo.pid}`), { timeout: 60_000 })
      .toBeDefined()
      .then(() => listLabs().find(({ name }) => name === `demo-${demo.pid}`)!);
    const inside = processesOf(lab.place);
    demo.signal("SIGTERM");
    expect((await demo.ended).exitCode).toBe(143);
    await expect.poll(() => inside.filter((pid) => startTimeOf(pid) !== undefined), { timeout: 10_000 }).toEqual([]);
    expect(existsSync(labDir(lab.name))).toBe(false);
    expect(folders()).toEqual(before);
  }, 150_000);
});
