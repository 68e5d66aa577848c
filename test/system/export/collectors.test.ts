/** Collectors that people run, on loopback: what they count must be what was sent. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { type Child, findProgram, run, spawn } from "../../../src/core/process.ts";
import { FlowDecoder } from "../../../src/export/ipfix/decoder.ts";
import { IpfixExporter, parseCollector } from "../../../src/export/ipfix/exporter.ts";
import { record } from "../../export/records.ts";
import { watchOutput } from "../support.ts";

const folder = mkdtempSync(join(tmpdir(), "tapscope-collectors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const V6 = { "id.orig_h": "2001:db8::1", "id.resp_h": "2001:db8::2" };
const RECORDS = Array.from({ length: 500 }, (_, i) => record({ "id.orig_p": 20_000 + i, ...(i % 2 === 0 ? {} : V6) }));
const PACKETS = RECORDS.reduce((sum, { orig_pkts, resp_pkts }) => sum + orig_pkts + resp_pkts, 0);
const BYTES = RECORDS.reduce((sum, { orig_ip_bytes, resp_ip_bytes }) => sum + orig_ip_bytes + resp_ip_bytes, 0);

async function send(url: string): Promise<void> {
  const exporter = new IpfixExporter(parseCollector(url), { interfaceName: "mega_tap2" });
  for (const one of RECORDS) exporter.add(one);
  exporter.flush();
  // A connection over TCP takes a moment.
  for (let i = 0; i < 100 && url.startsWith("tcp") && exporter.counters.messages === 0; i++) await sleep(20);
  await exporter.close();
  expect(exporter.counters).toMatchObject({ records: RECORDS.length, lost: 0 });
}

async function freeUdpPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function endProgram(child: Child, signal: NodeJS.Signals): Promise<void> {
  child.signal(signal);
  await child.ended;
}

describe("IPFIX collectors", () => {
  it.skipIf(findProgram("nfcapd") === undefined)(
    "nfcapd stores every flow (skipped where there is no nfdump)",
    async () => {
      const port = await freeUdpPort();
      const collector = spawn(["nfcapd", "-w", folder, "-p", String(port), "-b", "127.0.0.1", "-t", "3600"], {});
      await watchOutput(collector)
        .until(/Startup|Bound|listen/i, 10_000)
        .catch(() => undefined);
      await sleep(500);
      await send(`udp://127.0.0.1:${port}`);
      await sleep(500);
      await endProgram(collector, "SIGINT");
      const file = readdirSync(folder).find((name) => name.startsWith("nfcapd."))!;
      const summary = (await run(["nfdump", "-r", join(folder, file), "-o", "line"])).stdout;
      expect(summary).toContain(
        `total flows: ${RECORDS.length * 2}, total bytes: ${formatted(BYTES)}, total packets: ${PACKETS}`,
      );
    },
  );

  it.skipIf(findProgram("nfacctd") === undefined)(
    "nfacctd counts every flow (skipped where there is no pmacct)",
    async () => {
      const port = await freeUdpPort();
      const config = join(folder, "nfacctd.conf");
      const output = join(folder, "acct.json");
      writeFileSync(
        config,
        `daemonize: false\nnfacctd_port: ${port}\nnfacctd_ip: 127.0.0.1\nplugins: print\naggregate: src_host, dst_host, src_port, dst_port, proto\n` +
          `print_refresh_time: 1\nprint_output: json\nprint_output_file: ${output}\nprint_output_file_append: true\n`,
      );
      const collector = spawn(["nfacctd", "-f", config], {});
      watchOutput(collector);
      await sleep(1500);
      await send(`udp://127.0.0.1:${port}`);
      let flows: { packets: number; bytes: number }[] = [];
      for (let i = 0; i < 100 && flows.length < RECORDS.length * 2; i++) {
        await sleep(100);
        const lines = readFileIfThere(output)
          .split("\n")
          .filter((line) => line.endsWith("}"));
        flows = lines.map((line) => JSON.parse(line) as { packets: number; bytes: number });
      }
      await endProgram(collector, "SIGINT");
      expect(flows).toHaveLength(RECORDS.length * 2);
      expect(flows.reduce((sum, { packets }) => sum + packets, 0)).toBe(PACKETS);
      expect(flows.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(BYTES);
    },
  );

  it("our own decoder reads the same over TCP, whatever the pieces", async () => {
    const decoder = new FlowDecoder();
    let packets = 0;
    let rest = Buffer.alloc(0);
    const server = createServer((socket) => {
      socket.on("data", (chunk: Buffer) => {
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= 4 && rest.length >= rest.readUInt16BE(2)) {
          const length = rest.readUInt16BE(2);
          decoder.message(rest.subarray(0, length), "tcp", ({ fields }) => {
            packets += fields.get(2) as number;
          });
          rest = rest.subarray(length);
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const exporter = new IpfixExporter(parseCollector(`tcp://127.0.0.1:${port}`));
    await sleep(200);
    for (const one of RECORDS) exporter.add(one);
    await exporter.close();
    for (let i = 0; i < 100 && packets < PACKETS; i++) await sleep(20);
    server.close();
    expect(packets).toBe(PACKETS);
    expect(decoder.counters).toMatchObject({ records: RECORDS.length * 2, malformed: 0, lost: 0 });
  });

  it("an absent collector costs records, which are counted, and no time", async () => {
    const port = await freeUdpPort();
    const exporter = new IpfixExporter(parseCollector(`tcp://127.0.0.1:${port}`));
    const began = performance.now();
    for (let i = 0; i < 5000; i++) exporter.add(record());
    await exporter.close();
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(exporter.counters.lost).toBe(5000);
  });
});

/** nfdump writes large numbers with a unit. */
function formatted(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : String(value);
}

function readFileIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
