import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LearnedNames, readName } from "../../../src/capture/live/learned-names.ts";
import { type RequestOrReply, ResponseTimes } from "../../../src/capture/live/response-times.ts";

describe("names learned from DNS answers", () => {
  it("are those that were asked for, of every address that was answered", () => {
    const names = new LearnedNames();
    const message = Buffer.concat([
      Buffer.from("123481800001000100000000", "hex"),
      Buffer.from("\x03www\x07example\x04test\0", "latin1"),
      Buffer.from("00010001", "hex"),
      Buffer.from("c00c00010001000000050004c0000201", "hex"),
    ]);
    names.learn(message, 0, message.length);
    expect(names.of("192.0.2.1")).toBe("www.example.test");
    expect(names.of("192.0.2.2")).toBe("");
    const cut = new LearnedNames();
    cut.learn(message, 0, message.length - 1);
    expect(cut.of("192.0.2.1")).toBe("");
  });

  it("cannot be made to loop or to read too far", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
        const names = new LearnedNames();
        names.learn(bytes, 0, bytes.length);
        const found = readName(bytes, 0, at, bytes.length);
        if (found) expect(found.next).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
    expect(readName(Buffer.from([0xc0, 0x00]), 0, 0, 2)).toBeNull();
  });
});

describe("response times", () => {
  const packet = (over: Partial<RequestOrReply>): RequestOrReply => ({
    ...{ data: new Uint8Array(64), end: 64, time: 100, transport: true },
    ...{ protocol: 17, srcPort: 0, dstPort: 0, icmpType: 0, l4: 0, payload: 8, ...over },
  });
  const dns = (id: number, response: boolean): Uint8Array => {
    const data = new Uint8Array(64);
    data.set([id >> 8, id & 255, response ? 0x80 : 0], 8);
    return data;
  };

  it("are taken from a question to its own answer", () => {
    const times = new ResponseTimes();
    times.look(1, packet({ data: dns(7, false), dstPort: 53 }));
    times.look(1, packet({ data: dns(8, false), dstPort: 53, time: 100.001 }));
    times.look(1, packet({ data: dns(8, true), srcPort: 53, time: 100.003 }));
    expect(times.of(1)!.ms).toBeCloseTo(2, 2);
    expect(times.of(1)!.kind).toBe("dns");
    times.look(2, packet({ data: dns(7, true), srcPort: 53, time: 100.009 }));
    expect(times.of(2)).toBeUndefined();
  });

  it("of an echo go by its identifier and sequence number", () => {
    const times = new ResponseTimes();
    const echo = (icmpType: number, sequence: number, time: number): void =>
      times.look(
        3,
        packet({
          protocol: 1,
          icmpType,
          time,
          data: Uint8Array.of(0, 0, 0, 0, 9, 9, 0, sequence, ...new Array(56).fill(0)),
        }),
      );
    echo(8, 1, 100);
    echo(8, 2, 100);
    echo(0, 2, 100.0005);
    expect(times.of(3)).toMatchObject({ kind: "echo" });
    expect(times.of(3)!.ms).toBeCloseTo(0.5, 2);
  });

  it("of packets that are too short are not there", () => {
    const times = new ResponseTimes();
    times.look(1, packet({ end: 10, dstPort: 53 }));
    times.look(1, packet({ end: 50, dstPort: 123 }));
    times.look(1, packet({ end: 6, protocol: 1, icmpType: 8 }));
    expect(times.of(1)).toBeUndefined();
  });
});
