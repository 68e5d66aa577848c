/** `tapscope bridge list|create|destroy|config|trunk|notrunk|tunnel|notunnel|macs|ports`. */
import { Argument, type Command, Option } from "commander";
import { sanitize } from "../core/text.ts";
import { globalOptions, print, printJson } from "./context.ts";
import { openSession } from "./open-session.ts";
import { tableLines } from "./table.ts";

export function registerBridge(program: Command): void {
  const bridge = program.command("bridge").description("bridges, and the trunks and tunnels that join them to others");

  bridge
    .command("list")
    .description("all bridges, whoever made them")
    .action(async (_, command: Command) => {
      const { listBridges } = await import("../mirror/bridge.ts");
      const { json } = globalOptions(command);
      await using session = await openSession(command, false);
      const bridges = await listBridges(session);
      if (json) return printJson(bridges);
      if (bridges.length === 0) return print("no bridges");
      const rows = bridges.map((info) => [
        ...[info.name, info.datapath_type, info.ports.length, info.vlans.join(","), info.trunks.join(",")],
        ...[info.tunnels.map(({ name, remote_ip }) => `${name}:${remote_ip}`).join(","), info.mirrors.join(",")],
        info.owned ? "" : "foreign",
      ]);
      for (const line of tableLines(["bridge", "datapath", "ports", "vlans", "trunks", "tunnels", "mirrors", ""], rows))
        print(line);
    });

  bridge
    .command("create")
    .description("make a bridge")
    .argument("<bridge>")
    .addOption(
      new Option("--datapath <type>", "in the kernel, or in ovs-vswitchd (default in a lab)").choices([
        "system",
        "netdev",
      ]),
    )
    .action(async (name: string, options: { datapath?: "system" | "netdev" }, command: Command) => {
      const { createBridge } = await import("../mirror/bridge.ts");
      await using session = await openSession(command, true);
      await createBridge(session, name, options.datapath);
      done(command, { bridge: name }, name);
    });

  bridge
    .command("destroy")
    .description("remove a bridge with all that is on it")
    .argument("<bridge>")
    .option("--force", "although it, or something on it, was not made by tapscope")
    .action(async (name: string, options: { force?: boolean }, command: Command) => {
      const { destroyBridge } = await import("../mirror/bridge.ts");
      await using session = await openSession(command, true);
      await destroyBridge(session, name, options.force);
      done(command, { bridge: name }, `destroyed ${name}`);
    });

  bridge
    .command("config")
    .description("set columns of a bridge, as ovs-vsctl set bridge")
    .argument("<bridge>")
    .argument("<key=value...>")
    .action(async (name: string, settings: string[], _, command: Command) => {
      const { configureBridge } = await import("../mirror/bridge.ts");
      await using session = await openSession(command, true);
      await configureBridge(session, name, settings);
      done(command, { bridge: name, settings });
    });

  bridge
    .command("trunk")
    .description("put a device on a bridge that carries all VLANs")
    .argument("<bridge>")
    .argument("<interface>")
    .action(async (name: string, device: string, _, command: Command) => {
      const { addTrunk } = await import("../mirror/bridge.ts");
      await using session = await openSession(command, true);
      await addTrunk(session, name, device);
      done(command, { bridge: name, trunk: device });
    });

  bridge
    .command("notrunk")
    .description("take a trunk off a bridge")
    .argument("<bridge>")
    .argument("<interface>")
    .action(async (name: string, device: string, _, command: Command) => {
      const { removeTrunk } = await import("../mirror/bridge.ts");
      await using session = await openSession(command, true);
      await removeTrunk(session, name, device);
      done(command, { bridge: name, trunk: device });
    });

  bridge
    .command("tunnel")
    .description("join a bridge to another machine's; prints the tunnel port's name")
    .addArgument(new Argument("<type>").choices(["vxlan", "gre", "geneve"]))
    .argument("<bridge>")
    .argument("<remote-ip>")
    .option("--key <key>", "VNI or key: both ends need the same")
    .action(async (type: string, name: string, remoteIp: string, options: { key?: string }, command: Command) => {
      const [{ addTunnel }, { checkTunnel }] = await Promise.all([
        import("../mirror/bridge.ts"),
        import("../mirror/tunnel.ts"),
      ]);
      const spec = checkTunnel(type, remoteIp, options.key);
      await using session = await openSession(command, true);
      const tunnel = await addTunnel(session, name, spec);
      done(command, { bridge: name, tunnel }, tunnel);
    });

  bridge
    .command("notunnel")
    .description("remove a tunnel")
    .argument("<bridge>")
    .argument("<interface>")
    .action(async (name: string, tunnel: string, _, command: Command) => {
      const { removeTunnel } = await import("../mirror/bridge.ts");
      await using session = await openSession(command, true);
      await removeTunnel(session, name, tunnel);
      done(command, { bridge: name, tunnel });
    });

  bridge
    .command("macs")
    .description("the MAC addresses a bridge has learned, and on which port")
    .argument("<bridge>")
    .action(async (name: string, _, command: Command) => {
      const { listMacs } = await import("../mirror/bridge.ts");
      const { json } = globalOptions(command);
      await using session = await openSession(command, false);
      const macs = await listMacs(session, name);
      if (json) return printJson(macs);
      const rows = macs.map(({ port, vlan, mac, age }) => [port, vlan, mac, age === null ? "static" : `${age}s`]);
      for (const line of tableLines(["port", "vlan", "mac", "age"], rows)) print(line);
    });

  bridge
    .command("ports")
    .description("which OpenFlow port is which interface")
    .argument("<bridge>")
    .action(async (name: string, _, command: Command) => {
      const { listPorts } = await import("../mirror/bridge.ts");
      const { json } = globalOptions(command);
      await using session = await openSession(command, false);
      const ports = await listPorts(session, name);
      if (json) return printJson(ports);
      const rows = ports.map((port) => [port.ofport, port.interface, port.type, port.vlan, port.mac, port.error ?? ""]);
      for (const line of tableLines(["ofport", "interface", "type", "vlan", "mac", ""], rows)) print(line);
    });
}

/** Tells of a change that was made; nothing in a dry run, which has printed the commands. */
function done(command: Command, answer: unknown, text?: string): void {
  const { json, dryRun } = globalOptions(command);
  if (dryRun) return;
  if (json) printJson(answer);
  else if (text !== undefined) print(sanitize(text));
}
