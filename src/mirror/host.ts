/** The host's side of a tap: its address by hand or by DHCP, and warnings when that joins networks one wants apart. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TapscopeError } from "../core/errors.ts";
import type { Place } from "../core/place.ts";
import { type Cidr, overlaps, parseCidr } from "./address.ts";
import { type Device, givenAddresses, readDevices } from "./devices.ts";
import type { Session } from "./session.ts";

/** Gives a tap an address. @throws TapscopeError `E_IP` */
export async function addAddress(session: Session, tap: string, cidr: Cidr): Promise<void> {
  await warnOfRoutes(session, cidr);
  try {
    await session.ip([`address add ${cidr.ip}/${cidr.prefix} dev ${tap}`]);
  } catch (error) {
    throw new TapscopeError(
      "E_IP",
      `ip error: could not give ${tap} the address ${cidr.ip}/${cidr.prefix}: ${lastWords(error)}`,
      { cause: error },
    );
  }
  await warnOfForwarding(session, tap);
}

function lastWords(error: unknown): string {
  const { stderrTail, message } = error as { stderrTail?: string; message: string };
  return stderrTail?.trim().split("\n").at(-1) || message;
}

/** Takes the address of a lease and nothing else of it: routes and name servers of the host stay as they are. */
const LEASE_SCRIPT = `#!/bin/sh
case $1 in
  bound | renew) exec ip address replace "$ip/$subnet" dev "$interface" ;;
esac
`;

/** Each client asks once and ends. What distributions let them run by default rewrites /etc/resolv.conf. */
const DHCP_CLIENTS: readonly ((tap: string, script: string) => string[])[] = [
  (tap, script) => ["udhcpc", "-i", tap, "-s", script, "-n", "-q", "-t", "5", "-T", "2", "-o", "-O", "subnet"],
  (tap) => ["dhcpcd", "-1", "-4", "-t", "15", "-G", "-C", "resolv.conf", tap],
];

/** Asks for an address by DHCP. @throws TapscopeError `E_NO_DHCP_CLIENT`, `E_DHCP` */
export async function addressByDhcp(session: Session, tap: string): Promise<void> {
  if (session.dryRun) {
    await session.run(DHCP_CLIENTS[0]!(tap, "LEASE-SCRIPT"));
    return;
  }
  // Not below TMPDIR: a lab has its own /run, and sees only the rest of the host's files.
  const folder = mkdtempSync("/tmp/tapscope-dhcp-");
  const script = join(folder, "lease");
  writeFileSync(script, LEASE_SCRIPT, { mode: 0o700 });
  try {
    await askClients(session, tap, script);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  await warnOfForwarding(session, tap);
}

async function askClients(session: Session, tap: string, script: string): Promise<void> {
  for (const client of DHCP_CLIENTS) {
    try {
      await session.run(client(tap, script), 30_000);
      return;
    } catch (error) {
      if (error instanceof TapscopeError && error.code === "E_COMMAND_NOT_FOUND") continue;
      throw new TapscopeError("E_DHCP", `dhcp error: ${tap} got no address: ${lastWords(error)}`, {
        hint: "does a DHCP server answer on that VLAN?",
        cause: error,
      });
    }
  }
  throw new TapscopeError("E_NO_DHCP_CLIENT", "dhcp error: no DHCP client is installed (udhcpc, dhcpcd)", {
    hint: "apt-get install udhcpc, or give the address with --ip",
  });
}

interface RouteJson {
  readonly dst?: string;
  readonly dev?: string;
}

/** A tap's address and the other networks of its host between which the host forwards packets. */
export interface Joined {
  readonly address: string;
  /** Devices with their addresses. */
  readonly others: readonly string[];
  /** The sysctl that makes the host forward what comes by the tap. */
  readonly sysctl: string;
}

/** What a tap with addresses joins its VLAN with; undefined when its host forwards nothing, or is in no other network. */
export async function joinedNetworks(tap: Device): Promise<Joined | undefined> {
  const devices = await readDevices(tap.place);
  const others = [...devices.values()].filter(({ name, up }) => up && name !== tap.name && name !== "lo");
  for (const [family, isFamily] of [
    ["ipv4", (ip: string) => !ip.includes(":")],
    ["ipv6", (ip: string) => ip.includes(":")],
  ] as const) {
    const address = givenAddresses(tap).find(isFamily);
    const beyond = others.flatMap((device) =>
      givenAddresses(device)
        .filter(isFamily)
        .map((ip) => `${device.name} (${ip})`),
    );
    if (address === undefined || beyond.length === 0) continue;
    const sysctl = `/proc/sys/net/${family}/conf/${tap.name}/forwarding`;
    if ((await readText(tap.place, ["cat", sysctl])).trim() !== "1") continue;
    return { address, others: beyond, sysctl };
  }
  return undefined;
}

/** Warns when the host forwards packets between the tap and other networks. */
async function warnOfForwarding(session: Session, tap: string): Promise<void> {
  if (session.dryRun) return;
  const device = (await readDevices(session.place, tap)).get(tap);
  const joined = device && (await joinedNetworks(device));
  if (!joined) return;
  session.warn(
    `this host forwards packets: ${tap} with its address joins its VLAN with ${joined.others.join(", ")}; to keep them apart: echo 0 > ${joined.sysctl}`,
  );
}

/** Warns when the host routes a part of the subnet elsewhere. */
async function warnOfRoutes(session: Session, cidr: Cidr): Promise<void> {
  const { family } = cidr;
  const routes = await readText(session.place, ["ip", "-j", `-${family}`, "route", "show", "table", "main"]);
  for (const { dst, dev } of routes.trim() === "" ? [] : (JSON.parse(routes) as RouteJson[])) {
    if (dst === undefined || !/^[0-9a-fA-F.:/]+$/.test(dst)) continue;
    const route = parseCidr(dst.includes("/") ? dst : `${dst}/${family === 4 ? 32 : 128}`);
    if (overlaps(route, cidr))
      session.warn(`${cidr.ip}/${cidr.prefix} overlaps the route ${dst} by ${dev}: packets may take the other one`);
  }
}

async function readText(place: Place, argv: readonly string[]): Promise<string> {
  const { run } = await import("../core/process.ts");
  return (await run(argv, { place, okCodes: [0, 1, 2] })).stdout;
}
