/** How help looks: commands grouped by task, examples for each, the global options behind one line. */
import type { Command } from "commander";
import { UsageError } from "../../core/errors.ts";
import { pathOf } from "../dry-run.ts";
import { EXAMPLES, FIRST_STEPS } from "./examples.ts";

/** What one wants to do, and the commands for it. */
const TASKS: Readonly<Record<string, readonly string[]>> = {
  "Try it:": ["demo", "lab"],
  "Build and mirror:": ["bridge", "tap", "vm", "mirror"],
  "Capture and watch:": ["watch", "capture", "flows", "info", "zeek", "extcap"],
  "Trust it:": ["verify", "doctor", "clean"],
  "Bro and Zeek logs:": ["bro"],
};

const GLOBAL_OPTIONS = "Global options (--db, --lab, --json, --dry-run, -v, …): tapscope --help";
const TLS_OPTIONS = ["--private-key", "--certificate", "--ca-cert"];

/** Gives the whole tree its groups, examples and closing lines, and the program its `help <command…>`. */
export function describeTree(program: Command): void {
  for (const command of program.commands) {
    const task = Object.keys(TASKS).find((name) => TASKS[name]!.includes(command.name()));
    command.helpGroup(task ?? "More:");
  }
  program.helpCommand(false);
  program
    .command("help")
    .description("the help of a command, whose words may be several: help mirror create")
    .argument("[command...]", "its words")
    .helpGroup("More:")
    .action((words: string[]) => findCommand(program, words).outputHelp());
  for (const option of program.options) if (TLS_OPTIONS.includes(option.long ?? "")) option.hideHelp();
  program.addHelpText(
    "after",
    `\nFor --db ssl:…: ${TLS_OPTIONS.join(", ")}, as ovs-vsctl takes them.\n\n${FIRST_STEPS}`,
  );
  for (const command of everyCommand(program)) {
    if (command === program) continue;
    const examples = EXAMPLES[pathOf(command)];
    if (examples) command.addHelpText("after", `\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}`);
    command.addHelpText("after", `\n${GLOBAL_OPTIONS}`);
  }
}

/** The program and all below it, each before its own subcommands. */
export function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

/** The command that words name. @throws UsageError when there is none */
export function findCommand(program: Command, words: readonly string[]): Command {
  let found = program;
  for (const word of words) {
    const next = found.commands.find((command) => command.name() === word || command.aliases().includes(word));
    if (!next) throw new UsageError(`unknown command '${words.join(" ")}'`, { hint: "tapscope --help lists them" });
    found = next;
  }
  return found;
}

/** All that `--help` prints of a command, in lines of `width` at most. */
export function helpText(command: Command, width: number): string {
  let text = "";
  const before = command.configureOutput();
  command.configureHelp({ ...command.configureHelp(), helpWidth: width });
  command.configureOutput({
    ...before,
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  command.configureOutput(before);
  return text.trimEnd();
}
