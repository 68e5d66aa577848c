import { describe, expect, it } from "vitest";
import { block, enhanced, iface, option, section, simple } from "./build.ts";
import { collect } from "./collect.ts";

const data = Buffer.from("0102030405060708090a0b0c0d0e080045", "hex");
const hexOf = data.toString("hex");
const join = (...parts: Buffer[]) => Buffer.concat(parts);
const resolution = (value: number, little = true) => option(9, Buffer.from([value]), little);
function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

describe("pcapng packets", () => {
  it.each([true, false])("reads Enhanced Packet Blocks, little-endian %s", (little) => {
    const file = join(
      section({ little }),
      iface({ little }),
      enhanced({ little, ticks: 1_700_000_000_000_007n, data }),
    );
    const { seen, summary } = collect(file);
    expect(seen).toMatchObject([{ ns: 1_700_000_000_000_007_000n, caplen: 17, origLen: 17, linktype: 1, data: hexOf }]);
    expect(summary).toMatchObject({ format: "pcapng", status: "ok", error: null });
  });

  it("reads Simple Packet Blocks: no time, cut to the snap length", () => {
    const file = join(section(), iface({ snaplen: 10 }), simple(data.subarray(0, 10), { origLen: 17 }), simple(data));
    const { seen } = collect(file);
    expect(seen).toMatchObject([
      { ns: null, caplen: 10, origLen: 17 },
      { ns: null, caplen: 10, origLen: 17 },
    ]);
  });

  it("reads the obsolete Packet Block, and sums its drop counts", () => {
    const body = Buffer.alloc(20 + 20);
    body.writeUInt16LE(3, 2);
    body.writeUInt32LE(17, 12);
    body.writeUInt32LE(17, 16);
    data.copy(body, 20);
    const { seen, summary } = collect(join(section(), iface(), block(2, body), block(2, body)));
    expect(seen.map((frame) => frame.data)).toEqual([hexOf, hexOf]);
    expect(summary.interfaces[0]!.dropped).toBe(6);
  });

  it("keeps each interface's link type and numbers them over sections of either byte order", () => {
    const file = join(
      section(),
      iface({ linktype: 1 }),
      iface({ linktype: 101 }),
      enhanced({ data, interfaceId: 1 }),
      section({ little: false }),
      iface({ little: false, linktype: 113 }),
      enhanced({ little: false, data }),
    );
    const { seen, summary } = collect(file);
    expect(seen).toMatchObject([
      { linktype: 101, interfaceId: 1 },
      { linktype: 113, interfaceId: 2 },
    ]);
    expect(summary.interfaces.map(({ linktype }) => linktype)).toEqual([1, 101, 113]);
  });

  it("reads direction from the flags", () => {
    const flags = (value: number) => option(2, Buffer.from([value, 0, 0, 0]));
    const file = join(section(), iface(), ...[1, 2, 0].map((value) => enhanced({ data, options: flags(value) })));
    expect(collect(file).seen.map(({ direction }) => direction)).toEqual([1, 2, 0]);
  });

  it("skips blocks it does not know, whatever their length", () => {
    const unknown = block(0x80000123, Buffer.alloc(100_000, 7));
    const { seen, summary } = collect(
      join(section(), unknown, iface(), unknown, enhanced({ data }), block(0xbad, data)),
    );
    expect(seen).toHaveLength(1);
    expect(summary.status).toBe("ok");
  });
});

describe("pcapng time", () => {
  const at = (resolutionByte: number, ticks: bigint, offset?: bigint) => {
    const options = join(resolution(resolutionByte), ...(offset === undefined ? [] : [option(14, int64(offset))]));
    const { seen, summary } = collect(join(section(), iface({ options }), enhanced({ ticks, data })));
    return { ns: seen[0]!.ns, summary };
  };

  it.each([
    ["seconds", 0, 1_700_000_000n, 1_700_000_000_000_000_000n],
    ["milliseconds", 3, 1_700_000_000_123n, 1_700_000_000_123_000_000n],
    ["nanoseconds", 9, 1_700_000_000_123_456_789n, 1_700_000_000_123_456_789n],
    ["10^-7", 7, 17_000_000_001_234_567n, 1_700_000_000_123_456_700n],
    ["10^-10, truncated", 10, 17_000_000_001_234_567_899n, 1_700_000_000_123_456_789n],
    ["2^-10", 0x8a, (1_700_000_000n << 10n) + 512n, 1_700_000_000_500_000_000n],
    ["2^-32", 0xa0, (1_700_000_000n << 32n) + (1n << 31n) + 1n, 1_700_000_000_500_000_000n],
    ["2^-36", 0xa4, (200_000_000n << 36n) + (1n << 36n) - 1n, 200_000_000_999_999_999n],
    ["2^-40", 0xa8, (1_700_000n << 40n) + (1n << 38n), 1_700_000_250_000_000n],
    ["10^-12, truncated", 12, 1_700_000_123_456_789_999n, 1_700_000_123_456_789n],
    ["10^-19", 19, 12_345_678_901_234_567_890n, 1_234_567_890n],
  ])("counts in %s", (_, resolutionByte, ticks, ns) => {
    expect(at(resolutionByte, ticks).ns).toBe(ns);
  });

  it("adds the offset, in seconds, of either sign", () => {
    expect(at(6, 5n, 1_700_000_000n).ns).toBe(1_700_000_000_000_005_000n);
    expect(at(6, 2_000_000n, -1n).ns).toBe(1_000_000_000n);
  });

  it("survives the largest time there is", () => {
    expect(at(6, (1n << 64n) - 1n).ns).toBe(18_446_744_073_709_551_615_000n);
  });

  it.each([60, 0xff])(
    "keeps the packets of an interface with impossible resolution %i, without time",
    (resolutionByte) => {
      const { ns, summary } = at(resolutionByte, 5n);
      expect(ns).toBeNull();
      expect(summary).toMatchObject({ status: "corrupt", packets: 1 });
      expect(summary.error).toContain("interface 0, described at offset 28, has an impossible time resolution");
      expect(summary.interfaces[0]!.timeResolution).toBeNull();
    },
  );
});

describe("pcapng metadata", () => {
  it("tells interface names, filter, and what the statistics say was dropped", () => {
    const options = join(
      option(2, Buffer.from("eth0")),
      option(3, Buffer.from("uplink")),
      option(11, Buffer.from("\0tcp port 80")),
    );
    const counts = Buffer.alloc(12);
    const statistics = block(5, join(counts, option(4, int64(1000n)), option(5, int64(7n))));
    const { summary } = collect(join(section(), iface({ options }), statistics));
    expect(summary.interfaces).toMatchObject([
      { name: "eth0", description: "uplink", filter: "tcp port 80", received: 1000, dropped: 7, timeResolution: 1e-6 },
    ]);
  });

  it("keeps the names of a Name Resolution Block as hints", () => {
    const record = (type: number, value: Buffer) => option(type, value);
    const names = block(
      4,
      join(
        record(1, join(Buffer.from([10, 0, 0, 1]), Buffer.from("alpha\0alias\0"))),
        record(2, join(Buffer.alloc(15), Buffer.from([1]), Buffer.from("loop\0"))),
        Buffer.alloc(4),
      ),
    );
    const { summary } = collect(join(section(), names));
    expect([...summary.names]).toEqual([
      ["10.0.0.1", "alpha"],
      ["0000:0000:0000:0000:0000:0000:0000:0001", "loop"],
    ]);
  });
});

describe("damaged pcapng", () => {
  const whole = join(section(), iface(), enhanced({ data }));
  const followedBy = (bad: Buffer) => collect(join(whole, bad)).summary;

  it("stops at a packet of an interface that is not described, keeping what was before", () => {
    const summary = followedBy(enhanced({ data, interfaceId: 7 }));
    expect(summary).toMatchObject({ status: "corrupt", packets: 1 });
    expect(summary.error).toContain(`packet at offset ${whole.length} names interface 7, but the section describes 1`);
  });

  it("stops at packets before any interface", () => {
    expect(collect(join(section(), enhanced({ data }))).summary).toMatchObject({ status: "corrupt", packets: 0 });
    expect(collect(join(section(), simple(data))).summary).toMatchObject({ status: "corrupt", packets: 0 });
  });

  it("stops at a capture length larger than the block", () => {
    const bad = enhanced({ data });
    bad.writeUInt32LE(5000, 20);
    expect(followedBy(bad).error).toContain("claims 5000 captured bytes in a block of");
  });

  it("stops at a capture length that reaches into the block's own trailer", () => {
    const bad = enhanced({ data });
    bad.writeUInt32LE(bad.length - 31, 20);
    expect(followedBy(bad)).toMatchObject({ status: "corrupt", packets: 1 });
    const exact = enhanced({ data: Buffer.alloc(20) });
    expect(followedBy(exact)).toMatchObject({ status: "ok", packets: 2 });
  });

  it.each([
    ["too small", 8],
    ["no multiple of four", 54],
    ["beyond reason", 0x7ffffffc],
  ])("stops at a block length that is %s", (_, length) => {
    const bad = enhanced({ data });
    bad.writeUInt32LE(length, 4);
    const summary = followedBy(bad);
    expect(summary).toMatchObject({ status: "corrupt", packets: 1 });
    expect(summary.error).toContain(`at offset ${whole.length} claims`);
  });

  it("stops where the two lengths of a block differ, in skipped blocks too", () => {
    for (const type of [6, 0x4242]) {
      const bad = type === 6 ? enhanced({ data }) : block(type, Buffer.alloc(1000));
      bad.writeUInt32LE(16, bad.length - 4);
      const file = join(whole, bad);
      for (const cuts of [[], [100]]) {
        expect(collect(file, cuts).summary.error).toContain(`block at offset ${whole.length} begins with length`);
      }
    }
  });

  it.each([0x0a0d0d0a, 1])("stops at an option that overruns a block of type %i", (type) => {
    const options = Buffer.from([2, 0, 200, 0, 1, 2, 3, 4]);
    const bad = type === 1 ? iface({ options }) : section({ options });
    expect(followedBy(bad)).toMatchObject({ status: "corrupt", packets: 1 });
  });

  it("keeps a packet whose options overrun their block", () => {
    const summary = followedBy(enhanced({ data, options: Buffer.from([2, 0, 200, 0]) }));
    expect(summary).toMatchObject({ status: "ok", packets: 2 });
    expect(summary.warnings.join()).toContain("1 packets carry options that overrun their block");
  });

  it.each([
    [1, 1],
    [2, 0],
    [0, 1],
  ])("refuses version %i.%i", (major, minor) => {
    expect(collect(section({ major, minor })).summary).toMatchObject({ status: "unsupported", format: "pcapng" });
  });

  it("reads version 1.2 as 1.0", () => {
    expect(collect(join(section({ minor: 2 }), iface(), enhanced({ data }))).summary).toMatchObject({ packets: 1 });
  });

  it("says truncated wherever the file is cut, and keeps the packets before", () => {
    for (let length = 13; length < whole.length; length++) {
      const { summary } = collect(whole.subarray(0, length));
      const atBoundary = length === 28 || length === 28 + 20;
      expect(summary.status, `cut at ${length}`).toBe(atBoundary ? "ok" : "truncated");
    }
  });

  it("says unrecognised when only the first four bytes fit", () => {
    const bad = Buffer.from(whole);
    bad.writeUInt32LE(0x11111111, 8);
    expect(collect(bad).summary).toMatchObject({ status: "unsupported", format: null });
  });
});
