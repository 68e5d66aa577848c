import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import type { Style } from "../../src/tui/styled.ts";
import { askBackground, backgroundOf, KeyInput } from "../../src/tui/terminal/background.ts";
import { THEMES } from "../../src/tui/terminal/theme.ts";
import type { ScreenInput, ScreenOutput } from "../../src/tui/terminal/tty.ts";

let tty: PassThrough;
let keys: KeyInput;
let typed: string;

/** A terminal that answers what it is asked with these pieces, one after another. */
function terminal(...answers: string[]): ScreenOutput {
  tty = new PassThrough();
  keys = new KeyInput(tty as unknown as ScreenInput);
  typed = "";
  keys.on("data", (chunk: Buffer) => {
    typed += chunk.toString("latin1");
  });
  const output = new PassThrough();
  output.once("data", () => {
    for (const answer of answers) tty.write(Buffer.from(answer, "latin1"));
  });
  return output as unknown as ScreenOutput;
}
afterEach(() => keys.release());

async function asked(...answers: string[]): Promise<"dark" | "light" | null> {
  const output = terminal(...answers);
  return await askBackground(keys, output);
}

describe("the question for the background", () => {
  it("is answered by the colour, however it ends and in whatever pieces it comes", async () => {
    expect(await asked("\x1b]11;rgb:ffff/ffff/f0f0\x07")).toBe("light");
    expect(await asked("\x1b]11;rgb:1c1c/1c1c/1c1c\x1b\\")).toBe("dark");
    expect(await asked("\x1b]11;rg", "b:ff/ff/ff\x1b", "\\\x1b[?62;c")).toBe("light");
    expect(typed).toBe("");
  });

  it("is given up at once where the terminal answers only what it is", async () => {
    expect(await asked("\x1b[?1;2c")).toBeNull();
    expect(typed).toBe("");
  });

  it("is given up after a while where it answers nothing, and a late answer is no key", async () => {
    expect(await asked()).toBeNull();
    tty.write("q\x1b]11;rgb:ffff/ffff/ffff\x07j\x1b[?1;2ck");
    await expect.poll(() => typed).toBe("qjk");
  });

  it("leaves keys alone: Escape by itself, arrows, and what is not of ASCII", async () => {
    terminal();
    for (const chunk of ["\x1b", "\x1b[A", "\x1bOP", "ü"]) tty.write(Buffer.from(chunk, "utf8"));
    await expect.poll(() => Buffer.from(typed, "latin1").toString("utf8")).toBe("\x1b\x1b[A\x1bOPü");
  });

  it("does not wait for the end of what never ends", async () => {
    terminal();
    tty.write(`\x1b]11;${"x".repeat(300)}`);
    tty.write("q");
    await expect.poll(() => typed).toBe("q");
  });

  it("judges colours of one to four digits by how bright they are", () => {
    expect(backgroundOf(["f", "f", "f"])).toBe("light");
    expect(backgroundOf(["0000", "0000", "8000"])).toBe("dark");
    expect(backgroundOf(["00", "ff", "00"])).toBe("light");
  });
});

/** xterm's colours. */
const COLORS: Readonly<Record<string, readonly [number, number, number]>> = {
  31: [205, 0, 0],
  32: [0, 205, 0],
  33: [205, 205, 0],
  34: [0, 0, 238],
  35: [205, 0, 205],
  36: [0, 205, 205],
  90: [127, 127, 127],
};

/** WCAG 2 contrast of two colours. */
function contrast(a: readonly number[], b: readonly number[]): number {
  const luminance = (color: readonly number[]): number => {
    const [red, green, blue] = color.map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}

describe("the colours", () => {
  it("can be read on their backgrounds", () => {
    for (const [name, paper] of [
      ["dark", [0, 0, 0]],
      ["light", [255, 255, 255]],
    ] as const) {
      for (const [style, look] of Object.entries(THEMES[name]) as [Style, string][]) {
        const color = look.split(";").find((code) => code in COLORS);
        if (color) expect(contrast(COLORS[color]!, paper), `${name} ${style}`).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it("tell heading and selection apart without any", () => {
    for (const theme of Object.values(THEMES))
      expect(new Set([theme.heading, theme.selected, theme.plain]).size).toBe(3);
  });
});
