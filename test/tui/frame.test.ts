import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_COLUMNS, grownWidths } from "../../src/tui/columns.ts";
import { ASCII, type Glyphs, UNICODE } from "../../src/tui/format.ts";
import { lineFrom } from "../../src/tui/line-editor.ts";
import { initialModel, type Model, type PromptKind, SCREEN_IDS, type ScreenId } from "../../src/tui/model.ts";
import { openPrompt } from "../../src/tui/prompts.ts";
import { plainText } from "../../src/tui/styled.ts";
import { paint } from "../../src/tui/terminal/theme.ts";
import { update } from "../../src/tui/update.ts";
import { render } from "../../src/tui/views/frame.ts";
import {
  DETAIL,
  FILE_SUBJECT,
  FUNNEL,
  flow,
  flowsAnswer,
  model,
  NOW,
  OVERVIEW,
  PACKETS,
  ROWS,
  STRIP,
  SUBJECT,
  snapshot,
  talker,
} from "./fake.ts";

const lines = (state: Model, glyphs: Glyphs): string[] => render(state, glyphs).map(plainText);

/** What each screen's answer holds. */
const ANSWERS = {
  overview: { overview: OVERVIEW, flows: null },
  flows: {},
  packets: { packetList: PACKETS, flows: null },
  talkers: {
    talkers: {
      total: 14,
      offset: 0,
      rows: [talker("10.0.3.17", 0.71), talker("10.0.3.22", 0.21), talker("10.0.9.4", 0)],
    },
    flows: null,
  },
  mirrors: { flows: null },
} as const;

/** A screen as it is after its answer has come. */
function seen(screen: ScreenId, cols: number, rows: number, over: Partial<Model> = {}): Model {
  const state = model(cols, rows, { ...over, screen });
  return update(state, { type: "snapshot", snapshot: snapshot({ ...ANSWERS[screen], ...partOf(over) }) }).model;
}
/** The parts of a snapshot that a case brings itself. */
function partOf({ snapshot: own }: Partial<Model>) {
  return own ?? {};
}

const detail = (cols: number, rows: number): Model => {
  const state = model(cols, rows);
  return seen("flows", cols, rows, {
    flows: { ...state.flows, line: 3, pin: { id: 3 } },
    snapshot: snapshot({ flows: flowsAnswer({ pinned: { row: ROWS[3]!, detail: DETAIL } }) }),
  });
};

const SIZES = [
  [200, 60],
  [120, 36],
  [80, 24],
  [60, 15],
] as const;

const FRAMES: Record<string, { state: Model; glyphs?: Glyphs }> = {
  ...Object.fromEntries(
    SCREEN_IDS.flatMap((screen) =>
      SIZES.flatMap(([cols, rows]) => [
        [`${screen}-${cols}x${rows}`, { state: seen(screen, cols, rows) }],
        ...(cols === 80
          ? [[`${screen}-${cols}x${rows}-ascii`, { state: seen(screen, cols, rows), glyphs: ASCII }] as const]
          : []),
      ]),
    ),
  ),
  "paused-80x24": { state: seen("flows", 80, 24, { pausedMs: NOW - 18_000 }) },
  "detail-120x36": { state: detail(120, 36) },
  "detail-80x24": { state: detail(80, 24) },
  "detail-60x15": { state: detail(60, 15) },
  "filtered-80x24": {
    state: seen("flows", 80, 24, { filter: "tcp", snapshot: snapshot({ held: 1204, filter: "tcp" }) }),
  },
  "prompt-80x24": {
    state: openPrompt(seen("flows", 80, 24, { snapshot: snapshot({ held: 1204 }) }), "filter", "tcp.port == 443"),
  },
  "prompt-wrong-60x15": {
    state: {
      ...openPrompt(seen("flows", 60, 15), "filter", "flow.bytes > 1M and not port 53 and tcp.prt == 443"),
      snapshot: snapshot({ filterError: "col 37: unknown field tcp.prt, did you mean tcp.port" }),
    },
  },
  "prompt-save-80x24": { state: openPrompt(seen("flows", 80, 24), "save", "last 30s") },
  "nothing-matches-80x24": {
    state: seen("flows", 80, 24, {
      filter: "sctp",
      snapshot: snapshot({ held: 6, flows: flowsAnswer({ rows: [] }), filter: "sctp" }),
    }),
  },
  "columns-80x24": { state: seen("flows", 80, 24, { chooser: 2 }) },
  "help-80x24": { state: seen("flows", 80, 24, { help: 0 }) },
  "help-60x15": { state: seen("packets", 60, 15, { help: 5 }) },
  "notice-80x24": {
    state: seen("flows", 80, 24, {
      notice: { text: "142 packets saved to /tmp/x.pcapng", failed: false, untilMs: NOW + 1 },
    }),
  },
  "recording-120x36": {
    state: seen("flows", 120, 36, {
      snapshot: snapshot({ recording: { path: "/tmp/x.pcapng", packets: 12_004, bytes: 9_000_000 } }),
    }),
  },
  "deleted-120x36": { state: seen("mirrors", 120, 36, { strip: { ...STRIP, verdict: "DELETED", lost: 0 } }) },
  "starting-80x24": { state: model(80, 24, { snapshot: null, strip: null, funnel: null }) },
  "waiting-bpf-80x24": {
    state: seen("flows", 80, 24, {
      snapshot: snapshot({ packets: 0, flows: flowsAnswer({ rows: [] }), drops: null, bpf: "host 10.0.0.9" }),
      strip: { ...STRIP, verdict: "N/A", lost: 0, reason: "a capture filter is set", compared: null },
    }),
  },
  "file-120x36": {
    state: seen("flows", 120, 36, {
      ...initialModel(FILE_SUBJECT, { cols: 120, rows: 36 }, NOW),
      ...{ strip: null, funnel: null },
      snapshot: snapshot({ state: "ended", drops: null, reading: { progress: 1, speed: 0, paused: false } }),
    }),
  },
  "file-reading-60x15": {
    state: seen("flows", 60, 15, {
      ...initialModel(FILE_SUBJECT, { cols: 60, rows: 15 }, NOW),
      ...{ strip: null, funnel: null },
      snapshot: snapshot({ drops: null, reading: { progress: 0.42, speed: 0, paused: false } }),
    }),
  },
  "file-playing-80x24": {
    state: seen("flows", 80, 24, {
      ...initialModel({ ...FILE_SUBJECT, played: true }, { cols: 80, rows: 24 }, NOW),
      ...{ strip: null, funnel: null },
      snapshot: snapshot({ drops: null, reading: { progress: 0.42, speed: 4, paused: false } }),
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

  it("says the same with colours, on a light background and without any", () => {
    for (const { state } of Object.values(FRAMES)) {
      const drawn = render(state, UNICODE);
      const text = drawn.map(plainText).join("\n");
      for (const theme of ["dark", "light", "mono"] as const) {
        expect(paint(drawn, theme).replace(/\x1b\[[\d;]*m/g, "")).toBe(text);
      }
      expect(paint(drawn, "mono")).not.toMatch(/\x1b\[[\d;]*(3[0-7]|9[0-7])m/);
    }
  });

  it("keeps the sort mark from eating a title, and every title whole", () => {
    const state = seen("flows", 200, 60);
    for (const sort of ["proto", "bytes", "retrans", "start", "rtt"] as const) {
      const heading = lines({ ...state, flows: { ...state.flows, sort } }, UNICODE).find((line) =>
        line.includes("ORIG"),
      )!;
      for (const title of ["PROTO", "VLAN", "STATE", "PKTS", "BYTES", "RETR", "START"])
        expect(heading).toContain(title);
    }
  });

  it("shows both ids of a double-tagged flow", () => {
    expect(lines(seen("flows", 200, 60), UNICODE).join("\n")).toContain(" 5.7 ");
  });

  it("does not move columns when the numbers in them grow or shrink", () => {
    let state = seen("flows", 120, 36);
    const titles = (): number[] => {
      const heading = lines(state, UNICODE).find((line) => line.includes("ORIG"))!;
      return ["ORIG", "RESP", "APP", "STATE"].map((title) => heading.indexOf(title));
    };
    const before = titles();
    const small = flowsAnswer({
      rows: [flow(0, { origAddress: "1.1.1.1", respAddress: "2.2.2.2", app: "", serverName: "" })],
    });
    state = update(state, { type: "snapshot", snapshot: snapshot({ flows: small }) }).model;
    expect(titles()).toEqual(before);
  });

  it("places as many columns as fit, the least important ones first to go", () => {
    const heading = (cols: number): string =>
      lines(seen("flows", cols, 24), UNICODE).find((line) => line.includes("ORIG"))!;
    expect(heading(60)).not.toContain("STATE");
    expect(heading(80)).toContain("APP");
    expect(heading(200)).toContain("START");
    const context = { glyphs: UNICODE, learnedNames: true };
    const grown = grownWidths({}, ROWS, context);
    expect(grownWidths(grown, [flow(0, { app: "" })], context)).toBe(grown);
    expect(DEFAULT_COLUMNS).toContain("rtt");
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
        learnedName: text,
        state: text,
        history: text,
        ended: fc.boolean(),
        vlans: fc.array(fc.nat(4095), { maxLength: 5 }),
        trend: fc.array(number, { maxLength: 70 }),
        rttMs: fc.option(number),
        retransmits: fc.option(number),
        missed: number,
        origPackets: number,
        respPackets: number,
        origBytes: number,
        rateBps: number,
        durationMs: number,
      })
      .map((over) => flow(0, over));
    const packet = fc.record({
      ...{
        number: number,
        time: fc.double(),
        source: text,
        destination: text,
        protocol: text,
        length: number,
        info: text,
      },
    });
    const field = fc.record({ name: text, label: text, value: text, offset: fc.nat(300), length: fc.nat(300) });
    const layer = fc.record({
      ...{
        title: text,
        summary: text,
        offset: fc.nat(300),
        length: fc.nat(300),
        fields: fc.array(field, { maxLength: 4 }),
      },
    });
    const who = fc.record({
      ...{ name: text, flows: number, sentPackets: number, sentBytes: number, receivedPackets: number },
      ...{ receivedBytes: number, rateBps: number, share: fc.double({ min: 0, max: 1, noNaN: true }), filter: text },
    });
    const view = fc.record({
      ...{ screen: fc.constantFrom(...SCREEN_IDS), help: fc.option(fc.nat(9)), pausedMs: fc.option(fc.constant(NOW)) },
      ...{ chooser: fc.option(fc.nat(3)), pinned: fc.boolean(), prompt: fc.option(text), note: fc.option(text) },
      ...{ kind: fc.constantFrom<PromptKind>("filter", "save", "export", "capture-filter", "jump"), packets: number },
      ...{
        pane: fc.constantFrom("list" as const, "layers" as const, "bytes" as const),
        layer: fc.nat(5),
        byte: fc.nat(300),
      },
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(row, { maxLength: 5 }),
        fc.record({ target: text, live: fc.boolean(), mirrored: fc.boolean(), played: fc.boolean() }),
        fc.record({ sources: text, reason: text, mirrored: fc.option(number), lost: number }),
        view,
        fc.record({
          ...{
            list: fc.array(packet, { maxLength: 4 }),
            layers: fc.array(layer, { maxLength: 4 }),
            bytes: fc.uint8Array({ maxLength: 300 }),
          },
          ...{
            who: fc.array(who, { maxLength: 4 }),
            graph: fc.array(number, { maxLength: 500 }),
            states: fc.array(fc.tuple(text, number)),
          },
          ...{ warnings: fc.array(text), title: text, source: text, bpf: fc.option(text), filter: text },
        }),
        fc.constantFrom(UNICODE, ASCII),
        (cols, rows, flows, subject, strip, shown, said, glyphs) => {
          const pinned = flows[0] ? { row: flows[0], detail: DETAIL } : null;
          const base = model(cols, rows);
          const stage = { ...FUNNEL.stages[0]!, title: said.title, source: said.source };
          const state: Model = {
            ...base,
            subject: { ...SUBJECT, ...subject },
            ...{ screen: shown.screen, help: shown.help, chooser: shown.chooser, pausedMs: shown.pausedMs },
            prompt:
              shown.prompt === null
                ? null
                : { kind: shown.kind, line: lineFrom(shown.prompt), back: 0, draft: "", completion: null },
            notice: shown.note === null ? null : { text: shown.note, failed: true, untilMs: 0 },
            strip: { ...STRIP, ...strip },
            funnel: { stages: [stage], facts: [[said.title, said.source]], warnings: said.warnings },
            flows: { ...base.flows, pin: shown.pinned ? { id: 0 } : null },
            packets: { ...base.packets, pane: shown.pane, layer: shown.layer, byte: shown.byte, scopeName: said.title },
            snapshot: snapshot({
              ...{
                packets: shown.packets,
                bytes: shown.packets,
                bitsPerSec: shown.packets,
                bpf: said.bpf,
                filter: said.filter,
              },
              flows: flowsAnswer({ rows: flows, pinned: shown.pinned ? pinned : null }),
              packetList: {
                ...PACKETS,
                rows: said.list,
                selected: {
                  number: said.list[0]?.number ?? 1,
                  layers: said.layers,
                  bytes: said.bytes,
                  wireLength: 5000,
                },
              },
              talkers: { total: 4, offset: 0, rows: said.who },
              overview: {
                ...{ ...OVERVIEW, hosts: said.who, apps: said.who, states: said.states, warnings: said.warnings },
                ...{ up: said.graph, down: said.graph },
              },
            }),
          };
          const drawn = lines(state, glyphs);
          expect(drawn).toHaveLength(rows);
          for (const line of drawn) {
            expect(line).toHaveLength(cols);
            expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Mn}]/u);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
