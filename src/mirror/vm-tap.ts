/**
 * Taps for virtual machines: persistent tun/tap devices (ip-tuntap(8)) that a QEMU opens by name, made and put on the switch in one
 * go. They say nothing themselves: IPv6 is off before they are up.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { messageOf, TapscopeError, UsageError } from "../core/errors.ts";
import { readDevices } from "./devices.ts";
import { checkName, freeNames } from "./names.ts";
import type { NewPort } from "./new-port.ts";
import { addPorts, bridgeFor } from "./ports.ts";
import type { Session } from "./session.ts";
import { findBridge, takenNames } from "./state.ts";

export interface VmTapRequest {
  /** 0: no tag, a trunk. */
  readonly vlan: number;
  /** Default mega_tapN, the first that is free. */
  readonly name?: string | undefined;
  /** Default mega_bridge, made when it is not there. */
  readonly bridge?: string | undefined;
  /** Who may open the tap besides root: a QEMU that runs as this user needs no root then. */
  readonly user?: string | undefined;
}

export interface VmTap {
  readonly name: string;
  /** An address for the machine's NIC, locally administered (52:54:00 is QEMU's). QEMU gives every machine the same one by default. */
  readonly mac: string;
  /** The arguments that give a QEMU this tap as a NIC. */
  readonly qemu: readonly string[];
}

/**
 * The arguments that give a QEMU a tap as a virtio NIC. On a userspace datapath the NIC must not offer checksum offload: the
 * unfinished checksums of the machine's TCP and UDP would be passed on as they are, and dropped by who receives them.
 */
export function qemuNic(tap: string, mac: string, userspace: boolean): string[] {
  return [
    "-netdev",
    `tap,id=${tap},ifname=${tap},script=no,downscript=no`,
    "-device",
    `virtio-net-pci,netdev=${tap},mac=${mac}${userspace ? ",csum=off,guest_csum=off" : ""}`,
  ];
}

/**
 * Makes a tap for a machine and puts it on a bridge; it has carrier only while a program holds it open.
 * @throws TapscopeError `E_EXISTS` for a name in use, `E_TUNTAP` when the kernel makes none; then nothing is left of it
 */
export async function createVmTap(session: Session, request: VmTapRequest): Promise<VmTap> {
  const { vlan, user } = request;
  if (!session.target.remote.startsWith("unix:"))
    throw new UsageError("--vm makes a device on this machine: it takes no remote OVSDB");
  if (user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(user))
    throw new UsageError(`not a user's name: '${user}'`);
  if (request.name !== undefined) checkName(request.name, "tap");
  const state = await session.state();
  const taken = new Set([...takenNames(state), ...(await readDevices(session.place)).keys()]);
  if (request.name !== undefined && taken.has(request.name)) {
    throw new TapscopeError("E_EXISTS", `could not create tap ${request.name}: a device of that name exists`, {
      hint: `to put it on a bridge: tapscope tap attach ${request.name} --vlan ${vlan}`,
    });
  }
  const name = request.name ?? freeNames("mega_tap", 1, taken)[0]!;
  const bridge = bridgeFor(session, state, request.bridge);
  const port: NewPort = { bridge: bridge.name, name, tag: vlan === 0 ? null : vlan, role: "tap", device: "tuntap" };
  try {
    await session.ip([`tuntap add dev ${name} mode tap${user === undefined ? "" : ` user ${user}`}`]);
  } catch (error) {
    throw new TapscopeError("E_TUNTAP", `could not create tap ${name}: ${messageOf(error)}`, {
      hint: "it needs root (or a lab) and the kernel's module tun",
      cause: error,
    });
  }
  try {
    const sysctl = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
    if (existsSync("/proc/sys/net/ipv6")) await session.run(["tee", sysctl], 10_000, "1");
    await addPorts(session, `attach ${name}`, bridge.commands, [port]);
    await session.ip([`link set dev ${name} up`]);
  } catch (error) {
    const back = bridge.commands.length > 0 ? [["--if-exists", "del-br", bridge.name]] : [];
    await session.change("take the tap back", [["--if-exists", "del-port", name], ...back]).catch(() => {});
    await session.ip([`link delete dev ${name}`]).catch(() => {});
    throw error;
  }
  const mac = `52:54:00:${randomBytes(3).toString("hex").match(/../g)!.join(":")}`;
  const datapath = findBridge(session.dryRun ? state : await session.state(), bridge.name)?.datapathType;
  return { name, mac, qemu: qemuNic(name, mac, datapath === "netdev") };
}
