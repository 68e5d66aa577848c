import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PcapWriter } from "../../../src/capture/format/pcap-writer.ts";
import { PcapngWriter } from "../../../src/capture/format/pcapng-writer.ts";
import { Frame } from "../../../src/capture/frame.ts";
import { toNs } from "../../../src/core/time.ts";
import { collect } from "./collect.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tapscope-writer-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function frameOf(sec: number, nsec: number, bytes: Uint8Array, origLen = bytes.length): Frame {
  const frame = new Frame();
  // The captured bytes stand somewhere in a larger chunk, as they do when read.
  frame.data = Buffer.concat([Buffer.from("garbage"), bytes, Buffer.from("more")]);
  Object.assign(frame, { sec, nsec, offset: 7, caplen: bytes.length, origLen, linktype: 1 });
  return frame;
}

const packets = fc.array(
  fc.record({
    sec: fc.nat({ max: 0xffffffff }),
    nsec: fc.nat({ max: 999_999_999 }),
    data: fc.uint8Array({ maxLength: 300 }),
    more: fc.nat({ max: 2000 }),
  }),
  { maxLength: 20 },
);

describe.each([
  ["pcap", PcapWriter],
  ["pcapng", PcapngWriter],
] as const)("%s writer", (format, Writer) => {
  it("writes what the reader reads back, to the nanosecond", () => {
    fc.assert(
      fc.property(packets, (list) => {
        const path = join(directory, `roundtrip.${format}`);
        const writer = new Writer(path);
        const id = writer.addInterface({ name: "tap0", linktype: 1 });
        for (const { sec, nsec, data, more } of list) writer.write(frameOf(sec, nsec, data, data.length + more), id);
        const size = writer.bytes;
        writer.close();
        const file = readFileSync(path);
        expect(file.length).toBe(size);
        const { seen, summary } = collect(file);
        expect(summary).toMatchObject({ format, status: "ok", warnings: [] });
        expect(seen.map(({ ns, origLen, data }) => ({ ns, origLen, data }))).toEqual(
          list.map(({ sec, nsec, data, more }) => ({
            ns: toNs(sec, nsec),
            origLen: data.length + more,
            data: Buffer.from(data).toString("hex"),
          })),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("holds packets longer than its buffer, and more of them than it holds", () => {
    const path = join(directory, `long.${format}`);
    const writer = new Writer(path);
    const id = writer.addInterface({ name: "usb", linktype: 220 });
    const long = Buffer.alloc(3_000_000, 0xab);
    for (let i = 0; i < 3; i++) writer.write(frameOf(1, i, long), id);
    writer.close();
    const { seen, summary } = collect(readFileSync(path), [1_000_000]);
    expect(summary.status).toBe("ok");
    expect(seen.every(({ data }) => data === long.toString("hex"))).toBe(true);
    expect(seen).toHaveLength(3);
  });

  it("is read by tcpdump", () => {
    const path = join(directory, `tcpdump.${format}`);
    const writer = new Writer(path);
    const id = writer.addInterface({ name: "tap0", linktype: 1, snaplen: 128, filter: "arp" });
    const arp = Buffer.from(
      "ffffffffffff0200000000010806000108000604000102000000000a0a000001000000000000a000002a",
      "hex",
    );
    writer.write(frameOf(1_700_000_000, 123_456_789, arp), id);
    writer.close(format === "pcapng" ? [{ received: 1, dropped: 0 }] : []);
    const text = execFileSync("tcpdump", ["-nn", "-tt", "--nano", "-r", path], { stdio: ["ignore", "pipe", "ignore"] });
    expect(text.toString()).toContain("1700000000.123456789 ARP");
  });

  it("says which file it could not write", () => {
    expect(() => new Writer(join(directory, "no", "such"))).toThrow(/cannot write .*no\/such/);
    const full = new Writer("/dev/full");
    full.addInterface({ name: "tap0", linktype: 1 });
    expect(() => full.flush()).toThrow("cannot write /dev/full: no space left on the device");
  });
});

describe("pcapng writer", () => {
  it("keeps interface names, filters, and drop counts", () => {
    const path = join(directory, "meta.pcapng");
    const writer = new PcapngWriter(path);
    writer.addInterface({ name: "mega_tap0", linktype: 1, snaplen: 256, filter: "tcp" });
    writer.addInterface({ name: "µ", linktype: 101 });
    writer.close([
      { received: 2 ** 40 + 1, dropped: 3 },
      { received: 0, dropped: 0 },
    ]);
    expect(collect(readFileSync(path)).summary.interfaces).toMatchObject([
      {
        name: "mega_tap0",
        linktype: 1,
        snaplen: 256,
        filter: "tcp",
        timeResolution: 1e-9,
        received: 2 ** 40 + 1,
        dropped: 3,
      },
      { name: "µ", linktype: 101, received: 0, dropped: 0 },
    ]);
  });
});

describe("pcap writer", () => {
  it("refuses a second link type and names the way out", () => {
    const writer = new PcapWriter(join(directory, "two.pcap"));
    writer.addInterface({ name: "a", linktype: 1 });
    expect(() => writer.addInterface({ name: "b", linktype: 101 })).toThrow("one link type");
    writer.close();
  });
});
