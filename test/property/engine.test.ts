/** Whatever a frame holds: no exception, no read past the captured bytes, no counter negative or not a number. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openMeter } from "../../src/capture/meter.ts";
import type { ConnectionRecord } from "../../src/engine/host/connection-record.ts";
import type { FlowMeter } from "../../src/engine/host/meter.ts";
import { ethernet, frameOf, hex, ipv4, ipv6, tcp, udp } from "../capture/frames.ts";
import { decode, decodeInner } from "../engine/layers.ts";
import { ACK, FIN, GRE, IPIP, RST, SYN, TCP, UDP } from "../engine/protocol-numbers.ts";

const inner = ethernet(0x0800, ipv4(TCP, tcp(1, 2, 3, 4, SYN, hex("0102"))));
const samples: readonly Uint8Array[] = [
  inner,
  ethernet(0x8100, Buffer.concat([hex("0064 0800"), ipv4(UDP, udp(53, 5000, Buffer.alloc(30)))])),
  ethernet(0x86dd, ipv6(0, Buffer.concat([hex("2c00000000000000 1100000800000001"), udp(5, 6, hex("01"))]))),
  ethernet(0x0800, ipv4(UDP, udp(9, 4789, Buffer.concat([hex("0800000000002a00"), inner])))),
  ethernet(0x0800, ipv4(UDP, udp(9, 6081, Buffer.concat([hex("0200655800002a00 0000000000000000"), inner])))),
  ethernet(
    0x0800,
    ipv4(
      UDP,
      udp(2152, 2152, Buffer.concat([hex("34ff002000000001 00000085 01000000"), ipv4(UDP, udp(1, 2, hex("00")))])),
    ),
  ),
  ethernet(0x0800, ipv4(GRE, Buffer.concat([hex("300088be 00000001 00000001 10000001 00000000"), inner]))),
  ethernet(0x0800, ipv4(IPIP, ipv4(IPIP, ipv4(UDP, udp(1, 2, hex("00")))))),
  ethernet(0x8847, Buffer.concat([hex("00010140"), ipv4(1, hex("0800000000010001 61626364"))])),
  ethernet(0x8864, Buffer.concat([hex("1100000100200021"), ipv4(132, Buffer.alloc(20))])),
];
const linktypes = [
  0, 1, 8, 9, 10, 12, 14, 50, 51, 100, 101, 104, 105, 107, 108, 113, 119, 127, 129, 149, 192, 226, 228, 229, 239, 258,
  276, 999,
];

const mutated = fc
  .record({
    sample: fc.constantFrom(...samples),
    flips: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
    cut: fc.nat(400),
  })
  .map(({ sample, flips, cut }) => {
    const bytes = Uint8Array.from(sample.subarray(0, Math.max(0, sample.length - (cut > 200 ? 0 : cut))));
    for (const [at, value] of flips) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });

describe("decoding", () => {
  it("never throws and never reads past what was captured", () => {
    fc.assert(
      fc.property(
        fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })),
        fc.constantFrom(...linktypes),
        (bytes, linktype) => {
          // The checked build throws at a read outside of what was captured.
          let layers = 0;
          for (let p: ReturnType<typeof decodeInner> = decode(bytes, linktype); p; p = decodeInner()) {
            expect(++layers).toBeLessThan(10);
            expect(p.payloadLength).toBeGreaterThanOrEqual(0);
            expect(p.payloadCaptured).toBeGreaterThanOrEqual(0);
            if (p.payload !== 0) expect(p.payload + p.payloadCaptured).toBeLessThanOrEqual(p.end);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("survives every truncation and every flipped bit of every kind of frame", () => {
    const meter = openMeter({ build: "checked" });
    for (const sample of samples) {
      for (let length = 0; length <= sample.length; length++) {
        meter.add(frameOf(sample.subarray(0, length), { origLen: sample.length, sec: 1 }));
      }
      for (let bit = 0; bit < sample.length * 8; bit++) {
        const bytes = Uint8Array.from(sample);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        meter.add(frameOf(bytes, { sec: 1 }));
      }
    }
    expect(() => meter.finish()).not.toThrow();
    expect(meter.table.size).toBe(0);
  });
});

describe("records", () => {
  it("hold no negative and no impossible number, whatever the frames and their times", () => {
    const frame = fc.record({
      bytes: mutated,
      sec: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      nsec: fc.nat(999_999_999),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 60 }), fc.boolean(), (frames, verifyChecksums) => {
        const records: ConnectionRecord[] = [];
        const meter: FlowMeter = openMeter({
          verifyChecksums,
          build: "checked",
          onEnd: (row) => records.push(meter.record(row)),
        });
        for (const { bytes, sec, nsec } of frames) meter.add(frameOf(bytes, { sec, nsec }));
        meter.finish();
        for (const record of records) {
          for (const [name, value] of Object.entries(record)) {
            if (typeof value === "number") expect(value, name).toBeGreaterThanOrEqual(0);
          }
          expect(BigInt(record.last_ns) >= BigInt(record.first_ns)).toBe(true);
        }
        expect(new Set(records.map((record) => record.uid)).size).toBe(records.length);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the flow table", () => {
  it("counts as a plain map does, whatever the order, with room for few rows or many", () => {
    const packet = fc.record({
      a: fc.nat(5),
      b: fc.nat(5),
      port: fc.nat(3),
      tcp: fc.boolean(),
      flags: fc.constantFrom(SYN, SYN | ACK, ACK, ACK | FIN, RST, ACK | 8),
      seq: fc.constantFrom(0, 1, 1000, 2 ** 31, 2 ** 32 - 1),
      length: fc.nat(1500),
      step: fc.constantFrom(0, 0.1, 1, 6, 70, 400),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 300 }), fc.constantFrom(1, 3, 1000), (packets, maxFlows) => {
        const got = new Map<string, number>();
        const want = new Map<string, number>();
        const note = (all: Map<string, number>, key: string, n: number) => all.set(key, (all.get(key) ?? 0) + n);
        const name = (protocol: number, from: number, fromPort: number, to: number, toPort: number) =>
          `${protocol} ${from}:${fromPort}>${to}:${toPort}`;
        const meter: FlowMeter = openMeter({
          maxFlows,
          build: "checked",
          onEnd: (row) => {
            const { table } = meter;
            const end = (orig: boolean) => [table.addressWord(row, orig, 0), table.port(row, orig)] as const;
            const [o, op] = end(true);
            const [r, rp] = end(false);
            const protocol = table.protocol(row);
            const same = o === r && op === rp;
            note(got, name(protocol, o, op, r, rp), table.packets(row, true) + (same ? table.packets(row, false) : 0));
            if (!same) note(got, name(protocol, r, rp, o, op), table.packets(row, false));
          },
        });
        let time = 1000;
        for (const { a, b, port, tcp: isTcp, flags, seq, length, step } of packets) {
          time += step;
          const payload = Buffer.alloc(length, 1);
          const body = isTcp ? tcp(4000 + port, 4000, seq, seq, flags, payload) : udp(4000 + port, 4000, payload);
          const protocol = isTcp ? TCP : UDP;
          const bytes = ethernet(0x0800, ipv4(protocol, body, { source: `0.0.0.${a}`, target: `0.0.0.${b}` }));
          meter.add(frameOf(bytes, { sec: Math.floor(time), nsec: Math.round((time % 1) * 1e9) }));
          note(want, name(protocol, a, 4000 + port, b, 4000), 1);
        }
        meter.finish();
        for (const all of [got, want]) for (const [key, n] of all) if (n === 0) all.delete(key);
        expect([...got].sort()).toEqual([...want].sort());
        expect(meter.table.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
