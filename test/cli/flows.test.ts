import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { ethernet, hex, ipv4, pcap, tcp, udp } from "../capture/frames.ts";
import { ACK, FIN, SYN, TCP, UDP } from "../engine/protocol-numbers.ts";

const main = join(import.meta.dirname, "../../dist/cli/main.js");
const none = new Uint8Array();
const back = { source: "10.0.0.2", target: "10.0.0.1" };
const inner = ethernet(0x0800, ipv4(UDP, udp(5555, 6000, hex("01"))));
const frames = [
  ethernet(0x0800, ipv4(TCP, tcp(40000, 9999, 100, 0, SYN, none))),
  ethernet(0x0800, ipv4(TCP, tcp(9999, 40000, 500, 101, SYN | ACK, none), back)),
  ethernet(0x0800, ipv4(TCP, tcp(40000, 9999, 101, 501, ACK, none))),
  ethernet(0x0800, ipv4(TCP, tcp(40000, 9999, 101, 501, ACK, Buffer.from("hello")))),
  ethernet(0x0800, ipv4(TCP, tcp(40000, 9999, 106, 501, ACK | FIN, none))),
  ethernet(0x0800, ipv4(TCP, tcp(9999, 40000, 501, 107, ACK | FIN, none), back)),
  ethernet(0x0800, ipv4(UDP, udp(7, 4789, Buffer.concat([hex("0800000000002a00"), inner])))),
  ethernet(0x0806, Buffer.alloc(28)),
];

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tapscope-flows-"));
  file = join(folder, "a.pcap");
  writeFileSync(file, pcap(frames));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const flows = (...args: string[]) => spawnSync(process.execPath, [main, "flows", ...args], { encoding: "utf8" });
const json = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("tapscope flows", () => {
  it("writes one JSON object a connection, with exact times and unset fields absent", () => {
    const { stdout, status, stderr } = flows("--json", file);
    expect([status, stderr]).toEqual([0, ""]);
    const [first] = json(stdout).filter((record) => record.proto === "tcp");
    expect(first).toMatchObject({
      ts: 1700000000,
      "id.orig_h": "10.0.0.1",
      "id.orig_p": 40000,
      "id.resp_p": 9999,
      duration: 0.005,
      orig_bytes: 5,
      resp_bytes: 0,
      conn_state: "SF",
      history: "ShADFf",
      orig_pkts: 4,
      resp_pkts: 2,
      ip_proto: 6,
      first_ns: "1700000000000000000",
      last_ns: "1700000000005000000",
      close_reason: "eof",
    });
    expect(stdout).toContain('"ts":1700000000.000000,');
    const [udpRecord] = json(stdout).filter((record) => record.proto === "udp");
    expect(udpRecord).not.toHaveProperty("duration");
    expect(udpRecord).not.toHaveProperty("orig_bytes");
  });

  it("links what a tunnel carries to its carrier, and leaves the carrier out when asked to", () => {
    const records = json(flows("--json", file).stdout);
    const carrier = records.find((record) => record["id.resp_p"] === 4789)!;
    const carried = records.find((record) => record["id.resp_p"] === 6000)!;
    expect(carried.tunnel_parents).toEqual([carrier.uid]);
    expect(json(flows("--json", "--inner", file).stdout).map((record) => record["id.resp_p"])).not.toContain(4789);
  });

  it("gives the same uids every time", () => {
    const uids = () => json(flows("--json", file).stdout).map((record) => record.uid);
    expect(uids()).toEqual(uids());
  });

  it("writes a conn.log that bro-cut reads", (ctx) => {
    const log = flows("--format", "zeek", file).stdout;
    expect(log.split("\n")[0]).toBe("#separator \\x09");
    if (spawnSync("bro-cut", ["-h"]).error) ctx.skip("bro-cut is not installed (package bro-aux)");
    const cut = execFileSync("bro-cut", ["id.orig_h", "id.resp_p", "proto", "duration", "history"], {
      input: log,
      encoding: "utf8",
    });
    expect(cut.split("\n")).toContain("10.0.0.1\t9999\ttcp\t0.005000\tShADFf");
    expect(cut.split("\n")).toContain("10.0.0.1\t4789\tudp\t-\tD");
  });

  it("writes CSV with a header line and as many cells in every line", () => {
    const lines = flows("--format", "csv", file).stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(4);
    expect(new Set(lines.map((line) => line.split(",").length)).size).toBe(1);
  });

  it("sums up, with what is no connection by the name of its EtherType", () => {
    expect(json(flows("--summary", "--json", file).stdout)[0]).toMatchObject({
      packets: 8,
      connections: 3,
      not_ip: { arp: 1 },
      malformed: 0,
      by_proto: { tcp: 1, udp: 2 },
    });
  });

  it("sorts, and takes the largest", () => {
    const records = json(flows("--json", "--top", "1", "--sort", "packets", file).stdout);
    expect(records.map((record) => record.orig_pkts)).toEqual([4]);
    expect(flows("--sort", "nonsense", file).status).toBe(2);
  });

  it("keeps what comes before the damage, and exits with 1", () => {
    const cut = join(folder, "cut.pcap");
    writeFileSync(cut, pcap(frames).subarray(0, -5));
    const { stdout, status, stderr } = flows("--json", cut);
    expect(status).toBe(1);
    expect(json(stdout)).toHaveLength(3);
    expect(stderr).toContain(cut);
  });

  it("reads several files as one capture, and standard input", () => {
    expect(json(flows("--json", file, file).stdout).length).toBeGreaterThan(3);
    const piped = spawnSync(process.execPath, [main, "flows", "--json", "-"], {
      input: pcap(frames),
      encoding: "utf8",
    });
    expect(json(piped.stdout)).toHaveLength(3);
  });

  it("says nothing when its reader has had enough", () => {
    const { stderr } = spawnSync("sh", ["-c", `${process.execPath} ${main} flows --json ${file} | head -c 1`], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
  });

  it("refuses formats that contradict each other", () => {
    expect(flows("--json", "--format", "csv", file).status).toBe(2);
  });
});

describe("flows --follow", () => {
  /** The program on a file that is being written, and what it has said so far. */
  function follow(path: string) {
    const child = spawn(process.execPath, [main, "flows", "--json", "--follow", path]);
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => (said.stdout += chunk));
    child.stderr.on("data", (chunk) => (said.stderr += chunk));
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    onTestFinished(() => void child.kill("SIGKILL"));
    return { child, said, ended };
  }
  /** Waits until the program has read the file as far as it goes, as the kernel tells. */
  async function untilRead(child: ChildProcess, path: string): Promise<void> {
    const fds = `/proc/${child.pid}/fd`;
    const position = () => {
      const fd = readdirSync(fds).find((name) => readlinkSync(join(fds, name)) === path);
      return Number(/pos:\s*(\d+)/.exec(readFileSync(`/proc/${child.pid}/fdinfo/${fd}`, "utf8"))?.[1]);
    };
    await vi.waitFor(() => expect(position()).toBe(statSync(path).size), { timeout: 20_000 });
  }
  const header = 24;
  const later = (seconds: number) => {
    const capture = Buffer.from(pcap([frames[3]!]));
    capture.writeUInt32LE(capture.readUInt32LE(header) + seconds, header);
    return capture.subarray(header);
  };

  it.each([
    ["SIGINT", 0],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("tells connections while the file is still written, and the rest on %s", async (signal, code) => {
    const growing = join(folder, `growing-${signal}.pcap`);
    const whole = Buffer.from(pcap(frames));
    // In the middle of a packet: that is "not yet", not damage.
    writeFileSync(growing, whole.subarray(0, -7));
    const { child, said, ended } = follow(growing);
    await untilRead(child, growing);
    expect(said.stdout).toBe("");
    appendFileSync(growing, whole.subarray(-7));
    // Ten minutes later by the packets' clock: what was open has ended.
    appendFileSync(growing, later(600));
    await vi.waitFor(() => expect(json(said.stdout)).toHaveLength(3), { timeout: 10_000 });
    child.kill(signal);
    expect(await ended).toBe(code);
    expect(json(said.stdout).map((record) => record.close_reason)).toEqual(["fin", "idle", "idle", "eof"]);
    expect(said.stderr).toBe("");
  });

  it("says that the file was made shorter", async () => {
    const shrinking = join(folder, "shrinking.pcap");
    writeFileSync(shrinking, pcap(frames));
    const { child, said, ended } = follow(shrinking);
    await untilRead(child, shrinking);
    truncateSync(shrinking, 30);
    expect(await ended).toBe(1);
    expect(said.stderr).toContain("made shorter");
    expect(json(said.stdout)).toHaveLength(3);
  });

  it("reads what tcpdump writes", async (ctx) => {
    if (spawnSync("tcpdump", ["--version"]).error) ctx.skip("tcpdump is not installed");
    const written = join(folder, "written.pcap");
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const { port } = socket.address();
    const dump = spawn("tcpdump", ["-i", "lo", "-U", "-w", written, `udp port ${port}`], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    onTestFinished(() => {
      dump.kill("SIGKILL");
      socket.close();
    });
    let words = "";
    dump.stderr.on("data", (chunk: Buffer) => {
      words += chunk;
    });
    await vi.waitFor(() => expect(existsSync(written) || /permission/.test(words)).toBe(true), { timeout: 10_000 });
    if (!existsSync(written)) ctx.skip(`this user may not capture: ${words.trim()}`);
    await vi.waitFor(() => expect(statSync(written).size).toBeGreaterThan(0), { timeout: 10_000 });
    const { child, said, ended } = follow(written);
    for (let i = 0; i < 5; i++) socket.send("hello", port, "127.0.0.1");
    await vi.waitFor(() => expect(statSync(written).size).toBeGreaterThanOrEqual(24 + 5 * 63), { timeout: 10_000 });
    await untilRead(child, written);
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    expect(json(said.stdout)).toMatchObject([{ proto: "udp", "id.resp_p": port, orig_bytes: 25 }]);
  });
});
