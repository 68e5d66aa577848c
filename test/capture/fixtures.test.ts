/** Our own recordings (fixtures/pcaps), read by us and by programs that share no code with us. */
import { execFileSync } from "node:child_process";
import { createReadStream, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { meterCapture, openMeter } from "../../src/capture/meter.ts";
import { readConnections } from "../../src/capture/read-connections.ts";
import { describeCapture } from "../../src/capture/source/describe.ts";
import { readCapture } from "../../src/capture/source/file.ts";
import { formatIpv4, formatIpv6 } from "../../src/core/address.ts";
import type { FlowMeter } from "../../src/engine/host/meter.ts";
import { protoOf } from "../../src/engine/host/protocols.ts";
import { textsOf } from "../engine/texts.ts";

const folder = join(import.meta.dirname, "../../fixtures/pcaps");
const { files } = JSON.parse(readFileSync(join(folder, "MANIFEST.json"), "utf8")) as {
  files: { file: string; packets: number; bytes: number }[];
};

interface ParsedPacket {
  header: { timestampSeconds: number; timestampMicroseconds: number; capturedLength: number; originalLength: number };
}

/** The packets as the npm package pcap-parser reads them. */
function byPcapParser(path: string): Promise<string[]> {
  const { parse } = createRequire(import.meta.url)("pcap-parser");
  return new Promise((resolve, reject) => {
    const packets: string[] = [];
    parse(createReadStream(path))
      .on("packet", ({ header }: ParsedPacket) => {
        const { timestampSeconds, timestampMicroseconds, capturedLength, originalLength } = header;
        packets.push(`${timestampSeconds} ${timestampMicroseconds * 1000} ${capturedLength} ${originalLength}`);
      })
      .on("end", () => resolve(packets))
      .on("error", reject);
  });
}

describe.each(files)("$file", ({ file, packets, bytes }) => {
  const path = join(folder, file);

  it("is counted as capinfos, tcpdump and pcap-parser count it", async () => {
    expect(await describeCapture(path)).toMatchObject({ packets, bytes, status: "ok", warnings: [] });
    const lines = execFileSync("tcpdump", ["-nn", "-q", "-r", path], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(lines.split("\n").filter((line) => /^\d\d:\d\d:\d\d\.\d{6} /.test(line))).toHaveLength(packets);
    const seen: string[] = [];
    await readCapture(path, ({ sec, nsec, caplen, origLen }) => seen.push(`${sec} ${nsec} ${caplen} ${origLen}`));
    expect(seen).toEqual(await byPcapParser(path));
  });

  // To write them anew after a change that is wanted: npx vitest run --project unit test/capture/fixtures.test.ts -u
  it("gives the records that stand beside it", async () => {
    const records: string[] = [];
    for await (const batch of readConnections(path)) records.push(...batch.map((record) => JSON.stringify(record)));
    await expect(`${records.join("\n")}\n`).toMatchFileSnapshot(path.replace(/\.pcap$/, ".expected.json"));
  });

  it("has only packets that are decoded without a fault", async () => {
    const meter = openMeter();
    await meterCapture(meter, path);
    meter.finish();
    expect([meter.malformed, meter.unsupported]).toEqual([0, 0]);
  });
});

/** Connections of a file as `proto originator responder service vlan packets packets`, without the noise of IPv6 hosts. */
async function connections(file: string): Promise<string[]> {
  const found: string[] = [];
  const meter: FlowMeter = openMeter({
    onEnd(row) {
      const { table } = meter;
      const end = (orig: boolean) => {
        const word = (index: number) => table.addressWord(row, orig, index);
        return table.isV6(row) ? formatIpv6(word(0), word(1), word(2), word(3)) : formatIpv4(word(0));
      };
      const port = table.protocol(row) === 1 ? "" : `:${table.port(row, false)}`;
      const vlan = table.vlan(row) === 0 ? "" : ` vlan ${table.vlan(row)}`;
      const service = labels.service(row) ?? "-";
      const name = labels.serverName(row);
      if (table.isV6(row) && end(true).startsWith("fe80")) return;
      found.push(
        `${protoOf(table.protocol(row))} ${end(true)} ${end(false)}${port} ${service}${name ? ` ${name}` : ""}${vlan}`,
      );
    },
  });
  const labels = textsOf(meter.table);
  await meterCapture(meter, join(folder, file));
  meter.finish();
  return [...new Set(found)].sort();
}

const MIRRORED = ["icmp 10.0.0.1 10.0.0.2 - vlan 100", "tcp 10.0.0.1 10.0.0.2:80 http 10.0.0.2 vlan 100"];

describe("what was recorded is found again", () => {
  it.each([
    ["http", ["tcp 10.0.0.1 10.0.0.2:80 http www.example.test"]],
    ["http6", ["tcp fd00::1 fd00::2:80 http [fd00::2]"]],
    ["tls", ["tcp 10.0.0.1 10.0.0.2:443 ssl api.example.test"]],
    ["dns", ["udp 10.0.0.1 10.0.0.2:53 dns nowhere.invalid", "udp 10.0.0.1 10.0.0.2:53 dns www.example.test"]],
    ["vlan", MIRRORED],
    ["gre", MIRRORED],
    ["erspan", MIRRORED],
    ["vxlan", [...MIRRORED, "udp 192.0.2.1 192.0.2.2:4789 vxlan"]],
    ["geneve", [...MIRRORED, "udp 192.0.2.1 192.0.2.2:6081 geneve"]],
    ["fragments", ["icmp 10.0.0.1 10.0.0.2 -"]],
    ["sctp", ["sctp 192.0.2.1 192.0.2.2:36422 -"]],
    ["mpls", ["icmp 192.0.2.1 192.0.2.2 -"]],
    ["qinq", ["icmp 192.0.2.1 192.0.2.2 - vlan 200"]],
    ["pbb", ["icmp 192.0.2.1 192.0.2.2 -"]],
    ["pppoe", ["icmp 192.0.2.1 192.0.2.2 -"]],
    ["snap", ["icmp 192.0.2.1 192.0.2.2 -"]],
    ["gtpu", ["icmp 10.9.0.1 10.9.0.2 -", "udp 192.0.2.1 192.0.2.2:2152 gtpv1"]],
    ["ipip", ["icmp 10.9.0.1 10.9.0.2 -"]],
    ["gre-key", ["icmp 10.9.0.1 10.9.0.2 -"]],
    ["4in6", ["icmp 192.0.2.1 192.0.2.2 -"]],
    ["udplite", ["udplite 192.0.2.1 192.0.2.2:6000 -"]],
    ["cooked", ["icmp 192.0.2.1 192.0.2.2 -"]],
    ["ntp", ["udp 192.0.2.1 192.0.2.2:123 ntp"]],
  ])("%s", async (name, expected) => {
    const found = await connections(`${name}.pcap`);
    for (const connection of expected) expect(found).toContain(connection);
  });
});
