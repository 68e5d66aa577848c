/** `tapscope demo`: live flows of a mirror on a real Open vSwitch, from nothing, without root. */
import type { Command } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { formatDuration, parseDuration } from "../core/units.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { Shutdown } from "./shutdown.ts";
import { endOfWatch, showOf } from "./watch.ts";

/** How long it lasts where nobody can press `q`. */
const PIPE_DURATION_MS = 10_000;

interface DemoOptions {
  readonly duration?: string;
  readonly text?: boolean;
  readonly vms?: boolean;
  readonly kvm?: boolean;
}

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description("start a lab, traffic, a mirror, and watch it; all of it is gone afterwards. Needs no root")
    .option("--duration <time>", "end after this time (default: until q; without a terminal 10s)")
    .option("--text", "a table at every interval instead of the terminal UI (also without a terminal)")
    .option("--vms", "the whole experiment in virtual machines: mirror, verify, log to a disk, kill, extract, compare")
    .option("--kvm", "with --vms: hardware virtualisation instead of QEMU's own translation")
    .action(async (options: DemoOptions, command: Command) => {
      if (options.vms) return await demoWithVms(options, command);
      if (options.kvm) throw new UsageError("--kvm goes with --vms");
      const { json } = globalOptions(command);
      const wanted = options.duration === undefined ? undefined : parseDuration(options.duration);
      const show = await showOf(command, { text: options.text === true, intervalMs: 2000 });
      const durationMs = wanted ?? ("color" in show ? undefined : PIPE_DURATION_MS);
      const { demo } = await import("../jobs/demo.ts");
      using shutdown = new Shutdown();
      const summary = await demo({
        signal: shutdown.signal,
        ...(durationMs === undefined ? {} : { durationMs }),
        show,
        note: (line) => note(`note: ${sanitize(line)}`),
        onStep: (step) => note(`demo: ${step}`),
      });
      endOfWatch(summary, shutdown, json);
      note("demo: the lab, its traffic and the mirror are gone");
    });
}

async function demoWithVms(options: DemoOptions, command: Command): Promise<void> {
  if (options.duration !== undefined || options.text)
    throw new UsageError(
      `--${options.text ? "text" : "duration"} does not go with --vms: it ends when all steps are done`,
    );
  const { json } = globalOptions(command);
  const { vmDemo } = await import("../jobs/vm-demo.ts");
  using shutdown = new Shutdown();
  const report = await vmDemo({
    signal: shutdown.signal,
    kvm: options.kvm ?? false,
    onStep: (step) => note(`demo: ${step}`),
    onCommand: (line) => note(`      $ ${line}`),
  });
  note("demo: the virtual machines, the lab and the files are gone");
  if (report === undefined) {
    process.exitCode = shutdown.exitCode(true);
    return;
  }
  if (json) return printJson(report);
  for (const { step, ms } of report.steps) print(`${formatDuration(ms).padStart(7)}  ${step}`);
  const { ping, verify, capture, log } = report;
  print(
    `ping: ${ping.sent} sent, ${ping.received} answered, ${ping.frames_in_monitor_vm} frames in the monitor VM (${ping.sent + ping.received} expected)`,
  );
  print(`verify: ${verify.verdict}, ${verify.frames} frames of A`);
  print(`capture outside: ${capture.packets} packets, ${capture.dropped ?? "?"} dropped`);
  print(
    `conn.log: ${log.rows_in_vm} rows in the VM before it was killed, ${log.rows_on_disk} on its disk (journal ${log.journal})`,
  );
  const { cut, others, verdict, connections } = report.compare;
  const classes = Object.entries(connections).map(([name, count]) => `${name} ${count}`);
  print(`bro compare: ${verdict} (${classes.join(", ")})`);
  print(
    `  ${report.requests.cut} frames were taken away inside the VM: the log lacks ${cut.packets} packets of ${cut.connections} such connections`,
  );
  print(
    `  besides: ${others.packets} packets of ${others.connections} connections that had not ended when the VM was killed`,
  );
}
