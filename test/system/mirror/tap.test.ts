import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { run, spawn } from "../../../src/core/process.ts";
import type { BridgeInfo, LearnedMac } from "../../../src/mirror/bridge.ts";
import type { Check } from "../../../src/mirror/check.ts";
import type { TapInfo } from "../../../src/mirror/tap.ts";
import { watchOutput } from "../support.ts";
import { Ground } from "./ground.ts";

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.make();
  await ground.tapscope("bridge", "create", "minitest");
});
afterEach(async () => {
  const ports = (await ground.vsctl("list-ports", "minitest")).split("\n").filter((name) => name !== "");
  await ground.vsctl(...ports.flatMap((name) => ["--", "--if-exists", "del-port", name]), "--", "show");
});
afterAll(() => ground[Symbol.asyncDispose]());

const list = async () => (await ground.json<TapInfo[]>("tap", "list")).filter(({ bridge }) => bridge === "minitest");

describe("tap create", () => {
  it("makes an internal port with its VLAN, up and promiscuous, once", async () => {
    const create = ["tap", "create", "10", "--bridge", "minitest", "--name", "minitest_tap0"];
    expect(await ground.tapscope(...create)).toMatchObject({ exitCode: 0, stdout: "minitest_tap0\n" });
    expect(await ground.vsctl("get", "port", "minitest_tap0", "tag")).toBe("10");
    expect(await ground.vsctl("get", "interface", "minitest_tap0", "type")).toBe("internal");
    expect(Number(await ground.vsctl("get", "interface", "minitest_tap0", "ofport"))).toBeGreaterThan(0);
    const [link] = JSON.parse((await ground.inSwitch("ip", "-j", "link", "show", "minitest_tap0")).stdout);
    expect(link.flags).toEqual(expect.arrayContaining(["UP", "PROMISC"]));
    const before = await ground.vsctl("show");
    expect(await ground.tapscope(...create)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("tap already on bridge"),
    });
    expect(await ground.vsctl("show")).toBe(before);
  });

  it("gives an address, with a warning where that could join networks, and delete all leaves nothing of ours", async () => {
    await ground.inSwitch("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1");
    await ground.inSwitch("ip", "address", "add", "192.168.0.1/16", "dev", "v0");
    await ground.inSwitch("ip", "link", "set", "v0", "up");
    await ground.inSwitch("bash", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    const made = await ground.tapscope(
      "tap",
      "create",
      "10",
      "--bridge",
      "minitest",
      "--name",
      "minitest_tap1",
      "--ip",
      "192.168.100.1/24",
    );
    expect(made).toMatchObject({ exitCode: 0 });
    expect(made.stderr).toContain(
      "this host forwards packets: minitest_tap1 with its address joins its VLAN with v0 (192.168.0.1/16)",
    );
    const doctor = JSON.parse((await ground.tapscope("--json", "doctor")).stdout).checks as Check[];
    const joins = doctor.find(({ code }) => code === "tap-forwards");
    expect(joins?.message).toContain("it joins VLAN 10 with v0 (192.168.0.1/16)");
    await run(["sh", "-c", joins!.fix!]);
    expect((await ground.tapscope("doctor")).stdout).not.toContain("tap-forwards");
    expect(made.stderr).toContain("192.168.100.1/24 overlaps the route 192.168.0.0/16 by v0");
    await ground.inSwitch("ip", "link", "del", "v0");
    expect(await list()).toMatchObject([
      {
        bridge: "minitest",
        name: "minitest_tap1",
        vlan: 10,
        ip: "192.168.100.1/24",
        type: "internal",
        up: true,
        owned: true,
      },
    ]);
    // A foreign tap stays.
    await ground.vsctl("add-port", "minitest", "theirs", "--", "set", "interface", "theirs", "type=internal");
    await ground.vsctl(
      "remove",
      "port",
      "mega_tap0",
      "external_ids",
      "tapscope",
      "--",
      "remove",
      "port",
      "mega_tap1",
      "external_ids",
      "tapscope",
      "--",
      "remove",
      "port",
      "mega_tap2",
      "external_ids",
      "tapscope",
    );
    expect(await ground.tapscope("tap", "delete", "all")).toMatchObject({
      exitCode: 0,
      stdout: "deleted minitest_tap1\n",
    });
    expect(await ground.vsctl("list-ports", "minitest")).toBe("theirs");
    expect(await ground.tapscope("tap", "delete", "theirs")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("not made by tapscope"),
    });
    expect((await ground.tapscope("tap", "delete", "theirs", "--force")).exitCode).toBe(0);
    expect(await ground.vsctl("list-ports", "minitest")).toBe("");
  });

  it("leaves nothing when the address cannot be given", async () => {
    const answer = await ground.tapscope("tap", "create", "10", "--bridge", "minitest", "--ip", "ff02::5/64");
    expect(answer).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("ip error") });
    expect(await list()).toEqual([]);
  });

  it("gets an address by DHCP where a server answers, and leaves nothing where none does", async () => {
    await ground.tapscope("tap", "create", "77", "--bridge", "minitest", "--name", "dhcpd", "--ip", "10.77.0.1/24");
    await using server = spawn(
      [
        "dnsmasq",
        "-k",
        "-p0",
        "-C/dev/null",
        "-idhcpd",
        "-z",
        "--dhcp-range=10.77.0.50,10.77.0.60,1h",
        "-l/run/leases",
        "--log-facility=-",
        "-u",
        "root",
      ],
      { place: ground.lab.place },
    );
    await watchOutput(server).until("DHCP, IP range");
    const nameServers = readFileSync("/etc/resolv.conf");
    const made = await ground.tapscope("tap", "create", "77", "--bridge", "minitest", "--name", "leased", "--dhcp");
    expect(made).toMatchObject({ exitCode: 0 });
    expect((await list()).find(({ name }) => name === "leased")?.ip).toMatch(/^10\.77\.0\.5\d\/24$/);
    // The lease names a router and a name server: the host keeps its own.
    expect(readFileSync("/etc/resolv.conf")).toEqual(nameServers);
    expect((await ground.inSwitch("ip", "-4", "route", "show", "default")).stdout).toBe("");
    const none = await ground.tapscope("tap", "create", "78", "--bridge", "minitest", "--name", "unleased", "--dhcp");
    expect(none).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("dhcp error: unleased got no address") });
    expect((await list()).map(({ name }) => name).sort()).toEqual(["dhcpd", "leased"]);
    // dnsmasq changes user, and so loses the signal that would end it with its parent.
    server.signal("SIGTERM");
  });

  it.each([
    ["a name of 16 bytes", ["10", "--name", "r-sixteenchars-x"], 2, "at most 15"],
    ["a name with a slash", ["10", "--name", "a/b"], 2, "a character that is not allowed"],
    ["a name with a space", ["10", "--name", "a b"], 2, "a character that is not allowed"],
    ["an empty name", ["10", "--name", ""], 2, "it is empty"],
    ["a reserved word", ["10", "--name", "all"], 2, "reserved word"],
    ["a VLAN that is none", ["5000"], 2, "from 0 to 4094"],
    ["a mistyped bridge", ["10", "--bridge", "mintest"], 1, "bridge not found: mintest"],
    ["a count of named taps", ["10", "--name", "x", "--count", "2"], 2, "--count goes with neither"],
  ])("refuses %s before OVS sees it", async (_, args, exitCode, words) => {
    const before = await ground.vsctl("show");
    expect(await ground.tapscope("tap", "create", ...args)).toMatchObject({
      exitCode,
      stderr: expect.stringContaining(words),
    });
    expect(await ground.vsctl("show")).toBe(before);
  });

  it("takes a name of 15 bytes", async () => {
    expect(
      await ground.tapscope("tap", "create", "0", "--bridge", "minitest", "--name", "fifteen-chars-x"),
    ).toMatchObject({ exitCode: 0 });
    expect(await list()).toMatchObject([{ name: "fifteen-chars-x", vlan: null }]);
  });

  it("numbers taps from the first that is free, and deletes by number", async () => {
    expect((await ground.tapscope("tap", "create", "10", "--bridge", "minitest", "--count", "3")).stdout).toBe(
      "mega_tap3\nmega_tap4\nmega_tap5\n",
    );
    expect((await ground.tapscope("tap", "delete", "4", "mega_tap5")).stdout).toBe(
      "deleted mega_tap4\ndeleted mega_tap5\n",
    );
    expect((await list()).map(({ name }) => name)).toEqual(["mega_tap3"]);
    expect(await ground.tapscope("tap", "delete", "9")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("unknown tap: mega_tap9"),
    });
  });
});

describe("tap delete", () => {
  it("takes along the mirrors of ours that would dangle, and refuses where a foreign mirror would", async () => {
    await ground.tapscope("tap", "create", "10", "--bridge", "minitest", "--name", "src");
    await ground.tapscope("tap", "create", "0", "--bridge", "minitest", "--name", "dst");
    await ground.json("mirror", "create", "src", "dst");
    const deleted = await ground.tapscope("tap", "delete", "dst");
    expect(deleted).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining("mirror mirror-dst goes with its output"),
    });
    expect(await ground.mirrors()).toEqual([]);
    await ground.tapscope("tap", "create", "0", "--bridge", "minitest", "--name", "dst");
    await ground.plainMirror("minitest", "theirs", "dst");
    expect(await ground.tapscope("tap", "delete", "dst")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("mirror theirs, which tapscope did not make, needs it"),
    });
    expect(await ground.mirrors()).toHaveLength(1);
    await ground.vsctl("clear", "bridge", "minitest", "mirrors");
  });
});

describe("tap attach", () => {
  it("puts a device on a bridge, and takes it back when OVS cannot open it", async () => {
    await ground.inSwitch("ip", "link", "add", "vm0", "type", "veth", "peer", "name", "vm1");
    expect((await ground.tapscope("tap", "attach", "vm0", "--vlan", "20", "--bridge", "minitest")).exitCode).toBe(0);
    expect(await list()).toMatchObject([{ name: "vm0", vlan: 20, type: "system", owned: true }]);
    await ground.inSwitch("ip", "link", "del", "vm0");
    const missing = await ground.tapscope("tap", "attach", "r-nodev", "--bridge", "minitest");
    expect(missing).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("could not open network device r-nodev"),
    });
    expect(await ground.vsctl("list-ports", "minitest")).toBe("vm0");
    const doctor = await ground.tapscope("doctor");
    expect(doctor).toMatchObject({
      exitCode: 3,
      stdout: expect.stringMatching(/port-(gone|error): port vm0 on minitest/),
    });
  });
});

describe("bridge", () => {
  it("is made once, and destroyed only when all on it is ours", async () => {
    expect((await ground.tapscope("bridge", "create", "br-x", "--datapath", "netdev")).exitCode).toBe(0);
    expect(await ground.vsctl("get", "bridge", "br-x", "datapath_type")).toBe("netdev");
    expect(await ground.tapscope("bridge", "create", "br-x")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("a bridge of that name exists"),
    });
    await ground.vsctl("add-port", "br-x", "theirs", "--", "set", "interface", "theirs", "type=internal");
    expect(await ground.tapscope("bridge", "destroy", "br-x")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("tapscope did not make port theirs"),
    });
    expect((await ground.tapscope("bridge", "config", "br-x", "other_config:hwaddr=02:00:00:00:00:aa")).exitCode).toBe(
      0,
    );
    expect(await ground.vsctl("get", "bridge", "br-x", "other_config:hwaddr")).toBe('"02:00:00:00:00:aa"');
    expect((await ground.tapscope("bridge", "config", "br-x", "mirrors=[]")).exitCode).toBe(2);
    expect((await ground.tapscope("bridge", "destroy", "br-x", "--force")).exitCode).toBe(0);
    expect(await ground.tapscope("bridge", "destroy", "br-x")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("bridge not found: br-x"),
    });
  });

  it("gets and loses a trunk", async () => {
    await ground.inSwitch("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1");
    expect((await ground.tapscope("bridge", "trunk", "minitest", "up0")).exitCode).toBe(0);
    expect(await ground.vsctl("list-ports", "minitest")).toBe("up0");
    expect(await ground.vsctl("get", "port", "up0", "tag")).toBe("[]");
    expect(await ground.tapscope("bridge", "trunk", "minitest", "up0")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("bridge already trunking to up0"),
    });
    const [bridge] = (await ground.json<BridgeInfo[]>("bridge", "list")).filter(({ name }) => name === "minitest");
    expect(bridge).toMatchObject({ trunks: ["up0"], ports: ["up0"], tunnels: [], owned: true });
    expect((await ground.tapscope("bridge", "notrunk", "minitest", "up0")).exitCode).toBe(0);
    expect(await ground.vsctl("list-ports", "minitest")).toBe("");
    expect((await ground.tapscope("bridge", "notrunk", "minitest", "up0")).stderr).toContain("unknown trunk: up0");
    await ground.inSwitch("ip", "link", "del", "up0");
  });

  it.each(["vxlan", "gre", "geneve"])("gets and loses a %s tunnel with a key", async (type) => {
    const made = await ground.tapscope("bridge", "tunnel", type, "minitest", "192.0.2.1", "--key", "7");
    const name = made.stdout.trim();
    expect(await ground.vsctl("get", "interface", name, "type")).toBe(type);
    expect(await ground.vsctl("get", "interface", name, "options")).toBe('{key="7", remote_ip="192.0.2.1"}');
    expect((await ground.tapscope("bridge", "notunnel", "minitest", name)).exitCode).toBe(0);
    expect((await ground.tapscope("bridge", "notunnel", "minitest", name)).stderr).toContain(`unknown tunnel: ${name}`);
  });

  it("tells the MAC addresses it learned by port", async () => {
    await ground.ping(1);
    const address = async (host: string, tap: string) =>
      JSON.parse((await ground.inSwitch("ip", "netns", "exec", host, "ip", "-j", "link", "show", tap)).stdout)[0]
        .address;
    const macs = await ground.json<LearnedMac[]>("bridge", "macs", "mega_bridge");
    expect(macs.map(({ port, vlan, mac }) => ({ port, vlan, mac }))).toEqual(
      expect.arrayContaining([
        { port: "mega_tap0", vlan: 100, mac: await address("a", "mega_tap0") },
        { port: "mega_tap1", vlan: 100, mac: await address("b", "mega_tap1") },
      ]),
    );
  });
});
