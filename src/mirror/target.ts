/**
 * Which Open vSwitch is meant. A target says how to reach its OVSDB, where its programs are to be run, and what to call it.
 * Remotes are written as ovs-vsctl(8) writes them: `unix:FILE`, `tcp:IP:PORT`, `ssl:IP:PORT`, or a bare path of a socket.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "../core/errors.ts";
import { HOST, type Namespaces, type Place } from "../core/place.ts";
import { sanitize, shellQuote } from "../core/text.ts";
import type { Endpoint, TlsFiles } from "./ovsdb/json-rpc.ts";

/** An Open vSwitch. */
export interface SwitchTarget {
  /** Where ovs-vsctl and the other programs run. */
  readonly place: Place;
  /** What `ovs-vsctl --db` takes, as `place` sees it. */
  readonly remote: string;
  /** How messages call it: `the system's Open vSwitch`, `lab 'lab'`. */
  readonly label: string;
  /** Nobody named it: it is where distributions put the system's. */
  readonly isDefault?: boolean;
  readonly tls?: TlsFiles;
  /** The name of the lab it is in. */
  readonly lab?: string;
}

/** A command of tapscope's own on this switch, ready to paste. */
export function tapscopeCommand({ lab, remote, place, isDefault }: SwitchTarget, ...words: readonly string[]): string {
  const inside = place.lab ? `unix:${pathFromHere(place, remote.slice(5))}` : remote;
  const which = lab === undefined ? (isDefault ? [] : ["--db", inside]) : ["--lab", lab];
  return shellQuote(["tapscope", ...which, ...words]);
}

/** How to start an ovs-vswitchd that does not run. In a lab its devices are gone with it. */
export function startVswitchd({ lab, place }: SwitchTarget): string {
  if (lab !== undefined)
    return (
      shellQuote(["tapscope", "lab", "down", "--name", lab]) +
      " && " +
      shellQuote(["tapscope", "lab", "up", "--name", lab])
    );
  return place.lab ? "# make the lab anew: tapscope lab down, tapscope lab up" : "systemctl start openvswitch-switch";
}

/** A running lab, as the caller found it. */
export interface KnownLab {
  readonly name: string;
  readonly place: Place;
  /** OVSDB's socket as a path that this process can connect to: below `/proc/PID/root`. */
  readonly dbSocket: string;
}

/** What the user said, and how to look for labs. */
export interface SwitchRequest {
  readonly db?: string | undefined;
  readonly lab?: string | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The command changes something. */
  readonly changes: boolean;
  readonly findLab: (name: string) => Promise<KnownLab | undefined>;
  readonly listLabs: () => Promise<readonly KnownLab[]>;
  /** Default: where distributions put it. */
  readonly systemSocket?: string;
}

export interface ResolvedTarget {
  readonly target: SwitchTarget;
  /** Something the user should be told: another Open vSwitch could have been meant. */
  readonly note?: string;
}

const SYSTEM_SOCKETS = ["/run/openvswitch/db.sock", "/var/run/openvswitch/db.sock"];
/** The lab that is meant when none is named. */
const DEFAULT_LAB = "lab";

/** @throws UsageError when the lab named does not run, or when a change could mean two switches. */
export async function resolveTarget(request: SwitchRequest): Promise<ResolvedTarget> {
  const { env } = request;
  if (request.db !== undefined && request.lab !== undefined) {
    throw new UsageError("--db and --lab name two switches", { hint: "give one of them" });
  }
  const db = request.db ?? (request.lab === undefined ? env.TAPSCOPE_DB || undefined : undefined);
  if (db !== undefined) return { target: databaseTarget(db, request.tls) };
  const lab = request.lab ?? (env.TAPSCOPE_LAB || undefined);
  if (lab !== undefined) return { target: labTarget(await requireLab(lab, request)) };
  if (env.OVS_RUNDIR) return { target: databaseTarget(`unix:${join(env.OVS_RUNDIR, "db.sock")}`) };

  const system = (request.systemSocket ? [request.systemSocket] : SYSTEM_SOCKETS).find((path) => existsSync(path));
  if (system === undefined) {
    const running = await request.findLab(DEFAULT_LAB);
    if (running) return { target: labTarget(running) };
    const others = await request.listLabs();
    if (others.length === 0) return { target: systemTarget(request.systemSocket ?? SYSTEM_SOCKETS[0]!) };
    throw new UsageError("which Open vSwitch is meant? The system has none running, but there are labs", {
      hint: `say ${others.map(({ name }) => `--lab ${name}`).join(", or ")}`,
    });
  }
  const labs = await request.listLabs();
  if (labs.length === 0) return { target: systemTarget(system) };
  const names = labs.map(({ name }) => `--lab ${name}`).join(", ");
  if (request.changes) {
    throw new UsageError(`which Open vSwitch is meant: the system's, or that of a running lab?`, {
      hint: `say --db unix:${system}, or ${names}`,
    });
  }
  return { target: systemTarget(system), note: `using the system's Open vSwitch (a lab runs too: ${names})` };
}

async function requireLab(name: string, request: SwitchRequest): Promise<KnownLab> {
  const lab = await request.findLab(name);
  if (lab) return lab;
  const names = (await request.listLabs()).map((running) => running.name);
  throw new UsageError(`lab '${sanitize(name)}' does not run`, {
    hint: `${names.length > 0 ? `these do: ${names.join(", ")}; or ` : ""}start it: tapscope lab up --name ${sanitize(name)}`,
  });
}

function systemTarget(socket: string): SwitchTarget {
  return { place: HOST, remote: `unix:${socket}`, label: "the system's Open vSwitch", isDefault: true };
}

/** The target of `--db`. @throws UsageError when it is none of the forms ovs-vsctl takes. */
export function databaseTarget(db: string, tls?: TlsFiles): SwitchTarget {
  const remote = /^(unix|tcp|ssl):/.test(db) ? db : `unix:${db}`;
  const path = remote.startsWith("unix:") ? remote.slice(5) : undefined;
  const absolute = path === undefined ? remote : `unix:${resolve(path)}`;
  // What `lab status` shows: the socket of a lab, whose programs have to run in there.
  const inside = /^unix:\/proc\/(\d+)\/root(\/.*)$/.exec(absolute);
  if (inside) {
    return { place: { lab: namespacesOf(Number(inside[1])) }, remote: `unix:${inside[2]}`, label: absolute };
  }
  const target: SwitchTarget = { place: HOST, remote: absolute, label: absolute, ...(tls ? { tls } : {}) };
  endpointOf(target);
  return target;
}

function namespacesOf(pid: number): Namespaces {
  try {
    return { pid, user: readlinkSync(`/proc/${pid}/ns/user`) !== readlinkSync("/proc/self/ns/user") };
  } catch {
    return { pid, user: false };
  }
}

/** The target of a running lab. */
export function labTarget(lab: KnownLab): SwitchTarget {
  const inside = lab.dbSocket.replace(/^\/proc\/\d+\/root(?=\/)/, "");
  return { place: lab.place, remote: `unix:${inside}`, label: `lab '${lab.name}'`, lab: lab.name };
}

/** Where this process connects to for a target. @throws UsageError when the remote cannot be understood. */
export function endpointOf(target: SwitchTarget): Endpoint {
  const { remote } = target;
  if (remote.startsWith("unix:")) return { kind: "unix", path: pathFromHere(target.place, remote.slice(5)) };
  const match = /^(tcp|ssl):(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(remote);
  const port = match?.[4] === undefined ? 6640 : Number(match[4]);
  if (!match || port < 1 || port > 65535) {
    throw new UsageError(`not an OVSDB: '${sanitize(remote)}'`, {
      hint: "unix:FILE, tcp:IP[:PORT], ssl:IP[:PORT], or the path of a socket; IPv6 addresses in brackets",
    });
  }
  const host = match[2] ?? match[3]!;
  if (match[1] === "tcp") return { kind: "tcp", host, port };
  if (!target.tls) {
    throw new UsageError(`${sanitize(remote)} needs a key and certificates`, {
      hint: "give --private-key, --certificate and --ca-cert, as to ovs-vsctl",
    });
  }
  return { kind: "ssl", host, port, tls: target.tls };
}

/** A path of `place` as this process can open it. */
export function pathFromHere(place: Place, path: string): string {
  return place.lab ? `/proc/${place.lab.pid}/root${path}` : path;
}

/** A path by which this process sees the network namespace of `place`. */
export function namespacePath(place: Place): string {
  const { lab, netns } = place;
  if (netns === undefined) return `/proc/${lab?.pid ?? "self"}/ns/net`;
  return pathFromHere(place, netns.includes("/") ? netns : `/run/netns/${netns}`);
}

/** The folder of the daemons' control sockets and PID files, as `place` sees it; none when OVSDB is remote. */
export function runDirOf(target: SwitchTarget): string | undefined {
  return target.remote.startsWith("unix:") ? dirname(target.remote.slice(5)) : undefined;
}

/**
 * ovs-vswitchd's control socket as `place` sees it, or undefined when there is none to be found.
 * Its name is `ovs-vswitchd.<pid>.ctl` unless whoever started it chose another.
 */
export function vswitchdSocket(target: SwitchTarget): string | undefined {
  const dir = runDirOf(target);
  if (dir === undefined) return undefined;
  const here = pathFromHere(target.place, dir);
  const pid = vswitchdPid(target);
  let names: string[];
  try {
    names = readdirSync(here).filter((name) => /vswitchd.*\.ctl$/.test(name));
  } catch {
    return undefined;
  }
  const name = names.find((candidate) => candidate === `ovs-vswitchd.${pid}.ctl`) ?? names[0];
  return name === undefined ? undefined : join(dir, name);
}

/** ovs-vswitchd's PID as the PID namespace of `place` numbers it; undefined when it cannot be known. */
export function vswitchdPid(target: SwitchTarget): number | undefined {
  if (runDirOf(target) === undefined) return undefined;
  try {
    const path = join(pathFromHere(target.place, runDirOf(target)!), "ovs-vswitchd.pid");
    const pid = Number.parseInt(readFileSync(path, "latin1"), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** ovs-vswitchd is held by a signal (SIGSTOP, a debugger): proc(5), state T or t. False when that cannot be told. */
export function vswitchdHeld(target: SwitchTarget): boolean {
  const pid = vswitchdPid(target);
  if (pid === undefined) return false;
  try {
    return /^State:\s+[Tt]/m.test(readFileSync(`${pathFromHere(target.place, "/proc")}/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}

/** The place whose network namespace holds the switch's own devices: ovs-vswitchd may run in another one than its clients. */
export function switchPlace(target: SwitchTarget): Place {
  const pid = vswitchdPid(target);
  if (pid === undefined) return target.place;
  const proc = pathFromHere(target.place, "/proc");
  try {
    // A PID file may be stale, or written in another PID namespace.
    if (readFileSync(`${proc}/${pid}/comm`, "latin1").trim() !== "ovs-vswitchd") return target.place;
    const own = readlinkSync(`${proc}/${target.place.lab ? 1 : "self"}/ns/net`);
    if (readlinkSync(`${proc}/${pid}/ns/net`) === own) return target.place;
  } catch {
    return target.place;
  }
  return { ...target.place, netns: `/proc/${pid}/ns/net` };
}
