/** `tapscope doctor`. */
import type { Command } from "commander";
import { sanitize } from "../core/text.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { EXIT_NO } from "./exit.ts";
import { openSession } from "./open-session.ts";

export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .description("check Open vSwitch, its ports and mirrors, tools and leftovers; exit 3 when something is wrong")
    .action(async (_, command: Command) => {
      const { examine } = await import("../mirror/doctor.ts");
      const { json } = globalOptions(command);
      await using session = await openSession(command, false);
      const checks = await examine(session);
      const wrong = checks.filter(({ ok }) => !ok);
      if (wrong.length > 0) process.exitCode = EXIT_NO;
      if (json) return printJson({ checks });
      for (const { ok, code, message, fix } of checks) {
        print(`${ok ? "ok   " : "WRONG"} ${code}: ${sanitize(message)}`);
        if (fix !== null) print(`      fix: ${sanitize(fix)}`);
      }
      note(wrong.length === 0 ? "all is well" : `${wrong.length} of ${checks.length} checks found something wrong`);
    });
}
