/** `tapscope mirror ensure|export`. */
import type { Command } from "commander";
import { sanitize } from "../core/text.ts";
import type { EnsureEvent, WatchTotals } from "../jobs/ensure-mirrors.ts";
import type { EnsureOutcome } from "../mirror/declared/ensure.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { EXIT_FAILED } from "./exit.ts";
import { openSession } from "./open-session.ts";
import { Shutdown } from "./shutdown.ts";

export function registerDeclaredMirrors(mirror: Command): void {
  mirror
    .command("ensure")
    .description("make the switch's mirrors what a file declares: what is missing is made, what differs is changed")
    .argument("<file>", "YAML or JSON; - is standard input")
    .option("--watch", "stay, and put right what changes: a port that comes back, a mirror that is taken away")
    .option("--prune", "remove what the file declared before and does not any more")
    .action(async (path: string, options: { watch?: boolean; prune?: boolean }, command: Command) => {
      const { ensureOnce, readDeclared, watchMirrors } = await import("../jobs/ensure-mirrors.ts");
      const { json, dryRun } = globalOptions(command);
      const file = readDeclared(path);
      const prune = options.prune ?? false;
      await using session = await openSession(command, true);
      const show = (outcome: EnsureOutcome) => showOutcome(outcome, json, dryRun);
      if (!options.watch || dryRun) {
        const outcome = await ensureOnce(session, file, prune);
        show(outcome);
        if (outcome.incomplete.length > 0) process.exitCode = EXIT_FAILED;
        return;
      }
      using shutdown = new Shutdown();
      const { signal } = shutdown;
      const onEvent = (event: EnsureEvent) => showEvent(event, json);
      const totals = await watchMirrors(session, file, { prune, signal, onFirst: show, onEvent });
      showTotals(totals, json);
      process.exitCode = shutdown.exitCode(true);
    });

  mirror
    .command("export")
    .description("write today's mirrors as a file that ensure takes, machines by their names where they are known")
    .action(async (_, command: Command) => {
      const [{ exportMirrors }, { Names }] = await Promise.all([
        import("../mirror/declared/export.ts"),
        import("../jobs/machines.ts"),
      ]);
      await using session = await openSession(command, false);
      const { text, left } = exportMirrors(await session.state(), await new Names(session).lasting());
      for (const { name, why } of left) note(`note: mirror ${sanitize(name)} is left out: ${sanitize(why)}`);
      process.stdout.write(text);
    });
}

function showOutcome(
  { made, changed, removed, unchanged, incomplete }: EnsureOutcome,
  json: boolean,
  dry: boolean,
): void {
  if (json) {
    printJson({ made, changed: changed.map(({ name }) => name), removed, unchanged, incomplete });
  } else if (!dry) {
    for (const name of made) print(`made ${sanitize(name)}`);
    for (const { name, what } of changed) print(`changed ${sanitize(name)}: ${what.join(", ")}`);
    for (const name of removed) print(`removed ${sanitize(name)}`);
    for (const name of unchanged) print(`unchanged ${sanitize(name)}`);
  }
  for (const { name, why } of incomplete) note(`mirror ${sanitize(name)} is not whole: ${sanitize(why)}`);
}

function showEvent({ timeMs, mirror, event, message, by, brokenMs }: EnsureEvent, json: boolean): void {
  if (json) {
    const broken_ns = brokenMs === null ? null : BigInt(Math.round(brokenMs)) * 1_000_000n;
    printJson({ time_ns: BigInt(timeMs) * 1_000_000n, mirror, event, message, by, broken_ns });
    return;
  }
  const after = brokenMs === null ? "" : `, not whole for ${(brokenMs / 1000).toFixed(2)} s`;
  const who = by.length === 0 ? "" : ` (by ${by.map(sanitize).join("; ")})`;
  const name = mirror === null ? "" : `mirror ${sanitize(mirror)}: `;
  print(`${new Date(timeMs).toISOString()} ${name}${sanitize(message)}${after}${who}`);
}

function showTotals({ mirrors }: WatchTotals, json: boolean): void {
  if (json) {
    const total = mirrors.map(({ name, brokenMs, interruptions }) => ({
      name,
      broken_ns: BigInt(Math.round(brokenMs)) * 1_000_000n,
      interruptions,
    }));
    printJson({ total });
    return;
  }
  for (const { name, brokenMs, interruptions } of mirrors)
    note(`mirror ${sanitize(name)}: not whole for ${(brokenMs / 1000).toFixed(2)} s, ${interruptions} times`);
}
