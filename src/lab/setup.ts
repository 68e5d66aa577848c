/** Sets up what a lab holds (topology.ts): an Open vSwitch of its own on the userspace datapath, and the hosts. */
import { existsSync } from "node:fs";
import { TapscopeError } from "../core/errors.ts";
import type { Place } from "../core/place.ts";
import { run } from "../core/process.ts";
import { LAB_BRIDGE, LAB_DB_SOCKET, LAB_HOSTS, LAB_RUN, LAB_VLAN, MONITOR_TAP } from "./topology.ts";

export const SCHEMA_PATHS = [
  "/usr/share/openvswitch/vswitch.ovsschema",
  "/usr/local/share/openvswitch/vswitch.ovsschema",
];

/**
 * Sets up everything in a holder's fresh namespaces; without `hosts` the bridge has no ports. `switchPlace` is where the OVS runs;
 * `owner` (`ownerId` of the holder) is as whose the bridge and the taps are marked.
 */
export async function setUpLab(
  switchPlace: Place,
  schema: string,
  { hosts, owner }: { readonly hosts: boolean; readonly owner: string },
): Promise<void> {
  const inSwitch = (...argv: string[]) => run(argv, { place: switchPlace, timeoutMs: 30_000 });
  // A /run of its own hides the host's OVS and the host's network namespaces, and every program's defaults point into it.
  await inSwitch("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run");
  await inSwitch("mkdir", "-p", LAB_RUN);
  await inSwitch("ip", "link", "set", "lo", "up");
  await inSwitch("ovsdb-tool", "create", `${LAB_RUN}/conf.db`, schema);
  await inSwitch("ovsdb-server", `${LAB_RUN}/conf.db`, `--remote=punix:${LAB_DB_SOCKET}`, ...daemon("ovsdb-server"));
  await inSwitch("ovs-vsctl", "--no-wait", "--timeout=10", `--db=unix:${LAB_DB_SOCKET}`, "init");
  await inSwitch("ovs-vswitchd", `unix:${LAB_DB_SOCKET}`, ...daemon("ovs-vswitchd"));
  const { stderr } = await inSwitch("ovs-vsctl", "--timeout=20", ...topology(hosts, owner));
  // ovs-vsctl exits with 0 when vswitchd could not make a port.
  if (stderr.trim() !== "") throw new TapscopeError("E_LAB_OVS", `could not set up the lab's bridge: ${stderr.trim()}`);
  if (!hosts) return;
  const ipv6 = existsSync("/proc/sys/net/ipv6");
  // The monitor tap says nothing itself: no IPv6, before it is up (DAD is sent at once).
  const off = `/proc/sys/net/ipv6/conf/${MONITOR_TAP}/disable_ipv6`;
  if (ipv6) await run(["tee", off], { place: switchPlace, input: "1" });
  await inSwitch("ip", "link", "set", MONITOR_TAP, "up", "promisc", "on");
  for (const host of LAB_HOSTS) {
    await inSwitch("ip", "netns", "add", host.name);
    await inSwitch("ip", "link", "set", host.tap, "netns", host.name);
    const inHost = (...argv: string[]) => run(argv, { place: { ...switchPlace, netns: host.name } });
    await inHost("ip", "link", "set", "lo", "up");
    await inHost("ip", "address", "add", host.ip, "dev", host.tap);
    if (ipv6) await inHost("ip", "-6", "address", "add", host.ip6, "dev", host.tap, "nodad");
    await inHost("ip", "link", "set", host.tap, "up");
  }
}

function daemon(name: string): string[] {
  return [
    "--no-chdir",
    "--detach",
    `--pidfile=${LAB_RUN}/${name}.pid`,
    `--log-file=${LAB_RUN}/${name}.log`,
    "-vconsole:off",
  ];
}

function topology(hosts: boolean, owner: string): string[] {
  const owned = (role: string) => [`external_ids:tapscope=${role}`, `external_ids:tapscope-owner="${owner}"`];
  const port = (name: string, ...columns: string[]) => [
    ...["--", "add-port", LAB_BRIDGE, name, ...columns],
    ...["--", "set", "interface", name, "type=internal"],
    ...["--", "set", "port", name, ...owned("tap"), "--", "set", "interface", name, ...owned("tap")],
  ];
  return [
    ...["add-br", LAB_BRIDGE, "--", "set", "bridge", LAB_BRIDGE, "datapath_type=netdev", ...owned("bridge")],
    ...(hosts ? [...LAB_HOSTS.flatMap((host) => port(host.tap, `tag=${LAB_VLAN}`)), ...port(MONITOR_TAP)] : []),
  ];
}
