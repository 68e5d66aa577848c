/**
 * `verify`: captures on the sources and on the monitor at once, runs the traffic, matches and judges (src/verify). All
 * captures run before the traffic begins and until what it sent has had time to come.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { Tcpdump } from "../capture/source/tcpdump.ts";
import { Cleanup } from "../core/cleanup.ts";
import { messageOf, TapscopeError, UsageError } from "../core/errors.ts";
import { describePlace, HOST, type Place } from "../core/place.ts";
import { nowNs } from "../core/time.ts";
import { type Device, givenAddresses } from "../mirror/devices.ts";
import { parseFdb } from "../mirror/fdb.ts";
import { type MirrorInfo, mirrorsOf } from "../mirror/mirror-info.ts";
import { type MirrorCounts, MirrorWatch } from "../mirror/monitor.ts";
import { findPort } from "../mirror/rows.ts";
import type { Session } from "../mirror/session.ts";
import type { SwitchState } from "../mirror/state.ts";
import { findCauses } from "../verify/causes.ts";
import { addressBytes } from "../verify/echo.ts";
import type { Facts, MonitorFact, TrafficFact } from "../verify/facts.ts";
import { directionReport, type Evidence, pingReport, verdictOf } from "../verify/judge.ts";
import { Matcher } from "../verify/matcher.ts";
import type { PingWords } from "../verify/ping.ts";
import type { VerifyReport } from "../verify/report.ts";
import { Spool } from "../verify/spool.ts";
import { type Ending, JobEnd } from "./signals.ts";
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
} from "./verify-places.ts";
import { chooseIdentifier, injectFrames, makeMarker, type PingTraffic, runCommand, runPing } from "./verify-traffic.ts";

/** Open vSwitch renews a mirror's counts this often, unless other_config:stats-update-interval says otherwise. */
const COUNTS_MS = 5000;
const COUNTS_SLACK_MS = 1000;
/** Kernel buffers of all captures together, and of one at least and at most, KiB. */
const BUFFERS_KIB = 256 * 1024;
const BUFFER_KIB = [4096, 65_536] as const;

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
  /** A folder that is absent or empty, for the captures and the report. */
  readonly saveDir?: string | undefined;
  /** Is told what is being done. */
  readonly onStage?: (stage: string) => void;
}

export interface VerifyResult {
  /** Null when a signal other than Ctrl-C ended it before there was one. */
  readonly report: VerifyReport | null;
  readonly ending: Ending;
}

/**
 * Runs one verification. Ctrl-C ends the traffic, and what was sent until then is judged.
 * @throws TapscopeError when there is no such monitor or source, UsageError when the request cannot be understood
 */
export async function verifyMirror(session: Session, request: VerifyRequest): Promise<VerifyResult> {
  using end = new JobEnd();
  await using cleanup = new Cleanup();
  const run = new Run(session, request, cleanup, end);
  return await run.result();
}

interface RunningCapture {
  readonly what: string;
  /** Null for a monitor that is down: it gets nothing. */
  readonly source: Tcpdump | null;
  readonly spool: Spool;
  readonly done: Promise<{ readonly reason: string | null }>;
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
  readonly #end: JobEnd;
  readonly #directions: readonly ("in" | "out")[];
  #ending: Ending = "done";
  readonly #failures: { message: string; hint: string | null }[] = [];

  constructor(session: Session, request: VerifyRequest, cleanup: Cleanup, end: JobEnd) {
    this.#session = session;
    this.#request = request;
    this.#cleanup = cleanup;
    this.#end = end;
    this.#directions = request.directions ?? ["in", "out"];
    void end.ended.then(
      (ending) => {
        this.#ending = ending;
      },
      () => {},
    );
  }

  async result(): Promise<VerifyResult> {
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
    const marker = makeMarker();
    if (saveDir !== undefined) makeSaveDir(saveDir);

    // What Open vSwitch ignores it does not count.
    const counted = mirrors.filter(({ health }) => health === "ok" || health === "waiting");
    const watches = await Promise.all(
      counted.map(async ({ uuid }) =>
        this.#cleanup.use("stop following OVSDB", await MirrorWatch.open(this.#session, uuid, () => this.#onCounts())),
      ),
    );
    const captures = await this.#startCaptures(monitor, known.captures);
    if (known.captures.length === 0 && traffic.kind !== "ping" && watches.length > 0) {
      // OVS's counts will be all there is: let it count what came before.
      this.#request.onStage?.("waiting for Open vSwitch's count (it counts every 5 s)");
      await this.#orEnd(COUNTS_MS + COUNTS_SLACK_MS);
    }
    const before = sumCounts(watches);
    const fromNs = nowNs() + 1_000_000n;
    await this.#orEnd(2);
    const outcome =
      this.#ending === "done" && this.#failures.length === 0
        ? await this.#runTraffic(host, known, identifier, marker)
        : { fact: notRun(traffic) };
    const toNs = nowNs() + 1_000_000n;
    const trafficEndMs = performance.now();
    await this.#stopCaptures(captures);
    if (this.#ending === "SIGTERM" || this.#ending === "SIGHUP") return { report: null, ending: this.#ending };

    const matcher = new Matcher({
      streams: known.captures,
      fromNs,
      toNs,
      monitorMac: Buffer.from(monitor.mac.replaceAll(":", ""), "hex"),
      ...(traffic.kind === "ping" ? { echo: { address: addressBytes(traffic.ping.address), id: identifier } } : {}),
      ...(traffic.kind === "inject" ? { marked: { marker, count: traffic.count } } : {}),
    });
    this.#request.onStage?.("matching");
    await match(matcher, captures);
    const { tally } = matcher;
    const sent = tally.in.sourceFrames + tally.out.sourceFrames;
    const expected = Math.max(sent, tally.monitorTotal);
    if (monitor.up && (expected > 0 || known.captures.length === 0)) {
      await this.#awaitCounts(watches, before, expected, trafficEndMs);
    }
    const after = sumCounts(watches);

    const stateAfter = stateBefore && (await this.#state());
    const drops = (capture: RunningCapture): number => {
      const counts = capture.source?.drops;
      return counts ? counts.kernel + counts.interface : 0;
    };
    const ping =
      traffic.kind === "ping" && outcome.words
        ? pingReport(outcome.words, matcher.monitorEcho!, known.captures.length > 0 ? matcher.sourceEcho! : null, {
            address: traffic.ping.address,
            from: host!.name,
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
      monitorDrops: drops(captures[0]!),
      sourceDrops: captures.slice(1).reduce((sum, capture) => sum + drops(capture), 0),
      hasSources: known.captures.length > 0,
      pingElsewhere: host?.device != null && stateBefore !== null && !isPortDevice(stateBefore, host.device),
    };
    const facts: Facts = {
      traffic: outcome.fact,
      monitor: await this.#monitorFact(monitor, port, stateAfter),
      mirrors: stateAfter && mirrorsOf(stateAfter),
      ports: [...(stateAfter?.ports.values() ?? [])],
      ovsVersion: stateAfter?.ovsVersion ?? null,
      ovs: { before, after },
      sources: [...new Set(known.captures.map(({ port }) => port))],
      uncaptured: known.uncaptured,
      captures: captures.map((capture) => ({ what: capture.what, dropped: drops(capture) })),
      failures: this.#failures,
    };
    const verdict = this.#monitorFailed ? "untested" : verdictOf(evidence);
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
      captures: captures.map((capture) => ({ file: capture.spool.file, what: capture.what, dropped: drops(capture) })),
      ...findCauses(verdict, evidence, facts),
      started_ns: startedNs,
      ended_ns: nowNs(),
    };
    if (saveDir !== undefined) {
      const text = JSON.stringify(report, (_, value) => (typeof value === "bigint" ? value.toString() : value), 2);
      writeFileSync(join(saveDir, "report.json"), `${text}\n`);
    }
    return { report, ending: this.#ending };
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
    const by = host.device === null ? "" : ` by ${host.device}`;
    if (traffic.from === undefined) this.#request.onStage?.(`pinging ${address} from ${host.name}${by}`);
    return host;
  }

  /** No source is named and no mirror has one: then it is the port that the traffic is known to pass. */
  async #sourcesOf(state: SwitchState | null, host: PingHost | null): Promise<Sources> {
    const { traffic, monitor } = this.#request;
    const device = traffic.kind === "inject" ? traffic.interface : host?.device;
    if (!state || device == null || device === monitor || !isPortDevice(state, device))
      return { captures: [], uncaptured: [] };
    return await openSources(this.#session, state, [device], monitor, this.#directions);
  }

  /** The monitor's capture first, then one for each source and direction. All listen when this resolves. */
  async #startCaptures(monitor: Device, sources: readonly SourceCapture[]): Promise<RunningCapture[]> {
    const share = Math.floor(BUFFERS_KIB / (sources.length + 1));
    const bufferKib = Math.min(BUFFER_KIB[1], Math.max(BUFFER_KIB[0], share));
    const start = (name: string, device: Device, direction: "in" | "out" | "inout", file: string) =>
      this.#startCapture(name, device, direction, bufferKib, file);
    return await Promise.all([
      start(`monitor ${monitor.name}`, monitor, "inout", "monitor.pcap"),
      ...sources.map(({ port, direction, device, look }) =>
        start(`${port} ${direction}`, device, look, `source-${fileName(device.name)}-${direction}.pcap`),
      ),
    ]);
  }

  async #startCapture(
    what: string,
    device: Device,
    direction: "in" | "out" | "inout",
    bufferKib: number,
    fileOf: string,
  ): Promise<RunningCapture> {
    const { saveDir } = this.#request;
    const spool = new Spool(saveDir === undefined ? null : join(saveDir, fileOf));
    this.#cleanup.add("close a capture", () => spool[Symbol.dispose]());
    const idle = { what, source: null, spool, done: Promise.resolve({ reason: null }) };
    if (!device.up) return idle;
    try {
      const source = await Tcpdump.start({
        device: device.name,
        place: device.place,
        immediate: false,
        direction,
        bufferKib,
      });
      this.#cleanup.use("stop tcpdump", source);
      const done = source.run((frame) => spool.write(frame));
      done.catch((error: unknown) => this.#end.fail(error));
      return { what, source, spool, done };
    } catch (error) {
      if (!(error instanceof TapscopeError)) throw error;
      this.#failures.push({ message: error.message, hint: error.hint ?? null });
      if (what.startsWith("monitor ")) this.#monitorFailed = true;
      return idle;
    }
  }

  #monitorFailed = false;

  async #stopCaptures(captures: readonly RunningCapture[]): Promise<void> {
    const drain = this.#ending !== "SIGTERM" && this.#ending !== "SIGHUP";
    await Promise.all(
      captures.map(async ({ source, spool, done, what }) => {
        await source?.stop(drain);
        const { reason } = await done;
        if (reason !== null)
          this.#failures.push({ message: `the capture of ${what} ended early: ${reason}`, hint: null });
        spool.endWriting();
      }),
    );
  }

  async #runTraffic(
    host: PingHost | null,
    sources: Sources,
    identifier: number | null,
    marker: Buffer,
  ): Promise<TrafficOutcome> {
    const { traffic, durationMs, onStage } = this.#request;
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise<void>((resolve) => {
      if (durationMs !== undefined) timer = setTimeout(resolve, durationMs);
    });
    const stop = Promise.race([time, this.#end.ended]);
    try {
      switch (traffic.kind) {
        case "ping": {
          const words = await runPing(traffic.ping, host!.place, identifier, stop);
          const { address } = traffic.ping;
          return { fact: { kind: "ping", address, complaint: words.complaint, device: host!.device }, words };
        }
        case "command": {
          onStage?.(`running ${traffic.argv[0]}`);
          const place: Place = traffic.from === undefined ? HOST : placeNamed(this.#session, traffic.from);
          const { exitCode = null, signal = null } = await runCommand(traffic.argv, place, stop);
          const command = { argv: traffic.argv, exit_code: exitCode, signal };
          return { fact: { kind: "command", exitCode, signal }, command };
        }
        case "inject":
          return await this.#inject(traffic, sources, marker, stop);
        case "passive":
          onStage?.("capturing what passes (Ctrl-C ends it)");
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
    this.#request.onStage?.(`injecting ${traffic.count} frames out of ${device.name} (${describePlace(device.place)})`);
    const { count, intervalMs } = traffic;
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
      addresses: givenAddresses(device),
      learned: learned.map(({ mac }) => mac),
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

  #onCounts: () => void = () => {};

  /** Waits for OVS's first count after the traffic, unless it has counted all already. */
  async #awaitCounts(
    watches: readonly MirrorWatch[],
    before: MirrorSum | null,
    expected: number,
    afterMs: number,
  ): Promise<void> {
    if (watches.length === 0 || !watches.some(({ counts }) => counts.present)) return;
    const complete = (): boolean => {
      const now = sumCounts(watches);
      if (now !== null && expected > 0 && now.packets - (before?.packets ?? 0) >= expected) return true;
      return watches.some(({ counts }) => counts.atMs > afterMs && counts.packets !== null);
    };
    if (complete()) return;
    this.#request.onStage?.("waiting for Open vSwitch's count (it counts every 5 s)");
    await Promise.race([
      new Promise<void>((resolve) => {
        this.#onCounts = () => {
          if (complete()) resolve();
        };
      }),
      this.#orEnd(COUNTS_MS + COUNTS_SLACK_MS),
    ]);
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

interface MirrorSum {
  readonly packets: number;
  readonly bytes: number;
}

/** The counts of all mirrors that end at the monitor; null when OVS has none of any. */
function sumCounts(watches: readonly { readonly counts: MirrorCounts }[]): MirrorSum | null {
  if (watches.length === 0) return null;
  let [packets, bytes] = [0, 0];
  for (const { counts } of watches) {
    packets += counts.packets ?? 0;
    bytes += counts.bytes ?? 0;
  }
  return { packets, bytes };
}

function isPortDevice(state: SwitchState, device: string): boolean {
  return [...state.ports.values()].some((port) => port.interfaces.some(({ name }) => name === device));
}

/** Feeds the captures to the matcher, always the one that is behind in time. */
async function match(matcher: Matcher, captures: readonly RunningCapture[]): Promise<void> {
  const sinks = captures.map((_, stream) => (frame: Parameters<Matcher["push"]>[1]) => matcher.push(stream, frame));
  for (let stream = matcher.hungriest; stream !== undefined; stream = matcher.hungriest) {
    if (!captures[stream]!.spool.read(sinks[stream]!)) matcher.end(stream);
    await turn();
  }
  matcher.finish();
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
    mkdirSync(dir, { recursive: true });
    if (readdirSync(dir).length === 0) return;
  } catch (error) {
    throw new TapscopeError("E_SAVE", `cannot save to ${dir}: ${messageOf(error)}`);
  }
  throw new UsageError(`cannot save to ${dir}: it is not empty`, { hint: "name a folder that is absent or empty" });
}

/** A device's name as part of a file's name: the kernel allows all but `/` and white space. */
function fileName(device: string): string {
  return device.replaceAll(/[^\w.-]/g, "_");
}
