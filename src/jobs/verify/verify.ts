/**
 * `verify`: captures on the sources and on the monitor at once, runs the traffic, matches and judges (src/verify). All
 * captures run before the traffic begins and until what it sent has had time to come.
 */
import { closeSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cleanup } from "../../core/cleanup.ts";
import { messageOf, TapscopeError, UsageError } from "../../core/errors.ts";
import { giveToInvokingUser, openOutput } from "../../core/output-file.ts";
import { describePlace, HOST, type Place } from "../../core/place.ts";
import { nowNs } from "../../core/time.ts";
import { formatDuration } from "../../core/units.ts";
import { type Device, givenAddresses, readDevices } from "../../mirror/devices.ts";
import { parseFdb } from "../../mirror/fdb.ts";
import { type MirrorInfo, mirrorsOf } from "../../mirror/mirror-info.ts";
import type { Session } from "../../mirror/session.ts";
import { findBridge, findPort, type SwitchState } from "../../mirror/state.ts";
import { startVswitchd } from "../../mirror/target.ts";
import { findCauses } from "../../verify/judge/causes.ts";
import type { Facts, MonitorFact, TrafficFact } from "../../verify/judge/facts.ts";
import { directionReport, type Evidence, pingReport, verdictOf } from "../../verify/judge/judge.ts";
import type { PingWords } from "../../verify/judge/ping.ts";
import type { LargestPacket, VerifyReport } from "../../verify/judge/report.ts";
import { addressBytes } from "../../verify/match/echo.ts";
import { Matcher } from "../../verify/match/matcher.ts";
import { Finish } from "../finish.ts";
import { resolvePort, resolvePorts } from "../machines.ts";
import { Captures } from "./captures.ts";
import { COUNTS_MS, MirrorTotals } from "./counts.ts";
import { findLargestPacket } from "./largest-packet.ts";
import {
  choosePingHost,
  findMonitor,
  injectionDevice,
  mirroredPorts,
  openSources,
  type PingHost,
  placeNamed,
  portOfDevice,
  type SourceCapture,
  type Sources,
} from "./places.ts";
import { chooseIdentifier, injectFrames, makeMarker, type PingTraffic, runCommand, runPing } from "./traffic.ts";

const NO_SOURCES: Sources = { captures: [], uncaptured: [] };
const WAITING = `waiting for Open vSwitch's count, which comes every 5 s: up to ${formatDuration(COUNTS_MS)}`;

export type TrafficRequest =
  | { readonly kind: "ping"; readonly ping: PingTraffic; readonly from?: string | undefined }
  | { readonly kind: "command"; readonly argv: readonly string[]; readonly from?: string | undefined }
  | {
      readonly kind: "inject";
      readonly count: number;
      readonly intervalMs: number;
      readonly interface?: string | undefined;
    }
  | { readonly kind: "passive" };

export interface VerifyRequest {
  /** The device that gets the copies: a mirror's output, or what should be one. */
  readonly monitor: string;
  /** Ports, bridges or devices; default: what the monitor's mirrors copy. */
  readonly sources?: readonly string[] | undefined;
  /** Directions to judge; default both. */
  readonly directions?: readonly ("in" | "out")[] | undefined;
  readonly traffic: TrafficRequest;
  /** Ends the traffic after that time; passive traffic has to have one, or a signal. */
  readonly durationMs?: number | undefined;
  /** Ends the traffic; what was sent until then is judged. */
  readonly signal?: AbortSignal | undefined;
  /** A folder that is absent or empty, for the captures and the report. */
  readonly saveDir?: string | undefined;
  /** Is told what is being done, and how long it takes where that is known. */
  readonly onStage?: (stage: string) => void;
}

/**
 * Runs one verification.
 * @throws TapscopeError when there is no such monitor or source, UsageError when the request cannot be understood
 */
export async function verifyMirror(session: Session, request: VerifyRequest): Promise<VerifyReport> {
  using end = new Finish(request.signal);
  await using cleanup = new Cleanup();
  const { monitor, sources } = request;
  const run = new Run(
    session,
    {
      ...request,
      monitor: await resolvePort(session, monitor),
      ...(sources ? { sources: await resolvePorts(session, sources) } : {}),
    },
    cleanup,
    end,
  );
  return await run.result();
}

async function downFact(session: Session): Promise<Facts["vswitchd"]> {
  const problem = await session.vswitchdProblem();
  return problem === undefined ? null : { problem, fix: startVswitchd(session.target) };
}

/** What the traffic came to. */
interface TrafficOutcome {
  readonly fact: TrafficFact;
  readonly words?: PingWords;
  readonly command?: VerifyReport["command"];
  readonly injected?: { readonly interface: string; readonly sent: number };
}

class Run {
  readonly #session: Session;
  readonly #request: VerifyRequest;
  readonly #cleanup: Cleanup;
  readonly #end: Finish;
  readonly #directions: readonly ("in" | "out")[];
  #ended = false;

  constructor(session: Session, request: VerifyRequest, cleanup: Cleanup, end: Finish) {
    this.#session = session;
    this.#request = request;
    this.#cleanup = cleanup;
    this.#end = end;
    this.#directions = request.directions ?? ["in", "out"];
    void end.ended.then(
      () => {
        this.#ended = true;
      },
      () => {},
    );
  }

  async result(): Promise<VerifyReport> {
    const { monitor: name, traffic, saveDir } = this.#request;
    const startedNs = nowNs();
    const stateBefore = await this.#state();
    const monitor = await findMonitor(this.#session, stateBefore, name);
    const port = stateBefore && (await portOfDevice(this.#session, stateBefore, monitor));
    const mirrors = stateBefore
      ? mirrorsOf(stateBefore).filter(({ output }) => output !== null && output === port)
      : [];
    const sources = await this.#openSources(stateBefore, mirrors);
    const host = await this.#pingHost(stateBefore, sources);
    const known = sources ?? (await this.#sourcesOf(stateBefore, host));
    const identifier = traffic.kind === "ping" ? await chooseIdentifier(host!.place) : null;
    const largest = await this.#largestPacket(host);
    const marker = makeMarker();
    if (saveDir !== undefined) makeSaveDir(saveDir);

    const totals = await MirrorTotals.open(this.#session, mirrors, this.#cleanup);
    const ports = [...new Set(known.captures.map(({ port: source }) => source))];
    this.#request.onStage?.(`starting to capture on ${[name, ...ports].join(", ")}`);
    const captures = await Captures.start({
      monitor,
      sources: known.captures,
      saveDir,
      cleanup: this.#cleanup,
      onError: (error) => this.#end.fail(error),
    });
    if (known.captures.length === 0 && traffic.kind !== "ping" && totals.any) {
      // OVS's counts will be all there is: let it count what came before.
      this.#request.onStage?.(WAITING);
      await this.#orEnd(COUNTS_MS);
    }
    const before = totals.now();
    const fromNs = nowNs() + 1_000_000n;
    await this.#orEnd(2);
    const outcome =
      !this.#ended && captures.failures.length === 0
        ? await this.#runTraffic(host, known, identifier, marker, largest)
        : { fact: notRun(traffic) };
    const toNs = nowNs() + 1_000_000n;
    const trafficEndMs = performance.now();
    this.#request.onStage?.("waiting for what the kernel still holds: about 1 s");
    await captures.stop(true);

    const matcher = new Matcher({
      streams: known.captures,
      fromNs,
      toNs,
      monitorMac: Buffer.from(monitor.mac.replaceAll(":", ""), "hex"),
      ...(traffic.kind === "ping" ? { echo: { address: addressBytes(traffic.ping.address), id: identifier } } : {}),
      ...(traffic.kind === "inject" ? { marked: { marker, count: traffic.count } } : {}),
    });
    this.#request.onStage?.("comparing the captures");
    await captures.match(matcher);
    const { tally } = matcher;
    const expected = Math.max(tally.in.sourceFrames + tally.out.sourceFrames, tally.monitorTotal);
    const worthwhile = monitor.up && (expected > 0 || known.captures.length === 0);
    if (worthwhile && !totals.hasSettled(before, expected, trafficEndMs)) {
      this.#request.onStage?.(WAITING);
      await totals.settle(before, expected, trafficEndMs, this.#orEnd(COUNTS_MS));
    }
    const after = totals.now();

    const stateAfter = stateBefore && (await this.#state());
    const captured = captures.summary();
    const ping =
      traffic.kind === "ping" && outcome.words
        ? pingReport(outcome.words, matcher.monitorEcho!, known.captures.length > 0 ? matcher.sourceEcho! : null, {
            address: traffic.ping.address,
            from: host!.name,
            largest,
          })
        : null;
    const inject = outcome.injected ? { ...outcome.injected, seen: matcher.markedSeen } : null;
    const evidence: Evidence = {
      tally,
      ping,
      requestsLeft: ping && known.captures.length > 0 ? matcher.sourceEcho!.requests : null,
      bothDirections: this.#directions.length === 2,
      inject,
      copied: before && after ? after.packets - before.packets : null,
      monitorCaptured: matcher.monitorCaptured,
      monitorDrops: captured[0]!.dropped,
      sourceDrops: captured.slice(1).reduce((sum, { dropped }) => sum + dropped, 0),
      queueDrops: await queueDrops(known.captures),
      hasSources: known.captures.length > 0,
      pingElsewhere: stateBefore !== null && host !== null && host.port === null,
    };
    const facts: Facts = {
      vswitchd: stateAfter && (await downFact(this.#session)),
      traffic: outcome.fact,
      monitor: await this.#monitorFact(monitor, port, stateAfter),
      mirrors: stateAfter && mirrorsOf(stateAfter),
      ports: [...(stateAfter?.ports.values() ?? [])],
      ovsVersion: stateAfter?.ovsVersion ?? null,
      ovs: { before, after },
      sources: [...new Set(known.captures.map(({ port }) => port))],
      machines: known.captures.flatMap(({ port, device, look, direction }) =>
        device.kind === "tun" && look === direction ? port : [],
      ),
      uncaptured: known.uncaptured,
      captures: captured,
      failures: captures.failures,
    };
    const verdict = captures.monitorFailed ? "untested" : verdictOf(evidence);
    const report: VerifyReport = {
      verdict,
      monitor: name,
      sources: tally.streams,
      directions: this.#directions.map((direction) => directionReport(direction, tally[direction])),
      monitor_frames: tally.monitorTotal,
      foreign_frames: tally.foreign,
      chatter_frames: tally.chatter,
      ping,
      inject,
      command: outcome.command ?? null,
      ovs: { before, after },
      captures: captured,
      ...findCauses(verdict, evidence, facts),
      started_ns: startedNs,
      ended_ns: nowNs(),
    };
    if (saveDir !== undefined) {
      const text = JSON.stringify(report, (_, value) => (typeof value === "bigint" ? value.toString() : value), 2);
      const fd = openOutput(join(saveDir, "report.json"));
      writeFileSync(fd, `${text}\n`);
      closeSync(fd);
    }
    return report;
  }

  /** What OVSDB holds; null when there is no Open vSwitch to be asked: devices can be compared without one. */
  async #state(): Promise<SwitchState | null> {
    try {
      return await this.#session.state();
    } catch (error) {
      if (error instanceof TapscopeError && error.code === "E_OVSDB_UNREACHABLE") return null;
      throw error;
    }
  }

  /** The sources asked for, or those of the mirrors; undefined when neither says any. */
  async #openSources(state: SwitchState | null, mirrors: readonly MirrorInfo[]): Promise<Sources | undefined> {
    const { sources, monitor } = this.#request;
    if (sources?.includes(monitor)) throw new UsageError(`${monitor} cannot be source and monitor at once`);
    const names = sources ?? mirroredPorts(mirrors);
    if (names.length === 0) return undefined;
    return await openSources(this.#session, state, names, monitor, this.#directions);
  }

  async #pingHost(state: SwitchState | null, sources: Sources | undefined): Promise<PingHost | null> {
    const { traffic } = this.#request;
    if (traffic.kind !== "ping") return null;
    const near = (sources?.captures ?? []).map(({ device }) => device.place);
    const { address, interface: device } = traffic.ping;
    const host = await choosePingHost(this.#session, state, { address, from: traffic.from, interface: device }, near);
    return host;
  }

  /** With --df: what the ping is to be as large as. Before the captures: its own packets are not judged. */
  async #largestPacket(host: PingHost | null): Promise<LargestPacket | null> {
    const { traffic } = this.#request;
    if (traffic.kind !== "ping" || !traffic.ping.dontFragment || host?.device == null) return null;
    const { address } = traffic.ping;
    this.#request.onStage?.(`looking for the largest packet that passes to ${address}`);
    const { place, device } = host;
    return await findLargestPacket({ address, place, device, stopped: () => this.#ended });
  }

  /** No source is named and no mirror has one: then it is the port that the traffic is known to pass. */
  async #sourcesOf(state: SwitchState | null, host: PingHost | null): Promise<Sources> {
    const { traffic, monitor } = this.#request;
    let port = host?.port ?? null;
    if (state && traffic.kind === "inject" && traffic.interface !== undefined) {
      const device = await injectionDevice(this.#session, traffic.interface, NO_SOURCES);
      port = await portOfDevice(this.#session, state, device);
    }
    if (!state || port === null || port === monitor) return NO_SOURCES;
    return await openSources(this.#session, state, [port], monitor, this.#directions);
  }

  async #runTraffic(
    host: PingHost | null,
    sources: Sources,
    identifier: number | null,
    marker: Buffer,
    largest: LargestPacket | null,
  ): Promise<TrafficOutcome> {
    const { traffic, durationMs, onStage } = this.#request;
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise<void>((resolve) => {
      if (durationMs !== undefined) timer = setTimeout(resolve, durationMs);
    });
    const stop = Promise.race([time, this.#end.ended]);
    const limit =
      durationMs === undefined
        ? ""
        : `, ${formatDuration(durationMs)}${traffic.kind === "passive" ? "" : " at the most"}`;
    try {
      switch (traffic.kind) {
        case "ping": {
          const { address, count, intervalS } = traffic.ping;
          const by = host!.device === null ? "" : ` by ${host!.device}`;
          const time = formatDuration(Math.max(0, count - 1) * intervalS * 1000);
          onStage?.(`pinging ${address} from ${host!.name}${by}: ${count} requests, about ${time}`);
          const size = largest?.payload_bytes ?? traffic.ping.size;
          const words = await runPing({ ...traffic.ping, size }, host!.place, identifier, stop);
          return {
            fact: { kind: "ping", address, complaint: words.complaint, device: host!.port ?? host!.device },
            words,
          };
        }
        case "command": {
          onStage?.(`running ${traffic.argv[0]}${limit}`);
          const place: Place = traffic.from === undefined ? HOST : placeNamed(this.#session, traffic.from);
          const { exitCode = null, signal = null } = await runCommand(traffic.argv, place, stop);
          const command = { argv: traffic.argv, exit_code: exitCode, signal };
          return { fact: { kind: "command", exitCode, signal }, command };
        }
        case "inject":
          return await this.#inject(traffic, sources, marker, stop);
        case "passive":
          onStage?.(`capturing what passes${limit} (Ctrl-C ends it)`);
          await stop;
          return { fact: { kind: "passive" } };
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #inject(
    traffic: TrafficRequest & { readonly kind: "inject" },
    sources: Sources,
    marker: Buffer,
    stop: Promise<unknown>,
  ): Promise<TrafficOutcome> {
    const device = await injectionDevice(this.#session, traffic.interface, sources);
    const { count, intervalMs } = traffic;
    const where = `${device.name} (${describePlace(device.place)})`;
    this.#request.onStage?.(`injecting ${count} frames out of ${where}: about ${formatDuration(count * intervalMs)}`);
    const sent = await injectFrames(
      { device: device.name, place: device.place, mac: device.mac, count, marker, intervalMs },
      stop,
    );
    return { fact: { kind: "inject", sent }, injected: { interface: device.name, sent } };
  }

  async #monitorFact(device: Device, name: string | null, state: SwitchState | null): Promise<MonitorFact> {
    const port = state && name !== null ? findPort(state, name) : undefined;
    const ofport = port?.interfaces[0]?.ofport ?? null;
    const table = port && ofport !== null ? await this.#fdb(port.bridge) : "";
    const learned = parseFdb(table).filter((entry) => entry.ofport === ofport && entry.mac !== device.mac);
    return {
      port: name ?? device.name,
      bridge: port?.bridge ?? null,
      up: device.up,
      carrier: device.carrier,
      userspace: state !== null && port !== undefined && findBridge(state, port.bridge)?.datapathType === "netdev",
      addresses: givenAddresses(device),
      learned: learned.map(({ mac }) => mac),
      machine: device.kind === "tun" && port?.interfaces[0]?.type !== "internal",
    };
  }

  async #fdb(bridge: string): Promise<string> {
    try {
      return (await this.#session.control("fdb/show", bridge)) ?? "";
    } catch (error) {
      if (error instanceof TapscopeError) return "";
      throw error;
    }
  }

  /** Waits, but not when the job has been told to end. */
  async #orEnd(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([time, this.#end.ended]).finally(() => clearTimeout(timer));
  }
}

/** What the sources' devices dropped of what this machine's own stack sent by them, since they were found. */
async function queueDrops(captures: readonly SourceCapture[]): Promise<number> {
  let sum = 0;
  for (const { direction, look, device } of captures) {
    if (direction !== "in" || look !== "out") continue;
    const now = (await readDevices(device.place, device.name).catch(() => undefined))?.get(device.name);
    if (now) sum += now.tx.dropped - device.tx.dropped;
  }
  return sum;
}

function notRun(traffic: TrafficRequest): TrafficFact {
  switch (traffic.kind) {
    case "ping":
      return { kind: "ping", address: traffic.ping.address, complaint: null, device: null };
    case "command":
      return { kind: "command", exitCode: null, signal: null };
    case "inject":
      return { kind: "inject", sent: 0 };
    case "passive":
      return { kind: "passive" };
  }
}

/** @throws UsageError when the folder holds something, TapscopeError `E_SAVE` when it cannot be made */
function makeSaveDir(dir: string): void {
  try {
    if (mkdirSync(dir, { recursive: true, mode: 0o700 }) !== undefined) giveToInvokingUser(dir);
    if (readdirSync(dir).length === 0) return;
  } catch (error) {
    throw new TapscopeError("E_SAVE", `cannot save to ${dir}: ${messageOf(error)}`);
  }
  throw new UsageError(`cannot save to ${dir}: it is not empty`, { hint: "name a folder that is absent or empty" });
}
