import type { Command } from "commander";
import { expect, it } from "vitest";
import { pathOf } from "../../src/cli/dry-run.ts";
import { everyCommand, helpText } from "../../src/cli/help/help.ts";
import { buildProgram } from "../../src/cli/program.ts";

/** The help of every command, as one page. Written anew by `npm run check -- --update`. */
function page(program: Command): string {
  const parts = [
    "# Command line",
    "",
    "Made from the program's own help texts. Exit codes: 0 done; 1 it failed, or the input is damaged (what is whole is kept);",
    "2 wrong arguments; 3 it ran and the answer is no (`verify`, `doctor`, `bro compare`); 128+n ended by TERM, HUP or QUIT, after",
    "cleaning up. Durations: a number of seconds, or `500ms`, `10s`, `5m`, `1h`; sizes: `k`, `M`, `G` are powers of 1000.",
  ];
  for (const command of everyCommand(program).filter((each) => each.name() !== "help")) {
    const path = ["tapscope", pathOf(command)].filter(Boolean).join(" ");
    parts.push("", `## ${path}`, "", "```", helpText(command, 110), "```");
  }
  return `${parts.join("\n")}\n`;
}

it("docs/reference/cli.md tells what --help tells", async () => {
  await expect(page(buildProgram())).toMatchFileSnapshot("../../docs/reference/cli.md");
});
