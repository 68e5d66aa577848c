import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CopyFilter } from "../../src/capture/dedup.ts";
import { Frame } from "../../src/capture/frame.ts";

const MACS = Buffer.from("020000000001020000000002", "hex");

/** An IPv4 packet of protocol 17 with an identification and a TTL. */
function ipv4(
  id: number,
  ttl = 64,
  payload = "payload of a packet that is a little longer than sixty-four bytes, say",
): Buffer {
  const head = Buffer.alloc(20);
  head[0] = 0x45;
  head.writeUInt16BE(20 + payload.length, 2);
  head.writeUInt16BE(id, 4);
  head[8] = ttl;
  head[9] = 17;
  head.writeUInt16BE(0xffff - ttl, 10);
  head.writeUInt32BE(0x0a000001, 12);
  head.writeUInt32BE(0x0a000002, 16);
  return Buffer.concat([head, Buffer.from(payload)]);
}

function ethernet(payload: Buffer, options: { vlans?: number[]; macs?: Buffer; type?: number } = {}): Buffer {
  const tags = (options.vlans ?? []).flatMap((vlan) => [0x81, 0, vlan >> 8, vlan & 0xff]);
  const type = options.type ?? 0x0800;
  return Buffer.concat([options.macs ?? MACS, Buffer.from([...tags, type >> 8, type & 0xff]), payload]);
}

function frameAt(bytes: Buffer, ms: number, snaplen = bytes.length): Frame {
  const frame = new Frame();
  frame.data = bytes;
  frame.caplen = Math.min(bytes.length, snaplen);
  frame.origLen = bytes.length;
  frame.sec = Math.floor(ms / 1000);
  frame.nsec = (ms % 1000) * 1e6;
  frame.linktype = 1;
  return frame;
}

/** Which of the frames are copies. */
function copies(...frames: readonly (readonly [bytes: Buffer, ms: number, snaplen?: number])[]): boolean[] {
  const filter = new CopyFilter();
  return frames.map(([bytes, ms, snaplen]) => filter.isCopy(frameAt(bytes, ms, snaplen)));
}

describe("a copy that a mirror made", () => {
  it.each([
    ["equal", ethernet(ipv4(1))],
    ["tagged", ethernet(ipv4(1), { vlans: [100] })],
    ["tagged twice", ethernet(ipv4(1), { vlans: [7, 100] })],
    ["behind a router", ethernet(ipv4(1, 63), { macs: Buffer.alloc(12, 7) })],
    ["padded", Buffer.concat([ethernet(ipv4(1)), Buffer.alloc(6)])],
  ])("is one when it is %s", (_, copy) => {
    expect(copies([ethernet(ipv4(1)), 0], [copy, 2])).toEqual([false, true]);
  });

  it("is none when the packet is another, or much later, or a frame of another sender", () => {
    expect(copies([ethernet(ipv4(1)), 0], [ethernet(ipv4(2)), 1])).toEqual([false, false]);
    expect(copies([ethernet(ipv4(1)), 0], [ethernet(ipv4(1)), 51])).toEqual([false, false]);
    const arp = (macs: Buffer) => ethernet(Buffer.alloc(28, 1), { type: 0x0806, macs });
    expect(copies([arp(MACS), 0], [arp(Buffer.alloc(12, 9)), 1], [arp(MACS), 2])).toEqual([false, false, true]);
  });

  it("is one although the snaplen cut the two at different bytes", () => {
    expect(copies([ethernet(ipv4(1)), 0, 90], [ethernet(ipv4(1), { vlans: [5] }), 1, 90])).toEqual([false, true]);
  });

  it("is not what a sender repeats: a flood is let through but for its first frames", () => {
    const flood = Array.from({ length: 1000 }, (_, n) => [ethernet(ipv4(0)), n] as const);
    expect(copies(...flood).filter(Boolean)).toHaveLength(3);
    const probes = Array.from({ length: 10 }, (_, n) => [ethernet(ipv4(0)), n * 100] as const);
    expect(copies(...probes).some(Boolean)).toBe(false);
  });

  it("is counted", () => {
    const filter = new CopyFilter();
    for (let n = 0; n < 10; n++) for (const ms of [n * 10, n * 10 + 1]) filter.isCopy(frameAt(ethernet(ipv4(n)), ms));
    expect(filter.copies).toBe(10);
  });

  it("is looked for in any bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.nat(200),
        fc.constantFrom(1, 113, 228),
        (bytes, snaplen, linktype) => {
          const filter = new CopyFilter();
          const frame = frameAt(Buffer.from(bytes), 5, snaplen);
          frame.linktype = linktype;
          expect([filter.isCopy(frame), filter.isCopy(frame)]).toEqual([false, true]);
        },
      ),
    );
  });
});
