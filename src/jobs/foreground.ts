/** Runs a program on the user's own terminal, in a place, and ends as it does. */
import { constants } from "node:os";
import type { Place } from "../core/place.ts";
import { failure, spawn } from "../core/process.ts";

/**
 * @returns the program's exit code, or 128+n when a signal ended it.
 * @throws ProcessError `E_COMMAND_NOT_FOUND` when there is no such program.
 */
export async function runInForeground(argv: readonly string[], place: Place): Promise<number> {
  const child = spawn(argv, { place, inherit: true });
  // The terminal sends Ctrl-C to the program as well: it decides. The others it gets from us.
  const ignore = () => {};
  const forward = (signal: NodeJS.Signals) => void child.signal(signal);
  process.on("SIGINT", ignore).on("SIGQUIT", ignore).on("SIGTERM", forward).on("SIGHUP", forward);
  const exit = await child.ended;
  process.off("SIGINT", ignore).off("SIGQUIT", ignore).off("SIGTERM", forward).off("SIGHUP", forward);
  if (exit.notFound && exit.exitCode === undefined) throw failure(argv, exit);
  return exit.exitCode ?? 128 + (constants.signals[exit.signal as NodeJS.Signals] ?? 0);
}
