/** Two labs joined by a VXLAN tunnel, over a veth between their switches: what doctor says of it, and that its cures work. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../../src/core/process.ts";
import type { Check } from "../../../src/mirror/check.ts";
import type { VerifyReport } from "../../../src/verify/judge/report.ts";
import { EVERY_CODE, program } from "../support.ts";
import { Ground } from "./ground.ts";

const notRoot = process.getuid?.() !== 0 ? "not root: a veth between two labs' namespaces needs it" : null;
if (notRoot !== null) it("two labs joined by a tunnel", (ctx) => ctx.skip(notRoot));

describe.skipIf(notRoot !== null)("two labs joined by a tunnel", () => {
  let labs: readonly [Ground, Ground];

  beforeAll(async () => {
    labs = [await Ground.make(), await Ground.make()];
    const pids = labs.map(({ lab }) => String(lab.place.lab!.pid));
    await run([
      "ip",
      "link",
      "add",
      "ul0",
      "netns",
      pids[0]!,
      "type",
      "veth",
      "peer",
      "name",
      "ul0",
      "netns",
      pids[1]!,
    ]);
    for (const [index, ground] of labs.entries()) {
      await ground.inSwitch("ip", "address", "add", `192.0.2.${index + 1}/24`, "dev", "ul0");
      await ground.inSwitch("ip", "link", "set", "ul0", "up");
    }
    // Both labs have 10.0.0.1 and .2.
    await run(["ip", "address", "add", "10.0.0.22/24", "dev", "mega_tap1"], { place: labs[1].lab.host("b") });
  });
  afterAll(async () => {
    for (const ground of labs) await ground[Symbol.asyncDispose]();
  });

  const wrong = async (ground: Ground, code: string): Promise<Check | undefined> => {
    const { stdout } = await ground.tapscope("--json", "doctor");
    return (JSON.parse(stdout).checks as Check[]).find((check) => check.code === code && !check.ok);
  };
  /** Runs a fix as it is printed, as a user would. */
  const paste = async (fix: string) => {
    const { exitCode, stderr } = await run(["sh", "-c", `tapscope() { node ${program} "$@"; }; ${fix}`], {
      okCodes: EVERY_CODE,
      timeoutMs: 60_000,
    });
    expect(exitCode, stderr).toBe(0);
  };
  const ping = async (): Promise<number> =>
    (
      await run(["ping", "-c", "2", "-i", "0.2", "-W", "1", "10.0.0.22"], {
        place: labs[0].lab.host("a"),
        okCodes: EVERY_CODE,
      })
    ).exitCode;

  it("says that nothing leaves on a userspace datapath, and how to cure it", async () => {
    for (const [index, ground] of labs.entries()) {
      const remote = `192.0.2.${2 - index}`;
      const made = await ground.tapscope("bridge", "tunnel", "vxlan", "mega_bridge", remote, "--key", "7");
      expect(made).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("nothing leaves by it") });
      expect(made.stderr).toContain("bridge trunk underlay0 ul0");
    }
    expect(await ping()).toBe(1);
    for (const ground of labs) await paste((await wrong(ground, "tunnel-underlay"))!.fix!);
    for (const ground of labs) expect(await wrong(ground, "tunnel-underlay")).toBeUndefined();
    await expect.poll(ping, { timeout: 20_000 }).toBe(0);
  });

  it("says that a full frame does not fit, and verify --df finds the largest packet that does", async () => {
    const check = await wrong(labs[0], "tunnel-mtu");
    expect(check?.message).toContain("full frames need an MTU of 1554 on ul0, which has 1500");
    await labs[0].tapscope("mirror", "create", "mega_tap0", "mega_tap2");
    const verify = async () => {
      const { stdout } = await labs[0].tapscope(
        "--json",
        "verify",
        "mega_tap2",
        "--ping",
        "10.0.0.22",
        "--df",
        "--count",
        "3",
      );
      return JSON.parse(stdout) as VerifyReport;
    };
    const report = await verify();
    expect(report.verdict).toBe("faithful");
    expect(report.ping).toMatchObject({ received: 3, largest: { packet_bytes: 1446, payload_bytes: 1418, mtu: 1500 } });
    expect(report.notes).toContainEqual(expect.objectContaining({ code: "path-mtu" }));
    for (const ground of labs) await paste((await wrong(ground, "tunnel-mtu"))!.fix!);
    for (const ground of labs) expect(await wrong(ground, "tunnel-mtu")).toBeUndefined();
    const whole = await verify();
    expect(whole.ping?.largest).toEqual({ packet_bytes: 1500, payload_bytes: 1472, mtu: 1500 });
    expect(whole.notes.map(({ code }) => code)).not.toContain("path-mtu");
  });
});
