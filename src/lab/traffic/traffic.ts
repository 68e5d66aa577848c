/** Traffic between the hosts of a lab, by real programs: ping, HTTP, DNS (dnsmasq), bulk TCP. It stays in the lab. */
import { fileURLToPath } from "node:url";
import { Cleanup } from "../../core/cleanup.ts";
import { TapscopeError } from "../../core/errors.ts";
import { type Child, failure, spawn } from "../../core/process.ts";
import type { Lab } from "../find.ts";
import { LAB_HOSTS } from "../topology.ts";
import { KNOWN_NAME } from "./ports.ts";

const [a, b] = LAB_HOSTS as [(typeof LAB_HOSTS)[number], (typeof LAB_HOSTS)[number]];
const address = (cidr: string) => cidr.split("/")[0]!;

/** A program of ours beside this file, as built. */
const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/**
 * Starts the programs and returns when b serves. Disposing of the result ends them all.
 * @throws TapscopeError `E_TRAFFIC` when one does not start.
 */
export async function startTraffic(lab: Lab): Promise<AsyncDisposable> {
  const cleanup = new Cleanup();
  const start = (host: string, argv: readonly string[]) =>
    cleanup.use(`stop ${argv[0]} on ${host}`, spawn(argv, { place: lab.host(host), stderr: "ignore" }));
  try {
    const server = start(b.name, [process.execPath, script("server"), address(b.ip)]);
    await firstLine(server);
    // Traffic that nothing reads must not stop its program.
    for (const child of [
      start(b.name, [
        ...["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"],
        ...["--pid-file=", "--bind-interfaces", `--listen-address=${address(b.ip)}`],
        ...["--log-facility=/dev/null", "--local=/lab/", `--address=/${KNOWN_NAME}/${address(b.ip)}`],
      ]),
      start(a.name, [process.execPath, script("client"), address(b.ip), address(b.ip6)]),
      start(a.name, ["ping", "-i", "0.5", address(b.ip)]),
    ]) {
      child.stdout?.resume();
    }
    return cleanup;
  } catch (error) {
    await cleanup[Symbol.asyncDispose]();
    throw error;
  }
}

async function firstLine(child: Child): Promise<void> {
  const ready = new Promise<"ready">((resolve) => child.stdout?.once("data", () => resolve("ready")));
  const first = await Promise.race([ready, child.ended]);
  if (first !== "ready") {
    throw new TapscopeError("E_TRAFFIC", "could not start the lab's traffic: its server ended at once", {
      cause: failure(child.argv, first),
    });
  }
  child.stdout?.resume();
}
