import { describe, expect, it } from "vitest";
import { openMeter } from "../../../src/capture/meter.ts";
import type { FlowMeter } from "../../../src/engine/host/meter.ts";
import { ethernet, frameOf, ipv4, udp } from "../../capture/frames.ts";
import { UDP } from "../protocol-numbers.ts";

const datagram = udp(5000, 6000, Buffer.alloc(2000, 1));

/** The datagram cut into frames of up to 800 bytes of payload. */
function fragments(id = 1): Uint8Array[] {
  return [0, 800, 1600].map((offset) => {
    const part = datagram.subarray(offset, offset + 800);
    return ethernet(0x0800, ipv4(UDP, part, { id, offset, more: offset < 1600 }));
  });
}

function measure(frames: readonly Uint8Array[], step = 1) {
  const told: string[] = [];
  const meter: FlowMeter = openMeter({
    build: "checked",
    onEnd: (row) => {
      const t = meter.table;
      told.push(
        `${t.port(row, true)} ${t.packets(row, true)} packets ${t.ipBytes(row, true)} IP ${t.payloadBytes(row, true)} payload ${t.fragments(row)} fragments`,
      );
    },
  });
  for (const [i, bytes] of frames.entries()) meter.add(frameOf(bytes, { sec: 1000 + i * step }));
  meter.finish();
  return { told, meter };
}

describe("fragments", () => {
  it.each([
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ])("count once when they are put together, in whatever order they come (%i, %i, %i)", (...order) => {
    const all = fragments();
    expect(measure(order.map((i) => all[i]!)).told).toEqual(["5000 1 packets 2028 IP 2000 payload 3 fragments"]);
  });

  it("do not mix with those of another identification", () => {
    const [a, b] = [fragments(1), fragments(2)];
    const { told } = measure([a[0]!, b[0]!, b[1]!, a[1]!, a[2]!, b[2]!]);
    expect(told).toEqual(["5000 2 packets 4056 IP 4000 payload 6 fragments"]);
  });

  it("of a datagram that is never completed count one each, with the ports of the first", () => {
    expect(measure(fragments().slice(0, 2)).told).toEqual(["5000 2 packets 1640 IP 2000 payload 2 fragments"]);
  });

  it("without a first one make no connection", () => {
    const { told, meter } = measure(fragments().slice(1));
    expect(told).toEqual([]);
    expect(meter.fragments).toBe(2);
  });

  it("are given up when too many datagrams are under way", () => {
    const frames = Array.from({ length: 2000 }, (_, id) => fragments(id)[0]!);
    const { told } = measure(frames, 0);
    expect(told).toEqual(["5000 2000 packets 1640000 IP 4000000 payload 2000 fragments"]);
  });
});
