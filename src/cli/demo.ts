/** `tapscope demo`: live flows of a mirror on a real Open vSwitch, from nothing, without root. */
import type { Command } from "commander";
import { sanitize } from "../core/text.ts";
import { parseDuration } from "../core/units.ts";
import { globalOptions, note } from "./context.ts";
import { Shutdown } from "./shutdown.ts";
import { endOfWatch, showOf } from "./watch.ts";

/** How long it lasts where nobody can press `q`. */
const PIPE_DURATION_MS = 10_000;

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description("start a lab, traffic, a mirror, and watch it; all of it is gone afterwards. Needs no root")
    .option("--duration <time>", "end after this time (default: until q; without a terminal 10s)")
    .option("--text", "a table at every interval instead of the terminal UI (also without a terminal)")
    .action(async (options: { duration?: string; text?: boolean }, command: Command) => {
      const { json } = globalOptions(command);
      const wanted = options.duration === undefined ? undefined : parseDuration(options.duration);
      const show = await showOf(command, { text: options.text === true, intervalMs: 2000 });
      const durationMs = wanted ?? ("color" in show ? undefined : PIPE_DURATION_MS);
      const { demo } = await import("../jobs/demo.ts");
      using shutdown = new Shutdown();
      const summary = await demo({
        signal: shutdown.signal,
        ...(durationMs === undefined ? {} : { durationMs }),
        show,
        note: (line) => note(`note: ${sanitize(line)}`),
        onStep: (step) => note(`demo: ${step}`),
      });
      endOfWatch(summary, shutdown, json);
      note("demo: the lab, its traffic and the mirror are gone");
    });
}
