import { describe, expect, it } from "vitest";
import { openMeter } from "../../src/capture/meter.ts";
import type { FlowMeter } from "../../src/engine/host/meter.ts";
import { ethernet, frameOf, hex, ipv4, tcp, udp } from "../capture/frames.ts";
import { ACK, TCP, UDP } from "./protocol-numbers.ts";

/** Frames at given milliseconds, and how many are taken for copies. */
function copies(frames: readonly (readonly [number, Uint8Array])[], dedup = false): FlowMeter {
  const meter = openMeter({ dedup, build: "checked" });
  for (const [ms, bytes] of frames) meter.add(frameOf(bytes, { sec: 1000, nsec: ms * 1e6 }));
  return meter;
}

const segment = (id: number, seq: number) => ipv4(TCP, tcp(1, 2, seq, 3, ACK, hex("01020304")), { id });
const plain = ethernet(0x0800, segment(7, 1));
/** As it leaves a router, and in a VLAN: another TTL and header checksum. */
const routed = (() => {
  const packet = Uint8Array.from(segment(7, 1));
  packet[8] = 63;
  packet[10] = 0x55;
  return ethernet(0x8100, Buffer.concat([hex("0064 0800"), packet]));
})();

describe("copies that mirrors make", () => {
  it("are recognised with another VLAN tag, TTL and header checksum", () => {
    expect(
      copies([
        [0, plain],
        [3, plain],
        [4, routed],
      ]).duplicates,
    ).toBe(2);
  });

  it("are not what comes later, or is another packet of the same connection", () => {
    expect(
      copies([
        [0, plain],
        [200, plain],
      ]).duplicates,
    ).toBe(0);
    expect(
      copies([
        [0, plain],
        [1, ethernet(0x0800, segment(8, 1))],
        [2, ethernet(0x0800, segment(9, 5))],
      ]).duplicates,
    ).toBe(0);
  });

  it("are not datagrams that differ in their payload alone, as those of a tunnel without checksums", () => {
    const datagram = (last: number) =>
      ethernet(0x0800, ipv4(UDP, udp(9, 4789, Buffer.concat([Buffer.alloc(60), Uint8Array.of(last)])), { id: 0 }));
    expect(
      copies([
        [0, datagram(1)],
        [0, datagram(2)],
        [1, datagram(1)],
      ]).duplicates,
    ).toBe(1);
  });

  it("are counted, and left out when asked to", () => {
    const frames = [
      [0, plain],
      [1, routed],
    ] as const;
    const row = (meter: FlowMeter) => meter.table.packets(0, true) + meter.table.packets(0, false);
    expect(row(copies(frames))).toBe(2);
    expect(row(copies(frames, true))).toBe(1);
  });
});
