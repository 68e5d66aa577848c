import { describe, expect, it } from "vitest";
import { pcap } from "./build.ts";
import { collect } from "./collect.ts";

const data = Buffer.from("0102030405060708090a0b0c0d0e0800", "hex");
const times = (bytes: Buffer) => collect(bytes).seen.map(({ ns }) => ns);

describe("pcap", () => {
  it.each([true, false])("reads microseconds, little-endian %s", (little) => {
    const { seen, summary } = collect(pcap([{ fraction: 7, data, origLen: 60 }], { little }));
    expect(seen).toEqual([
      {
        ns: 1_700_000_000_000_007_000n,
        caplen: 16,
        origLen: 60,
        linktype: 1,
        interfaceId: 0,
        direction: 0,
        fcsLength: 0,
        data: data.toString("hex"),
      },
    ]);
    expect(summary).toMatchObject({ format: "pcap", status: "ok", error: null, packets: 1 });
    expect(summary.interfaces).toMatchObject([{ linktype: 1, snaplen: 262_144, timeResolution: 1e-6 }]);
  });

  it("keeps nanoseconds exactly, and seconds unsigned", () => {
    const file = pcap([{ sec: 0xfffffff0, fraction: 123_456_789, data }], { magic: 0xa1b23c4d });
    expect(times(file)).toEqual([4_294_967_280_123_456_789n]);
  });

  it("reads Kuznetzov's longer record header", () => {
    const { seen } = collect(pcap([{ data }, { data }], { magic: 0xa1b2cd34, little: false }));
    expect(seen.map((frame) => frame.data)).toEqual([data.toString("hex"), data.toString("hex")]);
  });

  it.each([0x1c0001ac, 0x1c0001ab])("reads IXIA's lcap, magic %i, of either byte order", (magic) => {
    for (const little of [true, false]) {
      const { seen, summary } = collect(pcap([{ data }, { data }], { magic, little }));
      expect(seen.map((frame) => frame.data)).toEqual([data.toString("hex"), data.toString("hex")]);
      expect(summary).toMatchObject({ format: "pcap", status: "ok" });
    }
  });

  it.each([1, 2])("takes the swapped lengths of version 2.%i", (minor) => {
    const { seen } = collect(pcap([{ data, origLen: 99 }], { minor }));
    expect(seen[0]).toMatchObject({ caplen: 16, origLen: 99 });
  });

  it("takes the smaller length as captured in version 2.3, where writers disagreed", () => {
    const file = pcap([{ data, origLen: 99 }], { minor: 3 });
    const other = Buffer.from(file);
    other.writeUInt32LE(99, 32);
    other.writeUInt32LE(16, 36);
    expect(collect(file).seen).toEqual(collect(other).seen);
  });

  it.each([
    [1, 4],
    [2, 5],
    [3, 0],
  ])("refuses version %i.%i by name", (major, minor) => {
    const { summary } = collect(pcap([], { major, minor }));
    expect(summary).toMatchObject({ format: "pcap", status: "unsupported" });
    expect(summary.error).toContain(`x.pcap: unsupported pcap version ${major}.${minor}`);
  });

  it("tells the frame check sequence's length, in bytes, and the link type apart", () => {
    const { seen } = collect(pcap([{ data }], { linktype: 0x24000001 }));
    expect(seen[0]).toMatchObject({ linktype: 1, fcsLength: 4 });
  });

  it("refuses a link type field with reserved bits", () => {
    const { summary } = collect(pcap([{ data }], { linktype: 0x00010001 }));
    expect(summary).toMatchObject({ status: "corrupt", packets: 0 });
  });

  it("carries a time fraction of more than a second, and says so", () => {
    const { seen, summary } = collect(pcap([{ fraction: 1_500_000, data }]));
    expect(seen[0]!.ns).toBe(1_700_000_001_500_000_000n);
    expect(summary.warnings.join()).toContain("carried into the seconds");
  });

  it("keeps more captured bytes than the wire had, and says so", () => {
    const { seen, summary } = collect(pcap([{ data, origLen: 4 }]));
    expect(seen[0]).toMatchObject({ caplen: 16, origLen: 4 });
    expect(summary.status).toBe("ok");
    expect(summary.warnings.join()).toContain("1 packets have more captured bytes");
  });

  it("keeps what comes before an impossible capture length, and names the offset", () => {
    const file = Buffer.concat([pcap([{ data }]), Buffer.from("00000000000000000000100000000000", "hex")]);
    file.writeUInt32LE(262_145, 24 + 32 + 8);
    const { summary } = collect(file);
    expect(summary).toMatchObject({ status: "corrupt", packets: 1 });
    expect(summary.error).toBe(
      "x.pcap: packet at offset 56 claims 262145 captured bytes, more than 262144 are impossible",
    );
  });

  it("allows USB captures longer packets", () => {
    const long = Buffer.alloc(300_000);
    expect(collect(pcap([{ data: long }], { linktype: 220 })).summary).toMatchObject({ status: "ok", packets: 1 });
    expect(collect(pcap([{ data: long }], { linktype: 1 })).summary).toMatchObject({ status: "corrupt", packets: 0 });
  });

  it("recognises files that were concatenated", () => {
    const { summary } = collect(Buffer.concat([pcap([{ data }]), pcap([{ data }])]));
    expect(summary).toMatchObject({ status: "corrupt", packets: 1 });
    expect(summary.error).toContain("looks like a second file header at offset 56");
    const mixed = collect(Buffer.concat([pcap([{ data }]), pcap([{ data }], { little: false })]));
    expect(mixed.summary.error).toContain("looks like a second file header at offset 56");
  });

  it("counts a run of zeros at the end as the other tools do, and says what it is", () => {
    const { summary } = collect(Buffer.concat([pcap([{ data }]), Buffer.alloc(64)]));
    expect(summary).toMatchObject({ status: "ok", packets: 5 });
    expect(summary.warnings.join()).toContain("the last 4 records are all zero");
  });

  it("tells where a file was cut short", () => {
    const file = pcap([{ data }, { data }]);
    expect(collect(file.subarray(0, 60)).summary).toMatchObject({
      status: "truncated",
      packets: 1,
      error: "x.pcap: cut short in the middle of a packet at offset 56: 4 of 16 bytes of the packet header",
    });
    expect(collect(file.subarray(0, 80)).summary.error).toContain("24 of 32 bytes of the packet");
    expect(collect(file.subarray(0, 10)).summary).toMatchObject({ status: "truncated", format: "pcap" });
  });
});

describe("what is no capture", () => {
  it("is called an empty file, or unrecognised with its first bytes", () => {
    expect(collect(Buffer.alloc(0)).summary).toMatchObject({ status: "truncated", error: "x.pcap: the file is empty" });
    const { summary } = collect(Buffer.from("<!DOCTYPE html><html></html>"));
    expect(summary).toMatchObject({ status: "unsupported", format: null });
    expect(summary.error).toContain("HTML page");
    expect(collect(Buffer.from("hello, world")).summary.error).toContain("begins with 68 65 6c 6c 6f 2c 20 77");
  });
});
