/** Runs a command line: parses, calls, and chooses the exit code. */
import { CommanderError } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { note } from "./context.ts";
import { EXIT_DONE, EXIT_USAGE, reportError } from "./exit.ts";
import { separateProgram } from "./lab.ts";
import { fromMinimega } from "./minimega.ts";
import { buildProgram } from "./program.ts";
import { unwritable } from "./shutdown.ts";

/** @param argv without Node and the program @returns the exit code */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const options = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const shown = { json: options.includes("--json"), verbose: options.includes("-v") || options.includes("--verbose") };
  let unwritten: Error | undefined;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") unwritten = error;
    // A running job listens too, and ends itself in order (shutdown.ts).
    if (process.stdout.listenerCount("error") > 1) return;
    // A reader that has had enough (`tapscope … | head`) is no error.
    process.exit(error.code === "EPIPE" ? EXIT_DONE : reportError(unwritable(error), shown));
  });
  try {
    const program = buildProgram();
    const words = fromMinimega(argv, (line) => note(`note: minimega's words for: ${sanitize(line)}`));
    await program.parseAsync(separateProgram(words, program), { from: "user" });
    if (unwritten) return reportError(unwritable(unwritten), shown);
    return typeof process.exitCode === "number" ? process.exitCode : EXIT_DONE;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(error, shown);
    // Help and version, which are no errors; or help in place of a command, which has been shown.
    if (error.exitCode === 0) return EXIT_DONE;
    return error.code === "commander.help" ? EXIT_USAGE : reportError(wrongUsage(error), shown);
  }
}

/** What commander says of wrong arguments, as an error of ours: `error: <what>`, and sometimes a second line with a proposal. */
function wrongUsage({ code, message }: CommanderError): UsageError {
  const [what = "", proposal] = message.replace(/^error: /, "").split("\n");
  const hint =
    code === "commander.unknownOption"
      ? "--help lists the options; those of a program to run go after --"
      : "see --help";
  return new UsageError(what, { hint: proposal?.replace(/^\((.*)\)$/, "$1") ?? hint });
}
