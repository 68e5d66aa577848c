/** Takes hold of the user's terminal for the terminal UI, as the environment says it is. */
import type { Glyphs } from "../format.ts";
import { glyphsOf, hasColor, terminalName } from "./environment.ts";
import { holdStderr } from "./hold-stderr.ts";
import { Screen } from "./screen.ts";
import { openInput, TtyOutput } from "./tty.ts";

/** How long a terminal that has stopped reading is waited for at the end, milliseconds. */
const PATIENCE_MS = 1000;

export interface OpenScreen {
  readonly screen: Screen;
  readonly glyphs: Glyphs;
  /**
   * After the screen was closed: waits until the terminal has taken all, and lets standard error speak again.
   * @returns false when the terminal has stopped reading: then this process cannot end by itself
   */
  readonly close: () => Promise<boolean>;
}

/** @param color as the user wants it; a terminal without colours gets none. */
export function openScreen(color: boolean): OpenScreen {
  const { env } = process;
  const glyphs = glyphsOf(env);
  const input = openInput();
  const output = new TtyOutput();
  const letGo = holdStderr();
  const screen = new Screen({
    input,
    output,
    terminal: terminalName(env),
    unicode: !glyphs.ascii,
    color: color && hasColor(env),
  });
  const lastWords = (): void => output.writeNow();
  process.prependListener("exit", lastWords);
  const close = async (): Promise<boolean> => {
    const deadline = Date.now() + PATIENCE_MS;
    while (output.writableLength > 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 5));
    const taken = output.writableLength === 0;
    process.off("exit", lastWords);
    output.destroy();
    if (input !== process.stdin) input.destroy?.();
    letGo();
    return taken;
  };
  return { screen, glyphs, close };
}
