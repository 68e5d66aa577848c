/** A real terminal to drive: a tmux server of the test's own, keys typed into it, its screen read. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../../src/core/process.ts";
import { EVERY_CODE } from "../support.ts";

const LIMIT_MS = 30_000;

export class Tmux implements AsyncDisposable {
  /** With the server's socket, which tmux leaves behind. */
  readonly #folder = mkdtempSync(join(tmpdir(), "tapscope-tmux-"));
  readonly #env: Readonly<Record<string, string>>;

  private constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** A terminal of that size with a shell in it. */
  static async open(cols: number, rows: number, env: Readonly<Record<string, string>> = {}): Promise<Tmux> {
    const tmux = new Tmux({ LC_ALL: "C.UTF-8", PS1: "$ ", TMUX: "", ...env });
    await tmux.#run("-f", "/dev/null", "new-session", "-d", "-x", String(cols), "-y", String(rows), "sh");
    await tmux.#run("set", "-g", "remain-on-exit", "on");
    return tmux;
  }

  async #run(...args: string[]): Promise<string> {
    const { stdout } = await run(["tmux", "-S", join(this.#folder, "socket"), ...args], {
      env: this.#env,
      okCodes: EVERY_CODE,
    });
    return stdout;
  }

  /** Types a line and Enter. */
  async type(line: string): Promise<void> {
    await this.#run("send-keys", "-l", line);
    await this.#run("send-keys", "Enter");
  }

  /** Presses keys by tmux's names. */
  async press(...keys: string[]): Promise<void> {
    await this.#run("send-keys", ...keys);
  }

  async resize(cols: number, rows: number): Promise<void> {
    await this.#run("resize-window", "-x", String(cols), "-y", String(rows));
  }

  async screen(): Promise<string[]> {
    return (await this.#run("capture-pane", "-p")).replace(/\n$/, "").split("\n");
  }

  /** The screen once it holds `part`. */
  async until(part: string | RegExp): Promise<string[]> {
    const deadline = performance.now() + LIMIT_MS;
    for (;;) {
      const lines = await this.screen();
      const text = lines.join("\n");
      if (typeof part === "string" ? text.includes(part) : part.test(text)) return lines;
      if (performance.now() > deadline) throw new Error(`'${part}' did not appear; the screen is:\n${text}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** `<alternate screen> <cursor shown> <mouse reporting>`: `0 1 0` when nobody holds the terminal. */
  async state(): Promise<string> {
    return (await this.#run("display", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}")).trim();
  }

  /** The terminal's settings, without its size. */
  async settings(): Promise<string> {
    const tty = (await this.#run("display", "-p", "#{pane_tty}")).trim();
    const { stdout } = await run(["stty", "-a", "-F", tty]);
    return stdout.replace(/rows \d+; columns \d+;/, "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run("kill-server");
    rmSync(this.#folder, { recursive: true });
  }
}
