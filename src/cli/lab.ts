/** `tapscope lab up|down|status|exec`: the private Open vSwitch with hosts a and b and a monitor tap. */
import type { Command } from "commander";
import { TapscopeError, UsageError } from "../core/errors.ts";
import type { Lab } from "../lab/find.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { reportError } from "./exit.ts";
import { Shutdown } from "./shutdown.ts";

export function registerLab(program: Command): void {
  const lab = program
    .command("lab")
    .description(
      "a private Open vSwitch with two hosts and a monitor tap, or with virtual machines, in namespaces of its own; needs no root",
    );

  const named = (command: Command): Command =>
    command.option("--name <name>", "the lab's name (default: --lab, $TAPSCOPE_LAB, else 'lab')");

  named(lab.command("up"))
    .description(
      "start a lab, if it does not run: bridge mega_bridge, hosts a (10.0.0.1) and b (10.0.0.2), monitor tap mega_tap2",
    )
    .option(
      "--vms",
      "virtual machines A, B and monitor (QEMU) in place of the hosts; in a lab that runs, those that do not run are started",
    )
    .option(
      "--disk <qcow2>",
      "with --vms: the monitor's disk, made when it is not there (default: one that goes with the lab)",
    )
    .option("--kvm", "with --vms: hardware virtualisation instead of QEMU's own translation")
    .option("--no-hosts", "the switch alone: an empty bridge")
    .action(async (options: UpOptions, command: Command) => {
      const { vms = false, kvm = false, disk } = options;
      if (!vms && (disk !== undefined || kvm)) throw new UsageError(`--${kvm ? "kvm" : "disk"} goes with --vms`);
      const hosts = options.hosts && !vms;
      const [{ ensureLab }, { labFaults }] = await Promise.all([import("../lab/lab.ts"), import("../lab/health.ts")]);
      const { ensureParts, startVms } = await import("../lab/vm/vms.ts");
      const { json } = globalOptions(command);
      const parts = vms ? await ensureParts(note) : undefined;
      const { lab: up, made } = await ensureLab({ name: labName(command), hosts });
      const faults = made ? [] : await labFaults(up);
      if (faults.length > 0) {
        throw new TapscopeError("E_LAB_BROKEN", `lab '${up.name}' is up, but not whole: ${faults.join("; ")}`, {
          hint: `make it anew: tapscope lab down --name ${up.name} && tapscope lab up --name ${up.name}`,
        });
      }
      if (parts) await startVms(up, parts, { disk, kvm, onStep: note });
      if (json) return printJson(await describe((await import("../lab/find.ts")).findLab(up.name) ?? up));
      print(`lab '${up.name}' ${made ? "is up" : "was up already"}: try  ${proposal(up.name, vms ? "vms" : up.hosts)}`);
    });

  named(lab.command("down"))
    .description("end a lab, and everything in it")
    .action(async (_, command: Command) => {
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
        for (const { name: vm, tap, ip, pid } of status.vms)
          print(`  VM ${vm}: ${tap}, ${ip ?? "no address"}, ${pid === null ? "does not run" : `QEMU ${pid}`}`);
        if (status.disk !== null) print(`  disk of the monitor: ${status.disk}`);
        for (const fault of status.faults) print(`  WRONG: ${fault}`);
      }
    });

  named(lab.command("exec"))
    .description(
      "run a program on host a or b, or beside the OVS (switch), or in a VM by its serial console: tapscope lab exec a ping 10.0.0.2",
    )
    .argument("<host>", "a, b or switch; A, B or monitor in a lab with VMs")
    .argument("<command...>", "the program and its arguments; -- may stand before it")
    .action(async (host: string, argv: string[], _, command: Command) => {
      const { findLab } = await import("../lab/find.ts");
      const { dryRun, json, verbose } = globalOptions(command);
      const name = labName(command);
      const up = findLab(name);
      if (!up) throw await notUp(name);
      const { isVm } = await import("../lab/topology.ts");
      if (!up.hosts && isVm(host)) {
        if (dryRun) throw new UsageError("lab exec has no --dry-run for a virtual machine");
        const { runOnConsole } = await import("../lab/vm/console.ts");
        const { consolePath } = await import("../lab/vm/machine.ts");
        using shutdown = new Shutdown();
        const exitCode = await runOnConsole(consolePath(up, host), host, argv, {
          onOutput: (bytes) => void process.stdout.write(bytes),
          signal: shutdown.signal,
        });
        process.exitCode = shutdown.received === null ? exitCode : shutdown.exitCode(false);
        return;
      }
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

interface UpOptions {
  readonly vms?: boolean;
  readonly disk?: string;
  readonly kvm?: boolean;
  readonly hosts: boolean;
}

/** What one may want to do first in a new lab. */
function proposal(name: string, inhabitants: "vms" | boolean): string {
  if (inhabitants === "vms") return `tapscope lab exec A --name ${name} -- ping -c 3 10.0.0.2`;
  return `tapscope --lab ${name} ${inhabitants ? "mirror create mega_tap0 mega_tap2" : "tap create 100 --vm"}`;
}

function givenName(command: Command): string | undefined {
  const { name, lab } = command.optsWithGlobals() as { name?: string; lab?: string };
  return name ?? lab ?? (process.env.TAPSCOPE_LAB || undefined);
}

function labName(command: Command): string {
  return givenName(command) ?? "lab";
}

async function describe(lab: Lab) {
  const { LAB_BRIDGE, LAB_HOSTS, LAB_VLAN, LAB_VMS, MONITOR_TAP } = await import("../lab/topology.ts");
  const { labFaults } = await import("../lab/health.ts");
  const { runningMachines } = await import("../lab/vm/machine.ts");
  const running = runningMachines(lab);
  const vms = running.size === 0 && lab.disk === undefined ? [] : LAB_VMS;
  return {
    name: lab.name,
    pid: lab.pid,
    db: `unix:${lab.dbSocket}`,
    bridge: LAB_BRIDGE,
    vlan: LAB_VLAN,
    monitor: MONITOR_TAP,
    hosts: lab.hosts ? LAB_HOSTS : [],
    vms: vms.map(({ name, tap, ip, mac }) => ({ name, tap, ip, mac, pid: running.get(name) ?? null })),
    disk: lab.disk ?? null,
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
