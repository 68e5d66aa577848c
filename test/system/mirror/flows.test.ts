import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { run, spawn } from "../../../src/core/process.ts";
import { addSources, createMirror, deleteMirrors, removeSources } from "../../../src/mirror/mirror.ts";
import { MirrorWatch, makeMonitor } from "../../../src/mirror/monitor.ts";
import { watchOutput } from "../support.ts";
import { Ground } from "./ground.ts";

let ground: Ground;
beforeAll(async () => {
  ground = await Ground.make();
});
afterEach(() => ground.clearMirrors());
afterAll(() => ground[Symbol.asyncDispose]());

const toMonitor = { sources: ["mega_tap0"], output: { port: "mega_tap2" } } as const;

describe("what arrives on the output", () => {
  it.each([
    ["both directions of one port", toMonitor, 2, 2],
    ["only what enters by the port", { ...toMonitor, direction: "in" }, 2, 0],
    ["only what leaves by the port", { ...toMonitor, direction: "out" }, 0, 2],
    ["each frame once when the whole bridge is mirrored", { ...toMonitor, sources: [], all: true }, 2, 2],
    ["each frame once when both ends are sources", { ...toMonitor, sources: ["mega_tap0", "mega_tap1"] }, 2, 2],
    ["frames of the VLAN selected", { ...toMonitor, sources: [], all: true, vlans: [100] }, 2, 2],
    ["no frame of other VLANs", { ...toMonitor, sources: [], all: true, vlans: [200] }, 0, 0],
    ["no tagged frame when VLAN 0 is selected", { ...toMonitor, sources: [], all: true, vlans: [0] }, 0, 0],
  ] as const)("is %s", async (_, request, requests, replies) => {
    await createMirror(ground.session, request);
    await using recorder = await ground.record();
    await ground.ping(2);
    await recorder.untilCount(requests + replies);
    await recorder.stop();
    expect({ requests: recorder.count("request"), replies: recorder.count("reply") }).toEqual({ requests, replies });
  });

  it("is nothing without a mirror", async () => {
    await using recorder = await ground.record();
    await ground.ping(2);
    expect(await recorder.stop()).toEqual([]);
  });
});

describe("a flow that already runs", () => {
  it("is copied within a second of the mirror's creation, and no more once it is deleted", async () => {
    await using recorder = await ground.record();
    await using _ping = ground.pingOn();
    const before = await ground.record("mega_tap0", ground.lab.host("a"));
    await before.untilCount(6);
    await before.stop();
    expect(recorder.count()).toBe(0);

    await createMirror(ground.session, toMonitor);
    await recorder.untilCount(2, "request");
    await recorder.untilCount(2, "reply");

    await deleteMirrors(ground.session, ["mega_tap2"]);
    recorder.forget();
    await using after = await ground.record("mega_tap0", ground.lab.host("a"));
    await after.untilCount(20);
    expect(await recorder.stop()).toEqual([]);
  });

  it("follows sources that are added and removed", async () => {
    await using recorder = await ground.record();
    await using _ping = ground.pingOn();
    await createMirror(ground.session, { ...toMonitor, direction: "in" });
    await recorder.untilCount(2, "request");
    await addSources(ground.session, "mega_tap2", ["mega_tap0"], "out");
    recorder.forget();
    await recorder.untilCount(4, "reply");
    expect(recorder.count("request")).toBe(0);
    await addSources(ground.session, "mega_tap2", ["mega_tap1"], "both");
    await removeSources(ground.session, "mega_tap2", ["mega_tap0"]);
    recorder.forget();
    await recorder.untilCount(4, "request");
  });

  it("is copied to a monitor port made for it, which says nothing itself and goes away whole", async () => {
    await using _ping = ground.pingOn();
    const monitor = await makeMonitor(ground.session, { sources: ["mega_tap1"] });
    await using recorder = await ground.record(monitor.port, monitor.device.place);
    await using watch = await MirrorWatch.open(ground.session, monitor.mirror.uuid);
    await recorder.untilCount(4);
    await expect.poll(() => watch.counts.packets, { timeout: 15_000 }).toBeGreaterThan(0);
    const sent = await ground.inSwitch("ip", "-j", "-s", "link", "show", monitor.port);
    expect(JSON.parse(sent.stdout)[0].stats64.tx.packets).toBe(0);
    expect((await ground.mirrors()).map(({ output_port }) => output_port)).toEqual([monitor.port]);

    await monitor[Symbol.asyncDispose]();
    expect(await ground.mirrors()).toEqual([]);
    expect(await ground.vsctl("list-ports", "mega_bridge")).toBe("mega_tap0\nmega_tap1\nmega_tap2");
    await expect.poll(() => watch.counts.present, { timeout: 5000 }).toBe(false);
  });
});

describe("a monitor port of our own", () => {
  it("says nothing in eight seconds, IPv6 included", async () => {
    await using monitor = await makeMonitor(ground.session, { sources: ["mega_bridge"] });
    // The ping, between ports that are not mirrored, is the clock.
    await run(["ping", "-c", "17", "-i", "0.5", "10.0.0.2"], { place: ground.lab.host("a"), timeoutMs: 30_000 });
    const link = await ground.inSwitch("ip", "-j", "-s", "address", "show", monitor.port);
    const [device] = JSON.parse(link.stdout);
    expect(device).toMatchObject({ flags: expect.arrayContaining(["UP", "PROMISC"]), addr_info: [] });
    expect(device.stats64.tx.packets).toBe(0);
  });

  it("gets 200 kB of TCP whole: nothing dropped, every checksum right, no frame above 1518 bytes", async () => {
    const server =
      "import socket; s=socket.create_server(('10.0.0.2',7070)); print('up',flush=True); c,_=s.accept(); n=0\nwhile (d:=c.recv(65536)): n+=len(d)\nprint(n,flush=True)";
    const client = "import socket; c=socket.create_connection(('10.0.0.2',7070)); c.sendall(b'x'*200000); c.close()";
    await using monitor = await makeMonitor(ground.session, { sources: ["mega_tap0"] });
    const capture = [
      "tcpdump",
      "-Z",
      "root",
      "-B",
      "65536",
      "-U",
      "-i",
      monitor.port,
      "-w",
      "/run/transfer.pcap",
      "vlan",
    ];
    await using dump = spawn(capture, { place: monitor.device.place });
    const words = watchOutput(dump);
    await words.until("listening on");
    await using receiver = spawn(["python3", "-c", server], { place: ground.lab.host("b") });
    const received = watchOutput(receiver);
    await received.until("up");
    await run(["python3", "-c", client], { place: ground.lab.host("a") });
    await received.until("200000");
    // Past the kernel's block time, after which what it holds has been handed to tcpdump.
    await run(["ping", "-c", "4", "-i", "0.5", "10.0.0.2"], { place: ground.lab.host("a") });
    dump.signal("SIGINT");
    await dump.ended;
    expect(words.text()).toContain("0 packets dropped by kernel");
    const { stdout } = await ground.inSwitch("tcpdump", "-vvner", "/run/transfer.pcap", "vlan and tcp port 7070");
    const frames = stdout.split(/\n(?=\S)/).filter((line) => line.includes("ethertype"));
    expect(frames.reduce((sum, line) => sum + Number(/, length (\d+)$/.exec(line.trim())?.[1] ?? 0), 0)).toBe(200_000);
    expect(frames.filter((line) => line.includes("(incorrect"))).toEqual([]);
    expect(Math.max(...frames.map((line) => Number(/length (\d+): vlan/.exec(line)?.[1])))).toBe(1518);
  });
});
