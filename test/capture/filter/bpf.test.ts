import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CaptureFilter, captureFilter, checkCaptureFilter } from "../../../src/capture/filter/bpf.ts";
import { BpfProgram } from "../../../src/capture/filter/bpf-machine.ts";
import type { Frame } from "../../../src/capture/frame.ts";
import { readCapture } from "../../../src/capture/source/file.ts";
import { enhanced, iface, pcap, section } from "../format/build.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tapscope-bpf-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const macs = "020000000001020000000002";
const tag = (type: string, vlan: number) => type + vlan.toString(16).padStart(4, "0");
/** An Ethernet frame with tags and a UDP or TCP datagram to a port. */
function frame(tags: string, protocol: 6 | 17, port: number): Buffer {
  const ip = Buffer.from("450000280000000040000000 0a000001 0a000002".replaceAll(" ", ""), "hex");
  ip[9] = protocol;
  const transport = Buffer.alloc(20);
  transport.writeUInt16BE(40_000, 0);
  transport.writeUInt16BE(port, 2);
  transport[12] = 0x50;
  return Buffer.concat([Buffer.from(`${macs}${tags}0800`, "hex"), ip, transport]);
}

const TAGS = ["", tag("8100", 100), tag("88a8", 200) + tag("8100", 100)];

async function matching(expression: string, file: Buffer): Promise<{ passed: number[]; warnings: readonly string[] }> {
  const path = join(directory, "x");
  writeFileSync(path, file);
  const passed: number[] = [];
  const { warnings } = await readCapture(path, ({ nsec }) => passed.push(nsec / 1000), { filter: expression });
  return { passed, warnings };
}

describe("a capture filter", () => {
  const frames = TAGS.flatMap((tags) => [frame(tags, 6, 22), frame(tags, 17, 53), frame(tags, 6, 80)]);
  const file = pcap(frames.map((data, fraction) => ({ fraction, data })));

  it.each([
    ["tcp", [0, 2, 3, 5, 6, 8]],
    ["port 53", [1, 4, 7]],
    ["not port 22", [1, 2, 4, 5, 7, 8]],
    ["not tcp", [1, 4, 7]],
    ["tcp and not port 80 or udp", [0, 1, 3, 4, 6, 7]],
    ["ip host 10.0.0.1 and tcp[2:2] = 80", [2, 5, 8]],
    ["vlan", [3, 4, 5, 6, 7, 8]],
    ["vlan 100", [3, 4, 5]],
    ["vlan 100 and tcp", [3, 5]],
    ["", [0, 1, 2, 3, 4, 5, 6, 7, 8]],
  ])("'%s' means the same for untagged, tagged and double-tagged frames", async (expression, expected) => {
    expect((await matching(expression, file)).passed).toEqual(expected);
  });

  it("is left as it is for other link types, and where it speaks of tags itself", () => {
    expect(captureFilter("tcp", 101)).toBe("tcp");
    expect(captureFilter("vlan 7 and tcp")).toBe("vlan 7 and tcp");
    expect(captureFilter("tcp")).toContain("(vlan and (");
  });

  it("is applied to each link type of a mixed file, which tcpdump refuses to read", async () => {
    const mixed = Buffer.concat([
      section(),
      iface({ linktype: 1 }),
      iface({ linktype: 101 }),
      enhanced({ ticks: 1n, data: frame("", 6, 80) }),
      enhanced({ ticks: 2n, interfaceId: 1, data: frame("", 6, 80).subarray(14) }),
      enhanced({ ticks: 3n, interfaceId: 1, data: frame("", 17, 53).subarray(14) }),
    ]);
    expect(await matching("tcp port 80", mixed)).toEqual({ passed: [1, 2], warnings: [] });
    const { passed, warnings } = await matching("ether src 02:00:00:00:00:02", mixed);
    expect(passed).toEqual([1]);
    expect(warnings.join()).toContain("packets of link type RAW are left out");
  });

  it("that is wrong is named, with tcpdump's reason, and is the user's mistake", () => {
    expect(() => checkCaptureFilter("tcp prt 80")).toThrow("cannot use the capture filter 'tcp prt 80': syntax error");
    expect(() => checkCaptureFilter("tcp prt 80")).toThrow(expect.objectContaining({ code: "E_USAGE" }));
    expect(() => checkCaptureFilter("tcp) or (udp")).toThrow("cannot use the capture filter");
    expect(() => checkCaptureFilter("-w /tmp/x")).toThrow("cannot use the capture filter");
  });

  it("says so when tcpdump is not installed", () => {
    const bin = join(directory, "bin");
    mkdirSync(bin);
    symlinkSync(execFileSync("which", ["setpriv"]).toString().trim(), join(bin, "setpriv"));
    vi.stubEnv("PATH", bin);
    try {
      expect(() => new CaptureFilter("tcp")).toThrow("not installed");
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe("the machine", () => {
  it("agrees with tcpdump on real captures", { timeout: 120_000 }, async (ctx) => {
    const captures = join(import.meta.dirname, "../../../../shared/corpus/captures");
    if (!existsSync(captures)) ctx.skip("no ../shared/corpus");
    const found = execFileSync("find", [captures, "-name", "*.pcap", "-size", "+60k", "-size", "-200k"]).toString();
    const expressions = [
      "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
      "udp and len > 100",
      "ip6 proto 58 or icmp or arp",
      "net 192.168.0.0/16 and portrange 1-1024",
      "ip[0] & 0xf > 5 or (ip[6:2] & 0x1fff) != 0",
      "ether[0] & 1 = 1 and (ip[2:2] - ((ip[0] & 0xf) * 4)) % 7 = 3",
    ];
    let compared = 0;
    for (const path of found.trim().split("\n").sort().slice(0, 25)) {
      for (const expression of expressions) {
        const argv = ["-r", path, "-w", "-", "--", expression];
        let filtered: Buffer;
        try {
          filtered = execFileSync("tcpdump", argv, { stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1e8 });
        } catch {
          continue;
        }
        const expected: string[] = [];
        const passed: string[] = [];
        const plain = join(directory, "filtered");
        writeFileSync(plain, filtered);
        const name = ({ sec, nsec, origLen }: Frame) => `${sec}.${nsec} ${origLen}`;
        await readCapture(plain, (frame) => expected.push(name(frame)));
        await readCapture(
          path,
          new CaptureFilter(expression).sink((frame) => passed.push(name(frame))),
        );
        // tcpdump alone passes over tagged frames; everything it lets through, and in that order, must be there.
        const known = new Set(expected);
        expect(passed.filter((entry) => known.has(entry))).toEqual(expected);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(50);
  });

  it("ends with no match where a load leaves the captured bytes, and refuses what is no program", () => {
    const load = new BpfProgram("2\n32 0 0 100\n6 0 0 1\n");
    expect(load.matches(Buffer.alloc(104), 0, 103, 200)).toBe(false);
    expect(load.matches(Buffer.alloc(104), 0, 104, 200)).toBe(true);
    for (const text of ["", "hello", "2\n6 0 0 1", "0"])
      expect(() => new BpfProgram(text)).toThrow("not a BPF program");
  });
});
