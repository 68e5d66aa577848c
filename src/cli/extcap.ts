/** `tapscope extcap`: what Wireshark runs to list, configure and capture interfaces (extcap(4)), and what puts it where Wireshark looks. */
import { chmodSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { messageOf, TapscopeError, UsageError } from "../core/errors.ts";
import { sanitize, shellQuote } from "../core/text.ts";
import { parseInteger } from "../core/units.ts";
import type { ExtcapInterface } from "../jobs/extcap.ts";
import type { Direction } from "../mirror/mirror-info.ts";
import { globalOptions, print } from "./context.ts";
import { openSession } from "./open-session.ts";
import { Shutdown } from "./shutdown.ts";

interface ExtcapOptions {
  readonly install?: boolean;
  readonly system?: boolean;
  readonly extcapInterfaces?: boolean;
  readonly extcapInterface?: string;
  readonly extcapDlts?: boolean;
  readonly extcapConfig?: boolean;
  readonly extcapCaptureFilter?: string;
  readonly capture?: boolean;
  readonly fifo?: string;
  readonly direction: Direction;
  readonly snaplen: string;
  readonly dedup?: boolean;
}

/** The one entry of a list that could not be made. */
const TROUBLE = "tapscope_trouble";
/** How often it is looked whether Wireshark is still there, ms. */
const PARENT_MS = 1000;

export function registerExtcap(program: Command): void {
  program
    .command("extcap")
    .description("offer ports, VM NICs and mirrors to Wireshark as interfaces of its own list (extcap)")
    .option("--install", "put it into the personal extcap folder of the Wireshark that is installed")
    .option("--system", "with --install: into the folder of all users")
    .addOption(new Option("--extcap-interfaces", "list the interfaces").hideHelp())
    .addOption(new Option("--extcap-version <version>", "Wireshark's").hideHelp())
    .addOption(new Option("--extcap-interface <name>", "the interface that is meant").hideHelp())
    .addOption(new Option("--extcap-dlts", "link-layer types of an interface").hideHelp())
    .addOption(new Option("--extcap-config", "options of an interface").hideHelp())
    .addOption(new Option("--extcap-capture-filter <bpf>", "capture filter").hideHelp())
    .addOption(new Option("--capture", "capture").hideHelp())
    .addOption(new Option("--fifo <pipe>", "where the capture goes").hideHelp())
    .addOption(
      new Option("--direction <direction>", "frames into the switch, out of it, or both")
        .choices(["in", "out", "both"])
        .default("both")
        .hideHelp(),
    )
    .addOption(new Option("--snaplen <bytes>", "0: whole frames").default("0").hideHelp())
    .addOption(new Option("--dedup", "leave out copies").hideHelp())
    // Newer Wiresharks may say more.
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (options: ExtcapOptions, command: Command) => {
      if (options.install) return await install(command, options.system ?? false);
      if (options.extcapInterfaces) return await printInterfaces(command);
      if (options.extcapDlts) return print("dlt {number=1}{name=EN10MB}{display=Ethernet}");
      if (options.extcapConfig) return printConfig(options.extcapInterface ?? "");
      if (options.capture) return await runCapture(command, options);
      // Wireshark asks so whether a capture filter is one: what is printed is what is wrong with it.
      if (options.extcapCaptureFilter !== undefined) return await printFilterError(options.extcapCaptureFilter);
      throw new UsageError("extcap is run by Wireshark", { hint: "tapscope extcap --install makes it known there" });
    });
}

async function printInterfaces(command: Command): Promise<void> {
  print(`extcap {version=1.0}{display=tapscope}{help=https://www.wireshark.org/docs/man-pages/extcap.html}`);
  let interfaces: readonly ExtcapInterface[];
  try {
    const { listInterfaces } = await import("../jobs/extcap.ts");
    await using session = await openSession(command, false);
    interfaces = await listInterfaces(session);
  } catch (error) {
    if (!(error instanceof TapscopeError)) throw error;
    const hint = error.hint === undefined ? "" : `: ${error.hint}`;
    interfaces = [{ value: TROUBLE, display: `tapscope: ${error.message}${hint}` }];
  }
  for (const { value, display } of interfaces) print(`interface {value=${plain(value)}}{display=${plain(display)}}`);
}

/** Braces end a value in extcap's grammar. */
function plain(text: string): string {
  return sanitize(text).replaceAll("{", "(").replaceAll("}", ")");
}

function printConfig(name: string): void {
  if (name.startsWith("tapscope_port_")) {
    print(
      "arg {number=0}{call=--direction}{display=Direction}{tooltip=Frames that enter the switch by the port, or that it sends out of it}{type=selector}",
    );
    print("value {arg=0}{value=both}{display=Both}{default=true}");
    print("value {arg=0}{value=in}{display=Into the switch}{default=false}");
    print("value {arg=0}{value=out}{display=Out of the switch}{default=false}");
  }
  print(
    "arg {number=1}{call=--snaplen}{display=Bytes of each frame}{tooltip=0: whole frames}{type=unsigned}{range=0,262144}{default=0}",
  );
  print(
    "arg {number=2}{call=--dedup}{display=Leave out copies}{tooltip=Of packets that mirrors copied more than once}{type=boolflag}{default=false}",
  );
}

async function printFilterError(filter: string): Promise<void> {
  if (filter === "") return;
  const { run, ProcessError } = await import("../core/process.ts");
  try {
    await run(["tcpdump", "-y", "EN10MB", "-d", filter]);
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    print(sanitize(error.stderrTail.trim().split("\n").at(-1) ?? "not a capture filter"));
  }
}

async function runCapture(command: Command, options: ExtcapOptions): Promise<void> {
  const { extcapInterface: name, fifo, extcapCaptureFilter: filter } = options;
  if (name === undefined || fifo === undefined) throw new UsageError("--capture needs --extcap-interface and --fifo");
  const snaplen = parseInteger(options.snaplen, "--snaplen", 0, 262_144);
  const { captureInto } = await import("../jobs/extcap.ts");
  await using session = await openSession(command, true);
  // SIGTERM is how Wireshark ends a capture: that is no failure.
  using shutdown = new Shutdown();
  // A Wireshark that was killed closes the pipe; on an idle port nothing would be written that could notice.
  const parent = process.ppid;
  const gone = new AbortController();
  const watch = setInterval(() => {
    if (process.ppid !== parent) gone.abort();
  }, PARENT_MS);
  try {
    await captureInto(session, {
      interface: name,
      fifo,
      direction: options.direction,
      dedup: options.dedup,
      ...(filter ? { filter } : {}),
      ...(snaplen > 0 ? { snaplen } : {}),
      signal: AbortSignal.any([shutdown.signal, gone.signal]),
    });
  } finally {
    clearInterval(watch);
  }
}

/** Puts a script into Wireshark's folder that runs this program, with the switch that was named. */
async function install(command: Command, system: boolean): Promise<void> {
  const { db, lab } = globalOptions(command);
  const folder = await extcapFolder(system);
  const path = join(folder, "tapscope");
  const which = [...(db === undefined ? [] : ["--db", db]), ...(lab === undefined ? [] : ["--lab", lab])];
  const program = [process.execPath, realpathSync(process.argv[1]!), ...which, "extcap"];
  const script = `#!/bin/sh\n# Made by tapscope extcap --install: its ports and mirrors in Wireshark's list of interfaces.\nexec ${shellQuote(program)} "$@"\n`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, script);
    chmodSync(path, 0o755);
  } catch (error) {
    throw new TapscopeError("E_INSTALL", `could not write ${path}: ${messageOf(error)}`, {
      hint: system ? "run as root (sudo), or without --system" : undefined,
    });
  }
  print(sanitize(path));
}

/**
 * Where the installed Wireshark looks: the folders that it names itself (from 4.4 the personal one too), else for a person
 * ~/.local/lib/wireshark/extcap from 4.2 on, before ~/.config/wireshark/extcap (release notes of 4.1.0).
 */
async function extcapFolder(system: boolean): Promise<string> {
  const { findProgram, run } = await import("../core/process.ts");
  const program = ["tshark", "wireshark"].find((name) => findProgram(name) !== undefined);
  if (program === undefined)
    throw new TapscopeError("E_NO_WIRESHARK", "neither tshark nor wireshark is installed", {
      hint: "apt-get install wireshark, or tshark",
    });
  const { stdout } = await run([program, "-G", "folders"], { timeoutMs: 30_000 });
  const folder = (name: string) => new RegExp(`^${name}:\\s*(.+)$`, "m").exec(stdout)?.[1]?.trim();
  const found = system ? (folder("Global Extcap path") ?? folder("Extcap path")) : folder("Personal Extcap path");
  if (found !== undefined) return found;
  if (system) throw new TapscopeError("E_NO_WIRESHARK", `${program} -G folders names no folder for extcap programs`);
  const version = /(\d+)\.(\d+)/.exec((await run([program, "--version"], { timeoutMs: 30_000 })).stdout) ?? [
    "",
    "4",
    "4",
  ];
  const old = Number(version[1]) < 4 || (Number(version[1]) === 4 && Number(version[2]) < 1);
  const personal = folder("Personal configuration") ?? join(homedir(), ".config/wireshark");
  return old ? join(personal, "extcap") : join(homedir(), ".local/lib/wireshark/extcap");
}
