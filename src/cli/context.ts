/** What every command gets: the global options, and the two ways of answering (data to stdout, all else to stderr). */
import type { Command } from "commander";
import { observeCommands } from "../core/announce.ts";

/** The options that stand before or after any command (docs/reference/cli.md). */
export interface GlobalOptions {
  readonly db?: string;
  readonly lab?: string;
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

/** Reads the global options of a command that is about to run. */
export function globalOptions(command: Command): GlobalOptions {
  const raw = command.optsWithGlobals() as Partial<GlobalOptions>;
  const options: GlobalOptions = {
    ...(raw.db === undefined ? {} : { db: raw.db }),
    ...(raw.lab === undefined ? {} : { lab: raw.lab }),
    json: raw.json ?? false,
    dryRun: raw.dryRun ?? false,
    verbose: raw.verbose ?? false,
    color: (raw.color ?? true) && process.env.NO_COLOR === undefined,
  };
  if (options.verbose) observeCommands((line) => process.stderr.write(`+ ${line}\n`));
  return options;
}

/** One line of JSON on stdout; bigints as decimal strings. */
export function printJson(value: unknown): void {
  process.stdout.write(`${jsonText(value)}\n`);
}

/** JSON; bigints as decimal strings. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? part.toString() : part));
}

/** One line on stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One line on stderr: progress, warnings. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
