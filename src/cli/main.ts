#!/usr/bin/env node
/** The program: parses, calls, and chooses the exit code. */
import { CommanderError } from "commander";
import { EXIT_DONE, EXIT_USAGE, reportError } from "./exit.ts";
import { buildProgram } from "./program.ts";

async function main(argv: readonly string[]): Promise<number> {
  const options = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const shown = { json: options.includes("--json"), verbose: options.includes("-v") || options.includes("--verbose") };
  // A reader that has had enough (`tapscope … | head`) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? EXIT_DONE : 1));
  try {
    await buildProgram().parseAsync(argv, { from: "user" });
    return typeof process.exitCode === "number" ? process.exitCode : EXIT_DONE;
  } catch (error) {
    // commander has already told the user, except for help and version, which are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
    return reportError(error, shown);
  }
}

process.exitCode = await main(process.argv.slice(2));
