import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startTimeOf } from "../../../src/core/identity.ts";
import { type Child, run, spawn } from "../../../src/core/process.ts";
import { shellQuote } from "../../../src/core/text.ts";
import { Ground } from "../mirror/ground.ts";
import { processesOf, program, startTapscope, tapscope, watchOutput } from "../support.ts";

let ground: Ground;
let dir: string;
beforeAll(async () => {
  ground = await Ground.make();
  dir = mkdtempSync(join(tmpdir(), "tapscope-capture-"));
});
afterAll(async () => {
  await ground[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});
afterEach(async () => {
  await ground.clearMirrors();
});

const start = (...args: string[]): Child => startTapscope(["--lab", ground.lab.name, ...args]);
const lastLine = (text: string): Record<string, unknown> => JSON.parse(text.trim().split("\n").at(-1)!);
const monitors = async (): Promise<unknown[]> =>
  (await ground.rows("port", "name")).flat().filter((name) => String(name).startsWith("ts-mon"));
const tcpdumps = (): number[] =>
  processesOf(ground.lab.place).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, "latin1").trim() === "tcpdump";
    } catch {
      return false;
    }
  });

interface CaptureJson {
  readonly packets: number;
  readonly files: readonly string[];
  readonly dropped_kernel: number;
  readonly mirror: { readonly sources: unknown } | null;
}
interface FlowJson {
  readonly "id.orig_h": string;
  readonly proto: string;
  readonly orig_pkts: number;
  readonly resp_pkts: number;
  readonly vlan: number;
}

/** How many packets of a file `tcpdump -r` prints. */
async function printed(file: string, filter = ""): Promise<number> {
  const { stdout } = await run(["tcpdump", "-nr", file, ...(filter ? ["--", filter] : [])]);
  return stdout.split("\n").filter((line) => /^\d\d:/.test(line)).length;
}

describe("watch on a mirror of its own", () => {
  for (const [signal, code] of [
    ["SIGINT", 0],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const) {
    it(`is gone with all it made after ${signal}, and exits with ${code}`, async () => {
      await using ping = ground.pingOn();
      await using child = start("watch", "--mirror", "mega_tap0", "--interval", "300ms");
      const output = watchOutput(child);
      await output.until(/icmp +10\.0\.0\.1 +10\.0\.0\.2 +100/);
      expect(await monitors()).toHaveLength(1);
      child.signal(signal);
      expect((await child.ended).exitCode).toBe(code);
      expect(output.text()).toMatch(/mirror mirror-ts-mon0 and its port ts-mon0 are removed/);
      expect(output.text()).toMatch(/\d+ packets captured, \d+ received by filter, 0 dropped by kernel/);
      expect(await monitors()).toEqual([]);
      expect(await ground.mirrors()).toEqual([]);
      expect(tcpdumps()).toEqual([]);
      expect(startTimeOf(ping.pid)).toBeDefined();
    });
  }

  it("leaves no process after kill -9, and its port and mirror for clean", async () => {
    await using ping = ground.pingOn();
    await using child = start("watch", "--bridge", "mega_bridge", "--interval", "300ms");
    await watchOutput(child).until(/icmp +10\.0\.0\.1 +10\.0\.0\.2/);
    process.kill(child.pid, "SIGKILL");
    await child.ended;
    await expect.poll(tcpdumps, { timeout: 10_000 }).toEqual([]);
    expect(await monitors()).toHaveLength(1);
    expect((await ground.tapscope("clean")).exitCode).toBe(0);
    expect(await monitors()).toEqual([]);
    expect(await ground.mirrors()).toEqual([]);
    expect(startTimeOf(ping.pid)).toBeDefined();
  });

  it("is gone too when the capture cannot begin", async () => {
    const answer = await ground.tapscope("watch", "--mirror", "mega_tap0", "--filter", "no such thing");
    expect(answer).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("no such thing") });
    expect(await monitors()).toEqual([]);
    expect(await ground.mirrors()).toEqual([]);
  });
});

describe("watch on a mirror's output", () => {
  it("counts each flow as tcpdump -r counts it in a capture of the same seconds", async () => {
    await ground.tapscope("mirror", "create", "mega_tap0", "mega_tap2");
    const file = join(dir, "same.pcap");
    await using tcpdump = spawn(
      ["tcpdump", "-U", "-n", "-Z", "root", "--immediate-mode", "-s", "256", "-i", "mega_tap2", "-w", "-"],
      { place: ground.lab.place },
    );
    const pieces: Buffer[] = [];
    tcpdump.stdout!.on("data", (piece: Buffer) => pieces.push(piece));
    await watchOutput({ ...tcpdump, stdout: null }).until("listening on");
    await using child = start("watch", "--json", "--interval", "300ms");
    const output = watchOutput(child);
    await output.until('"flows":');
    await ground.ping(40);
    await run(["ping", "-c", "7", "-i", "0.05", "fd00::1"], { place: ground.lab.host("b") });
    await expect
      .poll(() => output.text().includes('"resp_pkts":40') && output.text().includes('"resp_pkts":7'), {
        timeout: 20_000,
      })
      .toBe(true);
    child.signal("SIGINT");
    expect((await child.ended).exitCode).toBe(0);
    tcpdump.signal("SIGINT");
    await tcpdump.ended;
    (await import("node:fs")).writeFileSync(file, Buffer.concat(pieces));

    const flows = lastLine(output.text()).flows as FlowJson[];
    const packetsOf = (orig: string): number => {
      const flow = flows.find((each) => each["id.orig_h"] === orig && each.orig_pkts > 1 && each.resp_pkts > 0)!;
      expect(flow).toMatchObject({ proto: "icmp", vlan: 100 });
      return flow.orig_pkts + flow.resp_pkts;
    };
    expect(packetsOf("10.0.0.1")).toBe(await printed(file, "vlan and icmp"));
    expect(packetsOf("10.0.0.1")).toBe(80);
    expect(packetsOf("fd00::2")).toBe(await printed(file, "vlan and icmp6 and (ip6[40] == 128 or ip6[40] == 129)"));
  });

  it("is found by itself when there is only one, and is asked for when there are two", async () => {
    expect(await ground.tapscope("watch")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("there is no mirror"),
    });
    await ground.tapscope("mirror", "create", "mega_tap0", "mega_tap2");
    const one = await ground.tapscope("watch", "--json", "--interval", "300ms", "--duration", "1s");
    expect(one.exitCode).toBe(0);
    expect(lastLine(one.stdout)).toMatchObject({ packets: expect.any(Number), dropped: 0 });
    await using monitor = start("watch", "--mirror", "mega_tap1", "--interval", "300ms");
    await watchOutput(monitor).until("flows");
    const two = await ground.tapscope("watch");
    expect(two.exitCode).toBe(2);
    expect(two.stderr).toMatch(/mega_tap2 .*ts-mon0|ts-mon0 .*mega_tap2/);
    monitor.signal("SIGINT");
    await monitor.ended;
  });
});

describe("capture", () => {
  it("counts live on a terminal, and writes what the file's name says", async () => {
    await using _ = ground.pingOn();
    const argv = (file: string) => ["--lab", ground.lab.name, "capture", "mega_tap0", "-w", file, "--duration", "2"];
    const pcap = join(dir, "named.pcap");
    // script(1) gives it a terminal.
    const line = shellQuote([process.execPath, program, ...argv(pcap)]);
    const { stdout } = await run(["script", "-qec", line, "/dev/null"], { timeoutMs: 30_000 });
    expect(stdout).toMatch(/\d+\.\ds: [1-9]\d* packets, \d\S* ?\S*B, \d\S* packets\/s, 0 dropped/);
    await tapscope(argv(join(dir, "named.pcapng")));
    await tapscope([...argv(join(dir, "told.pcap")), "--format", "pcapng"]);
    const magic = (name: string) => readFileSync(join(dir, name)).readUInt32LE(0).toString(16);
    expect([magic("named.pcap"), magic("named.pcapng"), magic("told.pcap")]).toEqual([
      "a1b23c4d",
      "a0d0d0a",
      "a0d0d0a",
    ]);
  });

  it("keeps VLAN tags, and matches tagged and untagged frames alike", async () => {
    await using _ = ground.pingOn();
    const file = join(dir, "tagged.pcapng");
    const args = ["--mirror", "mega_tap0", "-w", file, "--count", "12", "--filter", "icmp"];
    const tagged = await ground.json<CaptureJson>("capture", ...args);
    expect(tagged).toMatchObject({ packets: 12, files: [file], dropped_kernel: 0 });
    expect(tagged.mirror?.sources).toEqual([{ port: "mega_tap0", direction: "both" }]);
    expect(await printed(file, "vlan 100 and icmp")).toBe(12);
    expect(await monitors()).toEqual([]);

    const plain = join(dir, "plain.pcap");
    const host = ["capture", "mega_tap0", "-w", plain, "--count", "6", "--filter", "icmp", "--format", "pcap"];
    expect(await ground.json<CaptureJson>(...host)).toMatchObject({ packets: 6, mirror: null });
    expect(await printed(plain, "icmp")).toBe(6);

    const others = await ground.json<CaptureJson>(
      ...[
        "capture",
        "--mirror",
        "mega_tap0",
        "-w",
        join(dir, "not.pcapng"),
        "--duration",
        "1s",
        "--filter",
        "not icmp and not icmp6",
      ],
    );
    expect(others.packets).toBe(0);
    expect(await printed(join(dir, "not.pcapng"))).toBe(0);
  });

  it("loses nothing of what came before it was told to end", async () => {
    const file = join(dir, "whole.pcap");
    await using child = start("capture", "mega_tap0", "-w", file, "--format", "pcap", "--filter", "icmp");
    await watchOutput(child).until("capturing on mega_tap0");
    await ground.ping(50);
    child.signal("SIGTERM");
    expect((await child.ended).exitCode).toBe(143);
    expect(await printed(file)).toBe(100);
  });

  it("keeps a ring of the newest files", async () => {
    await using _ = ground.pingOn();
    const ring = await ground.json<CaptureJson>(
      ...["capture", "mega_tap0", "-w", join(dir, "ring.pcapng"), "--ring", "1kx2", "--count", "30"],
    );
    expect(ring.files).toHaveLength(2);
    expect(readdirSync(dir).filter((file) => file.startsWith("ring"))).toHaveLength(2);
  });

  it("says what is wrong with what it was given", async () => {
    const wrong: [string[], number, string][] = [
      [["nosuch", "-w", join(dir, "x")], 1, "there is no port or device of that name"],
      [["mega_tap0", "-w", join(dir, "no/such/dir")], 1, "cannot write"],
      [["mega_tap0", "-w", join(dir, "x"), "--filter", "tcp port"], 2, "tcp port"],
      [["mega_tap0", "--mirror", "mega_tap1", "-w", join(dir, "x")], 2, "only one of them"],
    ];
    for (const [args, exitCode, why] of wrong) {
      const answer = await ground.tapscope("capture", ...args);
      expect(answer).toMatchObject({ exitCode, stderr: expect.stringContaining(why), stdout: "" });
    }
    expect(tcpdumps()).toEqual([]);
  });
});
