/** `tapscope lab up|down|status|exec`: the private Open vSwitch with hosts a and b and a monitor tap. */
import type { Command } from "commander";
import { TapscopeError } from "../core/errors.ts";
import type { Lab } from "../lab/find.ts";
import { globalOptions, note, print, printJson, refuseDryRun } from "./context.ts";
import { reportError } from "./exit.ts";

export function registerLab(program: Command): void {
  const lab = program
    .command("lab")
    .description("a private Open vSwitch with two hosts and a monitor tap, in namespaces of its own; needs no root");

  const named = (command: Command): Command =>
    command.option("--name <name>", "the lab's name (default: --lab, $TAPSCOPE_LAB, else 'lab')");

  named(lab.command("up"))
    .description(
      "start a lab, if it does not run: bridge mega_bridge, hosts a (10.0.0.1) and b (10.0.0.2), monitor tap mega_tap2",
    )
    .action(async (_, command: Command) => {
      refuseDryRun(command);
      const [{ ensureLab }, { labFaults }] = await Promise.all([import("../lab/lab.ts"), import("../lab/health.ts")]);
      const { json } = globalOptions(command);
      const { lab: up, made } = await ensureLab({ name: labName(command) });
      const faults = made ? [] : await labFaults(up);
      if (faults.length > 0) {
        throw new TapscopeError("E_LAB_BROKEN", `lab '${up.name}' is up, but not whole: ${faults.join("; ")}`, {
          hint: `make it anew: tapscope lab down --name ${up.name} && tapscope lab up --name ${up.name}`,
        });
      }
      if (json) printJson(await describe(up));
      else
        print(
          `lab '${up.name}' ${made ? "is up" : "was up already"}: try  tapscope --lab ${up.name} mirror create mega_tap0 mega_tap2`,
        );
    });

  named(lab.command("down"))
    .description("end a lab, and everything in it")
    .action(async (_, command: Command) => {
      refuseDryRun(command);
      const { stopLab } = await import("../lab/lab.ts");
      const { json } = globalOptions(command);
      const name = labName(command);
      const stopped = await stopLab(name);
      // Without a name it is enough that no lab is up; a name that is none is a mistake.
      if (!stopped && givenName(command) !== undefined) throw await notUp(name);
      if (json) printJson({ name, stopped });
      else print(stopped ? `lab '${name}' is down` : `lab '${name}' was not up`);
    });

  named(lab.command("status"))
    .description("the running labs, or one of them, and what is missing of them")
    .action(async (_, command: Command) => {
      const { findLab, listLabs, unusableLabs } = await import("../lab/find.ts");
      const { json } = globalOptions(command);
      const name = givenName(command);
      const one = name === undefined ? undefined : findLab(name);
      const labs = await Promise.all((name === undefined ? listLabs() : one ? [one] : []).map(describe));
      for (const { name: other, why } of await unusableLabs())
        if (name === undefined || name === other) note(`note: lab '${other}' cannot be used: ${why}`);
      if (json) return printJson(labs);
      if (labs.length === 0) return print(name === undefined ? "no lab is up" : `lab '${name}' is not up`);
      for (const status of labs) {
        print(`lab '${status.name}': holder ${status.pid}, OVSDB ${status.db}`);
        print(`  bridge ${status.bridge}, monitor tap ${status.monitor}`);
        for (const host of status.hosts) print(`  host ${host.name}: ${host.tap}, ${host.ip}, ${host.ip6}`);
        for (const fault of status.faults) print(`  WRONG: ${fault}`);
      }
    });

  named(lab.command("exec"))
    .description("run a program on host a or b, or beside the OVS (switch): tapscope lab exec a ping 10.0.0.2")
    .argument("<host>", "a, b or switch")
    .argument("<command...>", "the program and its arguments; -- may stand before it")
    .action(async (host: string, argv: string[], _, command: Command) => {
      const { findLab } = await import("../lab/find.ts");
      const { dryRun, json, verbose } = globalOptions(command);
      const name = labName(command);
      const up = findLab(name);
      if (!up) throw await notUp(name);
      const place = up.host(host);
      if (dryRun) return print((await import("../core/announce.ts")).pasteLine(argv, place));
      const { runInForeground } = await import("./foreground.ts");
      try {
        process.exitCode = await runInForeground(argv, place);
      } catch (error) {
        const code = error instanceof TapscopeError ? SHELL_CODES[error.code] : undefined;
        if (code === undefined) throw error;
        reportError(error, { json, verbose });
        process.exitCode = code;
      }
    });
}

/** As a shell says that a program is not there, or cannot be run. */
const SHELL_CODES: Readonly<Record<string, number>> = { E_COMMAND_NOT_FOUND: 127, E_COMMAND_NOT_EXECUTABLE: 126 };

async function notUp(name: string): Promise<TapscopeError> {
  const { listLabs, unusable, unusableLabs } = await import("../lab/find.ts");
  const there = (await unusableLabs()).find((lab) => lab.name === name);
  if (there) return unusable(name, there.why);
  const others = listLabs().map((lab) => lab.name);
  return new TapscopeError("E_LAB_NOT_UP", `lab '${name}' is not up`, {
    hint: `${others.length > 0 ? `these are: ${others.join(", ")}; or ` : ""}start it: tapscope lab up --name ${name}`,
  });
}

function givenName(command: Command): string | undefined {
  const { name, lab } = command.optsWithGlobals() as { name?: string; lab?: string };
  return name ?? lab ?? (process.env.TAPSCOPE_LAB || undefined);
}

function labName(command: Command): string {
  return givenName(command) ?? "lab";
}

async function describe(lab: Lab) {
  const { LAB_BRIDGE, LAB_HOSTS, LAB_VLAN, MONITOR_TAP } = await import("../lab/topology.ts");
  const { labFaults } = await import("../lab/health.ts");
  return {
    name: lab.name,
    pid: lab.pid,
    db: `unix:${lab.dbSocket}`,
    bridge: LAB_BRIDGE,
    vlan: LAB_VLAN,
    monitor: MONITOR_TAP,
    hosts: LAB_HOSTS,
    faults: await labFaults(lab),
  };
}

/**
 * `argv` with a `--` before the program of a `lab exec`, so that its options are its own: `lab exec a ping -c1 …`.
 * Options of ours stand before the program; those that take a value are found in the command tree.
 */
export function separateProgram(argv: readonly string[], program: Command): string[] {
  let command = program;
  const path = ["lab", "exec"];
  const valued = new Set<string>();
  for (let index = 0, words = 0; index < argv.length && argv[index] !== "--"; index++) {
    for (const option of command.options)
      if (option.required) for (const flag of [option.short, option.long]) if (flag) valued.add(flag);
    const word = argv[index]!;
    if (word.startsWith("-") && word !== "-") {
      if (valued.has(word)) index++;
      continue;
    }
    // The third word is the host, the fourth the program.
    if (words === 3) return [...argv.slice(0, index), "--", ...argv.slice(index)];
    if (words < 2) {
      if (word !== path[words]) break;
      command = command.commands.find((candidate) => candidate.name() === word)!;
    }
    words++;
  }
  return [...argv];
}
