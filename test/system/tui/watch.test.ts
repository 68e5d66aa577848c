import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { run } from "../../../src/core/process.ts";
import { program } from "../support.ts";
import { Wire } from "./netns.ts";
import { Tmux } from "./tmux.ts";

let wire: Wire;
const lack = process.getuid?.() === 0 ? null : "needs root: network namespaces of the host's";
beforeAll(async () => {
  if (lack !== null) return;
  wire = await Wire.make();
  wire.pingOn();
});
beforeEach(({ skip }) => skip(lack !== null, lack ?? ""));
afterAll(async () => {
  await wire?.[Symbol.asyncDispose]();
});

// A switch that is not there: labs of other tests must not make it unclear which one is meant.
const tapscope = `${process.execPath} ${program} --db /nonexistent/db.sock`;
const watchLine = (): string => `${tapscope} watch ${wire.device}; echo "ended: $?"`;

/** PIDs of the processes that work on the wire: `watch` itself (`node`) or its tcpdump. */
function workers(kind: "node" | "tcpdump"): number[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const argv = readFileSync(`/proc/${entry}/cmdline`, "latin1").split("\0");
      return argv[0]!.endsWith(kind) && argv.includes(wire.device) ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

const FLOW = /icmp +10\.9\.0\.1 +10\.9\.0\.2/;

describe("watch in a terminal", () => {
  it("shows live flows at 120x36, takes keys, follows a resize to 80x24 and to too small, and quits", async () => {
    await using tmux = await Tmux.open(120, 36);
    const settings = await tmux.settings();
    await tmux.type(watchLine());
    const wide = await tmux.until(FLOW);
    expect(wide).toHaveLength(36);
    expect(wide[0]).toMatch(new RegExp(`^ tapscope watch  ${wire.device}  LIVE 00:00:0`));
    await tmux.until("DROPS kernel 0");
    expect(wide.join("\n")).toContain("─".repeat(120));
    expect(await tmux.state()).toBe("1 0 0");

    await tmux.press("?");
    await tmux.until("tapscope keys");
    await tmux.press("Escape");
    await tmux.until(FLOW);
    await tmux.press("s");
    await tmux.until(/sort RTT ▼/);
    await tmux.press("S");
    await tmux.until(/sort RTT ▲/);
    await tmux.press("Enter");
    await tmux.until("flow (Esc closes)");
    await tmux.press("Space");
    const paused = (await tmux.until(/PAUSED 00:00:0\d/)).find((line) => line.includes("SEEN"));
    await tmux.until(/PAUSED 00:00:01/);
    expect((await tmux.screen()).find((line) => line.includes("SEEN"))).toBe(paused);
    await tmux.press("Space");
    await tmux.until("LIVE");

    await tmux.resize(80, 24);
    const narrow = await tmux.until(/─{80}\n flows 1-1 of 1/);
    expect(narrow).toHaveLength(24);
    expect(Math.max(...narrow.map((line) => line.length))).toBe(80);
    await tmux.resize(50, 10);
    await tmux.until("need 60x15, have 50x10");
    await tmux.resize(80, 24);
    await tmux.until(FLOW);

    await tmux.press("q");
    const after = (await tmux.until("ended: 0")).join("\n");
    expect(after).toMatch(/\d+ packets captured, \d+ received by filter, 0 dropped by kernel/);
    expect(await tmux.state()).toBe("0 1 0");
    expect(await tmux.settings()).toBe(settings);
    expect(workers("tcpdump")).toEqual([]);
  });

  it("shows only flows that match the filter typed at /, and says what is wrong with one", async () => {
    await using tmux = await Tmux.open(120, 36);
    await tmux.type(watchLine());
    await tmux.until(FLOW);
    await tmux.press("/");
    await tmux.until(/\/_/);
    await tmux.press("tcp.prt == 80");
    await tmux.until(/\/tcp\.prt == 80_.*col 1: unknown field/);
    // Enter does not take it: the prompt stays, or is back as soon as the filter has been judged.
    await tmux.press("Enter");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await tmux.until(/\/tcp\.prt == 80_.*col 1: unknown field/);
    await tmux.press("C-u");
    await tmux.type("sctp");
    await tmux.until("no flow matches the filter");
    const counted = (await tmux.until(/filter sctp/)).join("\n");
    expect(counted).toMatch(/SEEN +[1-9]\d* packets .* 1 flow /);
    await tmux.press("/");
    await tmux.press("C-u");
    await tmux.type("icmp and ip.addr == 10.9.0.0/24");
    await tmux.until(/flows 1-1 of 1 \(1 match\) +filter icmp and ip\.addr == 10\.9\.0\.0\/24/);
    await tmux.until(FLOW);
    await tmux.press("Escape");
    await tmux.until(/flows 1-1 of 1 {3}/);
    await tmux.press("q");
    await tmux.until("ended: 0");
  });

  for (const [signal, code] of [
    ["INT", 0],
    ["TERM", 143],
    ["HUP", 129],
    ["QUIT", 131],
  ] as const) {
    it(`gives the terminal back on SIG${signal} and exits with ${code}`, async () => {
      await using tmux = await Tmux.open(80, 24);
      const settings = await tmux.settings();
      await tmux.type(watchLine());
      await tmux.until(FLOW);
      const [pid] = workers("node");
      process.kill(pid!, `SIG${signal}`);
      await tmux.until(`ended: ${code}`);
      expect(await tmux.state()).toBe("0 1 0");
      expect(await tmux.settings()).toBe(settings);
      expect(workers("tcpdump")).toEqual([]);
    });
  }

  it("follows a resize on every screen, and gives the terminal back on Ctrl-C from each", {
    timeout: 180_000,
  }, async () => {
    await using tmux = await Tmux.open(120, 36);
    const settings = await tmux.settings();
    for (const screen of ["1 Overview", "2 Flows", "3 Packets", "4 Talkers", "5 Mirrors"]) {
      await tmux.type(`clear; ${watchLine()}`);
      await tmux.until("LIVE");
      await tmux.press(screen[0]!);
      await tmux.until(`[${screen}]`);
      await tmux.resize(60, 15);
      const small = await tmux.until(/─{60}\n.*\n.*q quit/);
      expect(Math.max(...small.map((line) => line.length))).toBeLessThanOrEqual(60);
      await tmux.resize(120, 36);
      await tmux.until(new RegExp(`\\[${screen}\\][^]*─{120}`));
      await tmux.press("C-c");
      await tmux.until("ended: 0");
      expect(await tmux.state()).toBe("0 1 0");
      expect(await tmux.settings()).toBe(settings);
    }
    expect(workers("tcpdump")).toEqual([]);
  });

  it("is suspended by Ctrl-Z with the terminal given back, and comes back with fg", async () => {
    await using tmux = await Tmux.open(80, 24);
    const settings = await tmux.settings();
    await tmux.type("set -m");
    await tmux.type(`${tapscope} watch ${wire.device}`);
    for (let round = 0; round < 2; round++) {
      await tmux.until(FLOW);
      await tmux.press("C-z");
      await tmux.until(/Stopped/);
      expect(await tmux.state()).toBe("0 1 0");
      expect(await tmux.settings()).toBe(settings);
      await tmux.type("clear; fg");
    }
    await tmux.until(FLOW);
    expect(await tmux.state()).toBe("1 0 0");
    await tmux.press("?");
    await tmux.until("tapscope keys");
    await tmux.press("q");
    await tmux.until("packets captured");
    expect(await tmux.settings()).toBe(settings);
  });

  it("leaves no child behind after kill -9", async () => {
    await using tmux = await Tmux.open(80, 24);
    await tmux.type(watchLine());
    await tmux.until(FLOW);
    expect(workers("tcpdump")).toHaveLength(1);
    process.kill(workers("node")[0]!, "SIGKILL");
    await expect.poll(() => workers("tcpdump"), { timeout: 10_000 }).toEqual([]);
  });

  it("draws with ASCII where the locale is not UTF-8, and without colour on request", async () => {
    await using tmux = await Tmux.open(80, 24, { LC_ALL: "C" });
    await tmux.type(`NO_COLOR=1 ${tapscope} watch ${wire.device}`);
    const lines = await tmux.until(FLOW);
    expect(lines.join("")).toMatch(/^[ -~]*$/);
    expect(lines.join("\n")).toContain("-".repeat(80));
    await tmux.press("q");
    await tmux.until("packets captured");
  });

  it("prints text where the terminal cannot do more", async () => {
    await using tmux = await Tmux.open(120, 36);
    await tmux.type(`TERM=dumb ${tapscope} watch ${wire.device} --interval 500ms --duration 2s; echo "ended: $?"`);
    const text = (await tmux.until("ended: 0")).join("\n");
    expect(text).toContain("no terminal UI here (TERM is dumb)");
    expect(text).toContain("summary:");
  });

  it("takes keys from the terminal when standard input is a pipe", async () => {
    await using tmux = await Tmux.open(80, 24);
    const settings = await tmux.settings();
    await tmux.type(`true | ${watchLine()}`);
    await tmux.until(FLOW);
    await tmux.press("q");
    await tmux.until("ended: 0");
    expect(await tmux.settings()).toBe(settings);
  });

  it("shows a device that goes away as ended, and stays until q", async () => {
    await using gone = await Wire.make();
    gone.pingOn();
    await using tmux = await Tmux.open(120, 36);
    await tmux.type(`${tapscope} watch ${gone.device}; echo "ended: $?"`);
    await tmux.until(FLOW);
    await run(["ip", "-n", gone.near, "link", "delete", gone.device]);
    await tmux.until("ENDED");
    await tmux.press("q");
    await tmux.until(/capture ended: .*\n(.*\n)*.*ended: 1/);
  });
});
