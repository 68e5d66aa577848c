import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Matcher } from "../../../src/verify/match/matcher.ts";
import { echo, ethernet, feed, ipv4, matchAll, START_NS, type TestFrame, tagged, tcp } from "../frames.ts";

const IN = [{ port: "tap0", direction: "in" }] as const;
const BOTH = [
  { port: "tap0", direction: "in" },
  { port: "tap0", direction: "out" },
] as const;
/** Both ends of a conversation on one bridge. */
const ENDS = [
  { port: "tap0", direction: "in" },
  { port: "tap0", direction: "out" },
  { port: "tap1", direction: "in" },
  { port: "tap1", direction: "out" },
] as const;

const MS = 1e6;
const DELAY = 30_000;
const delayed = (frames: readonly TestFrame[], by = DELAY): TestFrame[] =>
  frames.map((frame) => ({ ...frame, time: frame.time + by }));
const requests = (count: number): TestFrame[] =>
  Array.from({ length: count }, (_, i) => ({ time: i * 10 * MS, bytes: echo(7, i + 1) }));
const replies = (count: number): TestFrame[] =>
  Array.from({ length: count }, (_, i) => ({ time: i * 10 * MS + MS, bytes: echo(7, i + 1, true) }));
const sorted = (frames: readonly TestFrame[]): TestFrame[] => [...frames].sort((a, b) => a.time - b.time);

describe("matching", () => {
  it("finds each frame's copy, and the delay between them", () => {
    const tally = matchAll([delayed(sorted([...requests(5), ...replies(5)])), requests(5), replies(5)], {
      streams: BOTH,
    });
    for (const direction of [tally.in, tally.out]) {
      expect(direction).toMatchObject({
        sourceFrames: 5,
        monitorFrames: 5,
        missing: 0,
        duplicated: 0,
        reordered: 0,
        altered: 0,
        truncated: 0,
      });
      expect(direction.delaySummary()).toEqual({ min: DELAY, p50: DELAY, p99: DELAY, max: DELAY });
    }
    expect(tally.foreign).toBe(0);
  });

  it("counts copies that never came, and says which frames they were of", () => {
    const copies = delayed(requests(5)).filter((_, i) => i !== 2);
    const tally = matchAll([copies, requests(5)], { streams: IN });
    expect(tally.in).toMatchObject({ sourceFrames: 5, monitorFrames: 4, missing: 1 });
    expect(tally.in.missed).toEqual([
      {
        timeNs: START_NS + 20_000_000n,
        port: "tap0",
        length: 98,
        what: "10.0.0.1 > 10.0.0.2 ICMP echo request, seq 3",
      },
    ]);
  });

  it("accepts a copy that was captured before its frame", () => {
    const tally = matchAll([delayed(requests(3), -50_000), requests(3).map((f) => ({ ...f, time: f.time + 1e5 }))], {
      streams: IN,
      fromNs: START_NS,
    });
    expect(tally.in).toMatchObject({ sourceFrames: 3, missing: 0 });
    expect(tally.in.delaySummary()!.max).toBeLessThan(0);
  });

  it("counts a frame that enters by one source and leaves by another once", () => {
    const request = requests(4);
    const reply = replies(4);
    const monitor = delayed(sorted([...request, ...reply]));
    const tally = matchAll([monitor, request, delayed(reply, 2000), reply, delayed(request, 2000)], { streams: ENDS });
    expect(tally.in).toMatchObject({ sourceFrames: 8, monitorFrames: 8, missing: 0, duplicated: 0 });
    expect(tally.out).toMatchObject({ sourceFrames: 0, monitorFrames: 0 });
    expect(tally.streams.map(({ frames, seen }) => [frames, seen])).toEqual([
      [4, 4],
      [4, 4],
      [4, 4],
      [4, 4],
    ]);
  });

  it("counts a frame from elsewhere that leaves by two sources once, in direction out", () => {
    const flooded = requests(3);
    const streams = [
      { port: "tap0", direction: "out" },
      { port: "tap1", direction: "out" },
    ] as const;
    const tally = matchAll([delayed(flooded), flooded, delayed(flooded, 500)], { streams });
    expect(tally.out).toMatchObject({ sourceFrames: 3, monitorFrames: 3, missing: 0, duplicated: 0 });
  });

  it("takes a frame lost between two sources for one frame", () => {
    const tally = matchAll([delayed(requests(4)), requests(4), [], [], delayed(requests(4).slice(0, 2), 2000)], {
      streams: ENDS,
    });
    expect(tally.in).toMatchObject({ sourceFrames: 4, monitorFrames: 4 });
    expect(tally.out.sourceFrames).toBe(0);
  });

  it("tells frames of no source from copies, and the monitor's own words from others'", () => {
    const own = ethernet(0x86dd, new Uint8Array(60), true);
    const other = ipv4(17, 9, new Uint8Array(40));
    const monitor = sorted([...delayed(requests(2)), { time: 5, bytes: own }, { time: 6, bytes: other }]);
    const tally = matchAll([monitor, requests(2)], {
      streams: IN,
      monitorMac: Uint8Array.from([2, 0, 0, 0, 0, 0x0b]),
    });
    expect(tally).toMatchObject({ foreign: 2, chatter: 1, monitorTotal: 4 });
  });

  it("does not expect copies of what the port's own device says", () => {
    const own = { time: 25 * MS, bytes: echo(9, 9, true) };
    const streams = [{ port: "veth0", direction: "out", ownMac: Uint8Array.from([2, 0, 0, 0, 0, 0x0b]) }] as const;
    const tally = matchAll([delayed(requests(3)), sorted([...requests(3), own])], { streams });
    expect(tally.out).toMatchObject({ sourceFrames: 3, missing: 0 });
  });

  it("judges only what was sent while all captures ran", () => {
    const tally = matchAll([delayed(requests(10)).slice(3, 8), requests(10)], {
      streams: IN,
      fromNs: START_NS + 25_000_000n,
      toNs: START_NS + 75_000_000n,
    });
    expect(tally.in).toMatchObject({ sourceFrames: 5, monitorFrames: 5, missing: 0 });
    expect(tally.foreign).toBe(0);
  });
});

describe("the beginning of the captures", () => {
  it("does not take the copy of a frame that was sent before for a duplicate of one like it", () => {
    const alike = [0, 500 * MS].map((time) => ({ time, bytes: echo(1, 1) }));
    const tally = matchAll([delayed(alike), alike.slice(1)], { streams: IN, fromNs: START_NS + 250_000_000n });
    expect(tally.in).toMatchObject({ sourceFrames: 1, missing: 0, duplicated: 0 });
    expect(tally).toMatchObject({ foreign: 0, monitorTotal: 1 });
  });
});

describe("changes to the copy", () => {
  it.each([
    ["added", (b: Uint8Array) => b, (b: Uint8Array) => tagged(b, 100)],
    ["added", (b: Uint8Array) => tagged(b, 100), (b: Uint8Array) => tagged(tagged(b, 100), 7, 0x88a8)],
    ["removed", (b: Uint8Array) => tagged(b, 100), (b: Uint8Array) => b],
    ["rewritten", (b: Uint8Array) => tagged(b, 100), (b: Uint8Array) => tagged(b, 300)],
    ["same", (b: Uint8Array) => tagged(b, 100), (b: Uint8Array) => tagged(b, 100)],
  ])("finds a VLAN tag %s", (change, ofSource, ofMonitor) => {
    const frames = (of: (b: Uint8Array) => Uint8Array) => requests(3).map((f) => ({ ...f, bytes: of(f.bytes) }));
    const tally = matchAll([delayed(frames(ofMonitor)), frames(ofSource)], { streams: IN });
    expect(tally.in).toMatchObject({ sourceFrames: 3, missing: 0, altered: 0 });
    expect(tally.in.vlanChange()).toBe(change);
  });

  it("tells the first byte that differs, whatever field was hit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 97 }), fc.integer({ min: 1, max: 255 }), (offset, flip) => {
        const copies = delayed(requests(5));
        const bytes = Uint8Array.from(copies[2]!.bytes);
        bytes[offset]! ^= flip;
        copies[2] = { ...copies[2]!, bytes };
        const tally = matchAll([copies, requests(5)], { streams: IN });
        expect(tally.in).toMatchObject({ sourceFrames: 5, monitorFrames: 5, missing: 0, altered: 1, truncated: 0 });
        expect(tally.in.differences).toEqual([
          {
            timeNs: START_NS + 20_000_000n,
            length: 98,
            offset,
            source: requests(5)[2]!.bytes[offset],
            monitor: bytes[offset],
          },
        ]);
      }),
    );
  });

  it("does not take the next packet of the same flow for an altered one", () => {
    const sent = requests(10);
    const other = { time: 25 * MS, bytes: echo(7, 77) };
    const tally = matchAll([sorted([...delayed(sent).filter((_, i) => i !== 2), other]), sent], { streams: IN });
    expect(tally.in).toMatchObject({ missing: 1, altered: 0 });
    expect(tally.foreign).toBe(1);
  });

  it("finds copies that a snaplen cut, tagged or not", () => {
    for (const cut of [14, 34, 60, 64, 97]) {
      const copies = delayed(requests(20)).map((f) => ({ ...f, bytes: tagged(f.bytes, 5).subarray(0, cut + 4) }));
      const tally = matchAll([copies, requests(20)], { streams: IN });
      expect(tally.in).toMatchObject({ sourceFrames: 20, monitorFrames: 20, missing: 0, altered: 0, truncated: 20 });
      expect(tally.truncatedTo).toBe(cut);
    }
  });

  it("does not blame the mirror for what its own capture cut", () => {
    const copies = delayed(requests(5)).map((f) => ({ ...f, bytes: f.bytes.subarray(0, 60), wire: f.bytes.length }));
    const tally = matchAll([copies, requests(5)], { streams: IN });
    expect(tally.in).toMatchObject({ sourceFrames: 5, missing: 0, truncated: 0, altered: 0 });
  });

  it("takes a checksum that the device fills in for no alteration", () => {
    const data = Uint8Array.from([1, 2, 3, 4]);
    // The pseudo-header of 10.0.0.1 > 10.0.0.2, TCP, 24 bytes.
    const partial = 0x0a00 + 1 + 0x0a00 + 2 + 6 + 24;
    const source = [{ time: 0, bytes: tcp(1, 1, data, partial) }];
    const filled = matchAll([[{ time: 9, bytes: tcp(1, 1, data, 0xbeef) }], source], { streams: IN });
    expect(filled.in).toMatchObject({ sourceFrames: 1, missing: 0, altered: 0, offloaded: 1 });
    const wrong = matchAll(
      [[{ time: 9, bytes: tcp(1, 1, data, 0xbeef) }], [{ time: 0, bytes: tcp(1, 1, data, 0xdead) }]],
      { streams: IN },
    );
    expect(wrong.in).toMatchObject({ altered: 1, offloaded: 0 });
  });

  it("recognises a frame that was cut into segments, and segments that were merged", () => {
    const data = Uint8Array.from({ length: 4000 }, (_, i) => (i * 31) & 255);
    const whole: TestFrame[] = [{ time: 0, bytes: tcp(0xffffff00, 1, data) }];
    const parts: TestFrame[] = [0, 1448, 2896].map((from, i) => ({
      time: 10 + i,
      bytes: tcp((0xffffff00 + from) >>> 0, 1 + i, data.subarray(from, from + 1448)),
    }));
    const cut = matchAll([parts, whole], { streams: IN });
    expect(cut.in).toMatchObject({ sourceFrames: 1, monitorFrames: 3, missing: 0, altered: 0, resegmented: 1 });
    const merged = matchAll([delayed(whole), parts], { streams: IN });
    expect(merged.in).toMatchObject({ sourceFrames: 3, monitorFrames: 1, missing: 0, resegmented: 3 });
    expect(cut.foreign + merged.foreign).toBe(0);
    const lost = matchAll([parts.slice(0, 2), whole], { streams: IN });
    expect(lost.in.resegmented).toBe(0);
  });
});

describe("frames that look alike", () => {
  const alike = (times: readonly number[]): TestFrame[] => times.map((time) => ({ time, bytes: echo(1, 1) }));

  it("matches them by time: the one that was lost is missing, and no delay is wrong", () => {
    const second = 1e9;
    const source = alike([0, second, 2 * second, 3 * second]);
    const tally = matchAll([delayed(source).filter((_, i) => i !== 1), source], { streams: IN });
    expect(tally.in).toMatchObject({ sourceFrames: 4, missing: 1, reordered: 0 });
    expect(tally.in.missed[0]!.timeNs).toBe(START_NS + 1_000_000_000n);
    expect(tally.in.delaySummary()!.max).toBe(DELAY);
  });

  it("matches them by their neighbours when they come in a burst", () => {
    const source: TestFrame[] = [];
    for (let i = 0; i < 50; i++) {
      source.push({ time: i * 2000, bytes: echo(1, 1) }, { time: i * 2000 + 1000, bytes: echo(2, i) });
    }
    const copies = delayed(source, 500_000).filter((_, i) => i % 14 !== 0);
    const tally = matchAll([copies, source], { streams: IN });
    expect(tally.in).toMatchObject({ sourceFrames: 100, missing: 8, duplicated: 0, reordered: 0 });
  });

  it("does not match what is too far apart in time", () => {
    const tally = matchAll([alike([60e9]), alike([0])], { streams: IN });
    expect(tally.in).toMatchObject({ missing: 1, monitorFrames: 0 });
    expect(tally.foreign).toBe(1);
  });

  it("keeps a steady stream of equal frames apart in linear time", () => {
    const source = alike(Array.from({ length: 50_000 }, (_, i) => i * 1000));
    const copies = delayed(source).filter((_, i) => i % 5 !== 0);
    const tally = matchAll([copies, source], { streams: IN, windowFrames: 1 << 17 });
    expect(tally.in).toMatchObject({ sourceFrames: 50_000, missing: 10_000, duplicated: 0 });
    expect(tally.foreign).toBe(0);
  });
});

/** What is done to the copy of a frame. */
type Fault = "none" | "lose" | "duplicate" | "delay" | "alter";

describe("injected faults", () => {
  const fault = fc.oneof(
    { weight: 12, arbitrary: fc.constant<Fault>("none") },
    { weight: 2, arbitrary: fc.constant<Fault>("lose") },
    { weight: 1, arbitrary: fc.constant<Fault>("duplicate") },
    { weight: 1, arbitrary: fc.constant<Fault>("delay") },
    { weight: 1, arbitrary: fc.constant<Fault>("alter") },
  );
  const SPACING = 10_000;

  // Random frames, each with a number so that no two are alike.
  const frames = fc.array(fc.tuple(fault, fc.uint8Array({ minLength: 24, maxLength: 80 }), fc.boolean()), {
    minLength: 1,
    maxLength: 300,
  });

  it("are counted exactly, in one window or in many", () => {
    fc.assert(
      fc.property(frames, fc.constantFrom(1 << 12, 128), (plan, windowFrames) => {
        const streams: TestFrame[][] = [[], [], []];
        const expected = { lose: 0, duplicate: 0, delay: 0, alter: 0 };
        plan.forEach(([faultOf, body, back], i) => {
          const bytes = ipv4(17, 1 + i, Uint8Array.from([0, 1, 0, 2, 0, 0, 0, 0, ...body]), back);
          const time = i * SPACING;
          streams[back ? 2 : 1]!.push({ time, bytes });
          let copy = Uint8Array.from(bytes);
          let late = 0;
          if (faultOf === "lose") {
            expected.lose++;
            return;
          }
          // Late by three places, and counted only if a later frame of its direction, surely known, overtook it.
          if (faultOf === "delay") late = 3.5 * SPACING;
          if (faultOf === "alter") {
            expected.alter++;
            copy = copy.slice();
            copy[45]! ^= 0x55;
          }
          streams[0]!.push({ time: time + 1000 + late, bytes: copy });
          if (faultOf === "duplicate") {
            expected.duplicate++;
            streams[0]!.push({ time: time + 1500, bytes: copy });
          }
        });
        for (const backward of [false, true]) {
          plan.forEach(([faultOf, , back], i) => {
            if (faultOf !== "delay" || back !== backward) return;
            const overtook = plan
              .slice(i + 1, i + 4)
              .some(([f, , b]) => b === back && f !== "lose" && f !== "delay" && f !== "alter");
            if (overtook) expected.delay++;
          });
        }
        streams[0]!.sort((a, b) => a.time - b.time);
        const tally = matchAll(streams, { streams: BOTH, windowFrames });
        const sum = (key: "missing" | "duplicated" | "reordered" | "altered" | "sourceFrames") =>
          tally.in[key] + tally.out[key];
        expect({
          lose: sum("missing"),
          duplicate: sum("duplicated"),
          delay: sum("reordered"),
          alter: sum("altered"),
        }).toEqual(expected);
        expect(sum("sourceFrames")).toBe(plan.length);
        expect(tally.foreign).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it("are counted exactly among frames that look alike", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()), { minLength: 1, maxLength: 200 }),
        fc.boolean(),
        (plan, lose) => {
          const source: TestFrame[] = [];
          const monitor: TestFrame[] = [];
          let faults = 0;
          plan.forEach(([kind, faulty], i) => {
            const frame = { time: i * SPACING, bytes: echo(3, kind) };
            source.push(frame);
            if (faulty) faults++;
            const copies = faulty ? (lose ? 0 : 2) : 1;
            for (let c = 0; c < copies; c++) monitor.push({ ...frame, time: frame.time + 1000 + c });
          });
          const tally = matchAll([monitor, source], { streams: IN });
          expect(tally.in.missing).toBe(lose ? faults : 0);
          expect(tally.in.duplicated).toBe(lose ? 0 : faults);
          expect(tally.in.altered).toBe(0);
        },
      ),
    );
  });
});

describe("hostile input", () => {
  it("takes any bytes at any length, and every frame is accounted for", () => {
    const garbage = fc.array(
      fc.record({
        stream: fc.integer({ min: 0, max: 4 }),
        bytes: fc.oneof(
          fc.uint8Array({ maxLength: 100 }),
          fc.uint8Array({ maxLength: 60 }).map((b) => ipv4(6, 1, b)),
          fc.uint8Array({ maxLength: 60 }).map((b) => tagged(ethernet(0x86dd, b), 9)),
          fc
            .tuple(fc.integer({ min: 0, max: 70 }), fc.uint8Array({ minLength: 40, maxLength: 40 }))
            .map(([n, b]) => ethernet(0x86dd, Uint8Array.from([0x60, 0, 0, 0, 0, n, 6, 64, ...b]))),
        ),
        gap: fc.integer({ min: 0, max: 1e9 }),
        extra: fc.integer({ min: 0, max: 100 }),
      }),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(garbage, fc.constantFrom(8, 64, 4096), (plan, windowFrames) => {
        const streams: TestFrame[][] = [[], [], [], [], []];
        let time = 0;
        for (const { stream, bytes, gap, extra } of plan) {
          time += gap;
          streams[stream]!.push({ time, bytes, wire: bytes.length + extra });
        }
        const tally = matchAll(streams, { streams: ENDS, windowFrames, windowBytes: 2048 });
        const monitored = tally.in.monitorFrames + tally.out.monitorFrames + tally.foreign;
        expect(monitored).toBe(tally.monitorTotal);
        expect(tally.monitorTotal).toBe(streams[0]!.length);
        expect(tally.streams.map(({ frames }) => frames)).toEqual(streams.slice(1).map((frames) => frames.length));
        for (const direction of [tally.in, tally.out]) {
          expect(direction.missing).toBeLessThanOrEqual(direction.sourceFrames);
          expect(direction.altered + direction.truncated).toBeLessThanOrEqual(direction.monitorFrames);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("survives captures whose clock jumps", () => {
    const source = [5e9, 1e9, 8e9, 2e9].map((time, i) => ({ time, bytes: echo(1, i) }));
    const tally = matchAll([delayed(source), source], { streams: IN });
    expect(tally.in).toMatchObject({ sourceFrames: 4, missing: 0 });
  });
});

describe("ICMP echo", () => {
  it("knows requests, replies and the round trip by sequence number, of this ping alone", () => {
    const monitor = sorted([
      ...delayed(requests(5)),
      ...delayed(replies(5)).filter((_, i) => i !== 3),
      { time: 1, bytes: echo(99, 9) },
    ]);
    const matcher = new Matcher({
      streams: IN,
      fromNs: START_NS,
      toNs: START_NS + 1_000_000_000n,
      echo: { address: Uint8Array.from([10, 0, 0, 2]), id: 7 },
    });
    feed(matcher, [monitor, requests(5)]);
    matcher.finish();
    expect(matcher.monitorEcho).toMatchObject({ requests: 5, replies: 4 });
    expect(matcher.monitorEcho!.roundTrip(1)).toBe(MS);
    expect(matcher.monitorEcho!.roundTrip(4)).toBeNull();
    expect(matcher.sourceEcho).toMatchObject({ requests: 5, replies: 0 });
  });
});

describe("checksums of what went through the switch", () => {
  const frames = (checksum: number): TestFrame[] =>
    [1, 2, 3].map((i) => ({ time: i * 10 * MS, bytes: tcp(i * 100, i, new Uint8Array(8), checksum) }));
  /** The sum of the pseudo-header alone: addresses, protocol, 28 bytes of TCP. */
  const PSEUDO = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 6 + 28;

  it("are counted as unfinished when a copy holds the sum of its pseudo-header alone, tagged or not", () => {
    const copies = delayed(frames(PSEUDO)).map((frame) => ({ ...frame, bytes: tagged(frame.bytes, 100) }));
    expect(matchAll([copies, frames(PSEUDO)], { streams: IN }).streams).toMatchObject([
      { checksummed: 3, unfinished: 3 },
    ]);
    expect(matchAll([delayed(frames(0x1234)), frames(0x1234)], { streams: IN }).streams).toMatchObject([
      { checksummed: 3, unfinished: 0 },
    ]);
  });

  it("are finished on the way, where a device does it: then the copy counts as offloaded", () => {
    const tally = matchAll([delayed(frames(0x1234)), frames(PSEUDO)], { streams: IN });
    expect(tally.in.offloaded).toBe(3);
    expect(tally.streams).toMatchObject([{ unfinished: 0 }]);
  });
});
