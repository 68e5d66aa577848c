/** `tapscope clean`. */
import type { Command } from "commander";
import { TapscopeError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import type { Cleaned } from "../mirror/clean.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { openSession } from "./open-session.ts";

export function registerClean(program: Command): void {
  program
    .command("clean")
    .description(
      "remove what killed runs left behind: mirrors, monitor ports, folders of dead labs, nbd devices and mounts",
    )
    .option("--all", "everything tapscope made, but what a running process uses")
    .action(async (options: { all?: boolean }, command: Command) => {
      const [{ clean }, { listLabs }] = await Promise.all([import("../mirror/clean.ts"), import("../lab/find.ts")]);
      const { json, dryRun } = globalOptions(command);
      // Looking at the labs removes the folders of those that were killed.
      listLabs();
      if (!dryRun) {
        const { sweepDeadRuns } = await import("../bro/disk/run-state.ts");
        for (const sentence of await sweepDeadRuns()) note(sanitize(sentence));
      }
      await using session = await openSession(command, true);
      const cleaned = await clean(session, options.all ?? false).catch((error: unknown) => {
        // Nobody named a switch, and the system has none: then nothing was left on it.
        const absent =
          error instanceof TapscopeError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
        if (!absent || !session.target.isDefault) throw error;
        note("no Open vSwitch runs here");
        return { mirrors: [], ports: [], bridges: [], restored: [], kept: [] } satisfies Cleaned;
      });
      for (const { name, why } of cleaned.kept) note(`kept ${sanitize(name)}: ${sanitize(why)}`);
      if (dryRun) return;
      if (json) return printJson(cleaned);
      const { mirrors, ports, bridges, restored } = cleaned;
      const groups = { mirror: mirrors, port: ports, bridge: bridges } as const;
      for (const [kind, names] of Object.entries(groups))
        for (const name of names) print(`removed ${kind} ${sanitize(name)}`);
      for (const name of restored) print(`restored forward-bpdu of bridge ${sanitize(name)}`);
      if (mirrors.length + ports.length + bridges.length + restored.length === 0) print("nothing to clean");
    });
}
