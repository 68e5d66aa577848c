import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dissect, HEADERS } from "../../src/capture/dissect/dissect.ts";
import { readCapture } from "../../src/capture/source/file.ts";
import { findProgram, run } from "../../src/core/process.ts";

const fixtures = join(import.meta.dirname, "../../fixtures/pcaps");
const files = readdirSync(fixtures).filter((name) => name.endsWith(".pcap"));
const tshark = findProgram("tshark") !== undefined;

/** Fields whose value tshark gives in another unit or of something else, and why. */
const OTHERWISE: Readonly<Record<string, string>> = {
  "ip.hdr_len": "tshark multiplies by 4",
  "tcp.hdr_len": "tshark multiplies by 4",
  "geneve.option.length": "tshark multiplies by 4",
  "ip.frag_offset": "tshark multiplies by 8",
  "tcp.options.sack_le": "ours has both edges in one",
  "sctp.chunk_type": "tshark leaves out the chunk's name",
  "dns.resp.name": "ours adds the type",
  "null.family": "byte order",
  "tcp.options.sack_perm": "tshark 4.0 gives the option's bytes",
  "tls.record.content_type": "tshark calls it opaque_type in TLS 1.3",
};

/** The same of a field in one file. */
const OTHERWISE_IN: Readonly<Record<string, string>> = {
  "pbb.pcap eth.type": "tshark reads the carried Ethernet header as part of 802.1ah",
};

const NAMES = [
  ...new Set(
    HEADERS.flatMap(({ fields, more = [] }) => [...fields.map(({ name }) => name), ...more.map(([name]) => name)]),
  ),
].filter((name) => name !== "" && !(name in OTHERWISE));

/** What a value says, whatever the notation: numbers as numbers, True as 1. */
function plain(value: string): string {
  const word = value.split(" ")[0]!;
  if (word === "True") return "1";
  if (word === "False") return "0";
  return /^(0x[0-9a-f]+|\d+)$/i.test(word) ? String(Number(word)) : value.includes(" (") ? word : value;
}

describe.skipIf(!tshark)("the packets screen's fields", () => {
  it("are what tshark reads, field by field, in every fixture", async () => {
    const { stdout } = await run(["tshark", "-G", "fields"], { timeoutMs: 60_000 });
    const known = new Set(stdout.split("\n").map((line) => line.split("\t")[2]));
    const names = NAMES.filter((name) => known.has(name));
    // Names that tshark of this version does not have would not be compared.
    expect(NAMES.filter((name) => !known.has(name))).toEqual([]);
    let compared = 0;
    const differences: string[] = [];
    for (const file of files) {
      const path = join(fixtures, file);
      const argv = [
        "tshark",
        "-n",
        "-r",
        path,
        "-T",
        "fields",
        "-E",
        "occurrence=a",
        "-E",
        "aggregator=|",
        // Each packet by itself.
        ...["tcp.desegment_tcp_streams:FALSE", "ip.defragment:FALSE", "ipv6.defragment:FALSE"].flatMap((off) => [
          "-o",
          off,
        ]),
        ...names.flatMap((name) => ["-e", name]),
      ];
      const rows = (await run(argv, { timeoutMs: 60_000 })).stdout.split("\n");
      let packet = 0;
      await readCapture(path, (frame) => {
        const columns = rows[packet++]!.split("\t");
        const ours = new Map<string, string[]>();
        for (const { fields } of dissect(frame).layers) {
          for (const { name, value } of fields) ours.set(name, [...(ours.get(name) ?? []), plain(value)]);
        }
        names.forEach((name, index) => {
          const theirs = columns[index] === "" ? [] : columns[index]!.split("|").map(plain);
          for (const value of ours.get(name) ?? []) {
            compared++;
            if (!theirs.includes(value) && !(`${file} ${name}` in OTHERWISE_IN))
              differences.push(`${file} ${packet} ${name}: ${value}, tshark ${theirs.join(" ") || "-"}`);
          }
        });
      });
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(5000);
  });
});
