import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Frame } from "../../../src/capture/frame.ts";
import { PacketRing } from "../../../src/capture/live/packet-ring.ts";

function frame(bytes: Uint8Array, sec: number): Frame {
  return Object.assign(new Frame(), {
    data: bytes,
    caplen: bytes.length,
    origLen: bytes.length + 7,
    sec,
    nsec: sec % 1000,
    linktype: 1,
  });
}

describe("the packet ring", () => {
  it("gives back the newest packets as they were, whatever their lengths, and stays within its memory", () => {
    const packet = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 500, maxLength: 1600 }));
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 4096, max: 20_000 }),
        (packets, capacity) => {
          const ring = new PacketRing(capacity);
          const read = new Frame();
          packets.forEach((bytes, index) => {
            ring.add(frame(bytes, index), index * 3);
            expect(ring.next).toBe(index + 2);
            expect(ring.first).toBeLessThanOrEqual(index + 1);
            expect(ring.bytes).toBeLessThanOrEqual(ring.capacity);
            for (let number = ring.first; number < ring.next; number++) {
              ring.read(number, read);
              const { data, offset, caplen } = read;
              expect(
                Buffer.from(data.subarray(offset, offset + caplen)).equals(Buffer.from(packets[number - 1]!)),
              ).toBe(true);
              expect([read.sec, read.origLen, ring.flow(number)]).toEqual([number - 1, caplen + 7, (number - 1) * 3]);
            }
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it("holds as many as fit: the next one takes the place of the oldest only", () => {
    const ring = new PacketRing(4096);
    for (let i = 0; i < 1000; i++) ring.add(frame(new Uint8Array(96), i), -1);
    // 40 bytes of header and 96 of packet.
    expect(ring.packets).toBeGreaterThanOrEqual(28);
    expect(ring.packets).toBeLessThanOrEqual(30);
  });

  it("does not keep a packet that is larger than itself, and forgets what it had, as its numbers go on", () => {
    const ring = new PacketRing(4096);
    ring.add(frame(new Uint8Array(10), 0), -1);
    ring.add(frame(new Uint8Array(9000), 1), -1);
    expect([ring.packets, ring.next]).toEqual([0, 3]);
    ring.add(frame(new Uint8Array(10), 2), -1);
    expect([ring.packets, ring.first]).toEqual([1, 3]);
  });
});
