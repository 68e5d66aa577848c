/** `tapscope clean`. */
import type { Command } from "commander";
import { TapscopeError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import type { Cleaned } from "../mirror/clean.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { absentLab, openSession } from "./open-session.ts";

const NOTHING: Cleaned = { mirrors: [], ports: [], bridges: [], restored: [], kept: [] };

export function registerClean(program: Command): void {
  program
    .command("clean")
    .description(
      "remove what killed runs left behind: mirrors, monitor ports, dead labs, nbd devices and mounts, a policy-rc.d",
    )
    .option("--all", "everything tapscope made but what a running process uses; labs whose holder is unknown")
    .option("--force", "with --all: what a running process uses, too")
    .action(async (options: { all?: boolean; force?: boolean }, command: Command) => {
      const [{ clean }, { cleanHost }] = await Promise.all([
        import("../mirror/clean.ts"),
        import("../jobs/clean-host.ts"),
      ]);
      const { json, dryRun } = globalOptions(command);
      const all = options.all ?? false;
      const { labs, notes } = await cleanHost(all, dryRun);
      for (const sentence of notes) note(sanitize(sentence));
      for (const { name, why } of labs.kept) note(`kept lab ${name}: ${why}`);
      const absent = await absentLab(command);
      const cleaned = absent === undefined ? await cleanSwitch() : NOTHING;
      if (absent !== undefined) note(`lab '${sanitize(absent)}' is not up: it has no switch to clean`);

      async function cleanSwitch(): Promise<Cleaned> {
        await using session = await openSession(command, true);
        return await clean(session, { all, force: options.force ?? false }).catch((error: unknown) => {
          // Nobody named a switch, and the system has none: then nothing was left on it.
          const gone =
            error instanceof TapscopeError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
          if (!gone || !session.target.isDefault) throw error;
          note("no Open vSwitch runs here");
          return NOTHING;
        });
      }
      for (const { name, why } of cleaned.kept) note(`kept ${sanitize(name)}: ${sanitize(why)}`);
      if (dryRun) {
        for (const name of labs.removed) print(`would remove lab ${name}`);
        return;
      }
      if (json) return printJson({ ...cleaned, labs: labs.removed });
      const { mirrors, ports, bridges, restored } = cleaned;
      const groups = { lab: labs.removed, mirror: mirrors, port: ports, bridge: bridges } as const;
      for (const [kind, names] of Object.entries(groups))
        for (const name of names) print(`removed ${kind} ${sanitize(name)}`);
      for (const name of restored) print(`restored forward-bpdu of bridge ${sanitize(name)}`);
      if (labs.removed.length + mirrors.length + ports.length + bridges.length + restored.length === 0)
        print("nothing to clean");
    });
}
