import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { iface, option, pcap, section } from "../capture/format/build.ts";

const main = join(import.meta.dirname, "../../dist/cli/main.js");
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tapscope-info-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach((ctx) => {
  if (!existsSync(main)) ctx.skip("dist is not built");
});

function tapscope(args: readonly string[], input?: Buffer) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    ...(input ? { input } : {}),
  });
  return { stdout, stderr, status };
}

function file(name: string, bytes: Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

const two = pcap([
  { sec: 20, fraction: 5, data: Buffer.alloc(60), origLen: 1500 },
  { sec: 10, fraction: 7, data: Buffer.alloc(60) },
]);

describe("tapscope info", () => {
  it("prints the fixed keys, one object a line, times as decimal strings", () => {
    const path = file("two.pcap", two);
    const { stdout, stderr, status } = tapscope(["info", "--json", path]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.endsWith("}\n") && stdout.indexOf("\n") === stdout.length - 1).toBe(true);
    expect(JSON.parse(stdout)).toMatchObject({
      file: path,
      format: "pcap",
      compression: null,
      interfaces: [{ name: null, linktype: 1, linktype_name: "ETHERNET", snaplen: 262_144, time_resolution: 1e-6 }],
      packets: 2,
      bytes: 1560,
      captured_bytes: 120,
      first_ns: "20000005000",
      last_ns: "10000007000",
      earliest_ns: "10000007000",
      latest_ns: "20000005000",
      status: "ok",
      error: null,
    });
  });

  it("goes on after a bad file, and tells each", () => {
    const cut = file("cut.pcap", two.subarray(0, -1));
    const good = file("good.pcap", two);
    const { stdout, status } = tapscope(["info", "--json", cut, join(directory, "none"), good]);
    expect(status).toBe(1);
    const told = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(told.map(({ status, packets }) => [status, packets])).toEqual([
      ["truncated", 1],
      ["unsupported", 0],
      ["ok", 2],
    ]);
    expect(told[0].error).toContain(`${cut}: cut short in the middle of a packet at offset 100`);
    expect(told[1].error).toContain("no such file");
  });

  it("reads standard input, and keeps the file's own text away from the terminal", () => {
    const options = option(2, Buffer.from("\x1b]0;evil\x07eth0"));
    const { stdout, status } = tapscope(["info", "-"], Buffer.concat([section(), iface({ options })]));
    expect(status).toBe(0);
    expect(stdout).toContain("\\x1b]0;evil\\x07eth0");
    expect(stdout).not.toContain("\x1b");
  });

  it("says durations as people read them, and of a file that is not there only that", () => {
    const long = pcap([
      { sec: 100, data: Buffer.alloc(60) },
      { sec: 100 + 7384, data: Buffer.alloc(60) },
    ]);
    expect(tapscope(["info", file("long.pcap", long)]).stdout).toMatch(/^Duration: +2h03m \(7384\.000000000 s\)$/m);
    const none = tapscope(["info", join(directory, "none")]);
    expect([none.status, none.stdout]).toEqual([1, expect.stringMatching(/^File: .*none\nStatus: +cannot be read\n$/)]);
    expect(none.stderr).toContain("no such file");
  });

  it("wants a file", () => {
    expect(tapscope(["info"]).status).toBe(2);
  });
});

describe("tapscope flows", () => {
  it("takes mistakes in either filter as wrong arguments, before anything is read", () => {
    const path = file("flows.pcap", two);
    const where = tapscope(["flows", "--where", "tcp.prt == 1", path]);
    expect([where.status, where.stdout]).toEqual([2, ""]);
    expect(where.stderr).toContain("col 1: unknown field tcp.prt, did you mean tcp.port");
    const filter = tapscope(["flows", "--json", "--filter", "tcp prt 1", path]);
    expect([filter.status, filter.stdout]).toEqual([2, ""]);
    expect(JSON.parse(filter.stderr).error.message).toContain("'tcp prt 1': syntax error");
  });
});
