import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Xxh32 } from "../../../src/capture/compression/lz4.ts";
import { describeCapture } from "../../../src/capture/source/describe.ts";
import { pcap } from "../format/build.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tapscope-compressed-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Packets whose bytes do not compress to nothing. */
function capture(packets: number): Buffer {
  let state = 1;
  const list = Array.from({ length: packets }, (_, index) => {
    const data = Buffer.alloc(60 + (index % 1400));
    for (let i = 0; i < data.length; i++) data[i] = (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) >> 24;
    return { fraction: index % 1_000_000, data };
  });
  return pcap(list);
}

async function read(bytes: Uint8Array) {
  const path = join(directory, "file");
  writeFileSync(path, bytes);
  return describeCapture(path);
}

const small = capture(5);
const large = capture(4000);
const filter = (argv: string[], input: Buffer) =>
  execFileSync(argv[0]!, argv.slice(1), { input, maxBuffer: 2 ** 30, stdio: ["pipe", "pipe", "ignore"] });

describe.each([
  ["gzip", (input: Buffer) => gzipSync(input)],
  ["zstd", (input: Buffer) => filter(["zstd", "-q"], input)],
  ["lz4", (input: Buffer) => filter(["lz4", "-q"], input)],
])("%s", (compression, compress) => {
  it("is read as what it holds", async () => {
    const plain = await read(large);
    const compressed = await read(compress(large));
    expect(compressed).toEqual({ ...plain, compression });
    expect(plain.packets).toBe(4000);
  });

  it("may consist of several members", async () => {
    const half = 24 + 16 + 60 + 5;
    const parts = Buffer.concat([compress(small.subarray(0, half)), compress(small.subarray(half))]);
    expect(await read(parts)).toMatchObject({ packets: 5, status: "ok", compression, warnings: [] });
  });

  it("warns of bytes after the data", async () => {
    const description = await read(Buffer.concat([compress(small), Buffer.from("garbage")]));
    expect(description).toMatchObject({ packets: 5, status: "ok" });
    expect(description.warnings.join()).toContain(`bytes after the ${compression} data, from offset`);
  });

  it("keeps every packet before a cut, and says truncated wherever it is", async () => {
    const whole = compress(large);
    let before = -1;
    for (const share of [0.2, 0.5, 0.9, 0.999]) {
      const description = await read(whole.subarray(0, Math.floor(whole.length * share)));
      expect(description.status).toBe("truncated");
      expect(description.error).toContain(`${compression} data is cut short`);
      expect(description.packets).toBeGreaterThan(before);
      before = description.packets;
    }
    expect(before).toBeGreaterThan(3500);
  });

  it("delivers all packets when only the checksum is wrong", async () => {
    const bad = Buffer.from(compress(small));
    // gzip: CRC before the length. zstd, lz4: the last four bytes.
    bad[bad.length - (compression === "gzip" ? 8 : 4)]! ^= 0xff;
    const description = await read(bad);
    expect(description).toMatchObject({ packets: 5, status: "corrupt" });
    expect(description.error).toContain(`${compression} checksum`);
  });

  it("survives any byte being changed: a sentence, no exception, and no packet too many", async () => {
    const whole = compress(small);
    for (let at = 0; at < whole.length; at += 1 + (at % 5)) {
      const bad = Buffer.from(whole);
      bad[at]! ^= 0x55;
      const description = await read(bad);
      expect(description.packets).toBeLessThanOrEqual(5000);
      if (description.status !== "ok") expect(description.error).toContain(join(directory, "file"));
    }
  });
});

describe("gzip", () => {
  it("reads headers with all optional fields", async () => {
    const body = gzipSync(small).subarray(10);
    const header = Buffer.from([0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3]);
    const fields = [Buffer.from([3, 0, 1, 2, 3]), Buffer.from("name\0"), Buffer.from("comment\0"), Buffer.from([0, 0])];
    expect(await read(Buffer.concat([header, ...fields, body]))).toMatchObject({ packets: 5, status: "ok" });
  });

  it("takes zero bytes after the data as padding", async () => {
    expect(await read(Buffer.concat([gzipSync(small), Buffer.alloc(512)]))).toMatchObject({
      status: "ok",
      warnings: [],
    });
  });

  it("keeps the packets before damage in the middle of the data, to the last one", async () => {
    // Deflate data whose second half is a block of the reserved type: everything before is intact.
    const half = 24 + 3 * 16 + 60 + 61 + 62;
    const intact = deflateRawSync(small.subarray(0, half), { finishFlush: 2 });
    const file = Buffer.concat([
      gzipSync(small).subarray(0, 10),
      intact,
      Buffer.from([0x07, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ]);
    const description = await read(file);
    expect(description).toMatchObject({ packets: 3, status: "corrupt" });
    expect(description.error).toContain("gzip data is damaged after offset");
  });

  it("calls gzip in gzip unrecognised", async () => {
    expect(await read(gzipSync(gzipSync(small)))).toMatchObject({ status: "unsupported", compression: "gzip" });
  });

  it("reads a bomb without holding it", async () => {
    const zeros = Buffer.concat([small.subarray(0, 24), Buffer.alloc(64 * 1024 * 1024)]);
    const description = await read(gzipSync(zeros));
    expect(description).toMatchObject({ packets: 4_194_304, status: "ok" });
    expect(description.warnings.join()).toContain("the last 4194304 records are all zero");
  });
});

describe("zstd", () => {
  it("refuses a window that would take all memory", async () => {
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00]);
    const description = await read(header);
    expect(description.status).toBe("unsupported");
    expect(description.error).toContain("needs a window of");
  });

  it("reads long windows and skippable frames", async () => {
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);
    const file = Buffer.concat([skippable, filter(["zstd", "-q", "--long=27", "-19"], large)]);
    expect(await read(file)).toMatchObject({ packets: 4000, status: "ok" });
  });
});

describe("lz4", () => {
  it.each([["-B4", "-BD"], ["-B7", "--no-frame-crc"], ["-BX", "-9"], ["--content-size"]])(
    "reads %s %s",
    async (...flags) => {
      expect(await read(filter(["lz4", "-q", ...flags], large))).toMatchObject({ packets: 4000, status: "ok" });
    },
  );

  it("copies nothing from before the data it has decoded", async () => {
    const descriptor = Buffer.from([0x60, 0x40]);
    const check = Buffer.from([(new Xxh32().update(descriptor).digest() >>> 8) & 255]);
    // One literal, then a match that begins five bytes back.
    const block = Buffer.from([0x10, 0x41, 5, 0, 0x10, 0x42]);
    const frame = [
      Buffer.from([0x04, 0x22, 0x4d, 0x18]),
      descriptor,
      check,
      Buffer.from([block.length, 0, 0, 0]),
      block,
    ];
    const description = await read(Buffer.concat([...frame, Buffer.alloc(4)]));
    expect(description).toMatchObject({ status: "corrupt", compression: "lz4" });
    expect(description.error).toContain("lz4 data is damaged in the block at offset 7");
  });

  it("hashes as xxHash-32 does, however the bytes are cut", () => {
    const bytes = Buffer.from("Nobody inspects the spammish repetition");
    expect(new Xxh32().update(bytes).digest()).toBe(0xe2293b2f);
    expect(new Xxh32().digest()).toBe(0x02cc5d05);
    const cut = new Xxh32();
    for (const byte of bytes) cut.update(Buffer.from([byte]));
    expect(cut.digest()).toBe(0xe2293b2f);
  });
});
