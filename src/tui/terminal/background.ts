/** Whether the terminal's background is light: asked by OSC 11 (xterm's control sequences) before anything else takes the terminal. */
import { Transform, type TransformCallback } from "node:stream";
import type { ScreenInput, ScreenOutput } from "./tty.ts";

export type Background = "dark" | "light";

/** A terminal that is not asked over a network answers within a few milliseconds. */
const PATIENCE_MS = 100;
/** The colour, then the device attributes: every terminal answers those, so that one that knows no colours is not waited for. */
const QUESTION = "\x1b]11;?\x1b\\\x1b[c";
const COLOR = /\x1b\]11;rgba?:([0-9a-f]{1,4})\/([0-9a-f]{1,4})\/([0-9a-f]{1,4})/i;
const ATTRIBUTES = /\x1b\[\?[\d;]*c/;
/** An answer that has not ended after so many characters is none. */
const LONGEST = 256;

/** Asks; null where the terminal does not say. What else was typed meanwhile is lost to nobody: `keys` hands it on. */
export async function askBackground(keys: KeyInput, output: ScreenOutput): Promise<Background | null> {
  return await new Promise((resolve) => {
    const done = (answer: Background | null): void => {
      clearTimeout(timer);
      keys.onReport = null;
      resolve(answer);
    };
    const timer = setTimeout(() => done(null), PATIENCE_MS);
    let said = "";
    keys.onReport = (report) => {
      said += report;
      const color = COLOR.exec(said);
      if (color) done(backgroundOf(color.slice(1, 4)));
      else if (ATTRIBUTES.test(said)) done(null);
    };
    output.write(QUESTION);
  });
}

/** From hexadecimal red, green and blue of one to four digits each: light when its luminance (ITU-R BT.709) is above the middle. */
export function backgroundOf(parts: readonly string[]): Background {
  const [red, green, blue] = parts.map((part) => Number.parseInt(part, 16) / (16 ** part.length - 1));
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue! > 0.5 ? "light" : "dark";
}

/** Keys from a terminal, without its reports: an answer that comes late must not be taken for keys. */
export class KeyInput extends Transform implements ScreenInput {
  readonly isTTY = true;
  isRaw = false;
  onReport: ((report: string) => void) | null = null;
  readonly #terminal: ScreenInput;
  #report = "";

  constructor(terminal: ScreenInput) {
    super();
    this.#terminal = terminal;
    terminal.pipe(this);
  }

  setRawMode(mode: boolean): this {
    this.isRaw = mode;
    this.#terminal.setRawMode?.(mode);
    return this;
  }

  /** Lets go of the terminal; it no longer keeps the process alive. */
  release(): void {
    this.#terminal.unpipe(this);
    this.#terminal.pause();
    if (this.#terminal !== process.stdin) this.#terminal.destroy?.();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    let text = this.#report + chunk.toString("latin1");
    this.#report = "";
    let keys = "";
    for (;;) {
      const at = text.search(/\x1b\]|\x1b\[\?/);
      if (at < 0) break;
      keys += text.slice(0, at);
      text = text.slice(at);
      const end = (text[1] === "]" ? /\x07|\x1b\\/ : /[a-z]/i).exec(text);
      if (!end) {
        if (text.length < LONGEST) this.#report = text;
        text = "";
        break;
      }
      const length = end.index + end[0].length;
      this.onReport?.(text.slice(0, length));
      text = text.slice(length);
    }
    keys += text;
    callback(null, keys === "" ? undefined : Buffer.from(keys, "latin1"));
  }
}
