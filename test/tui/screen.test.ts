import { PassThrough, Writable } from "node:stream";
import xterm from "@xterm/headless";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ViewRequest } from "../../src/capture/live/snapshot.ts";
import { App } from "../../src/tui/app.ts";
import { UNICODE } from "../../src/tui/format.ts";
import { Screen } from "../../src/tui/terminal/screen.ts";
import type { ScreenInput, ScreenOutput } from "../../src/tui/terminal/tty.ts";
import { FUNNEL, flow, flowsAnswer, STRIP, SUBJECT, snapshot } from "./fake.ts";

/** A terminal in this process: what is written to it becomes cells. */
class FakeTerminal {
  readonly input = Object.assign(new PassThrough(), { isTTY: true, isRaw: false, setRawMode: () => {} });
  readonly output: ScreenOutput;
  readonly #terminal: xterm.Terminal;
  bytes = 0;

  constructor(cols: number, rows: number) {
    this.#terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true });
    const write = (chunk: Buffer, done: () => void): void => {
      this.bytes += chunk.length;
      this.#terminal.write(chunk, done);
    };
    this.output = Object.assign(
      new Writable({ write: (chunk: Buffer, _encoding, done) => write(chunk, done), decodeStrings: true }),
      { columns: cols, rows, isTTY: true },
    );
  }

  resize(cols: number, rows: number): void {
    this.#terminal.resize(cols, rows);
    Object.assign(this.output, { columns: cols, rows });
    this.output.emit("resize");
  }

  lines(): string[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, row) => active.getLine(row)!.translateToString(true));
  }

  get alternate(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  async until(part: string): Promise<string> {
    const text = () => this.lines().join("\n");
    await expect.poll(text, { timeout: 20_000 }).toContain(part);
    return text();
  }
}

let terminal: FakeTerminal;
let app: App;
let requests: ViewRequest[];
let quit: boolean;

/** Answers each request with `flows` flows whose counts grow with every answer. */
function start(cols: number, rows: number, flows: number, text = "ssl"): void {
  terminal = new FakeTerminal(cols, rows);
  requests = [];
  quit = false;
  const screen = new Screen({
    input: terminal.input as unknown as ScreenInput,
    output: terminal.output,
    terminal: "xterm-256color",
    unicode: true,
    theme: "dark",
  });
  let answers = 0;
  app = new App({
    screen,
    subject: SUBJECT,
    glyphs: UNICODE,
    request: (request) => {
      requests.push(request);
      answers++;
      const query = request.flows!;
      const shown = Math.min(query.rows, flows - query.offset);
      const rows = Array.from({ length: shown }, (_, index) =>
        flow(query.offset + index, {
          app: text,
          origPackets: answers * 997 + index,
          rateBps: answers * 31_007 * (index + 1),
        }),
      );
      const answer = flowsAnswer({ rows, scrollable: flows, offset: query.offset });
      setImmediate(() => {
        app.show(snapshot({ seq: request.seq, flows: answer, packets: answers * 12_345 }));
        app.showMirror(STRIP, FUNNEL);
      });
    },
    perform: () => {},
    remember: () => {},
    onQuit: () => {
      quit = true;
    },
  });
}

beforeEach(() => {
  start(120, 40, 10_000);
});
afterEach(() => {
  app.close();
});

describe("the screen in a terminal", () => {
  it("draws every cell where the views put it, and follows keys and resizes", async () => {
    const text = await terminal.until("flows 1-30 of 10,000");
    expect(terminal.alternate).toBe(true);
    expect(text).toContain("10.0.3.1:51544");
    terminal.input.write("\x1b[B");
    await terminal.until("> tcp   10.0.3.2:");
    terminal.input.write("G");
    await terminal.until("flows 9,971-10,000 of 10,000");
    terminal.input.write("\r");
    await terminal.until("flow (Esc closes)");
    terminal.resize(80, 24);
    await terminal.until("─".repeat(80));
    expect(terminal.lines()).toHaveLength(24);
    terminal.resize(40, 8);
    await terminal.until("need 60x15");
    terminal.input.write("q");
    await expect.poll(() => quit).toBe(true);
    app.close();
    await expect.poll(() => terminal.alternate).toBe(false);
  });

  it("sends less than 8 KB a frame at 120x40 with every row changing", async () => {
    await terminal.until("flows 1-30 of 10,000");
    const frames = requests.length;
    const before = terminal.bytes;
    await expect.poll(() => requests.length, { timeout: 20_000 }).toBeGreaterThan(frames + 8);
    expect(terminal.bytes - before).toBeGreaterThan(0);
    expect((terminal.bytes - before) / (requests.length - frames)).toBeLessThan(8192);
  });

  it("is not taken over by what a packet says", async () => {
    app.close();
    start(120, 40, 3, "\x1b[2J\u009b31m{red-fg}\u202e");
    await terminal.until("\\x1b[");
    expect(terminal.lines()[0]).toContain("tapscope watch");
  });

  it("draws no frame behind one that the terminal has not taken", async () => {
    await terminal.until("flows 1-30 of 10,000");
    terminal.output.cork();
    const ticks = async (): Promise<number> => {
      const asked = requests.length;
      await expect.poll(() => requests.length, { timeout: 20_000 }).toBeGreaterThan(asked + 5);
      return terminal.output.writableLength;
    };
    const queued = await ticks();
    expect(queued).toBeGreaterThan(0);
    expect(await ticks()).toBe(queued);
    terminal.output.uncork();
    await expect.poll(() => terminal.output.writableLength).toBe(0);
  });
});
