import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FlowDecoder } from "../../src/export/ipfix/decoder.ts";

const main = join(import.meta.dirname, "../../dist/cli/main.js");
const fixture = join(import.meta.dirname, "../../fixtures/pcaps/dns.pcap");
const flows = (...args: string[]) => spawnSync(process.execPath, [main, "flows", ...args], { encoding: "utf8" });
const packetsOf = (record: { orig_pkts: number; resp_pkts: number }) => record.orig_pkts + record.resp_pkts;

describe("flows to others", () => {
  it("sends every connection to an IPFIX collector", async () => {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const decoder = new FlowDecoder();
    let packets = 0;
    socket.on("message", (message) => {
      decoder.message(message, "udp", ({ fields }) => {
        packets += fields.get(2) as number;
      });
    });
    const child = spawn(process.execPath, [
      main,
      "flows",
      "--ipfix",
      `udp://127.0.0.1:${socket.address().port}`,
      fixture,
    ]);
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.close();
    const records = flows("--json", fixture)
      .stdout.trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect([code, said.trim()]).toEqual([0, `ipfix: ${records.length} of ${records.length} connections sent`]);
    expect(packets).toBe(records.reduce((sum, record) => sum + packetsOf(record), 0));
  });

  it("writes the Elastic Common Schema and Parquet", () => {
    const lines = flows("--format", "ecs", fixture).stdout.trim().split("\n");
    expect(lines).toHaveLength(flows("--json", fixture).stdout.trim().split("\n").length);
    expect(JSON.parse(lines[0]!)).toMatchObject({ event: { kind: "event" }, network: { transport: "udp" } });
    const parquet = spawnSync(process.execPath, [main, "flows", "--format", "parquet", fixture]).stdout;
    expect(parquet.subarray(0, 4).toString() + parquet.subarray(-4).toString()).toBe("PAR1PAR1");
  });

  it("says what is wrong with its arguments, and that there is no server", () => {
    expect(flows("--ipfix", "collector", fixture).stderr).toMatch(/not the address of a collector/);
    expect(flows("--biflow", fixture).stderr).toMatch(/--ipfix/);
    expect(flows("--publish", "nats://127.0.0.1:1", fixture)).toMatchObject({ status: 1 });
  });
});
