import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const main = join(import.meta.dirname, "../../dist/cli/main.js");
const fixture = (name: string) => join(import.meta.dirname, "../../fixtures/pcaps", name);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tapscope-zeek-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tapscope = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
const rows = (path: string) =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
const jsonRows = (path: string) => rows(path).map((line) => JSON.parse(line) as Record<string, unknown>);

describe("tapscope zeek", () => {
  it("writes logs that are linked by uid, readable by us and by nobody else", () => {
    const logs = join(folder, "json");
    const { status, stdout } = tapscope("--json", "zeek", "--format", "json", fixture("http.pcap"), logs);
    expect(status).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ given_up: 0, dropped_kernel: null });
    expect(result.logs.map(({ kind }: { kind: string }) => kind).sort()).toEqual(["conn", "files", "http"]);
    for (const { path, rows: count } of result.logs) expect(rows(path)).toHaveLength(count);
    const [http] = jsonRows(join(logs, "http.log"));
    const conn = jsonRows(join(logs, "conn.log")).find(({ uid }) => uid === http!.uid);
    expect(conn).toMatchObject({ service: "http", "id.resp_p": http!["id.resp_p"] });
    expect(statSync(join(logs, "http.log")).mode & 0o777).toBe(0o600);
  });

  it("has the same conn.log as flows", () => {
    const logs = join(folder, "conn");
    tapscope("zeek", fixture("dns.pcap"), logs);
    const flows = tapscope("flows", "--format", "zeek", fixture("dns.pcap")).stdout.split("\n");
    expect(rows(join(logs, "conn.log"))).toEqual(flows.filter((line) => line !== "" && !line.startsWith("#")));
    expect(rows(join(logs, "dns.log")).length).toBeGreaterThan(0);
  });

  it("has fields that `bro cut` reads", () => {
    const logs = join(folder, "cut");
    tapscope("zeek", fixture("dns.pcap"), logs);
    const cut = tapscope("bro", "cut", "uid", "query", join(logs, "dns.log"));
    expect(cut.status).toBe(0);
    expect(cut.stdout.split("\n")[0]).toMatch(/^C\w+\t\S+$/);
  });

  it("names rotated files as zeekctl does, and loses no row to it", () => {
    const logs = join(folder, "rotated");
    expect(tapscope("zeek", "--rotate", "1s", fixture("dns.pcap"), fixture("ntp.pcap"), logs).status).toBe(0);
    const files = readdirSync(logs, { recursive: true, encoding: "utf8" });
    const conns = files.filter((name) => /^\d{4}-\d\d-\d\d\/conn\.\d\d:\d\d:\d\d-\d\d:\d\d:\d\d\.log$/.test(name));
    const lines = conns.flatMap((name) => rows(join(logs, name)));
    const both = tapscope("flows", "--format", "zeek", fixture("dns.pcap"), fixture("ntp.pcap")).stdout;
    expect(lines.sort()).toEqual(
      both
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .sort(),
    );
  });

  it("writes what comes before the damage of a file, and exits with 1", () => {
    const damaged = join(folder, "cut.pcap");
    writeFileSync(damaged, readFileSync(fixture("dns.pcap")).subarray(0, -7));
    const { status, stderr } = tapscope("zeek", damaged, join(folder, "damaged"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/cut short/);
    expect(rows(join(folder, "damaged/dns.log")).length).toBeGreaterThan(0);
  });

  it("says what is wrong with its arguments", () => {
    expect(tapscope("zeek", folder)).toMatchObject({ status: 2 });
    expect(tapscope("zeek", "--port", "lo", "a.pcap", folder).stderr).toMatch(/not both/);
    expect(tapscope("zeek", fixture("dns.pcap"), fixture("dns.pcap")).stderr).toMatch(/cannot write .*dns\.pcap/);
  });
});
