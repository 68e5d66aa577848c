/** `tapscope doctor`. */
import type { Command } from "commander";
import { sanitize } from "../core/text.ts";
import type { Check } from "../mirror/check.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { EXIT_NO } from "./exit.ts";
import { absentLab, openSession } from "./open-session.ts";

export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .description("check Open vSwitch, its ports and mirrors, tools and leftovers; exit 3 when something is wrong")
    .action(async (_, command: Command) => {
      const { json } = globalOptions(command);
      const checks = await findings(command);
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

/** Of the lab that is meant, if any, then of the programs and the switch. */
async function findings(command: Command): Promise<Check[]> {
  const { checkPrograms } = await import("../mirror/doctor.ts");
  const { examineAll } = await import("../jobs/examine.ts");
  const { listLabs } = await import("../lab/find.ts");
  const { labFaults } = await import("../lab/health.ts");
  const absent = await absentLab(command);
  if (absent !== undefined) {
    const fix = `tapscope lab up --name ${absent}   # or name another switch (--db, --lab, $TAPSCOPE_LAB)`;
    return [...checkPrograms(), { code: "lab", ok: false, message: `lab '${absent}' is not up`, fix }];
  }
  await using session = await openSession(command, false);
  const checks = await examineAll(session);
  const lab = listLabs().find(({ pid, place }) => pid > 0 && place.lab?.pid === session.target.place.lab?.pid);
  if (!lab) return checks;
  const fix = `tapscope lab down --name ${lab.name} && tapscope lab up --name ${lab.name}`;
  const faults = await labFaults(lab);
  if (faults.length === 0)
    return [...checks, { code: "lab", ok: true, message: `lab '${lab.name}' is whole`, fix: null }];
  return [
    ...checks,
    ...faults.map((fault) => ({ code: "lab", ok: false, message: `lab '${lab.name}': ${fault}`, fix })),
  ];
}
