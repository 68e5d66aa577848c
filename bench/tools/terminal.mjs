// Runs a program in a pseudo-terminal of script(1), types into it and sees every byte it writes.
import { spawn } from "node:child_process";

const [COLUMNS, ROWS] = [120, 40];
const LIMIT_MS = 60_000;

export class Terminal {
  /** Bytes written so far. */
  bytes = 0;
  #child;
  /** What was written last, with escape sequences, since it was forgotten. */
  text = "";
  #wake = () => {};
  started = performance.now();

  /** @param argv the program and its arguments; they must not contain single quotes */
  constructor(argv) {
    const command = `stty cols ${COLUMNS} rows ${ROWS}; exec ${argv.map((word) => `'${word}'`).join(" ")}`;
    this.#child = spawn("script", ["-qfec", command, "/dev/null"], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...process.env, TERM: "xterm-256color" },
    });
    this.#child.stdout.on("data", (chunk) => {
      this.bytes += chunk.length;
      this.text = (this.text + chunk.toString("utf8")).slice(-200_000);
      this.#wake();
    });
  }

  /** Milliseconds from `since` until `pattern` has been written (after what was forgotten). */
  async until(pattern, since = this.started) {
    const deadline = performance.now() + LIMIT_MS;
    while (!pattern.test(this.text)) {
      if (performance.now() > deadline || this.#child.exitCode !== null)
        throw new Error(`the screen never showed ${pattern}`);
      await this.#more(1000);
    }
    return performance.now() - since;
  }

  forget() {
    this.text = "";
  }

  /** Types, and waits for what is drawn then: {ms to its first byte, bytes} once nothing has come for `quietMs`. */
  async press(keys, quietMs = 60) {
    await this.quiet(quietMs);
    const [before, at] = [this.bytes, performance.now()];
    this.#child.stdin.write(keys);
    const came = await this.#more(2000);
    const ms = performance.now() - at;
    await this.quiet(quietMs);
    return came ? { ms, bytes: this.bytes - before } : null;
  }

  type(keys) {
    this.#child.stdin.write(keys);
  }

  /** Resolves when the program has ended by itself. */
  async ended() {
    if (this.#child.exitCode === null) await new Promise((resolve) => this.#child.once("close", resolve));
  }

  async close() {
    if (this.#child.exitCode !== null) return;
    this.#child.kill("SIGTERM");
    await new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** Waits until nothing has come for `ms`; a screen that changes by itself is not waited for longer than five seconds. */
  async quiet(ms) {
    for (const deadline = performance.now() + Math.max(5000, 3 * ms); performance.now() < deadline; ) {
      if (!(await this.#more(ms))) return;
    }
  }

  /** True when something was written within `ms`. */
  #more(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}
