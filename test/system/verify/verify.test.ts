import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { PcapWriter } from "../../../src/capture/format/pcap-writer.ts";
import { Frame } from "../../../src/capture/frame.ts";
import { type TrafficRequest, type VerifyRequest, verifyMirror } from "../../../src/jobs/verify/verify.ts";
import { readDevices } from "../../../src/mirror/devices.ts";
import { createMirror } from "../../../src/mirror/mirror.ts";
import type { VerifyReport } from "../../../src/verify/judge/report.ts";
import { Ground } from "../mirror/ground.ts";

let ground: Ground;
const scratch = mkdtempSync(join(tmpdir(), "tapscope-test-verify-"));

beforeAll(async () => {
  ground = await Ground.make();
});
afterAll(async () => {
  rmSync(scratch, { recursive: true });
  await ground?.[Symbol.asyncDispose]();
});
afterEach(() => ground.clearMirrors());

const MONITOR = "mega_tap2";
const COUNT = 5;

function ping(address: string, more: Partial<(TrafficRequest & { kind: "ping" })["ping"]> = {}): TrafficRequest {
  return { kind: "ping", ping: { address, count: COUNT, size: null, intervalS: 0.05, ...more } };
}

async function verify(request: Partial<VerifyRequest> = {}): Promise<VerifyReport> {
  return await verifyMirror(ground.session, { monitor: MONITOR, traffic: ping("10.0.0.2"), ...request });
}

async function mirror(sources: readonly string[], output = MONITOR, more = {}): Promise<void> {
  await createMirror(ground.session, { sources, output: { port: output }, ...more });
}

async function addPort(name: string, ...columns: string[]): Promise<void> {
  await ground.vsctl("add-port", "mega_bridge", name, ...columns, "--", "set", "interface", name, "type=internal");
  await ground.inSwitch("sysctl", "-qw", `net.ipv6.conf.${name}.disable_ipv6=1`);
  await ground.inSwitch("ip", "link", "set", name, "up");
}

const codes = (report: VerifyReport): string[] => report.causes.map(({ code }) => code);
const sum = (report: VerifyReport, key: "source_frames" | "missing" | "truncated" | "duplicated"): number =>
  report.directions.reduce((total, direction) => total + direction[key], 0);
const clean = { missing: 0, duplicated: 0, altered: 0, truncated: 0 };

describe("a mirror that works", () => {
  it("is faithful: every echo by sequence number, tag added, OVS counted no less", async () => {
    await mirror(["mega_tap0"]);
    const report = await verify();
    expect(report).toMatchObject({ verdict: "faithful", causes: [], foreign_frames: 0 });
    expect(report.directions.map(({ direction }) => direction)).toEqual(["in", "out"]);
    for (const direction of report.directions) {
      expect(direction).toMatchObject({ ...clean, vlan: "added" });
      expect(direction.source_frames).toBeGreaterThanOrEqual(COUNT);
      expect(direction.monitor_frames).toBe(direction.source_frames);
      expect(direction.delay_ns!.min).toBeLessThanOrEqual(direction.delay_ns!.max);
    }
    expect(report.ping).toMatchObject({
      from: "a",
      sent: COUNT,
      received: COUNT,
      requests_seen: COUNT,
      replies_seen: COUNT,
      missing_seq: [],
    });
    expect(report.ping!.sequences.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    for (const { wire_rtt_ns, ping_rtt_ns } of report.ping!.sequences)
      expect(wire_rtt_ns!).toBeLessThanOrEqual(ping_rtt_ns!);
    expect(report.ovs.after!.packets - report.ovs.before!.packets).toBeGreaterThanOrEqual(2 * COUNT);
  });

  it.each(["in", "out"] as const)(
    "is faithful in direction %s when only that is mirrored and judged",
    async (direction) => {
      await mirror(["mega_tap0"], MONITOR, { direction });
      const report = await verify({ directions: [direction] });
      expect(report).toMatchObject({ verdict: "faithful", causes: [] });
      expect(report.directions).toHaveLength(1);
      expect(report.directions[0]).toMatchObject({ direction, ...clean });
      expect(report.directions[0]!.source_frames).toBeGreaterThanOrEqual(COUNT);
    },
  );

  it("is faithful when both ends of a conversation are mirrored: a frame counts once", async () => {
    await mirror(["mega_tap0", "mega_tap1"]);
    const report = await verify();
    expect(report).toMatchObject({ verdict: "faithful", foreign_frames: 0 });
    expect(report.sources).toHaveLength(4);
    for (const { frames, seen } of report.sources) {
      expect(frames).toBeGreaterThanOrEqual(COUNT);
      expect(seen).toBe(frames);
    }
    expect(report.monitor_frames).toBe(sum(report, "source_frames"));
  });

  it("is faithful when a whole bridge is mirrored", async () => {
    await mirror([], MONITOR, { all: true, bridge: "mega_bridge" });
    const report = await verify({ sources: ["mega_bridge"] });
    expect(report).toMatchObject({ verdict: "faithful", causes: [] });
  });

  it("is faithful over IPv6", async () => {
    await mirror(["mega_tap0"]);
    const report = await verify({ traffic: ping("fd00::2") });
    expect(report).toMatchObject({ verdict: "faithful", ping: { requests_seen: COUNT, replies_seen: COUNT } });
  });

  it("pings from the host that has a route to the address and is not its owner", async () => {
    await mirror(["mega_tap0"]);
    const report = await verify({ traffic: ping("10.0.0.1") });
    expect(report).toMatchObject({ verdict: "faithful", ping: { from: "b", requests_seen: COUNT } });
  });

  it("is faithful on an access port of another VLAN, where copies have no tag", async () => {
    await addPort("ts-acc", "tag=300");
    await mirror(["mega_tap0"], "ts-acc");
    const report = await verify({ monitor: "ts-acc" });
    expect(report).toMatchObject({ verdict: "faithful", directions: [{ vlan: "same" }, { vlan: "same" }] });
    await ground.vsctl("del-port", "ts-acc");
  });

  it("judges what a command sends, and keeps captures and report", async () => {
    await mirror(["mega_tap0"]);
    const saveDir = join(scratch, "saved");
    const argv = ["ping", "-q", "-c", "3", "-i", "0.05", "10.0.0.2"];
    const report = await verify({ traffic: { kind: "command", argv, from: "a" }, saveDir });
    expect(report).toMatchObject({ verdict: "faithful", command: { argv, exit_code: 0 } });
    expect(report.captures.map(({ file }) => file)).toEqual([
      join(saveDir, "monitor.pcap"),
      join(saveDir, "source-mega_tap0-in.pcap"),
      join(saveDir, "source-mega_tap0-out.pcap"),
    ]);
    for (const { file } of report.captures) {
      const { stdout } = await ground.inSwitch("sh", "-c", `tcpdump -nr ${file} icmp or vlan 2>/dev/null | wc -l`);
      expect(Number(stdout)).toBeGreaterThanOrEqual(3);
    }
  });
});

describe("a mirror that does not tell all", () => {
  it("without any mirror is unfaithful, and the traffic was run", async () => {
    const report = await verify();
    expect(report).toMatchObject({
      verdict: "unfaithful",
      ping: { received: COUNT, requests_seen: 0, replies_seen: 0, missing_seq: [1, 2, 3, 4, 5] },
      ovs: { before: null, after: null },
    });
    expect(codes(report)).toEqual(["no-mirror"]);
    expect(sum(report, "missing")).toBe(sum(report, "source_frames"));
  });

  it.each([
    ["in", "out"],
    ["out", "in"],
  ] as const)("selecting only direction %s misses all of direction %s", async (direction, other) => {
    await mirror(["mega_tap0"], MONITOR, { direction });
    const report = await verify();
    expect(report.verdict).toBe("unfaithful");
    expect(codes(report)).toEqual(["one-direction"]);
    expect(report.directions.find((d) => d.direction === direction)).toMatchObject(clean);
    const lost = report.directions.find((d) => d.direction === other)!;
    expect(lost.missing).toBe(lost.source_frames);
    expect(report.ping).toMatchObject(
      direction === "in" ? { requests_seen: COUNT, replies_seen: 0 } : { requests_seen: 0, replies_seen: COUNT },
    );
  });

  it("with a snaplen of 64 bytes truncates", async () => {
    await mirror(["mega_tap0"], MONITOR, { snaplen: 64 });
    const report = await verify();
    expect(report.verdict).toBe("unfaithful");
    expect(codes(report)).toEqual(["snaplen"]);
    expect(sum(report, "truncated")).toBe(2 * COUNT);
    expect(sum(report, "missing")).toBe(0);
    expect(report.ping).toMatchObject({ requests_seen: COUNT, replies_seen: COUNT });
  });

  it("whose source port was deleted copies nothing", async () => {
    await addPort("ts-gone", "tag=100");
    await mirror(["ts-gone"]);
    await ground.vsctl("del-port", "ts-gone");
    const report = await verify();
    expect(report.verdict).toBe("unfaithful");
    expect(codes(report)).toEqual(["dangling-source"]);
    expect(report.causes[0]!.message).toContain("ts-gone");
  });

  it("whose output port was deleted is told from none at all", async () => {
    await addPort("ts-out");
    await mirror(["mega_tap0"], "ts-out");
    await ground.vsctl("del-port", "ts-out");
    const report = await verify({ sources: ["mega_tap0"] });
    expect(codes(report)).toEqual(["dangling-output", "no-mirror"]);
  });

  it("of the wrong port copies other traffic", async () => {
    await addPort("ts-idle", "tag=100");
    await mirror(["ts-idle"]);
    const report = await verify({ sources: ["mega_tap0"] });
    expect(report.verdict).toBe("unfaithful");
    expect(codes(report)).toEqual(["wrong-source"]);
    const guessed = await verify();
    expect(guessed.verdict).toBe("unfaithful");
    expect(guessed.causes).toMatchObject([{ code: "wrong-source", message: expect.stringContaining("mega_tap0") }]);
    await ground.vsctl("del-port", "ts-idle");
  });

  it("that copies to another port is named", async () => {
    await addPort("ts-other");
    await mirror(["mega_tap0"], "ts-other");
    const report = await verify();
    expect(report.causes).toMatchObject([
      { code: "no-mirror", message: expect.stringContaining("copies to ts-other") },
    ]);
    await ground.vsctl("del-port", "ts-other");
  });

  it("whose monitor is down sees nothing", async () => {
    await mirror(["mega_tap0"]);
    await ground.inSwitch("ip", "link", "set", MONITOR, "down");
    const report = await verify();
    await ground.inSwitch("ip", "link", "set", MONITOR, "up");
    expect(report).toMatchObject({ verdict: "unfaithful", monitor_frames: 0, ping: { received: COUNT } });
    expect(codes(report)).toEqual(["monitor-down"]);
  });

  it("of another VLAN misses all", async () => {
    await mirror(["mega_tap0"], MONITOR, { vlans: [200] });
    const report = await verify();
    expect(report.verdict).toBe("unfaithful");
    expect(codes(report)).toEqual(["vlan-selection"]);
  });

  it("with its source on another bridge copies nothing", async () => {
    await ground.vsctl("add-br", "ts-br", "--", "set", "bridge", "ts-br", "datapath_type=netdev");
    await ground.vsctl(
      ...["add-port", "ts-br", "ts-brmon", "--", "set", "interface", "ts-brmon", "type=internal"],
      ...["--", "--id=@p", "get", "port", "mega_tap0", "--", "--id=@o", "get", "port", "ts-brmon"],
      ...["--", "--id=@m", "create", "mirror", "name=across", "select_src_port=@p", "select_dst_port=@p"],
      ...["output_port=@o", "--", "set", "bridge", "ts-br", "mirrors=@m"],
    );
    await ground.inSwitch("ip", "link", "set", "ts-brmon", "up");
    const report = await verify({ monitor: "ts-brmon" });
    expect(report.verdict).toBe("unfaithful");
    expect(codes(report)).toEqual(["other-bridge"]);
    await ground.vsctl("del-br", "ts-br");
  });
});

describe("when nothing was sent", () => {
  it.each([
    ["10.0.0.99", "arp-failed"],
    ["fd00::99", "nd-failed"],
    ["192.0.2.1", "no-route"],
  ])("a ping of %s is untested: %s", async (address, cause) => {
    await mirror(["mega_tap0"]);
    const report = await verify({ traffic: ping(address, { count: 2 }) });
    expect(report).toMatchObject({ verdict: "untested", ping: { received: 0, requests_seen: 0 } });
    expect(codes(report)).toEqual([cause]);
  });

  it("passive capture of a quiet port is untested", async () => {
    await addPort("ts-quiet", "tag=999");
    await mirror(["ts-quiet"]);
    const report = await verify({ traffic: { kind: "passive" }, durationMs: 200 });
    expect(report.verdict).toBe("untested");
    expect(codes(report)).toEqual(["nothing-sent"]);
    await ground.vsctl("del-port", "ts-quiet");
  });
});

describe("on the way to the monitor", () => {
  // A veth as the output port: the kernel's egress hook sees each copy on its way to the other end.
  beforeAll(async () => {
    await ground.inSwitch("ip", "link", "add", "ts-veth", "type", "veth", "peer", "name", "ts-vethp");
    for (const device of ["ts-veth", "ts-vethp"]) {
      await ground.inSwitch("sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=1`);
      await ground.inSwitch("ip", "link", "set", device, "up");
    }
    await ground.vsctl("add-port", "mega_bridge", "ts-veth");
  });
  afterAll(async () => {
    await ground.vsctl("--if-exists", "del-port", "ts-veth");
    await ground.inSwitch("ip", "link", "delete", "ts-veth");
  });

  /** Puts a rule on the way, pings from a while it counts, and takes it away: what it counted is what was sent meanwhile. */
  async function withRule(rule: string, monitor: string): Promise<{ report: VerifyReport; counted: number[] }> {
    const ruleset = `table netdev ts { chain c { type filter hook egress device "ts-veth" priority 0;\n${rule}\n}\n}`;
    const script = `nft -f - <<'END' || exit 9
${ruleset}
END
ip netns exec a ping -q -c 40 -i 0.02 10.0.0.2 >/dev/null; nft -j list table netdev ts >"$0"; nft delete table netdev ts`;
    const words = join(scratch, "nft.json");
    const report = await verify({
      monitor,
      traffic: { kind: "command", argv: ["sh", "-c", script, words], from: "switch" },
    });
    expect(report.command).toMatchObject({ exit_code: 0 });
    const { stdout } = await ground.inSwitch("cat", words);
    const { nftables } = JSON.parse(stdout) as { nftables: { rule?: { expr: { counter?: { packets: number } }[] } }[] };
    const counted = nftables.flatMap(({ rule: each }) =>
      each ? each.expr.flatMap(({ counter }) => counter?.packets ?? []) : [],
    );
    return { report, counted };
  }

  it.each(["ts-veth", "ts-vethp"])("loss on %s is exactly what the dropper counted", async (monitor) => {
    await mirror(["mega_tap0"], "ts-veth");
    const { report, counted } = await withRule("numgen inc mod 5 0 counter drop\ncounter", monitor);
    const [dropped, passed] = counted as [number, number];
    expect(report.verdict).toBe("unfaithful");
    expect(dropped).toBeGreaterThanOrEqual(16);
    expect(sum(report, "duplicated")).toBe(0);
    // A busy switch may lose a copy itself, before the rule sees it.
    const lostBefore = sum(report, "source_frames") - dropped - passed;
    expect(lostBefore).toBeGreaterThanOrEqual(0);
    expect(sum(report, "missing")).toBe(dropped + lostBefore);
    expect(report.monitor_frames).toBe(passed);
    expect(codes(report)).toEqual(["lost-after-copy"]);
  });

  it("duplicates are exactly those that were made", async () => {
    await mirror(["mega_tap0"], "ts-veth");
    const rule = 'meta mark 0 numgen inc mod 5 0 counter meta mark set 1 dup to "ts-veth"';
    const { report, counted } = await withRule(rule, "ts-veth");
    expect(counted[0]).toBeGreaterThanOrEqual(16);
    expect(report.verdict).toBe("unfaithful");
    expect(sum(report, "duplicated")).toBe(counted[0]);
    expect(codes(report)).toContain("duplicated");
  });

  it("an altered byte is found where it is", async () => {
    await mirror(["mega_tap0"], "ts-veth");
    // Byte 30 of the IP header's options-free packet is in the echo's payload; the copies carry a VLAN tag.
    const { report } = await withRule("numgen inc mod 5 0 @ll,400,8 set 0xee counter", "ts-veth");
    expect(report.verdict).toBe("unfaithful");
    expect(codes(report)).toEqual(["altered"]);
    const altered = report.directions.flatMap(({ differences }) => differences);
    expect(altered.length).toBeGreaterThan(0);
    for (const { monitor } of altered) expect(monitor).toBe(0xee);
  });
});

describe("much traffic", () => {
  const FRAMES = 100_000;

  it("of 100,000 replayed frames each one is accounted for, in bounded memory", { timeout: 180_000 }, async () => {
    await mirror(["mega_tap0"]);
    const file = join(scratch, "replay.pcap");
    const macs = await Promise.all(
      ["a", "b"].map(
        async (host, i) => (await readDevices(ground.lab.host(host), `mega_tap${i}`)).get(`mega_tap${i}`)!.mac,
      ),
    );
    writeReplay(file, FRAMES, macs[0]!, macs[1]!);
    const memory = process.memoryUsage().arrayBuffers;
    const report = await verify({
      traffic: { kind: "command", argv: ["tcpreplay", "-q", "-i", "mega_tap0", "--pps=20000", file], from: "a" },
    });
    expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(400 * 1024 * 1024);
    const [entering] = report.directions;
    const drops = report.captures.reduce((total, { dropped }) => total + dropped, 0);
    expect(entering!.source_frames + drops).toBeGreaterThanOrEqual(FRAMES);
    expect(entering!).toMatchObject({ duplicated: 0, altered: 0, truncated: 0 });
    expect(entering!.monitor_frames).toBe(entering!.source_frames - entering!.missing);
    // A loaded machine's switch may not keep up: then it is said, with the reason.
    if (sum(report, "missing") === 0) expect(report.verdict).toBe("faithful");
    else expect(["source-drops", "lost-before-copy", "lost-after-copy", "capture-drops"]).toContain(codes(report)[0]);
    expect(entering!.missing).toBeLessThan(FRAMES / 2);
    const copied = report.ovs.after!.packets - report.ovs.before!.packets;
    if (drops === 0) expect(report.monitor_frames).toBeLessThanOrEqual(copied);
  });
});

/** UDP frames of a to b, all different, of 100 to 1400 bytes. */
function writeReplay(file: string, count: number, from: string, to: string): void {
  using writer = new PcapWriter(file);
  writer.addInterface({ name: "replay", linktype: 1 });
  const bytes = Buffer.alloc(1400);
  const mac = (text: string) => Buffer.from(text.replaceAll(":", ""), "hex");
  mac(to).copy(bytes, 0);
  mac(from).copy(bytes, 6);
  Buffer.from("0800450000000000000040110000" + "0a000001" + "0a000002" + "03e803e900000000", "hex").copy(bytes, 12);
  const frame = new Frame();
  frame.data = bytes;
  frame.sec = 1_700_000_000;
  for (let i = 0; i < count; i++) {
    const length = 100 + ((i * 37) % 1301);
    bytes.writeUInt16BE(length - 14, 16);
    bytes.writeUInt16BE(i & 0xffff, 18);
    bytes.writeUInt16BE(length - 34, 38);
    bytes.writeUInt32BE(i, 42);
    frame.caplen = length;
    frame.origLen = length;
    frame.nsec = i * 1000;
    writer.write(frame, 0);
  }
}
