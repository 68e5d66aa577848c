/**
 * The pictures in README and guide: scripted captures, drawn by the real screen into a terminal, its cells as SVG. Made anew by
 * `npm run pictures`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import xterm from "@xterm/headless";
import { describe, expect, it } from "vitest";
import type { FlowRow } from "../../src/capture/live/snapshot.ts";
import { UNICODE } from "../../src/tui/format.ts";
import type { Model, ScreenId } from "../../src/tui/model.ts";
import { Screen } from "../../src/tui/terminal/screen.ts";
import type { ScreenInput, ScreenOutput } from "../../src/tui/terminal/tty.ts";
import { update } from "../../src/tui/update.ts";
import { render } from "../../src/tui/views/frame.ts";
import { DETAIL, flow, flowsAnswer, model, OVERVIEW, PACKETS, STRIP, snapshot, talker } from "../tui/fake.ts";
import { terminalSvg } from "../tui/terminal-svg.ts";

const COLS = 120;
const ROWS = 30;

const wave = (peak: number, phase: number): number[] =>
  Array.from({ length: 60 }, (_, second) => peak * (0.6 + 0.4 * Math.sin((second + phase) / 4)));

/** A lab's traffic of every kind. */
const FLOWS: readonly FlowRow[] = [
  flow(0, {
    origAddress: "10.0.3.17",
    respPort: 5001,
    app: "",
    serverName: "",
    rateBps: 38.1e6,
    trend: wave(38e6, 0),
    rttMs: 0.12,
  }),
  flow(1, {
    origAddress: "10.0.3.22",
    proto: "udp",
    app: "quic",
    serverName: "video.example.test",
    origPackets: 90_011,
    respPackets: 4002,
    origBytes: 4e5,
    respBytes: 98.3e6,
    rateBps: 11e6,
    trend: wave(11e6, 9),
    state: "SF",
    rttMs: null,
    rttKind: null,
    retransmits: null,
    durationMs: 243_000,
  }),
  flow(2, {
    origAddress: "10.0.3.9",
    respAddress: "10.0.7.30",
    respPort: 5432,
    app: "postgresql",
    serverName: "",
    learnedName: "db.example.test",
    origPackets: 21_000,
    respPackets: 23_902,
    origBytes: 3e6,
    respBytes: 28e6,
    rateBps: 2.4e6,
    trend: wave(2.4e6, 20),
    rttMs: 0.08,
    durationMs: 700_000,
    retransmits: 12,
  }),
  flow(3, {
    origAddress: "2001:db8::5",
    respAddress: "2001:db8::4a1f",
    respPort: 22,
    app: "ssh",
    serverName: "",
    origPackets: 1200,
    respPackets: 1110,
    origBytes: 9e5,
    respBytes: 1e6,
    rateBps: 120e3,
    trend: wave(120e3, 2),
    rttMs: 1.4,
    durationMs: 1_927_000,
  }),
  flow(4, {
    origAddress: "10.0.3.50",
    respAddress: "10.0.8.8",
    respPort: 8080,
    app: "",
    serverName: "",
    state: "S0",
    origPackets: 6,
    respPackets: 0,
    origBytes: 360,
    respBytes: 0,
    rateBps: 320,
    trend: [0, 480, 0, 240],
    rttMs: null,
    rttKind: null,
    durationMs: 9000,
  }),
  flow(5, {
    origAddress: "10.0.3.50",
    respAddress: "10.0.8.9",
    respPort: 23,
    app: "telnet",
    appGuessed: true,
    serverName: "",
    state: "REJ",
    origPackets: 1,
    respPackets: 1,
    origBytes: 60,
    respBytes: 40,
    rateBps: 0,
    trend: [],
    rttMs: 0.2,
    durationMs: 1,
  }),
  flow(6, {
    origAddress: "10.0.3.17",
    proto: "udp",
    respAddress: "10.0.0.53",
    respPort: 53,
    app: "dns",
    serverName: "api.example.test",
    state: "SF",
    origPackets: 1,
    respPackets: 1,
    origBytes: 62,
    respBytes: 78,
    rateBps: 0,
    trend: [],
    rttMs: 0.39,
    rttKind: "dns",
    retransmits: null,
    durationMs: 0.386,
  }),
  flow(7, {
    origAddress: "10.0.0.1",
    proto: "icmp",
    origPort: null,
    respAddress: "10.0.3.17",
    respPort: null,
    app: "",
    serverName: "",
    state: "OTH",
    origPackets: 29,
    respPackets: 29,
    origBytes: 2436,
    respBytes: 2436,
    rateBps: 784,
    trend: wave(784, 0),
    rttMs: 0.023,
    rttKind: "echo",
    retransmits: null,
    durationMs: 58_000,
  }),
  flow(8, {
    origAddress: "10.0.3.31",
    app: "ssl",
    serverName: "updates.example.test",
    state: "SF",
    ended: true,
    origPackets: 42,
    respPackets: 61,
    origBytes: 5200,
    respBytes: 61_000,
    rateBps: 0,
    trend: [],
    rttMs: 0.6,
    durationMs: 1200,
  }),
];

const LIVE = {
  ...{ verdict: "OK" as const, lost: 0 },
  compared: { mirrored: 1_204_118, captured: 1_207_031, ageMs: 3000 },
};
const CALM = snapshot({ drops: { received: 1_207_031, kernel: 0, interface: 0 }, packets: 1_207_031, malformed: 0 });

const SCENES: Record<string, Model> = {
  flows: scene("flows", { flows: flowsAnswer({ rows: FLOWS, scrollable: 412 }), held: 412 }),
  detail: scene(
    "flows",
    {
      flows: flowsAnswer({
        rows: FLOWS,
        scrollable: 412,
        pinned: { row: FLOWS[2]!, detail: { ...DETAIL, tunnel: "", fragments: 0 } },
      }),
      held: 412,
    },
    (state) => ({
      ...state,
      flows: { ...state.flows, line: 2, pin: { id: 2 } },
    }),
  ),
  overview: scene("overview", {
    flows: null,
    held: 503,
    overview: {
      ...OVERVIEW,
      up: [0, 1, 2, 3, 4].flatMap((phase) => wave(24e6, phase * 7)),
      down: [0, 1, 2, 3, 4].flatMap((phase) => wave(38e6, phase * 11)),
      hosts: [
        talker("10.0.3.17", 0.71),
        talker("10.0.3.22", 0.21),
        talker("10.0.3.9", 0.06),
        talker("2001:db8::5", 0.02),
      ],
      apps: [
        talker("(unknown)", 0.71),
        talker("quic", 0.21),
        talker("postgresql", 0.05),
        talker("ssh", 0.02),
        talker("dns", 0.01),
      ],
      warnings: ["1 host(s) tried 50 or more connections in vain: a scan?"],
    },
  }),
  packets: scene("packets", { flows: null, held: 412, packetList: PACKETS }, (state) => ({
    ...state,
    packets: { ...state.packets, pane: "layers", field: 1 },
  })),
  mirrors: scene(
    "mirrors",
    { flows: null, held: 412, drops: { received: 1_204_118, kernel: 87, interface: 0 } },
    (state) => ({ ...state, strip: STRIP }),
  ),
};

function scene(screen: ScreenId, over: Parameters<typeof snapshot>[0], change = (state: Model): Model => state): Model {
  const state = { ...model(COLS, ROWS), screen, strip: { ...STRIP, ...LIVE } };
  return change(update(state, { type: "snapshot", snapshot: { ...CALM, ...snapshot({ ...CALM, ...over }) } }).model);
}

/** The cells of a terminal on which a model was drawn. */
async function pictureOf(state: Model, title: string): Promise<string> {
  const terminal = new xterm.Terminal({ cols: COLS, rows: ROWS, allowProposedApi: true });
  const output: ScreenOutput = Object.assign(
    new Writable({ write: (chunk: Buffer, _encoding, done) => terminal.write(chunk, done), decodeStrings: true }),
    { columns: COLS, rows: ROWS, isTTY: true },
  );
  const input = Object.assign(new PassThrough(), { isTTY: true, isRaw: false, setRawMode: () => {} });
  const screen = new Screen({
    ...{ input: input as unknown as ScreenInput, output, terminal: "xterm-256color", unicode: true, theme: "dark" },
  });
  screen.draw(render(state, UNICODE));
  const shown = (line: number): string => terminal.buffer.active.getLine(line)!.translateToString(true);
  // The last line is drawn last.
  await expect.poll(() => shown(0) + shown(ROWS - 1), { timeout: 20_000 }).toMatch(/tapscope.*q quit/);
  const svg = terminalSvg(terminal, title);
  screen.close();
  return svg;
}

describe("the pictures in the docs", () => {
  for (const [name, state] of Object.entries(SCENES)) {
    it(`show the ${name} screen as it is drawn now`, async () => {
      const svg = await pictureOf(state, `tapscope watch: ${name}`);
      expect(svg).not.toMatch(/href|@import|url\(/);
      await expect(svg).toMatchFileSnapshot(`../../docs/pictures/${name}.svg`);
    });
  }

  it("are all shown somewhere", () => {
    const docs = ["README.md", "docs/guide/watch.md"]
      .map((file) => readFileSync(join(import.meta.dirname, "../..", file), "utf8"))
      .join("");
    for (const name of Object.keys(SCENES)) expect(docs).toContain(`pictures/${name}.svg`);
  });
});
