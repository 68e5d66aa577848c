import type { Command } from "commander";
import { expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.ts";

/** The help of every command, as one page. Written anew by `npm run check -- --update`. */
function page(program: Command): string {
  const parts = [
    "# Command line",
    "",
    "Made from the program's own help texts. Exit codes: 0 done; 1 it failed, or the input is damaged (what is whole is kept);",
    "2 wrong arguments; 3 it ran and the answer is no (`verify`, `doctor`, `bro compare`); 128+n ended by TERM or HUP, after",
    "cleaning up. Durations: a number of seconds, or `500ms`, `10s`, `5m`, `1h`; sizes: `k`, `M`, `G` are powers of 1000.",
  ];
  const visit = (command: Command, path: string): void => {
    const help = command.configureHelp({ helpWidth: 110 }).helpInformation().trimEnd();
    parts.push("", `## ${path}`, "", "```", help, "```");
    for (const sub of command.commands) visit(sub, `${path} ${sub.name()}`);
  };
  visit(program, "tapscope");
  return `${parts.join("\n")}\n`;
}

it("docs/reference/cli.md tells what --help tells", async () => {
  await expect(page(buildProgram())).toMatchFileSnapshot("../../docs/reference/cli.md");
});
