/** Takes hold of the user's terminal for the terminal UI, as the environment and the terminal itself say it is. */
import type { Glyphs } from "../format.ts";
import { askBackground, type Background, KeyInput } from "./background.ts";
import { glyphsOf, hasColor, terminalName } from "./environment.ts";
import { holdStderr } from "./hold-stderr.ts";
import { Screen } from "./screen.ts";
import { openInput, TtyOutput } from "./tty.ts";

/** How long a terminal that has stopped reading is waited for at the end, milliseconds. */
const PATIENCE_MS = 1000;

export interface TerminalChoice {
  /** As the user wants it; a terminal without colours gets none. */
  readonly color: boolean;
  /** Undefined: the terminal is asked. */
  readonly background: Background | undefined;
}

export interface OpenScreen {
  readonly screen: Screen;
  readonly glyphs: Glyphs;
  /**
   * After the screen was closed: waits until the terminal has taken all, and lets standard error speak again.
   * @returns false when the terminal has stopped reading: then this process cannot end by itself
   */
  readonly close: () => Promise<boolean>;
}

export async function openScreen({ color, background }: TerminalChoice): Promise<OpenScreen> {
  const { env } = process;
  const glyphs = glyphsOf(env);
  const input = new KeyInput(openInput());
  const output = new TtyOutput();
  const inColor = color && hasColor(env);
  const found = inColor && background === undefined ? await inRawMode(input, () => askBackground(input, output)) : null;
  const letGo = holdStderr();
  const screen = new Screen({
    input,
    output,
    terminal: terminalName(env),
    unicode: !glyphs.ascii,
    theme: inColor ? (background ?? found ?? "dark") : "mono",
  });
  const lastWords = (): void => output.writeNow();
  process.prependListener("exit", lastWords);
  const close = async (): Promise<boolean> => {
    const deadline = Date.now() + PATIENCE_MS;
    while (output.writableLength > 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 5));
    const taken = output.writableLength === 0;
    process.off("exit", lastWords);
    output.destroy();
    input.release();
    letGo();
    return taken;
  };
  return { screen, glyphs, close };
}

/** The answer must neither be echoed nor wait for Enter. */
async function inRawMode<T>(input: KeyInput, work: () => Promise<T>): Promise<T> {
  const restore = (): void => void input.setRawMode(false);
  input.setRawMode(true);
  process.once("exit", restore);
  try {
    return await work();
  } finally {
    process.off("exit", restore);
    input.setRawMode(false);
  }
}
