/** Manual pages made from the command tree, in the man macros (groff_man(7)). */
import type { Command } from "commander";
import { pathOf } from "../dry-run.ts";
import { EXAMPLES, FIRST_STEPS } from "./examples.ts";

/** File name and text of each: `tapscope.1`, and one of each command of the first level with all that is below it. */
export function manualPages(program: Command): Map<string, string> {
  const pages = new Map<string, string>();
  const others = program.commands.filter((command) => command.name() !== "help");
  const seeAlso = others.map((command) => `.BR tapscope-${command.name()} (1)`).join(",\n");
  pages.set(
    "tapscope.1",
    [
      heading("tapscope", program),
      ...options(program),
      ".SH COMMANDS",
      ...others.flatMap((command) => [".TP", `.B ${roff(`tapscope ${command.name()}`)}`, roff(command.description())]),
      ".SH EXAMPLES",
      verbatim(FIRST_STEPS.split("\n")),
      ".SH EXIT STATUS",
      roff(
        "0 done; 1 it failed, or the input is damaged; 2 wrong arguments; 3 it ran and the answer is no (verify, doctor, bro compare); 128+n ended by a signal, after cleaning up.",
      ),
      ".SH SEE ALSO",
      seeAlso,
    ].join("\n"),
  );
  for (const command of others) {
    const parts = [heading(`tapscope-${command.name()}`, command), ...body(command)];
    for (const sub of command.commands) {
      parts.push(`.SS ${roff(`tapscope ${pathOf(sub)} ${sub.usage()}`)}`, roff(sub.description()), ...body(sub, true));
    }
    pages.set(`tapscope-${command.name()}.1`, [...parts, ".SH SEE ALSO", ".BR tapscope (1)"].join("\n"));
  }
  return new Map([...pages].map(([name, text]) => [name, `${text}\n`]));
}

function heading(name: string, command: Command): string {
  const summary = roff(command.description());
  const usage = `.B ${roff(["tapscope", pathOf(command)].filter(Boolean).join(" "))}\n${roff(command.usage())}`;
  return `.TH ${name.toUpperCase()} 1\n.SH NAME\n${name} \\- ${summary}\n.SH SYNOPSIS\n${usage}\n.SH DESCRIPTION\n${summary}`;
}

function body(command: Command, nested = false): string[] {
  const examples = EXAMPLES[pathOf(command)] ?? [];
  return [
    ...options(command, nested),
    ...(examples.length > 0 ? [nested ? ".PP" : ".SH EXAMPLES", verbatim(examples)] : []),
  ];
}

function options(command: Command, nested = false): string[] {
  const help = command.createHelp();
  const items = [
    ...help.visibleArguments(command).map((it) => [help.argumentTerm(it), help.argumentDescription(it)]),
    ...help.visibleOptions(command).map((it) => [help.optionTerm(it), help.optionDescription(it)]),
  ];
  return [
    ...(nested ? [] : [".SH OPTIONS"]),
    ...items.flatMap(([term, text]) => [".TP", `.B ${roff(term!)}`, roff(text!)]),
  ];
}

function verbatim(lines: readonly string[]): string {
  return [".nf", ...lines.map(roff), ".fi"].join("\n");
}

/** Text that no macro or escape is seen in. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1")
    .replace(/[^\n -~]/gu, (it) => `\\[u${it.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`);
}
