/**
 * The terminal: full screen, raw keys, and everything put back on every way out. blessed does the drawing (it sends what has
 * changed since the last frame); one box that is as large as the screen is painted from text.
 */
import blessed from "blessed";
import type { Size } from "../model.ts";
import type { Line } from "../styled.ts";
import { paint, type ThemeName } from "./theme.ts";
import type { ScreenInput, ScreenOutput } from "./tty.ts";

export interface ScreenOptions {
  readonly input: ScreenInput;
  readonly output: ScreenOutput;
  /** A name from `terminalName()`. */
  readonly terminal: string;
  readonly unicode: boolean;
  readonly theme: ThemeName;
}

/** What blessed has but its type declarations have not. */
interface ScreenInternals {
  readonly tput: { brokenACS: boolean };
  readonly program: { flush(): void; readonly isAlt: boolean };
  enter(): void;
  leave(): void;
  realloc(): void;
}

/** One character that is no control character. */
const PRINTABLE = /^[^\p{C}]$/u;

export class Screen {
  readonly #options: ScreenOptions;
  readonly #screen: blessed.Widgets.Screen & ScreenInternals;
  readonly #box: blessed.Widgets.BoxElement;
  #closed = false;
  readonly #atExit = (): void => this.close();

  constructor(options: ScreenOptions) {
    this.#options = options;
    const { input, output, terminal, unicode } = options;
    this.#screen = blessed.screen({
      input: input as never,
      output: output as never,
      terminal,
      forceUnicode: unicode,
      fullUnicode: false,
      smartCSR: false,
      fastCSR: false,
    }) as blessed.Widgets.Screen & ScreenInternals;
    // Lines are drawn with their own characters, not with the alternate character set.
    this.#screen.tput.brokenACS = true;
    this.#box = blessed.box({
      parent: this.#screen,
      top: 0,
      left: 0,
      width: "100%",
      height: "100%",
      tags: false,
      wrap: false,
    } as never);
    process.prependListener("exit", this.#atExit);
  }

  get size(): Size {
    return { cols: this.#options.output.columns, rows: this.#options.output.rows };
  }

  /** The last frame has not been taken by the terminal yet: another one would only queue up behind it. */
  get busy(): boolean {
    return this.#options.output.writableLength > 0;
  }

  /** Each key by its name (`j`, `S-g`, `C-d`, `pagedown`), with the printable text it stands for, where it does. */
  onKey(listener: (key: string, text: string | undefined) => void): void {
    this.#screen.on("keypress", (ch: string | undefined, key: { full?: string } | undefined) => {
      const name = key?.full ?? ch;
      if (name !== undefined) listener(name, ch !== undefined && PRINTABLE.test(ch) ? ch : undefined);
    });
  }

  onResize(listener: (size: Size) => void): void {
    this.#screen.program.on("resize", () => listener(this.size));
  }

  draw(lines: readonly Line[]): void {
    this.#box.setContent(paint(lines, this.#options.theme));
    this.#screen.render();
  }

  /** Draws everything anew, whatever the terminal shows now. */
  repaint(): void {
    this.#screen.realloc();
    this.#screen.render();
  }

  /** Puts text into the clipboard, where the terminal lets programs do so (OSC 52). */
  copy(text: string): void {
    this.#options.output.write(`\x1b]52;c;${Buffer.from(text).toString("base64")}\x07`);
  }

  /** Gives the terminal back as it was, until `resume()`. */
  leave(): void {
    this.#screen.leave();
    this.#screen.program.flush();
    this.#options.input.setRawMode?.(false);
  }

  resume(): void {
    this.#options.input.setRawMode?.(true);
    this.#options.input.resume();
    this.#screen.enter();
    this.repaint();
  }

  /** Gives the terminal back for good. What is written to it afterwards comes after that. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    process.off("exit", this.#atExit);
    this.#screen.destroy();
  }
}
