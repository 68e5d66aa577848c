/**
 * Looks for what goes wrong with Open vSwitch mirrors and can be seen from outside: each finding says how to cure it. The
 * conditions were all seen by experiment; OVS itself reports most of them nowhere but in its log.
 */
import { messageOf, TapscopeError } from "../core/errors.ts";
import { findProgram } from "../core/process.ts";
import { PROGRAMS } from "../core/programs.ts";
import { bad, type Check, good } from "./check.ts";
import { checkRows } from "./findings.ts";
import type { Session } from "./session.ts";
import type { SwitchState } from "./state.ts";
import { startVswitchd, vswitchdSocket } from "./target.ts";

/** Checks the programs, then the switch as far as it can be reached. */
export async function examine(session: Session): Promise<Check[]> {
  const checks: Check[] = checkPrograms();
  let state: SwitchState;
  try {
    state = await session.state();
    checks.push(good("ovsdb", `${session.target.label}: OVSDB answers at ${session.target.remote}`));
  } catch (error) {
    const hint = error instanceof TapscopeError ? error.hint : undefined;
    checks.push(
      bad(
        "ovsdb",
        `${session.target.label}: ${messageOf(error)}`,
        `# ${hint ?? "start ovsdb-server, or run: tapscope lab up"}`,
      ),
    );
    return checks;
  }
  checks.push(...(await checkVswitchd(session, state)));
  checks.push(...(await checkRows(session, state)));
  return checks;
}

/** Checks that the programs are there that tapscope runs. */
export function checkPrograms(): Check[] {
  const root = process.getuid?.() === 0;
  return PROGRAMS.filter(({ optional, userOnly }) => !optional && !(userOnly && root)).map(
    ({ name, use, debianPackage }) =>
      findProgram(name) === undefined
        ? bad(`tool-${name}`, `${name} (for ${use}) is not installed`, `apt-get install ${debianPackage}`)
        : good(`tool-${name}`, `${name} is installed`),
  );
}

async function checkVswitchd(session: Session, state: SwitchState): Promise<Check[]> {
  const problem = await session.vswitchdProblem();
  if (problem) {
    return [bad("vswitchd", `${problem}: nothing is switched or mirrored anew`, startVswitchd(session.target))];
  }
  const checks = [good("vswitchd", "ovs-vswitchd runs and answers")];
  if (!state.applied) {
    checks.push(
      bad("applied", "ovs-vswitchd has not applied the last change", "# wait; if it stays, its log says why"),
    );
  }
  if (vswitchdSocket(session.target) === undefined) {
    checks.push(
      good("control", "ovs-vswitchd's control socket is not here (a remote OVSDB): flows are refreshed over OVSDB"),
    );
    return checks;
  }
  const version = /\d+\.\d+(?:\.\d+)?/.exec((await session.control("version")) ?? "")?.[0] ?? "unknown";
  const [major, minor] = version.split(".").map(Number) as [number, number];
  const forgets = major === 3 && minor < 4;
  checks.push(
    good(
      "version",
      `Open vSwitch ${version}${forgets ? ": it ignores mirrors for running flows, so tapscope refreshes them" : ""}`,
    ),
  );
  return checks;
}
