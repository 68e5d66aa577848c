/** The host's side of a tap: its address by hand or by DHCP, and warnings when that joins networks one wants apart. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TapscopeError } from "../core/errors.ts";
import type { Place } from "../core/place.ts";
import { type Cidr, overlaps, parseCidr } from "./address.ts";
import type { Session } from "./session.ts";

/** Gives a tap an address. @throws TapscopeError `E_IP` */
export async function addAddress(session: Session, tap: string, cidr: Cidr): Promise<void> {
  await warnOfMerging(session, cidr);
  try {
    await session.ip([`address add ${cidr.ip}/${cidr.prefix} dev ${tap}`]);
  } catch (error) {
    throw new TapscopeError(
      "E_IP",
      `ip error: could not give ${tap} the address ${cidr.ip}/${cidr.prefix}: ${lastWords(error)}`,
      { cause: error },
    );
  }
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
  await warnOfMerging(session, undefined);
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

/** Warns when the host forwards packets, or routes a part of the subnet elsewhere. `cidr` undefined: not known beforehand. */
async function warnOfMerging(session: Session, cidr: Cidr | undefined): Promise<void> {
  const family = cidr?.family ?? 4;
  const sysctl = family === 4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding";
  const forward = await readText(session.place, ["cat", `/proc/sys/net/${sysctl}`]);
  if (forward.trim() === "1") {
    session.warn("this host forwards packets: a tap with an address joins its VLAN with the host's other networks");
  }
  if (!cidr) return;
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
