import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run, spawn } from "../../../src/core/process.ts";
import { Ground } from "../mirror/ground.ts";
import { EVERY_CODE, program, watchOutput } from "../support.ts";

const dir = mkdtempSync(join(tmpdir(), "tapscope-cap-"));
const bin = join(dir, "bin");
let ground: Ground;

/** A PATH with what tapscope runs, except tcpdump. */
beforeAll(async () => {
  mkdirSync(bin);
  for (const name of ["setpriv", "nsenter", "ip", "env", "ovs-vsctl", "ovs-appctl", "mkfifo"]) {
    symlinkSync((await run(["which", name])).stdout.trim(), join(bin, name));
  }
  ground = await Ground.make();
});
afterAll(async () => {
  await ground?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

it("captures with cap where tcpdump is not installed, and says what that lacks", async () => {
  await ground.tapscope("mirror", "create", "mega_tap0", "mega_tap2");
  const file = join(dir, "x.pcap");
  const args = ["--lab", ground.lab.name, "capture", "mega_tap2", "-w", file, "--format", "pcap", "--count", "6"];
  await using child = spawn([process.execPath, program, ...args, "--filter", "icmp", "--duration", "30"], {
    env: { PATH: bin },
  });
  await watchOutput(child).until("capturing on mega_tap2");
  await run(["ping", "-c", "3", "-i", "0.2", "10.0.0.2"], { place: ground.lab.host("a") });
  expect((await child.ended).exitCode).toBe(0);
  const { stdout } = await run(["tcpdump", "-nn", "-e", "-r", file]);
  expect(stdout.match(/vlan 100.*ICMP echo request/g)).toHaveLength(3);
  expect(stdout.match(/vlan 100.*ICMP echo reply/g)).toHaveLength(3);
});

it("says why when cap cannot either", async () => {
  const args = ["--lab", ground.lab.name, "capture", "mega_tap2", "-w", join(dir, "y"), "--filter", "tcp prt"];
  const answer = await run([process.execPath, program, ...args], { env: { PATH: bin }, okCodes: EVERY_CODE });
  expect(answer).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("cannot capture on mega_tap2") });
});
