import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../../src/core/process.ts";
import type { MirrorInfo } from "../../../src/mirror/mirror-info.ts";
import { Ground } from "../mirror/ground.ts";
import { startTapscope, watchOutput } from "../support.ts";

let ground: Ground;
let folder: string;
beforeAll(async () => {
  ground = await Ground.make();
  folder = mkdtempSync(join(tmpdir(), "tapscope-once-"));
  // Each frame reaches b twice: as behind a router, and in another VLAN.
  const flow =
    "priority=100,icmp,in_port=mega_tap0,actions=mod_nw_ttl:20,output:mega_tap1,mod_vlan_vid:17,output:mega_tap1";
  await ground.inSwitch("ovs-ofctl", "add-flow", "mega_bridge", flow);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await ground[Symbol.asyncDispose]();
});

const REQUEST = "icmp[icmptype] == icmp-echo";
const PINGED = `greater 300 and (${REQUEST} or (vlan and ${REQUEST}))`;

async function sendPings(count: number, size: number): Promise<void> {
  const argv = ["ping", "-c", String(count), "-i", "0.2", "-W", "1", "-s", String(size), "10.0.0.2"];
  await run(argv, { place: ground.lab.host("a"), okCodes: [0, 1] });
}

let captures = 0;

/** Echo requests of five pings between a and b in a capture, and what the command said at its end. */
async function fivePings(...args: string[]): Promise<{ frames: number; said: Record<string, unknown> }> {
  const file = join(folder, `${++captures}.pcap`);
  await using child = startTapscope(["--lab", ground.lab.name, "--json", "capture", ...args, "-w", file]);
  const output = watchOutput(child);
  const count = async (filter: string) => {
    const { stdout } = await run(["tcpdump", "-nr", file, filter], { okCodes: [0, 1] });
    return stdout.split("\n").filter((line) => line.includes("ICMP")).length;
  };
  const seen = async () => {
    await sendPings(1, 56);
    return await count("icmp or (vlan and icmp)");
  };
  await expect.poll(seen, { timeout: 20_000 }).toBeGreaterThan(0);
  await sendPings(5, 300);
  await expect.poll(() => count(PINGED), { timeout: 15_000 }).toBeGreaterThanOrEqual(5);
  // At its end it writes all that came before.
  child.signal("SIGINT");
  await child.ended;
  const said = output
    .text()
    .split("\n")
    .find((line) => line.startsWith("{"));
  return { frames: await count(PINGED), said: JSON.parse(said!) };
}

describe("five frames that arrive twice", () => {
  it("are ten in a capture, five with --dedup, which counts what it left out", async () => {
    const all = await fivePings("mega_tap1");
    expect(all.frames).toBe(10);
    expect(all.said.copies).toBeNull();
    const once = await fivePings("mega_tap1", "--dedup");
    expect(once.frames).toBe(5);
    expect(once.said.copies).toBeGreaterThanOrEqual(5);
    const watched = startTapscope(["--lab", ground.lab.name, "watch", "--text", "mega_tap1", "--dedup"]);
    const output = watchOutput(watched);
    await output.until(/\d+ flows/);
    await sendPings(5, 300);
    watched.signal("SIGINT");
    await watched.ended;
    expect(Number(/(\d+) copies left out/.exec(output.text())?.[1])).toBeGreaterThanOrEqual(5);
  });

  it("are five copies of a mirror --once, which says what it cannot cover", async () => {
    const made = await ground.tapscope("--json", "mirror", "create", "--once", "--not-vlan", "7", "mega_tap2");
    const mirror = JSON.parse(made.stdout) as MirrorInfo;
    expect(mirror).toMatchObject({ once: true, vlans: [], not_vlans: [7] });
    expect(mirror.sources).toEqual(
      ["mega_bridge", "mega_tap0", "mega_tap1"].map((port) => ({ port, direction: "in" })),
    );
    expect(made.stderr).toContain("not copied: frames that OpenFlow rules");
    expect((await fivePings("mega_tap2")).frames).toBe(5);
    await ground.inSwitch("ovs-ofctl", "del-flows", "mega_bridge", "icmp,in_port=mega_tap0");
    const verified = await ground.tapscope("verify", "mega_tap2", "--ping", "10.0.0.2", "--direction", "in");
    expect(verified).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("faithful") });
  });
});
