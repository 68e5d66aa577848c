import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { flowFilter } from "../../src/capture/filter/display-rows.ts";
import { Frame } from "../../src/capture/frame.ts";
import { Player } from "../../src/capture/live/player.ts";
import { openMeter } from "../../src/capture/meter.ts";
import { combine, filterLike, filterOf } from "../../src/tui/filters.ts";
import { ASCII, latency, shortDuration, UNICODE } from "../../src/tui/format.ts";
import { mirroredGraph } from "../../src/tui/graph.ts";
import { historyInWords, stateInWords } from "../../src/tui/history-words.ts";
import { preferencesPath, readPreferences, writePreferences } from "../../src/tui/preferences.ts";
import { ROWS } from "./fake.ts";

const folder = mkdtempSync(join(tmpdir(), "tapscope-tui-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the graph around an axis", () => {
  it("grows upwards and downwards on one scale, the newest step on the right", () => {
    const { above, below, top } = mirroredGraph([0, 0, 0, 8], [0, 0, 4, 0], 2, 1, UNICODE);
    expect(top).toBe(8);
    expect(above).toEqual([" ⢸"]);
    // Half of it, hanging from the axis.
    expect(below).toEqual([" ⠃"]);
    expect(mirroredGraph([1, 4], [0, 0], 4, 4, ASCII).above).toEqual(["   #", "   #", "   #", "  ##"]);
    expect(mirroredGraph([], [], 3, 1, UNICODE)).toMatchObject({ above: ["   "], below: ["   "], top: 0 });
  });
});

describe("short forms of time", () => {
  it("fit their cells and keep what matters", () => {
    expect([0, 0.015, 0.386, 15, 999, 4200, 9000, 65_000, 3.6e6, 9e8].map(shortDuration)).toEqual([
      "0s",
      "15us",
      "386us",
      "15ms",
      "999ms",
      "4.2s",
      "9.0s",
      "1m05s",
      "1h00m",
      "10d",
    ]);
    for (const ms of [0.001, 0.0999, 0.41, 9.999, 12.34, 99.99, 123, 999.9, 1500, 99_999, 1e7]) {
      expect(latency(ms).length).toBeLessThanOrEqual(6);
    }
  });
});

describe("history and state in words", () => {
  it("say who did what", () => {
    expect(historyInWords("^ShADadFfR")).toBe(
      "roles swapped, SYN, SYN-ACK back, ACK, data, ACK back, data back, FIN, FIN back, RST",
    );
    expect(stateInWords("REJ", "tcp")).toBe("refused");
    expect(stateInWords("S0", "udp")).toBe("never answered");
  });
});

describe("filters made of a line", () => {
  it("are filters, for every kind of flow", () => {
    const { table } = openMeter();
    for (const row of ROWS) {
      for (const filter of [filterLike(row), filterOf(row), combine(filterOf(row), filterLike(row), true)]) {
        expect(() => flowFilter(filter, table), filter).not.toThrow();
      }
    }
    for (const proto of ["igmp", "ip-99", "udplite", "dccp", "sctp", "icmp6"]) {
      expect(() => flowFilter(filterLike({ ...ROWS[0]!, proto }), table), proto).not.toThrow();
    }
  });
});

describe("what is remembered", () => {
  it("lies in the XDG folder, and is left alone when it makes no sense", () => {
    const path = preferencesPath({ XDG_CONFIG_HOME: folder });
    expect(path).toBe(join(folder, "tapscope/tui.json"));
    expect(preferencesPath({ XDG_CONFIG_HOME: "relative" })).not.toContain("relative");
    expect(readPreferences(path)).toBeUndefined();
    writePreferences(path, ["resp", "orig"]);
    expect(readPreferences(path)).toEqual({ columns: ["orig", "resp"] });
    for (const text of ["{", "[]", '{"columns":5}', '{"columns":["nothing"]}', "null"]) {
      writeFileSync(path, text);
      expect(readPreferences(path), text).toBeUndefined();
    }
    expect(() => writePreferences(join(path, "below-a-file", "tui.json"), ["orig"])).not.toThrow();
  });
});

describe("playing a file", () => {
  const packet = (sec: number): Frame =>
    Object.assign(new Frame(), { data: new Uint8Array(60), caplen: 60, origLen: 60, sec, linktype: 1 });

  it("hands packets on when their time has come, stands still, goes faster, and jumps", async () => {
    let now = 0;
    const seen: number[] = [];
    const player = new Player(
      (frame) => seen.push(frame.sec),
      2,
      () => now,
    );
    for (let sec = 1000; sec < 1100; sec++) player.add(packet(sec));
    player.step();
    expect(seen).toEqual([1000]);
    now = 2000;
    player.step();
    expect(seen.at(-1)).toBe(1004);
    player.set({ paused: true });
    now = 60_000;
    player.step();
    expect(seen.at(-1)).toBe(1004);
    player.set({ paused: false, speed: 10 });
    now = 61_000;
    player.step();
    expect(seen.at(-1)).toBe(1014);
    player.jump(50);
    expect(seen.at(-1)).toBe(1050);
    const ended = player.end();
    player.jump(1000);
    await ended;
    expect(seen).toHaveLength(100);
  });

  it("holds the reader back while enough is read ahead", async () => {
    const player = new Player(
      () => {},
      1,
      () => 0,
    );
    const big = Object.assign(packet(1000), { data: new Uint8Array(60_000), caplen: 60_000 });
    expect(player.pause()).toBeUndefined();
    for (let n = 0; n < 100; n++) player.add(Object.assign(big, { sec: 1001 + n }));
    const held = player.pause();
    expect(held).toBeInstanceOf(Promise);
    player.jump(1000);
    await held;
    player.close();
  });
});
