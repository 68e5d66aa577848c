/** Runs a program on the user's own terminal, in a place, and ends as it does. */
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { TapscopeError } from "../core/errors.ts";
import type { Place } from "../core/place.ts";
import { failure, findProgram, spawn } from "../core/process.ts";
import { installHint } from "../core/programs.ts";

/**
 * @returns the program's exit code, or 128+n when a signal ended it.
 * @throws TapscopeError `E_COMMAND_NOT_FOUND` when there is no such program, `E_COMMAND_NOT_EXECUTABLE` when it cannot be run
 */
export async function runInForeground(argv: readonly string[], place: Place): Promise<number> {
  // Looked for here: what enters the place would each say it in a way of its own. All places share one file system but for /run.
  const name = argv[0]!;
  if (!name.startsWith("/run/") && findProgram(name) === undefined) {
    const there = name.includes("/") && existsSync(name);
    throw new TapscopeError(
      there ? "E_COMMAND_NOT_EXECUTABLE" : "E_COMMAND_NOT_FOUND",
      `cannot run ${name}: ${there ? "it is not a program that may be run" : "there is no such program"}`,
      there ? {} : { hint: installHint(name) },
    );
  }
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
