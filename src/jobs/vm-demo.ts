/**
 * `demo --vms`: the whole experiment in virtual machines. A mirror is made and proved; the monitor VM logs what it sees to its disk as
 * a Bro VM would, and is killed; its log is taken from the disk and held against a capture made outside.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Comparison, compareLogs, type Difference } from "../bro/compare/compare.ts";
import type { Conn } from "../bro/compare/conn.ts";
import { extract } from "../bro/disk/extract/extract.ts";
import { findLogs, groupLogs } from "../bro/log/set.ts";
import { Cleanup } from "../core/cleanup.ts";
import { TapscopeError } from "../core/errors.ts";
import { ownerId } from "../core/identity.ts";
import { shellQuote } from "../core/text.ts";
import { startLab } from "../lab/lab.ts";
import { LAB_VMS } from "../lab/topology.ts";
import { runOnConsole } from "../lab/vm/console.ts";
import { consolePath, runningMachines } from "../lab/vm/machine.ts";
import { ensureParts, startVms } from "../lab/vm/vms.ts";
import { eventually } from "../lab/wait.ts";
import { createMirror } from "../mirror/mirror.ts";
import { Session } from "../mirror/session.ts";
import { labTarget } from "../mirror/target.ts";
import type { Verdict } from "../verify/judge/report.ts";
import { capture } from "./capture.ts";
import { Finish } from "./finish.ts";
import { verifyMirror } from "./verify/verify.ts";

const PINGS = 20;
/** Web requests of which the monitor VM sees every frame, and such whose one request frame is taken away inside it. */
const WHOLE = 100;
const CUT = 50;
/** Between two requests: a machine under TCG takes a burst of frames more slowly than they come, and its NIC would lose some. */
const PAUSE_US = 50_000;
const WHOLE_PORT = 80;
const CUT_PORT = 8002;
/** What the guest's capture leaves out: the frames that carry a request to the second port. */
const CUT_FRAMES = `vlan and tcp dst port ${CUT_PORT} and tcp[tcpflags] & tcp-push != 0`;
const VERIFY_MS = 4000;
/** A connection is logged five seconds after its end, by the time of packets; then the log has to reach the disk. */
const LOGGED_MS = 60_000;

export interface VmDemoOptions {
  readonly kvm: boolean;
  /** Ends it before it is done. */
  readonly signal?: AbortSignal | undefined;
  /** Is told what is being done, and what it came to. */
  readonly onStep: (text: string) => void;
  /** Is told the command that a user would type for it. */
  readonly onCommand: (line: string) => void;
}

/** Connections of which the log lacks packets, and how many. */
export interface Lacking {
  readonly connections: number;
  readonly packets: number;
}

export interface VmDemoReport {
  readonly steps: readonly { readonly step: string; readonly ms: number }[];
  /** Echo requests and replies: as A counted, and as they came to the monitor VM. */
  readonly ping: { readonly sent: number; readonly received: number; readonly frames_in_monitor_vm: number };
  readonly verify: { readonly verdict: Verdict; readonly frames: number };
  readonly requests: { readonly whole: number; readonly cut: number };
  readonly capture: { readonly packets: number; readonly dropped: number | null };
  /** Rows of conn.log: in the monitor VM before it was killed, and taken from its disk afterwards. */
  readonly log: { readonly rows_in_vm: number; readonly rows_on_disk: number; readonly journal: string };
  readonly compare: {
    readonly verdict: Comparison["verdict"];
    readonly connections: Comparison["connections"];
    /** What the log lacks, of the connections whose request was taken away and of all others (those that had not ended, for one). */
    readonly cut: Lacking;
    readonly others: Lacking;
  };
}

/** Runs the experiment. @returns undefined when the signal ended it; then, as always, all of it is gone */
export async function vmDemo(options: VmDemoOptions): Promise<VmDemoReport | undefined> {
  using finish = new Finish(options.signal);
  await using cleanup = new Cleanup(20_000);
  const stop = new AbortController();
  cleanup.add("end what runs", () => stop.abort());
  const experiment = new Experiment(options, cleanup, stop.signal).run();
  experiment.catch(() => {});
  return await Promise.race([experiment, finish.ended.then(() => undefined)]);
}

class Experiment {
  readonly #options: VmDemoOptions;
  readonly #cleanup: Cleanup;
  readonly #signal: AbortSignal;
  readonly #steps: { step: string; ms: number }[] = [];
  #lab!: Awaited<ReturnType<typeof startLab>>;
  #session!: Session;

  constructor(options: VmDemoOptions, cleanup: Cleanup, signal: AbortSignal) {
    this.#options = options;
    this.#cleanup = cleanup;
    this.#signal = signal;
  }

  async run(): Promise<VmDemoReport> {
    const folder = mkdtempSync(join(tmpdir(), "tapscope-demo-"));
    this.#cleanup.add("remove the demo's folder", () => rmSync(folder, { recursive: true, force: true }));
    const disk = join(folder, "bro.qcow2");
    const logs = join(folder, "logs");
    const file = join(folder, "run.pcapng");
    const [a, , monitor] = LAB_VMS as [(typeof LAB_VMS)[number], (typeof LAB_VMS)[number], (typeof LAB_VMS)[number]];

    const parts = await this.#step("get kernel, initramfs and the project's disk", () =>
      ensureParts(this.#options.onStep),
    );
    await this.#step("start the lab and boot A, B and monitor", async () => {
      this.#say("lab", "up", "--vms", "--disk", "bro.qcow2");
      this.#lab = this.#cleanup.use("end the lab", await startLab({ name: `demo-${process.pid}`, hosts: false }));
      this.#session = this.#cleanup.use("close the connection to OVSDB", new Session(labTarget(this.#lab)));
      await startVms(this.#lab, parts, { disk, kvm: this.#options.kvm });
    });
    await this.#step("mirror A's tap to the monitor's", async () => {
      this.#say("mirror", "create", a.tap, monitor.tap);
      await createMirror(this.#session, { sources: [a.tap], output: { port: monitor.tap }, owner: ownerId() });
    });
    const ping = await this.#step(`ping B from A ${PINGS} times, and count in the monitor VM`, () => this.#ping());
    const verify = await this.#step("verify the mirror while A pings", () => this.#verify(monitor.tap));
    const { counts, rows } = await this.#step("capture outside, log inside the monitor VM, and ask B for pages", () =>
      this.#log(monitor.tap, file),
    );
    await this.#step("kill the monitor VM", async () => {
      const pid = runningMachines(this.#lab).get(monitor.name)!;
      this.#options.onCommand(`kill -9 ${pid}`);
      process.kill(pid, "SIGKILL");
      await eventually("the end of the monitor VM", 10_000, () =>
        runningMachines(this.#lab).has(monitor.name) ? undefined : true,
      );
    });
    const extracted = await this.#step("take the log from its disk", async () => {
      this.#say("bro", "extract", "bro.qcow2", "logs");
      const { reports, failures } = await extract([disk], logs, { signal: this.#signal });
      if (failures[0]) throw failures[0].error;
      return reports[0]!;
    });
    const compared = await this.#step("hold the log against the capture", async () => {
      this.#say("bro", "compare", "run.pcapng", "logs");
      const inputs = await findLogs([logs], this.#options.onStep);
      const kinds = await groupLogs(inputs, this.#options.onStep, this.#signal);
      const { verdict, connections, differences } = await compareLogs([file], kinds, this.#signal);
      const found = differences.filter(({ missingPackets }) => missingPackets > 0);
      const cut = found.filter(({ capture: [conn] }) => conn !== undefined && isCut(conn));
      const packets = (some: readonly Difference[]) =>
        some.reduce((sum, { missingPackets }) => sum + missingPackets, 0);
      return {
        verdict,
        connections,
        cut: { connections: cut.length, packets: packets(cut) },
        others: { connections: found.length - cut.length, packets: packets(found) - packets(cut) },
      };
    });
    return {
      steps: this.#steps,
      ping,
      verify,
      requests: { whole: WHOLE, cut: CUT },
      capture: { packets: counts.packets, dropped: counts.dropped_kernel },
      log: {
        rows_in_vm: rows,
        rows_on_disk: extracted.logs.find(({ path }) => path === "conn.log")?.rows ?? 0,
        journal: extracted.journal,
      },
      compare: compared,
    };
  }

  async #step<T>(step: string, work: () => Promise<T>): Promise<T> {
    if (this.#signal.aborted) throw new TapscopeError("E_ENDED", "the demo was ended");
    this.#options.onStep(step);
    const started = performance.now();
    const result = await work();
    this.#steps.push({ step, ms: Math.round(performance.now() - started) });
    return result;
  }

  /** What a user would type for what is done now. */
  #say(...args: string[]): void {
    this.#options.onCommand(`tapscope ${shellQuote(args)}`);
  }

  /** @returns what a command in a VM wrote. @throws TapscopeError `E_VM_DEMO` when it failed */
  async #inVm(vm: string, ...argv: string[]): Promise<string> {
    const pieces: Buffer[] = [];
    const exitCode = await runOnConsole(consolePath(this.#lab, vm), vm, argv, {
      onOutput: (bytes) => pieces.push(Buffer.from(bytes)),
      signal: this.#signal,
    });
    const text = Buffer.concat(pieces).toString("latin1");
    if (exitCode !== 0)
      throw new TapscopeError(
        "E_VM_DEMO",
        `${shellQuote(argv)} failed in VM ${vm} with exit code ${exitCode}: ${text.trim()}`,
      );
    return text;
  }

  async #ping(): Promise<VmDemoReport["ping"]> {
    await this.#inVm("monitor", "frames", "start", "icmp or (vlan and icmp)");
    const argv = ["ping", "-c", String(PINGS), "-i", "0.1", address("B")];
    this.#say("lab", "exec", "A", "--", ...argv);
    const words = await this.#inVm("A", ...argv);
    const [, sent, received] = /(\d+) packets transmitted, (\d+) packets received/.exec(words) ?? [];
    return {
      sent: Number(sent),
      received: Number(received),
      frames_in_monitor_vm: Number(await this.#inVm("monitor", "frames", "count")),
    };
  }

  async #verify(tap: string): Promise<VmDemoReport["verify"]> {
    this.#say("verify", tap, "--duration", `${VERIFY_MS / 1000}s`);
    const ping = this.#inVm("A", "ping", "-q", "-c", String(VERIFY_MS / 100 + 20), "-i", "0.1", address("B"));
    ping.catch(() => {});
    const report = await verifyMirror(this.#session, {
      monitor: tap,
      traffic: { kind: "passive" },
      durationMs: VERIFY_MS,
      signal: this.#signal,
    });
    await ping;
    return { verdict: report.verdict, frames: report.sources.reduce((sum, { frames }) => sum + frames, 0) };
  }

  /** B's pages, asked for by A: of the first requests the monitor VM sees all, of the others all but the request itself. */
  async #log(tap: string, file: string): Promise<{ counts: Captured; rows: number }> {
    this.#say("capture", tap, "-w", "run.pcapng");
    const enough = new AbortController();
    this.#signal.addEventListener("abort", () => enough.abort());
    let started = () => {};
    const ready = new Promise<void>((resolve) => {
      started = resolve;
    });
    const running = capture(this.#session, {
      target: { port: tap },
      path: file,
      format: "pcapng",
      signal: enough.signal,
      onStart: () => started(),
    });
    await Promise.race([ready, running]);
    await this.#inVm("monitor", "engine", "start", CUT_FRAMES);
    const serve = [WHOLE_PORT, CUT_PORT].map((port) => `httpd -p ${port} -h /tmp/www`).join(" && ");
    await this.#inVm("B", "sh", "-c", `mkdir -p /tmp/www && head -c 10000 /dev/zero >/tmp/www/page && ${serve}`);
    for (const [count, port] of [
      [WHOLE, WHOLE_PORT],
      [CUT, CUT_PORT],
    ]) {
      const get = `wget -q -O /dev/null http://${address("B")}:${port}/page`;
      await this.#inVm("A", "sh", "-c", `for i in $(seq 1 ${count}); do ${get} || exit 1; usleep ${PAUSE_US}; done`);
    }
    const rows = await eventually("the rows of all connections in the monitor VM's log", LOGGED_MS, async () => {
      // Time passes in a capture only with its packets.
      await this.#inVm("A", "ping", "-q", "-c", "2", address("B"));
      const count = Number(await this.#inVm("monitor", "engine", "count"));
      return count >= WHOLE + CUT ? count : undefined;
    });
    await this.#inVm("monitor", "sync");
    enough.abort();
    return { counts: (await running).result, rows };
  }
}

type Captured = Awaited<ReturnType<typeof capture>>["result"];

/** A connection to the second port, with a row in the log. */
function isCut({ orig, resp }: Conn): boolean {
  return [orig, resp].some((end) => end.endsWith(`:${CUT_PORT}`));
}

/** A VM's address without its prefix length. */
function address(vm: string): string {
  return LAB_VMS.find(({ name }) => name === vm)!.ip!.split("/")[0]!;
}
