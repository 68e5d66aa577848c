/** `tapscope tap list|create|attach|delete`. */
import type { Command } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize, shellQuote } from "../core/text.ts";
import { parseInteger } from "../core/units.ts";
import type { Session } from "../mirror/session.ts";
import { globalOptions, print, printJson } from "./context.ts";
import { openSession } from "./open-session.ts";
import { tableLines } from "./table.ts";

interface CreateOptions {
  readonly name?: string;
  readonly bridge?: string;
  readonly ip?: string;
  readonly dhcp?: boolean;
  readonly count?: string;
  readonly vm?: boolean;
  readonly user?: string;
}

export function registerTap(program: Command): void {
  const tap = program.command("tap").description("host taps, and taps of VMs");

  tap
    .command("list")
    .description("all taps of the switch, whoever made them")
    .action(async (_, command: Command) => {
      const { listTaps } = await import("../mirror/tap.ts");
      const { json } = globalOptions(command);
      await using session = await openSession(command, false);
      const taps = await listTaps(session);
      if (json) return printJson(taps);
      if (taps.length === 0) return print("no taps");
      const rows = taps.map((info) => [
        ...[
          info.name,
          info.bridge,
          info.vlan ?? "trunk",
          info.type,
          info.mac,
          info.ip,
          info.ofport,
          info.up ? (info.carrier === false ? "up, no carrier" : "up") : "down",
        ],
        ...[info.rx_packets, info.tx_packets, info.owned ? "" : "foreign"],
      ]);
      const headings = ["tap", "bridge", "vlan", "type", "mac", "ip", "ofport", "link", "rx packets", "tx packets", ""];
      for (const line of tableLines(headings, rows)) print(line);
    });

  tap
    .command("create")
    .description(
      "make host taps (OVS internal ports), up and promiscuous, and print their names; with --vm a tap for a virtual machine, and print the arguments for its QEMU",
    )
    .argument("<vlan>", "1 to 4094, a name that minimega gave one, or 0 for a trunk")
    .option("--name <name>", "default: mega_tapN, the first that is free")
    .option("--bridge <bridge>", "default: mega_bridge, made when it is not there")
    .option("--ip <cidr>", "give it an address, e.g. 10.0.0.1/24")
    .option("--dhcp", "ask for an address on that VLAN")
    .option("--count <n>", "this many, in one transaction")
    .option("--vm", "a tap that a QEMU opens: a persistent tun/tap device, without IPv6")
    .option("--user <name>", "with --vm: this user's QEMU may open it, so it needs no root")
    .action(async (vlan: string, options: CreateOptions, command: Command) => {
      const { json, dryRun } = globalOptions(command);
      const { count, vm, user, ...rest } = options;
      if (vm) return await createForVm(vlan, options, command);
      if (user !== undefined) throw new UsageError("--user goes with --vm");
      const { createTaps } = await import("../mirror/tap.ts");
      const many = count === undefined ? {} : { count: parseInteger(count, "--count", 1, 4096) };
      await using session = await openSession(command, true);
      const request = { ...rest, vlan: await vlanOf(session, vlan), ...many };
      const names = await createTaps(session, request);
      if (dryRun) return;
      if (json) printJson(names);
      else for (const name of names) print(sanitize(name));
    });

  tap
    .command("attach")
    .description("put an existing device on a bridge: a VM's tap, a veth, a NIC")
    .argument("<interface>")
    .option("--vlan <n>", "1 to 4094; default: a trunk")
    .option("--bridge <bridge>", "default: mega_bridge, made when it is not there")
    .action(async (name: string, options: { vlan?: string; bridge?: string }, command: Command) => {
      const { attachTap } = await import("../mirror/tap.ts");
      const { json, dryRun } = globalOptions(command);
      await using session = await openSession(command, true);
      const vlan = options.vlan === undefined ? undefined : await vlanOf(session, options.vlan);
      await attachTap(session, { name, vlan, bridge: options.bridge });
      if (json && !dryRun) printJson([name]);
    });

  tap
    .command("delete")
    .description("delete taps; all: those tapscope made")
    .argument("<tap...>", "names, numbers (2 is mega_tap2), or all")
    .option("--force", "although tapscope did not make it, or a mirror of others needs it")
    .action(async (which: string[], options: { force?: boolean }, command: Command) => {
      const { deleteTaps } = await import("../mirror/tap.ts");
      const { json, dryRun } = globalOptions(command);
      await using session = await openSession(command, true);
      const { resolvePorts } = await import("../jobs/machines.ts");
      const names = await deleteTaps(session, await resolvePorts(session, which), options.force);
      if (dryRun) return;
      if (json) return printJson(names);
      if (names.length === 0) print("no taps");
      for (const name of names) print(`deleted ${sanitize(name)}`);
    });
}

/** The VLAN of a tap: a number, or a name that minimega gave it. 0: a trunk. */
async function vlanOf(session: Session, word: string): Promise<number> {
  const { resolveVlans } = await import("../jobs/machines.ts");
  return parseInteger(await resolveVlans(session, word), "a VLAN", 0, 4094);
}

async function createForVm(vlan: string, options: CreateOptions, command: Command): Promise<void> {
  const { name, bridge, user } = options;
  if (options.ip !== undefined || options.dhcp)
    throw new UsageError("--ip and --dhcp do not go with --vm", { hint: "the address belongs inside the machine" });
  if (options.count !== undefined) throw new UsageError("--count does not go with --vm");
  const { json, dryRun } = globalOptions(command);
  const { createVmTap } = await import("../mirror/vm-tap.ts");
  await using session = await openSession(command, true);
  const tap = await createVmTap(session, { vlan: await vlanOf(session, vlan), name, bridge, user });
  if (dryRun) return;
  if (json) return printJson(tap);
  print(sanitize(tap.name));
  print(shellQuote(tap.qemu));
}
