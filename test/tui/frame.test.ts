import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ASCII, type Glyphs, UNICODE } from "../../src/tui/format.ts";
import type { Model } from "../../src/tui/model.ts";
import { plainText } from "../../src/tui/styled.ts";
import { render } from "../../src/tui/views/frame.ts";
import { flow, model, NOW, ROWS, STRIP, SUBJECT, snapshot } from "./fake.ts";

const lines = (state: Model, glyphs: Glyphs): string[] => render(state, glyphs).map(plainText);

const SELECTED = { rank: 3, row: ROWS[3]! };
const FRAMES: Record<string, { state: Model; glyphs?: Glyphs }> = {
  "live-120x36": { state: model(120, 36) },
  "live-80x24": { state: model(80, 24) },
  "live-60x15": { state: model(60, 15) },
  "live-120x36-ascii": { state: model(120, 36), glyphs: ASCII },
  "paused-80x24": { state: model(80, 24, { pausedMs: NOW - 18_000 }) },
  "detail-120x36": {
    state: model(120, 36, { detail: true, selected: { id: 3 }, snapshot: snapshot({ selected: SELECTED }) }),
  },
  "detail-60x15": {
    state: model(60, 15, { detail: true, selected: { id: 3 }, snapshot: snapshot({ selected: SELECTED }) }),
  },
  "filtered-80x24": { state: model(80, 24, { filter: "tcp", snapshot: snapshot({ flows: 1204, filter: "tcp" }) }) },
  "prompt-80x24": { state: model(80, 24, { prompt: "tcp.port == 443", snapshot: snapshot({ flows: 1204 }) }) },
  "prompt-wrong-60x15": {
    state: model(60, 15, {
      prompt: "flow.bytes > 1M and not port 53 and tcp.prt == 443",
      snapshot: snapshot({ filterError: "col 37: unknown field tcp.prt, did you mean tcp.port" }),
    }),
  },
  "nothing-matches-80x24": {
    state: model(80, 24, { filter: "sctp", snapshot: snapshot({ flows: 6, scrollable: 0, rows: [], filter: "sctp" }) }),
  },
  "help-80x24": { state: model(80, 24, { help: true }) },
  "help-60x15": { state: model(60, 15, { help: true, helpOffset: 5 }) },
  "starting-80x24": { state: model(80, 24, { snapshot: null, strip: null }) },
  "waiting-bpf-80x24": {
    state: model(80, 24, {
      subject: { ...SUBJECT, bpf: "host 10.0.0.9" },
      snapshot: snapshot({ packets: 0, rows: [], drops: null }),
      strip: { ...STRIP, verdict: "N/A", lost: 0, reason: "a capture filter is set", mirrored: null },
    }),
  },
  "file-80x24": {
    state: model(80, 24, {
      subject: { target: "captures/run7.pcap", live: false, bpf: null, mirrored: false },
      snapshot: snapshot({ state: "ended", drops: null }),
      strip: null,
    }),
  },
  "too-small-40x8": { state: model(40, 8) },
};

describe("the screen", () => {
  for (const [name, { state, glyphs }] of Object.entries(FRAMES)) {
    it(`is drawn as in golden/${name}.txt`, async () => {
      const drawn = lines(state, glyphs ?? UNICODE);
      expect(drawn).toHaveLength(state.size.rows);
      expect(new Set(drawn.map((line) => line.length))).toEqual(new Set([state.size.cols]));
      await expect(`${drawn.map((line) => line.trimEnd()).join("\n")}\n`).toMatchFileSnapshot(`golden/${name}.txt`);
    });
  }

  it("uses only ASCII where the locale asks for it", () => {
    for (const { state } of Object.values(FRAMES)) expect(lines(state, ASCII).join("")).toMatch(/^[ -~]*$/);
  });

  it("is exactly as large as the terminal, whatever the packets and the switch say", () => {
    const text = fc.string({ unit: "binary", maxLength: 60 });
    const number = fc.oneof(fc.nat(), fc.constantFrom(0, 1e9, 1e15, 9e15, Number.MAX_SAFE_INTEGER));
    const row = fc
      .record({
        proto: text,
        origAddress: text,
        origPort: fc.option(fc.nat(65_535)),
        app: text,
        serverName: text,
        state: text,
        history: text,
        vlans: fc.array(fc.nat(4095), { maxLength: 5 }),
        origPackets: number,
        respPackets: number,
        origBytes: number,
        rateBps: number,
        durationMs: number,
      })
      .map((over) => flow(0, over));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(row, { maxLength: 5 }),
        fc.record({ target: text, bpf: fc.option(text), live: fc.boolean(), mirrored: fc.boolean() }),
        fc.record({
          sources: text,
          reason: text,
          mirrored: fc.option(number),
          captured: number,
          lost: number,
          ageMs: number,
        }),
        fc.record({ detail: fc.boolean(), help: fc.boolean(), pausedMs: fc.option(fc.constant(NOW)), packets: number }),
        fc.constantFrom(UNICODE, ASCII),
        (cols, rows, flows, subject, strip, { detail, help, pausedMs, packets }, glyphs) => {
          const selected = flows[0] ? { rank: 0, row: flows[0] } : null;
          const state = model(cols, rows, {
            subject,
            detail,
            help,
            pausedMs,
            strip: { ...STRIP, ...strip },
            snapshot: snapshot({ rows: flows, packets, bytes: packets, bitsPerSec: packets, selected }),
          });
          const drawn = lines(state, glyphs);
          expect(drawn).toHaveLength(rows);
          for (const line of drawn) {
            expect(line).toHaveLength(cols);
            expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Mn}]/u);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
