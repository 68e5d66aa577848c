/** What has to be asked outside OVSDB before a mirror can be planned: the kernel, ovs-vswitchd, and the program that parses filters. */
import { existsSync } from "node:fs";
import { type TapHolder, tapHolders } from "../core/tap-holders.ts";
import { type Device, findDevice } from "./devices.ts";
import { parseFdb } from "./fdb.ts";
import type { MirrorRequest } from "./mirror-request.ts";
import type { Session } from "./session.ts";
import { findPort, type PortRow, type SwitchState } from "./state.ts";
import { namespacePath } from "./target.ts";

/** What is known of the port that is to be an output. */
export interface OutputFacts {
  /** Null: it has none, or none that can be seen from here. */
  readonly device: Device | null;
  /** The device is in the switch's own network namespace. */
  readonly atHome: boolean;
  /** The process that holds a tap device open; null when none is seen. */
  readonly holder: TapHolder | null;
  /** Other users' processes can be looked into: then no holder means that there is none. */
  readonly seesAll: boolean;
  /** MAC addresses that sent frames through the port, its own left out. */
  readonly learned: readonly string[];
  /** Of those, the addresses with a peer that they exchange unicast frames with now. */
  readonly conversations: readonly string[];
}

export interface MirrorFacts {
  /** Null: the output is made with the mirror, or is no port. */
  readonly output: OutputFacts | null;
  /** The device by which copies to another machine leave; null: there is no route; undefined: not asked. */
  readonly route: string | null | undefined;
  readonly filter: {
    /** OVSDB's schema has the column: OVS 3.4 and later. */
    readonly possible: boolean;
    /** Why OVS would not understand the filter asked for, or null. */
    readonly error: string | null;
  };
  /** The kernel has IPv6, which talks on every device that comes up. */
  readonly ipv6: boolean;
  /** Seconds of the epoch. */
  readonly nowS: number;
}

/** Asks all that `planMirror` needs to know. Changes nothing. */
export async function gatherFacts(session: Session, state: SwitchState, request: MirrorRequest): Promise<MirrorFacts> {
  const { output, filter } = request;
  const port = "port" in output ? findPort(state, output.port) : undefined;
  return {
    output: port ? await outputFacts(session, state, port) : null,
    route: "remote" in output ? await routeTo(session, output.remote.remoteIp) : undefined,
    filter:
      filter === undefined
        ? { possible: true, error: null }
        : {
            possible: (await (await session.db()).columnsOf("Mirror")).has("filter"),
            error: await filterError(session, filter),
          },
    ipv6: existsSync("/proc/sys/net/ipv6"),
    nowS: Math.floor(Date.now() / 1000),
  };
}

/** Interface types that live in OVS alone. */
const WITHOUT_DEVICE = new Set(["patch", "vxlan", "gre", "geneve", "erspan", "ip6gre", "ip6erspan"]);

async function outputFacts(session: Session, state: SwitchState, port: PortRow): Promise<OutputFacts> {
  const nothing = { device: null, atHome: true, holder: null, seesAll: false, learned: [], conversations: [] };
  const [entry] = port.interfaces;
  if (!entry || WITHOUT_DEVICE.has(entry.type)) return nothing;
  const device = (await findDevice(session.place, port.name, entry.mac)) ?? null;
  const learned = parseFdb((await session.control("fdb/show", port.bridge)) ?? "")
    .filter(({ ofport, mac }) => ofport === entry.ofport && mac !== entry.mac)
    .map(({ mac }) => mac);
  return {
    device,
    atHome: device === null || device.place.netns === session.place.netns,
    holder: isTap(device) ? (tapHolders(namespacePath(session.place)).get(port.name) ?? null) : null,
    seesAll: process.getuid?.() === 0,
    learned,
    conversations: learned.length > 0 && isTap(device) ? await conversations(session, state, port, learned) : learned,
  };
}

/** A device that a program holds the other end of: a VM's, not OVS's own internal ports. */
function isTap(device: Device | null): boolean {
  return device?.kind === "tun";
}

/** Which of `macs` send unicast frames, or get them, by the flows that the datapath has now (those idle for 10 s are gone). */
async function conversations(
  session: Session,
  state: SwitchState,
  port: PortRow,
  macs: readonly string[],
): Promise<string[]> {
  const type = state.bridges.find(({ name }) => name === port.bridge)?.datapathType ?? "system";
  const text = await session.control("dpctl/dump-flows", `${type}@ovs-${type}`).catch(() => undefined);
  return text === undefined ? [...macs] : talking(text, macs);
}

/** The addresses that talk to one other, in a list of datapath flows as `ovs-appctl dpctl/dump-flows` prints it. */
export function talking(flows: string, macs: readonly string[]): string[] {
  const found = new Set<string>();
  for (const [, source, destination] of flows.matchAll(/\beth\(src=([0-9a-f:]{17})[^,]*,dst=([0-9a-f:]{17})/g)) {
    // The lowest bit of the first byte marks groups, broadcast among them (IEEE 802, clause 8).
    if (Number.parseInt(destination!.slice(0, 2), 16) & 1) continue;
    for (const mac of [source!, destination!]) if (macs.includes(mac)) found.add(mac);
  }
  return [...found];
}

async function routeTo(session: Session, address: string): Promise<string | null> {
  const { run } = await import("../core/process.ts");
  const { stdout } = await run(["ip", "-j", "route", "get", address], { place: session.place, okCodes: [0, 1, 2] });
  return stdout.trim() === "" ? null : ((JSON.parse(stdout) as { dev?: string }[])[0]?.dev ?? null);
}

async function filterError(session: Session, filter: string): Promise<string | null> {
  const { ProcessError, run } = await import("../core/process.ts");
  try {
    await run(["ovs-ofctl", "parse-flow", `${filter},actions=drop`], { place: session.target.place });
    return null;
  } catch (error) {
    if (!(error instanceof ProcessError) || error.code !== "E_COMMAND_FAILED") throw error;
    return error.stderrTail.trim().replace(/^ovs-ofctl: /, "");
  }
}
