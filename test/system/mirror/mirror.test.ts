import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ownerId } from "../../../src/core/identity.ts";
import type { BridgeInfo } from "../../../src/mirror/bridge.ts";
import type { MirrorInfo } from "../../../src/mirror/mirror-info.ts";
import { startTapscope, watchOutput } from "../support.ts";
import { Ground } from "./ground.ts";

let ground: Ground;
const added: string[] = [];
beforeAll(async () => {
  ground = await Ground.make();
});
afterEach(async () => {
  await ground.clearMirrors();
  for (const name of added.splice(0)) await ground.vsctl("--if-exists", "del-port", name);
  await ground.vsctl("remove", "port", "mega_tap2", "tag", "4094");
});
afterAll(() => ground[Symbol.asyncDispose]());

/** An internal port that nothing uses, up. */
async function addPort(name: string, ...columns: string[]): Promise<void> {
  added.push(name);
  await ground.vsctl("add-port", "mega_bridge", name, ...columns, "--", "set", "interface", name, "type=internal");
  await ground.inSwitch("ip", "link", "set", name, "addrgenmode", "none");
  await ground.inSwitch("ip", "link", "set", name, "up");
}

const nothing = { select_all: false, output_vlan: [], select_vlan: [], snaplen: [] };

describe("mirror create", () => {
  it("makes exactly the mirror that was asked for, marked as ours, and leaves others alone", async () => {
    await addPort("spare");
    await ground.plainMirror("mega_bridge", "m_eth0", "spare", "mega_tap1");
    const made = await ground.json<MirrorInfo>("mirror", "create", "mega_tap0", "mega_tap2");
    expect(made).toMatchObject({
      name: "mirror-mega_tap2",
      bridge: "mega_bridge",
      all: false,
      sources: [{ port: "mega_tap0", direction: "both" }],
      output: "mega_tap2",
      owned: true,
      owner: null,
    });
    expect(await ground.mirrors()).toEqual(
      expect.arrayContaining([
        {
          ...nothing,
          name: "mirror-mega_tap2",
          select_src_port: "mega_tap0",
          select_dst_port: "mega_tap0",
          output_port: "mega_tap2",
        },
        { ...nothing, name: "m_eth0", select_src_port: "mega_tap1", select_dst_port: [], output_port: "spare" },
      ]),
    );
    expect(await ground.vsctl("get", "mirror", "mirror-mega_tap2", "external_ids:tapscope")).toBe("mirror");

    const deleted = await ground.tapscope("mirror", "delete", "all");
    expect(deleted).toMatchObject({ exitCode: 0, stdout: "deleted mirror-mega_tap2 on mega_bridge\n" });
    expect((await ground.mirrors()).map(({ name }) => name)).toEqual(["m_eth0"]);
    const refused = await ground.tapscope("mirror", "delete", "m_eth0");
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("tapscope did not make it") });
    expect((await ground.tapscope("mirror", "delete", "m_eth0", "--force")).exitCode).toBe(0);
    expect(await ground.mirrors()).toEqual([]);
  });

  it("is undone by the output's name, once", async () => {
    await ground.json("mirror", "create", "mega_tap0", "mega_tap2");
    expect((await ground.tapscope("mirror", "delete", "mega_tap2")).exitCode).toBe(0);
    expect(await ground.vsctl("get", "bridge", "mega_bridge", "mirrors")).toBe("[]");
    const again = await ground.tapscope("mirror", "delete", "mega_tap2");
    expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("not a valid mirror: mega_tap2") });
  });

  it.each([
    ["the output itself as a source", ["mega_tap2", "mega_tap2"], 2, "cannot mirror tap to itself"],
    ["an unknown source", ["nosuch", "mega_tap2"], 1, "source tap is not on a bridge"],
    ["an unknown output", ["mega_tap0", "nosuch"], 1, "destination tap is not on a bridge"],
    ["an output with an address", ["mega_tap0", "mega_tap1"], 1, "it has the address 10.0.0.2/24"],
    ["an unknown bridge", ["--all", "--bridge", "nobr", "--to-vlan", "5"], 1, "bridge not found: nobr"],
    ["a snaplen below 14", ["mega_tap0", "mega_tap2", "--snaplen", "10"], 2, "from 14 to 65535"],
    ["no output", ["mega_tap0"], 2, "a source port and an output port are needed"],
    [
      "a filter OVS would not understand",
      ["mega_tap0", "mega_tap2", "--filter", "invalid"],
      2,
      "not a filter for a mirror",
    ],
    ["a filter on in_port", ["mega_tap0", "mega_tap2", "--filter", "in_port=p1"], 2, "in_port cannot be matched"],
    [
      "a direction that is none",
      ["mega_tap0", "mega_tap2", "--direction", "rx"],
      2,
      "Allowed choices are in, out, both",
    ],
  ])("refuses %s before anything is changed", async (_, args, exitCode, words) => {
    const before = await ground.vsctl("show");
    const answer = await ground.tapscope("mirror", "create", ...args);
    expect(answer).toMatchObject({ exitCode, stderr: expect.stringContaining(words), stdout: "" });
    expect(await ground.vsctl("show")).toBe(before);
    expect(await ground.mirrors()).toEqual([]);
  });

  it("refuses an output that is taken, an output in a loop, and one that a mirror copies", async () => {
    await addPort("spare");
    await ground.json("mirror", "create", "mega_tap0", "mega_tap2");
    const taken = await ground.tapscope("mirror", "create", "mega_tap1", "mega_tap2");
    expect(taken).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("destination tap is already a mirror"),
    });
    const chained = await ground.tapscope("mirror", "create", "mega_tap1", "mega_tap0");
    expect(chained.stderr).toContain("mega_tap0 is itself a source of mirror mirror-mega_tap2");
    await ground.json("mirror", "create", "mega_tap2", "spare");
    const looped = await ground.tapscope("mirror", "create", "spare", "mega_tap0", "--force");
    expect(looped).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("would feed itself through mirror") });
    expect(await ground.mirrors()).toHaveLength(2);
  });

  it("refuses ports of two bridges, and mirrors a bond but not its member", async () => {
    expect((await ground.tapscope("bridge", "create", "other_br")).exitCode).toBe(0);
    await ground.vsctl("add-port", "other_br", "far", "--", "set", "interface", "far", "type=internal");
    const apart = await ground.tapscope("mirror", "create", "mega_tap0", "far");
    expect(apart.stderr).toMatch(
      /interfaces on different bridges: (mega_bridge and other_br|other_br and mega_bridge)/,
    );
    await ground.tapscope("bridge", "destroy", "other_br", "--force");

    const types = ["bn0", "bn1"].flatMap((name) => ["--", "set", "interface", name, "type=internal"]);
    await ground.vsctl("add-bond", "mega_bridge", "bond0", "bn0", "bn1", ...types);
    added.push("bond0");
    const member = await ground.tapscope("mirror", "create", "bn0", "mega_tap2");
    expect(member).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("bn0 is a member of bond bond0") });
    await ground.json("mirror", "create", "bond0", "mega_tap2");
    expect((await ground.mirrors())[0]).toMatchObject({ select_src_port: "bond0" });
  });

  it("makes one mirror of forty sources, and never a 33rd on a bridge", async () => {
    const sources = Array.from({ length: 40 }, (_, n) => `s${n}`);
    added.push(...sources);
    const ports = sources.flatMap((name) => [
      "--",
      "add-port",
      "mega_bridge",
      name,
      "--",
      "set",
      "interface",
      name,
      "type=internal",
    ]);
    await ground.vsctl(...ports);
    await ground.json("mirror", "create", ...sources, "mega_tap2");
    expect(await ground.mirrors()).toHaveLength(1);
    expect((await ground.mirrors())[0]!.select_src_port).toHaveLength(40);
    const more = sources
      .slice(0, 31)
      .flatMap((name, n) => [
        ...["--", `--id=@p${n}`, "get", "port", name],
        ...["--", `--id=@m${n}`, "create", "mirror", `name=mm${n}`, `select_src_port=@p${n}`, "output_port=@o"],
        ...["--", "add", "bridge", "mega_bridge", "mirrors", `@m${n}`],
      ]);
    await ground.vsctl("--", "--id=@o", "get", "port", "s39", ...more);
    const full = await ground.tapscope("mirror", "create", "mega_tap0", "s38");
    expect(full).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("applies no more than 32") });
    expect(await ground.mirrors()).toHaveLength(32);
  });

  it("prints in a dry run what it would do, and running that does it", async () => {
    const dry = await ground.tapscope("--dry-run", "mirror", "create", "mega_tap0", "mega_tap2");
    expect(await ground.mirrors()).toEqual([]);
    const { run } = await import("../../../src/core/process.ts");
    await run(["bash", "-ec", dry.stdout]);
    expect((await ground.mirrors())[0]).toMatchObject({
      name: "mirror-mega_tap2",
      select_src_port: "mega_tap0",
      output_port: "mega_tap2",
    });
    expect(dry.stdout).toContain("revalidator/purge");
  });

  it("says plainly when OVS cannot filter, and what to do instead", async () => {
    const answer = await ground.tapscope("--json", "mirror", "create", "mega_tap0", "mega_tap2", "--filter", "icmp");
    const hasFilter = (await ground.inSwitch("ovs-vsctl", "--columns=filter", "list", "mirror")).exitCode === 0;
    if (hasFilter) return expect(JSON.parse(answer.stdout).filter).toBe("icmp");
    expect(answer).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("--filter-at-capture <bpf>") });
    expect(answer.stderr).toContain("cannot filter mirrors (3.4 and later can)");
    expect(await ground.mirrors()).toEqual([]);
  });
});

describe("mirror list", () => {
  it("tells mirrors of one name apart, and deletes them by uuid", async () => {
    const twice = [0, 1].flatMap((n) => [
      ...["--", `--id=@o${n}`, "get", "port", "mega_tap2"],
      ...["--", `--id=@m${n}`, "create", "mirror", "name=m1", "select_all=true", `output_port=@o${n}`],
      ...["--", "add", "bridge", "mega_bridge", "mirrors", `@m${n}`],
    ]);
    await ground.vsctl(...twice);
    const listed = await ground.json<MirrorInfo[]>("mirror", "list");
    expect(listed.map(({ name, owned, all }) => ({ name, owned, all }))).toEqual([
      { name: "m1", owned: false, all: true },
      { name: "m1", owned: false, all: true },
    ]);
    expect((await ground.tapscope("mirror", "delete", "m1", "--force")).stderr).toContain(`2 mirrors are meant by m1`);
    for (const { uuid } of listed)
      expect((await ground.tapscope("mirror", "delete", uuid, "--force")).exitCode).toBe(0);
    expect(await ground.mirrors()).toEqual([]);
  });

  it("shows a mirror whose source or output is gone, which clean removes", async () => {
    for (const name of ["src1", "dst1", "src2", "dst2"]) await addPort(name);
    await ground.json("mirror", "create", "src1", "dst1");
    await ground.json("mirror", "create", "src2", "dst2");
    await ground.vsctl("del-port", "src1", "--", "del-port", "dst2");
    const listed = await ground.json<MirrorInfo[]>("mirror", "list");
    expect(listed.map(({ name, health, sources, output }) => ({ name, health, sources, output }))).toEqual([
      { name: "mirror-dst1", health: "dangling-source", sources: [], output: "dst1" },
      { name: "mirror-dst2", health: "dangling-output", sources: [{ port: "src2", direction: "both" }], output: null },
    ]);
    const doctor = await ground.tapscope("--json", "doctor");
    expect(doctor.exitCode).toBe(3);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { code: string; ok: boolean }[] };
    expect(
      checks
        .filter(({ ok }) => !ok)
        .map(({ code }) => code)
        .sort(),
    ).toEqual(["mirror-dangling-output", "mirror-dangling-source"]);
    expect((await ground.tapscope("clean")).exitCode).toBe(0);
    expect(await ground.mirrors()).toEqual([]);
  });

  it("shows mirrors that OVS took and ignores, and mirrors that count", async () => {
    await ground.vsctl("add-br", "other_br", "--", "set", "bridge", "other_br", "datapath_type=netdev");
    await ground.plainMirror("other_br", "lost", "mega_tap2", "mega_tap0");
    const [lost] = await ground.json<MirrorInfo[]>("mirror", "list");
    expect(lost).toMatchObject({
      health: "not-applied",
      why: "its output mega_tap2 is on bridge mega_bridge, not on other_br",
    });
    await ground.vsctl("del-br", "other_br");

    await ground.json("mirror", "create", "mega_tap0", "mega_tap2");
    await ground.ping(3);
    const one = async () => (await ground.json<MirrorInfo[]>("mirror", "list"))[0]!;
    await expect.poll(async () => (await one()).packets, { timeout: 20_000, interval: 300 }).toBeGreaterThanOrEqual(6);
    expect(await one()).toMatchObject({ health: "ok", why: null });
    expect((await one()).bytes).toBeGreaterThanOrEqual(6 * 98);
  });
});

describe("what a copy looks like", () => {
  it.each([
    ["trunk", [], "tagged"],
    ["access port of the same VLAN", ["tag=100"], "untagged"],
    ["access port of another VLAN", ["tag=300"], "untagged"],
    ["trunk of other VLANs", ["trunks=5"], "tagged"],
    ["native-untagged port", ["vlan_mode=native-untagged", "tag=100"], "untagged"],
    ["dot1q-tunnel port", ["vlan_mode=dot1q-tunnel", "tag=300"], "untagged"],
  ] as const)("depends on the output alone: %s", async (_, columns, expected) => {
    await addPort("out0", ...columns);
    await ground.json("mirror", "create", "mega_tap0", "out0");
    await using recorder = await ground.record("out0");
    await ground.ping(2);
    await recorder.untilCount(4);
    const shape = expected === "tagged" ? /802\.1Q.*length 102: vlan 100/ : /ethertype IPv4 \(0x0800\), length 98:/;
    expect((await recorder.stop()).filter((line) => shape.test(line))).toHaveLength(4);
  });

  it("is without its tag on demand, and the output gets its own tag back", async () => {
    await ground.json("mirror", "create", "mega_tap0", "mega_tap2", "--strip-vlan");
    await using recorder = await ground.record();
    await ground.ping(2);
    await recorder.untilCount(4);
    expect((await recorder.stop()).filter((line) => line.includes("802.1Q"))).toEqual([]);
    await ground.tapscope("mirror", "delete", "mega_tap2");
    expect(await ground.vsctl("get", "port", "mega_tap2", "tag")).toBe("[]");
  });

  it("ends at the snaplen, with the packet's own length untouched", async () => {
    await ground.json("mirror", "create", "mega_tap0", "mega_tap2", "--snaplen", "60");
    await using recorder = await ground.record();
    await ground.ping(1);
    await recorder.untilCount(2);
    const lines = await recorder.stop();
    expect(lines.every((line) => /length 60: vlan 100/.test(line) && /length 84\b/.test(line))).toBe(true);
  });

  it("bears the VLAN of an RSPAN output on trunks and none on its access ports, and leaves no trace", async () => {
    await addPort("rspan", "tag=500");
    await ground.json("mirror", "create", "mega_tap0", "--to-vlan", "500");
    expect((await ground.mirrors())[0]).toMatchObject({ output_vlan: 500, output_port: [] });
    await using access = await ground.record("rspan");
    await using trunk = await ground.record("mega_tap2");
    await ground.ping(2);
    await access.untilCount(4);
    await trunk.untilCount(4);
    expect((await access.stop()).filter((line) => line.includes("802.1Q"))).toEqual([]);
    expect((await trunk.stop()).filter((line) => /vlan 500/.test(line))).toHaveLength(4);
    expect(await ground.vsctl("get", "bridge", "mega_bridge", "flood_vlans")).toBe("[500]");
    await ground.tapscope("mirror", "delete", "all");
    expect(await ground.vsctl("get", "bridge", "mega_bridge", "flood_vlans")).toBe("[]");
  });

  it("comes once across recirculation, and as it entered when flows change the packet on its way", async () => {
    await ground.plainMirror("mega_bridge", "m", "mega_tap2");
    const ofctl = (...args: string[]) => ground.inSwitch("ovs-ofctl", ...args);
    try {
      await ofctl("add-flow", "mega_bridge", "priority=9,icmp,icmp_type=8,actions=set_field:0->reg0,resubmit(,1)");
      await ofctl("add-flow", "mega_bridge", "table=1,ip,actions=ct(table=2)");
      await ofctl("add-flow", "mega_bridge", "table=2,actions=NORMAL");
      await using recorder = await ground.record();
      await ground.ping(2);
      await recorder.untilCount(4);
      await recorder.stop();
      expect({ requests: recorder.count("request"), replies: recorder.count("reply") }).toEqual({
        requests: 2,
        replies: 2,
      });
      await ofctl("del-flows", "mega_bridge", "table=1");
      await ofctl("add-flow", "mega_bridge", "table=1,actions=mod_vlan_vid:17,output:mega_tap1");
      await using again = await ground.record();
      const noReply = await ground.inSwitch(
        "ip",
        "netns",
        "exec",
        "a",
        "ping",
        "-c",
        "2",
        "-i",
        "0.05",
        "-W",
        "1",
        "10.0.0.2",
      );
      expect(noReply.exitCode).toBe(1);
      await again.untilCount(2);
      // OVS may add a copy of what it has become (its own test "mirroring, output_port"); 3.1 does not here.
      const tags = (await again.stop()).map((line) => /vlan (\d+)/.exec(line)?.[1]);
      expect(tags.filter((tag) => tag === "100")).toHaveLength(2);
      expect(tags.length).toBeLessThanOrEqual(4);
    } finally {
      await ofctl("del-flows", "mega_bridge");
      await ofctl("add-flow", "mega_bridge", "priority=0,actions=NORMAL");
    }
  });
});

describe("an output", () => {
  it("is exclusive: frames sent into it are dropped, and the source's traffic goes on", async () => {
    await ground.json("mirror", "create", "mega_tap0", "mega_tap2");
    await ground.inSwitch("ip", "link", "add", "link", "mega_tap2", "name", "v100", "type", "vlan", "id", "100");
    await ground.inSwitch("ip", "address", "add", "10.0.0.9/24", "dev", "v100");
    await ground.inSwitch("ip", "link", "set", "v100", "up");
    try {
      await using recorder = await ground.record("mega_tap1", ground.lab.host("b"));
      expect(
        (await ground.inSwitch("ping", "-c", "2", "-W", "1", "-i", "0.2", "-I", "v100", "10.0.0.2")).exitCode,
      ).not.toBe(0);
      expect(recorder.count()).toBe(0);
      await ground.ping(2);
      await recorder.untilCount(4);
    } finally {
      await ground.inSwitch("ip", "link", "del", "v100");
    }
  });

  it("that is in use is taken only by force, and then loses its network as was said", async () => {
    await addPort("alive", "tag=100");
    await ground.inSwitch("ip", "netns", "add", "c");
    await ground.inSwitch("ip", "link", "set", "alive", "netns", "c");
    const inC = (...argv: string[]) => ground.inSwitch("ip", "netns", "exec", "c", ...argv);
    await inC("ip", "link", "set", "alive", "up");
    const moved = await ground.tapscope("mirror", "create", "mega_tap0", "alive");
    expect(moved).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("it was moved into c") });
    await inC("ip", "address", "add", "10.0.0.30/24", "dev", "alive");
    expect((await inC("ping", "-c", "1", "10.0.0.2")).exitCode).toBe(0);
    const refused = await ground.tapscope("mirror", "create", "mega_tap0", "alive");
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("10.0.0.30/24") });
    expect(await ground.mirrors()).toEqual([]);
    expect((await ground.tapscope("mirror", "create", "mega_tap0", "alive", "--force")).exitCode).toBe(0);
    expect((await inC("ping", "-c", "1", "-W", "1", "10.0.0.2")).exitCode).not.toBe(0);
    const doctor = await ground.tapscope("doctor");
    expect(doctor).toMatchObject({ exitCode: 3, stdout: expect.stringContaining("output-live") });
    await ground.tapscope("mirror", "delete", "alive");
    expect((await inC("ping", "-c", "1", "10.0.0.2")).exitCode).toBe(0);
    await ground.inSwitch("ip", "netns", "del", "c");
  });

  it("without carrier is refused until something reads it", async () => {
    await ground.inSwitch("ip", "tuntap", "add", "dev", "vmtap", "mode", "tap");
    added.push("vmtap");
    expect((await ground.tapscope("tap", "attach", "vmtap")).exitCode).toBe(0);
    const refused = await ground.tapscope("mirror", "create", "mega_tap0", "vmtap");
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("vmtap has no carrier") });
    expect(await ground.mirrors()).toEqual([]);

    const { spawn } = await import("../../../src/core/process.ts");
    const reader = [
      "import fcntl,os,struct,sys",
      "fd=os.open('/dev/net/tun',os.O_RDWR)",
      "fcntl.ioctl(fd,0x400454ca,struct.pack('16sH22x',b'vmtap',0x1002))",
      "print('open',flush=True)",
      "while os.read(fd,65536): pass",
    ].join("\n");
    await using vm = spawn(["python3", "-c", reader], { place: ground.lab.place });
    await watchOutput(vm).until("open");
    await expect
      .poll(async () => (await ground.tapscope("mirror", "create", "mega_tap0", "vmtap")).exitCode, { timeout: 10_000 })
      .toBe(0);
    await using recorder = await ground.record("vmtap");
    await ground.ping(2);
    await recorder.untilCount(4);
    expect(await recorder.stop()).toHaveLength(4);
  });

  it("that is down is brought up, silent", async () => {
    added.push("down0");
    await ground.vsctl("add-port", "mega_bridge", "down0", "--", "set", "interface", "down0", "type=internal");
    const made = await ground.tapscope("mirror", "create", "mega_tap0", "down0");
    expect(made).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("down0 was down: bringing it up") });
    await using recorder = await ground.record("down0");
    await ground.ping(1);
    await recorder.untilCount(2);
    const link = JSON.parse((await ground.inSwitch("ip", "-j", "-s", "link", "show", "down0")).stdout)[0];
    expect(link.stats64.tx.packets).toBe(0);
  });
});

describe("a remote mirror", () => {
  it.each([
    ["gre:10.77.0.2:7", "gre", "ip proto 47"],
    ["vxlan:10.77.0.2:7", "vxlan", "udp port 4789"],
    ["geneve:10.77.0.2:7", "geneve", "udp port 6081"],
    ["erspan:10.77.0.2:7", "erspan", "ip proto 47"],
  ])("%s sends copies in a tunnel, and takes it away with the mirror", async (to, type, filter) => {
    const { spawn } = await import("../../../src/core/process.ts");
    const inSwitch = ground.inSwitch.bind(ground);
    await ground.vsctl("add-br", "under", "--", "set", "bridge", "under", "datapath_type=netdev");
    await ground.vsctl("add-port", "under", "far0", "--", "set", "interface", "far0", "type=internal");
    try {
      await inSwitch("ip", "netns", "add", "far");
      await inSwitch("ip", "link", "set", "far0", "netns", "far");
      await inSwitch("ip", "netns", "exec", "far", "ip", "address", "add", "10.77.0.2/24", "dev", "far0");
      await inSwitch("ip", "netns", "exec", "far", "ip", "link", "set", "far0", "up");
      await inSwitch("ip", "address", "add", "10.77.0.1/24", "dev", "under");
      await inSwitch("ip", "link", "set", "under", "up");
      await using wire = spawn(
        ["tcpdump", "-Z", "root", "--immediate-mode", "-s", "256", "-lnei", "far0", ...filter.split(" ")],
        {
          place: { ...ground.lab.place, netns: "far" },
        },
      );
      const output = watchOutput(wire);
      await output.until("listening on");
      const made = await ground.json<MirrorInfo>("mirror", "create", "mega_tap0", "--to", to);
      expect(made).toMatchObject({ output: "mega_tun0", sources: [{ port: "mega_tap0", direction: "both" }] });
      const [bridge] = (await ground.json<BridgeInfo[]>("bridge", "list")).filter(({ name }) => name === "mega_bridge");
      expect(bridge!.tunnels).toEqual([{ name: "mega_tun0", type, remote_ip: "10.77.0.2", key: "7" }]);
      // The first copies go into OVS's question for the far end's address.
      const deadline = performance.now() + 20_000;
      while ((output.text().match(/10\.77\.0\.1[.\d]* > 10\.77\.0\.2/g)?.length ?? 0) < 4) {
        if (performance.now() > deadline) throw new Error(`no copies arrived:\n${output.text()}`);
        await ground.ping(2);
      }
      expect((await ground.tapscope("doctor")).stdout).toContain("tunnel-mtu");
      await ground.tapscope("mirror", "delete", "all");
      expect(await ground.vsctl("list-ports", "mega_bridge")).not.toContain("mega_tun0");
    } finally {
      await ground.vsctl("--if-exists", "del-br", "under");
      await inSwitch("ip", "netns", "del", "far");
    }
  });
});

describe("a mirror made for a process", () => {
  const hold = (duration: string) =>
    startTapscope(["--lab", ground.lab.name, "mirror", "create", "mega_tap0", "mega_tap2", "--for", duration]);

  it("goes when its time is over", async () => {
    await using child = hold("300ms");
    await watchOutput(child).until("mirror-mega_tap2: mega_tap0 -> mega_tap2");
    expect((await child.ended).exitCode).toBe(0);
    expect(await ground.mirrors()).toEqual([]);
  });

  it.each([
    ["SIGINT", 0],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("goes on %s", async (signal, exitCode) => {
    await using child = hold("60s");
    await watchOutput(child).until("mirror-mega_tap2");
    child.signal(signal);
    expect((await child.ended).exitCode).toBe(exitCode);
    expect(await ground.mirrors()).toEqual([]);
  });

  it("is stale after kill -9, and clean removes it and nothing else", async () => {
    await addPort("spare");
    await addPort("mine");
    await ground.plainMirror("mega_bridge", "m_eth0", "spare");
    await using child = hold("60s");
    await watchOutput(child).until("mirror-mega_tap2");
    const alive = await ground.tapscope("clean");
    expect(alive).toMatchObject({
      exitCode: 0,
      stdout: "nothing to clean\n",
      stderr: expect.stringMatching(/kept mirror-mega_tap2: process \d+ uses it/),
    });
    child.signal("SIGKILL");
    await child.ended;
    // A live process's port, and one of a process in a PID namespace that cannot be seen from here.
    await ground.vsctl(
      "set",
      "port",
      "mine",
      "external_ids:tapscope=monitor",
      `external_ids:tapscope-owner="${ownerId()}"`,
    );
    const elsewhere = `1:5@${ownerId().split("@")[1]!.split("/")[0]}/1`;
    await ground.vsctl(
      "set",
      "port",
      "spare",
      "external_ids:tapscope=monitor",
      `external_ids:tapscope-owner="${elsewhere}"`,
    );
    const [stale] = (await ground.json<MirrorInfo[]>("mirror", "list")).filter(({ owned }) => owned);
    expect(stale).toMatchObject({ health: "stale", owner: { alive: false } });
    expect((await ground.tapscope("doctor")).stdout).toContain("mirror-stale");

    const cleaned = await ground.json<{ mirrors: string[]; ports: string[] }>("clean");
    expect(cleaned).toMatchObject({ mirrors: ["mirror-mega_tap2"], ports: [] });
    expect((await ground.mirrors()).map(({ name }) => name)).toEqual(["m_eth0"]);
    expect((await ground.vsctl("list-ports", "mega_bridge")).split("\n").sort()).toEqual([
      "mega_tap0",
      "mega_tap1",
      "mega_tap2",
      "mine",
      "spare",
    ]);
  });
});
