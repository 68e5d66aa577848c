/** `tapscope vm list`. */
import type { Command } from "commander";
import type { Nic } from "../inventory/vm.ts";
import { globalOptions, print, printJson } from "./context.ts";
import { openSession } from "./open-session.ts";
import { tableLines } from "./table.ts";

export function registerVm(program: Command): void {
  const vm = program.command("vm").description("virtual machines, and which port of the switch is whose");

  vm.command("list")
    .description(
      "virtual machines that can be found, with their taps; vm:NAME[:NIC] names one wherever a port is taken",
    )
    .action(async (_, command: Command) => {
      const { machinesOf } = await import("../jobs/machines.ts");
      const { json } = globalOptions(command);
      await using session = await openSession(command, false);
      const machines = await machinesOf(session);
      if (json) return printJson(machines);
      if (machines.length === 0) return print("no virtual machines");
      const none: Nic = { index: 0, tap: null, mac: null, vlan: null, bridge: null };
      const rows = machines.flatMap(({ name, pid, from, nics, disks }) =>
        (nics.length > 0 ? nics : [none]).map((nic, row) => [
          ...(row === 0 ? [name, pid, from] : ["", "", ""]),
          ...(nics.length > 0 ? [nic.index, nic.tap ?? "?", nic.mac] : ["", "", ""]),
          nic.bridge === null ? "" : (nic.vlan ?? "trunk"),
          nic.bridge,
          row === 0 ? disks.join(", ") : "",
        ]),
      );
      for (const line of tableLines(["vm", "pid", "from", "nic", "tap", "mac", "vlan", "bridge", "disks"], rows))
        print(line);
    });
}
