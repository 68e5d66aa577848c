import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LearnedNames, readName } from "../../../src/capture/live/learned-names.ts";
import { type Message, ResponseTimes } from "../../../src/capture/live/response-times.ts";

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
  const message = (kind: Message["kind"], bytes: readonly number[], nsec = 0): Message => {
    const data = Uint8Array.from([...bytes, ...new Array(64 - bytes.length).fill(0)]);
    return { kind, data, at: 0, end: 64, sec: 100, nsec };
  };
  const dns = (id: number, response: boolean, nsec: number): Message =>
    message("dns", [id >> 8, id & 255, response ? 0x80 : 0], nsec);

  it("are taken from a question to its own answer", () => {
    const times = new ResponseTimes();
    times.look(1, dns(7, false, 0));
    times.look(1, dns(8, false, 1e6));
    times.look(1, dns(8, true, 3e6));
    expect(times.of(1)!.ms).toBeCloseTo(2, 2);
    expect(times.of(1)!.kind).toBe("dns");
    times.look(2, dns(7, true, 9e6));
    expect(times.of(2)).toBeUndefined();
  });

  it("of an echo go by its identifier and sequence number", () => {
    const times = new ResponseTimes();
    const echo = (type: number, sequence: number, nsec: number): void =>
      times.look(3, message("echo", [type, 0, 0, 0, 9, 9, 0, sequence], nsec));
    echo(8, 1, 0);
    echo(8, 2, 0);
    echo(0, 2, 5e5);
    expect(times.of(3)).toMatchObject({ kind: "echo" });
    expect(times.of(3)!.ms).toBeCloseTo(0.5, 2);
  });

  it("of NTP go by the client's time stamp, which the server gives back", () => {
    const times = new ResponseTimes();
    const stamp = [1, 2, 3, 4, 5, 6, 7, 8];
    times.look(4, message("ntp", [0x23, ...new Array(39).fill(0), ...stamp]));
    times.look(4, message("ntp", [0x24, ...new Array(23).fill(0), ...stamp], 2e6));
    expect(times.of(4)).toMatchObject({ kind: "ntp" });
  });

  it("of packets that are too short are not there", () => {
    const times = new ResponseTimes();
    for (const kind of ["dns", "ntp", "echo"] as const) {
      times.look(1, { ...message(kind, [8]), end: 2 });
      expect(times.of(1)).toBeUndefined();
    }
  });
});
