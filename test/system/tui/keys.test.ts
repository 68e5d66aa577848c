import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../../src/core/process.ts";
import { type Action, BINDINGS } from "../../../src/tui/keys.ts";
import type { ScreenId } from "../../../src/tui/model.ts";
import { program } from "../support.ts";
import { Wire } from "./netns.ts";
import { Tmux } from "./tmux.ts";

let wire: Wire;
let folder: string;
beforeAll(async () => {
  wire = await Wire.make();
  wire.pingOn();
  folder = mkdtempSync(join(tmpdir(), "tapscope-keys-"));
});
afterAll(async () => {
  await wire[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const tapscope = `${process.execPath} ${program} --db /nonexistent/db.sock`;
const FLOW = /icmp +10\.9\.0\.1 +10\.9\.0\.2/;

/** What a key of the table is seen to do: pressed in this order, by tmux's names. */
interface Step {
  readonly action: Action;
  readonly screen: ScreenId;
  readonly keys: readonly string[];
  readonly seen: string | RegExp;
}
const step = (screen: ScreenId, action: Action, keys: string, seen: string | RegExp): Step => ({
  ...{ screen, action, seen },
  keys: keys.split(" "),
});

const LIVE: readonly Step[] = [
  step("flows", "down", "j", FLOW),
  step("flows", "up", "k", FLOW),
  step("flows", "page-down", "PageDown", FLOW),
  step("flows", "page-up", "PageUp", FLOW),
  step("flows", "half-page-down", "C-d", FLOW),
  step("flows", "half-page-up", "C-u", FLOW),
  step("flows", "last", "G", FLOW),
  step("flows", "first", "g", FLOW),
  step("flows", "open", "Enter", "flow (Esc closes)"),
  step("flows", "back", "Escape", /^(?![\s\S]*Esc closes)/),
  step("flows", "sort-next", "s", /sort RTT ▼/),
  step("flows", "sort-previous", "<", /sort RATE ▼/),
  step("flows", "sort-reverse", "S", /sort RATE ▲/),
  step("flows", "freeze-order", "o", "order kept"),
  step("flows", "freeze-order", "o", /^(?![\s\S]*order kept)/),
  step("flows", "toggle-ended", "m", "ended hidden"),
  step("flows", "toggle-ended", "m", /^(?![\s\S]*ended hidden)/),
  step("flows", "toggle-names", "n", FLOW),
  step("flows", "columns", "c", "COLUMNS of the flow table"),
  step("flows", "columns", "c", FLOW),
  step("flows", "copy-filter", "y", "copied: ip.src == 10.9.0.1 and ip.dst == 10.9.0.2 and icmp"),
  step("flows", "copy-bpf", "Y", "copied: icmp and host 10.9.0.1 and host 10.9.0.2"),
  step("flows", "filter-replace", "=", "(1 match)"),
  step("flows", "filter-exclude", "-", "no flow matches the filter"),
  step("flows", "back", "Escape", FLOW),
  step("flows", "filter-add", "+", "(1 match)"),
  step("flows", "back", "Escape", FLOW),
  step("flows", "filter", "/", "Tab complete"),
  step("flows", "back", "Escape", FLOW),
  step("flows", "packets-of-flow", "p", "of icmp 10.9.0.1 - 10.9.0.2"),
  step("packets", "follow", "a", /^(?![\s\S]* following)/),
  step("packets", "up", "k", "echo"),
  step("packets", "next-part", "]", "[layers]"),
  step("packets", "down", "j", /> {2}Destination/),
  step("packets", "next-part", "]", "[bytes]"),
  step("packets", "right", "Right", "[bytes]"),
  step("packets", "left", "Left", "[bytes]"),
  step("packets", "previous-part", "[", "[layers]"),
  step("packets", "back", "Escape", /^(?![\s\S]*\[layers\])/),
  step("overview", "overview", "1", "TOP HOSTS"),
  step("overview", "next-part", "]", "10 s a step"),
  step("overview", "previous-part", "[", " 1 s a step"),
  step("talkers", "talkers", "4", "[host]"),
  step("talkers", "next-part", "]", "[port]"),
  step("talkers", "previous-part", "[", "[host]"),
  step("talkers", "open", "Enter", /filter host 10\.9\.0\.\d/),
  step("flows", "back", "Escape", FLOW),
  step("mirrors", "mirrors", "5", "no mirror ends at"),
  step("packets", "packets", "3", "ring"),
  step("flows", "flows", "2", FLOW),
  step("flows", "next-screen", "Tab", "[3 Packets]"),
  step("packets", "previous-screen", "BTab", "[2 Flows]"),
  step("flows", "pause", "Space", "PAUSED"),
  step("flows", "pause", "Space", "LIVE"),
  step("flows", "help", "?", "tapscope keys: flows"),
  step("flows", "help", "?", FLOW),
  step("flows", "repaint", "C-l", FLOW),
  step("flows", "save", "W", "save: flow"),
  step("flows", "save", "Enter", /\d+ packets saved to .*tapscope-flow-/),
  step("flows", "export", "e", "export: csv"),
  step("flows", "export", "Enter", /1 flows? written to .*tapscope-flows-/),
  step("flows", "record", "w", "REC"),
  step("flows", "record", "w", /\d+ packets recorded to/),
  step("flows", "capture-filter", "F", "capture filter:"),
  step("flows", "back", "Escape", FLOW),
];

const PLAYED: readonly Step[] = [
  step("flows", "faster", ".", "PLAYING 0.5x"),
  step("flows", "slower", ",", "PLAYING 0.25x"),
  step("flows", "pause", "Space", "STANDS STILL"),
  step("flows", "pause", "Space", "PLAYING"),
  step("flows", "jump", "J", "go to:"),
];

/** What the tests below press. */
const ELSEWHERE: readonly Action[] = ["suspend", "quit"];

describe("every key of the table", () => {
  it("is pressed by a test", () => {
    const pressed = new Set([...LIVE, ...PLAYED].map(({ action }) => action));
    const missing = BINDINGS.map(({ action }) => action).filter(
      (action) => !pressed.has(action) && !ELSEWHERE.includes(action),
    );
    expect(missing).toEqual([]);
  });

  it("does what the table says, on a live capture", { timeout: 240_000 }, async () => {
    await using tmux = await Tmux.open(120, 36, { XDG_CONFIG_HOME: folder });
    await tmux.type(`cd ${folder}; ${tapscope} watch ${wire.device}; echo "ended: $?"`);
    await tmux.until(FLOW);
    for (const { keys, seen } of LIVE) {
      await tmux.press(...keys);
      await tmux.until(seen);
    }
    // Another capture filter: nothing that matches comes any more, and the capture goes on.
    await tmux.press("F");
    await tmux.type("udp port 9");
    await tmux.until("the capture goes on with: udp port 9");
    await tmux.until("bpf udp port 9");
    await tmux.press("F", "C-u");
    await tmux.type("udp prt 9");
    await tmux.until("cannot use the capture filter");
    await tmux.press("q");
    await tmux.until("ended: 0");

    const files = readdirSync(folder);
    const named = (start: string): string => join(folder, files.find((file) => file.startsWith(start))!);
    expect(existsSync(join(folder, "tapscope/tui.json"))).toBe(true);
    const saved = await run(["tcpdump", "-n", "-r", named("tapscope-flow-")]);
    expect(saved.stdout).toMatch(/ICMP echo request/);
    const [first, second] = readFileSync(named("tapscope-flows-"), "utf8").split("\n");
    expect(first).toContain("id.orig_h");
    expect(second).toContain("10.9.0.1");
    const recorded = files.find((file) => /^tapscope-\d/.test(file))!;
    expect((await run(["tcpdump", "-n", "-r", join(folder, recorded)])).stdout).toMatch(/ICMP echo/);
    const info = await run([process.execPath, program, "info", "--json", named("tapscope-flow-")]);
    expect(JSON.parse(info.stdout)).toMatchObject({ status: "ok", interfaces: [{ name: wire.device, snaplen: 512 }] });
  });

  it("does what the table says, on a file that is played", { timeout: 120_000 }, async () => {
    const file = join(folder, "played.pcapng");
    const packets = join(import.meta.dirname, "../../../fixtures/pcaps/ping.pcap");
    await run(["cp", packets, file]);
    await using tmux = await Tmux.open(120, 36, { XDG_CONFIG_HOME: folder });
    await tmux.type(`${tapscope} watch ${file} --play 0.25; echo "ended: $?"`);
    await tmux.until("PLAYING 0.25x");
    for (const { keys, seen } of PLAYED) {
      await tmux.press(...keys);
      await tmux.until(seen);
    }
    await tmux.type("1h");
    await tmux.until("FILE");
    await tmux.press("q");
    await tmux.until("ended: 0");
  });
});
