/** `tapscope lab up|down|status|exec`: the private Open vSwitch with hosts a and b and a monitor tap. */
import type { Command } from "commander";
import { TapscopeError } from "../core/errors.ts";
import { globalOptions, print, printJson, refuseDryRun } from "./context.ts";

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
      const { ensureLab } = await import("../lab/lab.ts");
      const { json } = globalOptions(command);
      const { lab: up, made } = await ensureLab({ name: labName(command) });
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
      if (json) printJson({ name, stopped });
      else print(stopped ? `lab '${name}' is down` : `lab '${name}' was not up`);
    });

  named(lab.command("status"))
    .description("the running labs, or one of them")
    .action(async (_, command: Command) => {
      const { findLab, listLabs } = await import("../lab/find.ts");
      const { json } = globalOptions(command);
      const name = givenName(command);
      const one = name === undefined ? undefined : findLab(name);
      const labs = await Promise.all((name === undefined ? listLabs() : one ? [one] : []).map(describe));
      if (json) return printJson(labs);
      if (labs.length === 0) return print(name === undefined ? "no lab is up" : `lab '${name}' is not up`);
      for (const status of labs) {
        print(`lab '${status.name}': holder ${status.pid}, OVSDB ${status.db}`);
        print(`  bridge ${status.bridge}, monitor tap ${status.monitor}`);
        for (const host of status.hosts) print(`  host ${host.name}: ${host.tap}, ${host.ip}, ${host.ip6}`);
      }
    });

  named(lab.command("exec"))
    .description("run a program on host a or b, or beside the OVS (switch): tapscope lab exec a -- ping 10.0.0.2")
    .argument("<host>", "a, b or switch")
    .argument("<command...>", "the program and its arguments, after --")
    .action(async (host: string, argv: string[], _, command: Command) => {
      const { findLab } = await import("../lab/find.ts");
      const { dryRun } = globalOptions(command);
      const name = labName(command);
      const up = findLab(name);
      if (!up) throw notUp(name);
      if (dryRun) return print((await import("../core/announce.ts")).pasteLine(argv, up.host(host)));
      const { runInForeground } = await import("../jobs/foreground.ts");
      process.exitCode = await runInForeground(argv, up.host(host));
    });

  const notUp = (name: string) =>
    new TapscopeError("E_LAB_NOT_UP", `lab '${name}' is not up`, { hint: `tapscope lab up --name ${name}` });
}

function givenName(command: Command): string | undefined {
  const { name, lab } = command.optsWithGlobals() as { name?: string; lab?: string };
  return name ?? lab ?? process.env.TAPSCOPE_LAB;
}

function labName(command: Command): string {
  return givenName(command) ?? "lab";
}

async function describe(lab: { readonly name: string; readonly pid: number; readonly dbSocket: string }) {
  const { LAB_BRIDGE, LAB_HOSTS, LAB_VLAN, MONITOR_TAP } = await import("../lab/topology.ts");
  return {
    name: lab.name,
    pid: lab.pid,
    db: `unix:${lab.dbSocket}`,
    bridge: LAB_BRIDGE,
    vlan: LAB_VLAN,
    monitor: MONITOR_TAP,
    hosts: LAB_HOSTS,
  };
}
