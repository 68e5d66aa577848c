/** Applications of real captures, beside what nDPI and Zeek say of them (../shared/corpus). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { meterCapture, openMeter } from "../../src/capture/meter.ts";
import { formatIpv4, formatIpv6 } from "../../src/core/address.ts";
import type { FlowMeter } from "../../src/engine/host/meter.ts";
import { textsOf } from "../engine/texts.ts";

const corpus = join(import.meta.dirname, "../../../shared/corpus");
const present = existsSync(join(corpus, "ndpi_labels.tsv"));

interface Labels {
  readonly apps: Set<string>;
  readonly services: Set<string>;
  readonly names: Set<string>;
}

const key = (protocol: string, a: string, b: string) => [protocol, ...[a, b].sort()].join(" ");

/** What was found in a file by 5-tuple, in either direction. */
async function labelsOf(file: string): Promise<Map<string, Labels>> {
  const found = new Map<string, Labels>();
  const meter: FlowMeter = openMeter({
    onEnd(row) {
      const { table } = meter;
      const end = (orig: boolean) => {
        const word = (index: number) => table.addressWord(row, orig, index);
        const address = table.isV6(row) ? formatIpv6(word(0), word(1), word(2), word(3)) : formatIpv4(word(0));
        return `${address}|${table.port(row, orig)}`;
      };
      const protocol = table.protocol(row) === 6 ? "tcp" : table.protocol(row) === 17 ? "udp" : "";
      const id = key(protocol, end(true), end(false));
      const entry = found.get(id) ?? { apps: new Set(), services: new Set(), names: new Set() };
      found.set(id, entry);
      if (labels.basis(row) === "payload") entry.apps.add(labels.app(row)!);
      for (const service of labels.service(row)?.split(",") ?? []) entry.services.add(service);
      const name = labels.serverName(row);
      if (name !== undefined) entry.names.add(name.toLowerCase());
    },
  });
  const labels = textsOf(meter.table);
  await meterCapture(meter, join(corpus, "captures", file));
  meter.finish();
  return found;
}

/** What is not told apart, on purpose or yet; nDPI's name, then what is said instead. */
const NOT_TOLD = new Set(
  "rtp rtcp kafka collectd capwap hsrp socks iec104 diameter sflow openvpn amqp bittorrent mssql nfs imap+tls pop3+tls".split(
    " ",
  ),
);

describe("applications of captures nobody here wrote", () => {
  it("are called what nDPI calls them where it has looked into the payload", { timeout: 300_000 }, async (ctx) => {
    if (!present) ctx.skip("no ../shared/corpus");
    const [head, ...lines] = readFileSync(join(corpus, "ndpi_labels.tsv"), "utf8").trimEnd().split("\n");
    const column = (name: string) => head!.split("\t").indexOf(name);
    const at = Object.fromEntries(
      ["file", "l4", "client", "cport", "server", "sport", "label", "name", "confidence"].map((name) => [
        name,
        column(name),
      ]),
    );
    const rows = lines
      .map((line) => line.split("\t"))
      .map((cells) => (name: string) => cells[at[name]!]!)
      .filter((cell) => cell("confidence") === "DPI" && ["TCP", "UDP"].includes(cell("l4")))
      .filter((cell) => cell("label") !== "" && !NOT_TOLD.has(cell("label")));
    const files = new Map<string, Map<string, Labels>>();
    let compared = 0;
    let names = 0;
    const differences: string[] = [];
    const nameDifferences: string[] = [];
    for (const cell of rows) {
      const file = cell("file");
      if (!files.has(file)) files.set(file, await labelsOf(file));
      const id = key(
        cell("l4").toLowerCase(),
        `${cell("client")}|${cell("cport")}`,
        `${cell("server")}|${cell("sport")}`,
      );
      const labels = files.get(file)!.get(id);
      if (!labels) continue;
      compared++;
      const label = cell("label");
      const same = [...labels.apps].some((app) => app.startsWith(label) || (label === "http" && app === "websocket"));
      if (!same) differences.push(`${file} ${id}: ${label}, not ${[...labels.apps]}`);
      const name = cell("name").toLowerCase();
      if (!["tls", "http", "dns"].includes(label) || name === "") continue;
      names++;
      // nDPI cuts long names, and ports off Host.
      const alike = [...labels.names].some((own) => own.startsWith(name) || name.startsWith(own));
      if (!alike) nameDifferences.push(`${file} ${id}: ${name}, not ${[...labels.names]}`);
    }
    expect(compared).toBeGreaterThan(1300);
    expect(differences.length / compared, differences.join("\n")).toBeLessThan(0.02);
    expect(nameDifferences.length / names, nameDifferences.join("\n")).toBeLessThan(0.02);
  });

  it("are called what Zeek calls them, where it has a name", { timeout: 300_000 }, async (ctx) => {
    if (!present) ctx.skip("no ../shared/corpus");
    const logs = JSON.parse(readFileSync(join(corpus, "zeek_conn.json"), "utf8"));
    let compared = 0;
    const differences: string[] = [];
    for (const { trace, service_comparable, rows } of logs) {
      if (!service_comparable || !existsSync(join(corpus, "captures", trace))) continue;
      const found = await labelsOf(trace);
      for (const row of rows) {
        if (row.service === null || row.service === undefined) continue;
        const id = key(row.proto, `${row["id.orig_h"]}|${row["id.orig_p"]}`, `${row["id.resp_h"]}|${row["id.resp_p"]}`);
        const labels = found.get(id);
        if (!labels) continue;
        compared++;
        // The first analyzer that Zeek names: what runs within it (gssapi, gridftp, a tunnelled ssh) wants the whole stream.
        const known = row.service.split(",").filter((name: string) => labels.services.has(name.replace(/^-/, "")));
        if (known.length === 0) differences.push(`${trace} ${id}: ${row.service}, not ${[...labels.services]}`);
      }
    }
    expect(compared).toBeGreaterThan(200);
    expect(differences.length / compared, differences.join("\n")).toBeLessThan(0.05);
  });
});
