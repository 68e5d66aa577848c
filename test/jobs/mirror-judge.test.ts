import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MirrorJudge } from "../../src/jobs/mirror-judge.ts";

const options = { name: "m", sources: "mega_tap0:both", incomparable: null, before: 0 };

describe("the mirror strip", () => {
  it("waits until OVS has spoken twice, then finds all there", () => {
    const judge = new MirrorJudge(options, 0);
    expect(judge.status(0).verdict).toBe("WAIT");
    judge.sample(0, 0);
    judge.publish({ packets: 480, atMs: 5000 });
    judge.sample(500, 5600);
    expect(judge.status(5600).verdict).toBe("WAIT");
    judge.publish({ packets: 980, atMs: 10_000 });
    judge.sample(1000, 10_600);
    expect(judge.status(12_000)).toMatchObject({
      ...{ verdict: "OK", mirrored: 980, lost: 0 },
      // The pair that was compared: from the first publication on, with what was captured from a little before it.
      compared: { mirrored: 500, captured: 1000, ageMs: 2000 },
    });
  });

  it("is content as soon as all that OVS counted anew was captured, and says when the next count comes", () => {
    const judge = new MirrorJudge(options, 0);
    judge.publish({ packets: 100, atMs: 10 });
    expect(judge.status(500)).toMatchObject({ verdict: "WAIT", mirrored: 100, dueMs: null });
    judge.publish({ packets: 140, atMs: 1500 });
    judge.sample(30, 2100);
    expect(judge.status(2100)).toMatchObject({ verdict: "WAIT", dueMs: 4400 });
    judge.publish({ packets: 240, atMs: 6500 });
    judge.sample(135, 7100);
    expect(judge.status(7100)).toMatchObject({
      verdict: "OK",
      compared: { mirrored: 100, captured: 135, ageMs: 600 },
      dueMs: 4400,
    });
    // From then on two counts are compared: a loss is found.
    judge.publish({ packets: 440, atMs: 11_500 });
    judge.sample(145, 12_100);
    expect(judge.status(12_100).verdict).toBe("LOSS");
  });

  it("tells packets that OVS mirrored and nobody captured", () => {
    const judge = new MirrorJudge(options, 0);
    judge.sample(500, 2000);
    judge.publish({ packets: 500, atMs: 5000 });
    judge.sample(500, 6000);
    judge.publish({ packets: 1000, atMs: 10_000 });
    judge.sample(700, 10_100);
    expect(judge.status(10_100).verdict).toBe("WAIT");
    judge.sample(800, 10_600);
    expect(judge.status(10_600)).toMatchObject({ verdict: "LOSS", lost: 200 });
  });

  it("says when there is no traffic, and when OVS says nothing any more", () => {
    const judge = new MirrorJudge(options, 0);
    for (const atMs of [5000, 10_000, 15_000]) {
      judge.publish({ packets: 10, atMs });
      judge.sample(10, atMs + 600);
    }
    expect(judge.status(16_000).verdict).toBe("NO TRAFFIC");
    expect(judge.status(31_000).verdict).toBe("STALE");
    judge.publish(null);
    expect(judge.status(16_000).verdict).toBe("STALE");
  });

  it("shows as a pair only what was compared, with its age", () => {
    const judge = new MirrorJudge(options, 0);
    judge.sample(0, 0);
    judge.publish({ packets: 480, atMs: 5000 });
    judge.sample(9694, 9000);
    expect(judge.status(9000)).toMatchObject({ verdict: "WAIT", compared: null });
  });

  it("says that the mirror is gone, and not that there is no traffic", () => {
    const judge = new MirrorJudge(options, 0);
    for (const atMs of [5000, 10_000, 15_000]) {
      judge.publish({ packets: atMs, atMs });
      judge.sample(atMs, atMs + 600);
    }
    judge.remove();
    expect(judge.status(16_000).verdict).toBe("DELETED");
    expect(judge.status(99_000).verdict).toBe("DELETED");
  });

  it("gives no verdict where the counts mean different things", () => {
    const judge = new MirrorJudge({ ...options, incomparable: "a capture filter is set" }, 0);
    expect(judge.status(0)).toMatchObject({ verdict: "N/A", reason: "a capture filter is set" });
  });

  it("counts from the beginning for a mirror that was there before", () => {
    const judge = new MirrorJudge({ ...options, before: 1_000_000 }, 0);
    judge.publish({ packets: 1_000_100, atMs: 5000 });
    expect(judge.status(5000).mirrored).toBe(100);
  });

  it("never tells a loss when every packet was captured, whatever the traffic and OVS's lag", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5000), { minLength: 160, maxLength: 160 }),
        fc.array(fc.integer({ min: 0, max: 2250 }), { minLength: 8, maxLength: 8 }),
        (perTick, lags) => {
          const judge = new MirrorJudge(options, 0);
          const totals: number[] = [];
          let total = 0;
          for (const [tick, packets] of perTick.entries()) {
            const atMs = tick * 250;
            total += packets;
            totals.push(total);
            judge.sample(total, atMs);
            if (tick > 0 && tick % 20 === 0) {
              const behind = Math.max(0, tick - Math.ceil(lags[tick / 20 - 1]! / 250));
              judge.publish({ packets: totals[behind]!, atMs });
            }
            expect(judge.status(atMs).lost).toBe(0);
          }
        },
      ),
    );
  });
});
