/** Captures nobody here wrote, and what capinfos, tshark and tcpdump say of them (../shared/corpus). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CaptureDescription, describeCapture } from "../../../src/capture/source/describe.ts";

const corpus = join(import.meta.dirname, "../../../../shared/corpus");
const present = existsSync(join(corpus, "packets_expect.tsv"));

function table(name: string): Record<string, string>[] {
  const [head, ...lines] = readFileSync(join(corpus, name), "utf8").trimEnd().split("\n");
  const columns = head!.split("\t");
  return lines.map((line) => Object.fromEntries(line.split("\t").map((value, index) => [columns[index], value])));
}

const brief = ({ packets, bytes, first_ns, last_ns, status }: CaptureDescription) =>
  [packets, bytes, first_ns ?? "", last_ns ?? "", status].join(" ");

describe("captures nobody here wrote", () => {
  it("are counted as the reference tools count them, to the byte and the nanosecond", {
    timeout: 300_000,
  }, async (ctx) => {
    if (!present) ctx.skip("no ../shared/corpus");
    const differences: string[] = [];
    const rows = table("packets_expect.tsv");
    for (const row of rows) {
      const described = await describeCapture(join(corpus, "captures", row.path!));
      const times = [row.expect_first_ns, row.expect_last_ns];
      const expected = [row.expect_packets, row.expect_bytes, ...times, row.expect_status].join(" ");
      if (brief(described) !== expected) differences.push(`${row.path}: ${brief(described)}, expected ${expected}`);
    }
    expect(differences).toEqual([]);
    expect(rows.length).toBeGreaterThan(1000);
  });

  it("are described within the limits when they are hostile", { timeout: 300_000 }, async (ctx) => {
    if (!present) ctx.skip("no ../shared/corpus");
    const before = process.memoryUsage().rss;
    for (const line of readFileSync(join(corpus, "hostile.tsv"), "utf8").trimEnd().split("\n")) {
      const path = join(corpus, line.split("\t")[0]!);
      const { packets, bytes, captured_bytes, error, status } = await describeCapture(path);
      for (const count of [packets, bytes, captured_bytes]) expect(count).toBeGreaterThanOrEqual(0);
      expect(error === null).toBe(status === "ok");
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });
});

/** crafted.tsv tells what the reference tools do; this is what tapscope says where they differ or stop. */
const CRAFTED: Record<string, [number, CaptureDescription["status"]]> = {
  "gz_trunc.pcap.gz": [4, "truncated"],
  "header_partial_10.pcap": [0, "truncated"],
  "html.pcap": [0, "unsupported"],
  "huge_caplen_2g.pcap": [1, "corrupt"],
  "linktype_unknown.pcap": [5, "ok"],
  "magic_only.pcap": [0, "truncated"],
  "ng_bad_bom.pcapng": [0, "unsupported"],
  "ng_epb_bad_iface.pcapng": [1, "corrupt"],
  "ng_epb_before_idb.pcapng": [0, "corrupt"],
  "ng_epb_caplen_gt_block.pcapng": [1, "corrupt"],
  "ng_tsresol_insane_10e-60.pcapng": [5, "corrupt"],
  "ng_version_2_0.pcapng": [0, "unsupported"],
  "not_a_capture.txt": [0, "unsupported"],
  "pcap_v3_0.pcap": [0, "unsupported"],
  "trailing_garbage_7.pcap": [5, "truncated"],
  "trunc_in_rechdr.pcap": [4, "truncated"],
};

describe("crafted edge cases", () => {
  it("are read as tshark reads them, and told plainly where it would not", async (ctx) => {
    if (!present) ctx.skip("no ../shared/corpus");
    for (const row of table("crafted.tsv")) {
      const name = row.file!;
      const described = await describeCapture(join(corpus, "crafted", name));
      const [packets, status] = CRAFTED[name] ?? [Number(row.tshark_packets), "ok"];
      expect([name, described.packets, described.status]).toEqual([name, packets, status]);
      if (CRAFTED[name]) continue;
      // tshark does not carry an overflowing fraction; nothing else is in another form.
      if (name === "ts_usec_overflow.pcap") expect(described.first_ns).toBe(1_700_000_001_500_000_000n);
      else expect([name, described.first_ns]).toEqual([name, row.first ? BigInt(row.first.replace(".", "")) : null]);
      const lengths = row["len/caplen"]!.split(",").filter(Boolean);
      const sum = (index: number) => lengths.reduce((total, pair) => total + Number(pair.split("/")[index]), 0);
      expect([name, described.bytes, described.captured_bytes]).toEqual([name, sum(0), sum(1)]);
    }
  });
});
