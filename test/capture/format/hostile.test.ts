/** Any cut, any changed byte, any chunking: the readers neither throw nor read past the data nor count nonsense. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { block, enhanced, iface, option, pcap, section, simple } from "./build.ts";
import { collect } from "./collect.ts";

const bytes = (length: number, seed = 1): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => (index * 37 + seed) & 0xff));

function snoop(): Buffer {
  const header = Buffer.from("snoop\0\0\0\0\0\0\x02\0\0\0\x04", "latin1");
  const record = Buffer.alloc(24);
  for (const [index, value] of [60, 17, 24 + 20, 3, 1_700_000_000, 5].entries()) record.writeUInt32BE(value, index * 4);
  return Buffer.concat([header, record, bytes(20), record, bytes(20)]);
}

const files: Record<string, Buffer> = {
  pcap: pcap([{ data: bytes(40) }, { data: bytes(7), origLen: 1500 }, { data: bytes(0) }]),
  "big-endian nanosecond pcap": pcap([{ data: bytes(40) }, { data: bytes(9) }], { little: false, magic: 0xa1b23c4d }),
  "Kuznetzov pcap": pcap([{ data: bytes(40) }, { data: bytes(9) }], { magic: 0xa1b2cd34 }),
  pcapng: Buffer.concat([
    section({ options: option(4, Buffer.from("writer")) }),
    iface({ options: Buffer.concat([option(2, Buffer.from("eth0")), option(9, Buffer.from([9]))]) }),
    iface({ linktype: 101 }),
    enhanced({ data: bytes(33), ticks: 1_700_000_000_123_456_789n, options: option(2, Buffer.from([1, 0, 0, 0])) }),
    block(0x4242, bytes(64)),
    block(4, Buffer.concat([option(1, Buffer.from([10, 0, 0, 1, 65, 0])), Buffer.alloc(4)])),
    simple(bytes(21)),
    section({ little: false }),
    iface({ little: false }),
    enhanced({ little: false, data: bytes(5), origLen: 60 }),
    block(5, Buffer.concat([Buffer.alloc(12), option(5, bytes(8), false)]), false),
  ]),
  snoop: snoop(),
};

function check(file: Buffer, cuts: readonly number[] = []): ReturnType<typeof collect> {
  const result = collect(file, cuts);
  const { summary, seen } = result;
  expect(summary.packets).toBe(seen.length);
  expect(summary.error === null).toBe(summary.status === "ok");
  let captured = 0;
  for (const frame of seen) {
    captured += frame.caplen;
    expect(Number.isSafeInteger(frame.origLen) && frame.origLen >= 0).toBe(true);
    expect(frame.interfaceId).toBeLessThan(summary.interfaces.length);
  }
  expect(captured).toBeLessThanOrEqual(file.length);
  for (const { dropped, received } of summary.interfaces) {
    for (const count of [dropped, received]) expect(count === null || count >= 0).toBe(true);
  }
  return result;
}

describe.each(Object.entries(files))("%s", (_, file) => {
  it("is read the same however it is cut into chunks", () => {
    const whole = check(file);
    expect(whole.summary.status).toBe("ok");
    expect(whole.seen.length).toBeGreaterThan(1);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 12 }), (cuts) => {
        expect(check(file, cuts)).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });

  it("keeps the packets before any truncation, and none after", () => {
    const whole = check(file).seen;
    for (let length = 0; length < file.length; length++) {
      const { seen, summary } = check(file.subarray(0, length));
      expect(seen).toEqual(whole.slice(0, seen.length));
      if (summary.status !== "ok") expect(["truncated", "unsupported"]).toContain(summary.status);
    }
  });

  it("survives every single bit being flipped", () => {
    for (let bit = 0; bit < file.length * 8; bit++) {
      const bad = Buffer.from(file);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      const inOne = check(bad);
      expect(check(bad, [13, 1, 50])).toEqual(inOne);
    }
  });

  it("survives several bytes being anything", () => {
    const changes = fc.array(fc.tuple(fc.nat({ max: file.length - 1 }), fc.integer({ min: 0, max: 255 })), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(changes, (list) => {
        const bad = Buffer.from(file);
        for (const [at, value] of list) bad[at] = value;
        check(bad);
      }),
      { numRuns: 500 },
    );
  });
});

it("survives anything after a valid beginning", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(files)), fc.uint8Array({ maxLength: 400 }), (file, tail) => {
      check(Buffer.concat([file, tail]), [64]);
    }),
    { numRuns: 500 },
  );
});
