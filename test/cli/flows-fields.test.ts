import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SORT_FIELDS } from "../../src/engine/host/sort-fields.ts";

const main = join(import.meta.dirname, "../../dist/cli/main.js");
const fixture = (name: string) => join(import.meta.dirname, "../../fixtures/pcaps", name);
const flows = (...args: string[]) => spawnSync(process.execPath, [main, "flows", ...args], { encoding: "utf8" });

describe("the fields of flows", () => {
  it("are listed by --fields, for people and for programs", () => {
    const { stdout, status } = flows("--fields");
    expect(status).toBe(0);
    for (const word of ["id.orig_h", "offload_csum", "flow.wire_bytes", "tls.sni", "--sort: "])
      expect(stdout).toContain(word);
    const listed = JSON.parse(flows("--fields", "--json").stdout) as Record<string, { name: string }[]>;
    expect(listed.sort).toEqual(SORT_FIELDS);
    const [record] = flows("--json", fixture("http.pcap")).stdout.split("\n");
    const names = listed.records!.map(({ name }) => name);
    for (const name of Object.keys(JSON.parse(record!))) expect(names).toContain(name);
    expect(flows("--fields", "x.pcap").status).toBe(2);
    expect(flows().status).toBe(2);
  });

  it("BYTES, flow.bytes and --sort bytes are IP bytes; WIRE and flow.wire_bytes are the frames'", () => {
    const where = (filter: string) => flows("--where", filter, fixture("dns.pcap")).stdout.split("\n").slice(1, -1);
    const [line, ...others] = where("flow.bytes == 264");
    expect(others).toEqual([]);
    // Four frames of 14 bytes of Ethernet around them.
    expect(line).toMatch(/ 2\/2 +264 +320 /);
    expect(where("flow.wire_bytes == 320")).toEqual([line]);
    expect(where("flow.bytes == 320")).toEqual([]);
  });

  it("marks a guess by port with ?, and shows the name that was asked for", () => {
    const { stdout } = flows(fixture("http.pcap"), fixture("tcp-refused.pcap"));
    const [head, ...lines] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/ NAME$/);
    expect(lines.filter((line) => line.includes(" http? ")).length).toBe(1);
    expect(lines.filter((line) => line.endsWith(" www.example.test")).length).toBe(1);
  });
});
