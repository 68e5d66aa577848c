/** `tapscope mirror list|create|add|remove|delete`. */
import { type Command, Option } from "commander";
import { UsageError } from "../core/errors.ts";
import { sanitize } from "../core/text.ts";
import { parseDuration, parseInteger } from "../core/units.ts";
import type { Direction, MirrorInfo } from "../mirror/mirror-info.ts";
import {
  type MirrorOption,
  type MirrorOptionKey,
  type MirrorOptions,
  OPTION_ROWS,
  optionsText,
} from "../mirror/mirror-options.ts";
import type { MirrorOutput, MirrorRequest } from "../mirror/mirror-request.ts";
import type { Session } from "../mirror/session.ts";
import { parseRemote } from "../mirror/tunnel.ts";
import { globalOptions, note, print, printJson } from "./context.ts";
import { registerDeclaredMirrors } from "./mirror-declared.ts";
import { openSession } from "./open-session.ts";
import { Shutdown } from "./shutdown.ts";
import { tableLines } from "./table.ts";

interface CreateOptions {
  readonly all?: boolean;
  readonly once?: boolean;
  readonly bridge?: string;
  readonly direction: Direction;
  readonly stripVlan?: boolean;
  readonly toVlan?: string;
  readonly to?: string;
  readonly for?: string;
  readonly force?: boolean;
}

const directionOption = () =>
  new Option("--direction <direction>", "in: frames that enter the switch by the port; out: frames it sends out of it")
    .choices(["in", "out", "both"])
    .default("both");

/** The rows of a mirror's options as options of the command line; lists of VLANs may be given several times. */
function rowOptions(): {
  readonly key: MirrorOptionKey;
  readonly row: MirrorOption<unknown>;
  readonly option: Option;
}[] {
  return OPTION_ROWS.map(([key, row]) => {
    const option = new Option(row.flags, row.help);
    if (row.ofVlans) option.argParser((word: string, before?: string) => (before ? `${before},${word}` : word));
    return { key, row, option };
  });
}

export function registerMirror(program: Command): void {
  const mirror = program
    .command("mirror")
    .description("copy what passes some ports to another one, and see whether it works");

  mirror
    .command("list")
    .description("the mirrors of the switch, whoever made them, with OVS's own counts and their health")
    .action(async (_, command: Command) => {
      const { listMirrors } = await import("../mirror/mirror-info.ts");
      const { json } = globalOptions(command);
      await using session = await openSession(command, false);
      const [mirrors, attached] = await Promise.all([
        listMirrors(session),
        session.db().then((db) => db.vswitchdAttached()),
      ]);
      if (!attached) note("note: ovs-vswitchd is not running: nothing is mirrored now");
      if (json) return printJson(mirrors);
      if (mirrors.length === 0) return print("no mirrors");
      for (const line of mirrorTable(mirrors)) print(line);
    });

  const create = mirror
    .command("create")
    .description("mirror ports: the last one named gets the copies, unless --to or --to-vlan names another output")
    .argument("[port...]", "source ports, then the output port; vm:NAME[:NIC] names a virtual machine's")
    .option("--all", "mirror the whole bridge")
    .option("--once", "copy each frame once, where it enters the switch: by every port of the VLANs, trunks included")
    .option("--bridge <bridge>", "with --all or --once and --to or --to-vlan: which bridge")
    .addOption(directionOption());
  for (const { option } of rowOptions()) create.addOption(option);
  create
    .option("--strip-vlan", "copies arrive without their VLAN tag")
    .option("--to-vlan <n>", "copies go into a VLAN (RSPAN)")
    .option("--to <tunnel>", "copies go to another machine: <gre|erspan|vxlan|geneve>:<ip>[:key]")
    .option("--for <duration>", "stay, and remove the mirror after that time or on Ctrl-C")
    .option("--force", "take an output that is in use")
    .action(async (words: string[], options: CreateOptions, command: Command) => {
      const { json, dryRun } = globalOptions(command);
      const lifetimeMs = options.for === undefined ? undefined : parseDuration(options.for);
      const { ownerId } = await import("../core/identity.ts");
      const owner = lifetimeMs === undefined ? undefined : ownerId();
      const { createMirror } = await import("../mirror/mirror.ts");
      await using session = await openSession(command, true);
      const request = await toRequest(session, createLine(words, command), options, owner);
      if (lifetimeMs !== undefined && !dryRun) {
        const { holdMirror } = await import("../jobs/hold-mirror.ts");
        using shutdown = new Shutdown();
        await holdMirror(session, request, lifetimeMs, (made) => show(made, json), shutdown.signal);
        process.exitCode = shutdown.exitCode(true);
        return;
      }
      show(await createMirror(session, request), json);
    });

  mirror
    .command("add")
    .description("add sources to a mirror, or change their direction")
    .argument("<mirror>", "its output port or VLAN, name or uuid")
    .argument("<source...>")
    .addOption(directionOption())
    .action(async (which: string, sources: string[], options: { direction: Direction }, command: Command) => {
      const { addSources } = await import("../mirror/mirror.ts");
      const { json } = globalOptions(command);
      await using session = await openSession(command, true);
      show(
        await addSources(session, await portOf(session, which), await portsOf(session, sources), options.direction),
        json,
      );
    });

  mirror
    .command("remove")
    .description("take sources out of a mirror")
    .argument("<mirror>", "its output port or VLAN, name or uuid")
    .argument("<source...>")
    .action(async (which: string, sources: string[], _, command: Command) => {
      const { removeSources } = await import("../mirror/mirror.ts");
      const { json } = globalOptions(command);
      await using session = await openSession(command, true);
      show(await removeSources(session, await portOf(session, which), await portsOf(session, sources)), json);
    });

  mirror
    .command("delete")
    .description("remove mirrors; all: those tapscope made")
    .argument("<mirror...>", "output port or VLAN, name, uuid, or all")
    .option("--force", "remove a mirror that tapscope did not make")
    .action(async (which: string[], options: { force?: boolean }, command: Command) => {
      const { deleteMirrors } = await import("../mirror/mirror.ts");
      const { json, dryRun } = globalOptions(command);
      await using session = await openSession(command, true);
      const deleted = await deleteMirrors(session, await portsOf(session, which), options.force);
      if (dryRun) return;
      if (json) return printJson(deleted);
      if (deleted.length === 0) print("no mirrors");
      for (const { name, bridge } of deleted) print(`deleted ${sanitize(name)} on ${sanitize(bridge)}`);
    });

  registerDeclaredMirrors(mirror);
}

/** Ports in place of the NICs of virtual machines that a command line names. */
async function portsOf(session: Session, words: readonly string[]): Promise<string[]> {
  const { resolvePorts } = await import("../jobs/machines.ts");
  return await resolvePorts(session, words);
}

async function portOf(session: Session, word: string): Promise<string> {
  return (await portsOf(session, [word]))[0]!;
}

/** The words of a `create` command line. */
interface CreateLine {
  readonly ports: readonly string[];
  /** The options of a mirror that are a row of MIRROR_OPTIONS, as they were typed. */
  readonly typed: ReadonlyMap<MirrorOptionKey, string>;
}

/** Sorts the words of a command line: after `--vlan 100`, further numbers are VLANs too (`--vlan 100 200 a b`); a port is never called so. */
function createLine(words: readonly string[], command: Command): CreateLine {
  const typed = new Map<MirrorOptionKey, string>();
  for (const { key, option } of rowOptions()) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (typeof value === "string") typed.set(key, value);
  }
  const listed = (["vlans", "notVlans"] as const).find((key) => typed.has(key));
  const isVlan = (word: string) => listed !== undefined && /^[\d,]+$/.test(word);
  if (listed) typed.set(listed, [typed.get(listed)!, ...words.filter(isVlan)].join(","));
  return { ports: words.filter((word) => !isVlan(word)), typed };
}

/** What a `create` command line asks for; machines' NICs and names of VLANs are looked up. @throws UsageError */
async function toRequest(
  session: Session,
  { ports, typed }: CreateLine,
  options: CreateOptions,
  owner: string | undefined,
): Promise<MirrorRequest> {
  const { resolvePorts, resolveVlans } = await import("../jobs/machines.ts");
  const { output, sources } = splitOutput(await resolvePorts(session, ports), options);
  const values: Partial<Record<MirrorOptionKey, unknown>> = {};
  for (const [key, row] of OPTION_ROWS) {
    const text = typed.get(key);
    if (text === undefined) continue;
    values[key] = row.parse(row.ofVlans ? await resolveVlans(session, text) : text);
  }
  return {
    ...(values as MirrorOptions),
    sources,
    output,
    direction: options.direction,
    ...(options.all ? { all: true } : {}),
    ...(options.once ? { once: true } : {}),
    ...(options.bridge === undefined ? {} : { bridge: options.bridge }),
    ...(options.stripVlan ? { stripVlan: true } : {}),
    ...(options.force ? { force: true } : {}),
    ...(owner === undefined ? {} : { owner }),
  };
}

function splitOutput(
  names: readonly string[],
  options: CreateOptions,
): { output: MirrorOutput; sources: readonly string[] } {
  if (options.to !== undefined && options.toVlan !== undefined)
    throw new UsageError("--to and --to-vlan name two outputs");
  if (options.toVlan !== undefined) {
    if (options.stripVlan)
      throw new UsageError(
        "--strip-vlan cannot be said of --to-vlan: copies carry that VLAN's tag on trunks, none on its access ports",
      );
    return { output: { vlan: parseInteger(options.toVlan, "--to-vlan", 1, 4095) }, sources: names };
  }
  if (options.to !== undefined) return { output: { remote: parseRemote(options.to) }, sources: names };
  const output = names.at(-1);
  if (output === undefined || (names.length < 2 && !options.all && !options.once)) {
    throw new UsageError("could not create the mirror: a source port and an output port are needed", {
      hint: "tapscope mirror create <source…> <output>, or: tapscope mirror create --all <output>",
    });
  }
  return { output: { port: output }, sources: names.slice(0, -1) };
}

function show(mirror: MirrorInfo | undefined, json: boolean): void {
  if (!mirror) return;
  const options = optionsText(mirror);
  const only = options === "" ? "" : ` (${options})`;
  const text = `${mirror.name}: ${sourcesText(mirror)} -> ${outputText(mirror)} on ${mirror.bridge}${only}`;
  if (json) printJson(mirror);
  else print(sanitize(text));
}

function sourcesText(mirror: MirrorInfo): string {
  const ports = mirror.sources.map(({ port, direction }) => (direction === "both" ? port : `${port} (${direction})`));
  const text = mirror.all ? "all ports" : ports.join(", ") || "nothing";
  return mirror.once ? `${text}, each frame once` : text;
}

function outputText(mirror: MirrorInfo): string {
  return mirror.output ?? (mirror.output_vlan === null ? "nowhere" : `VLAN ${mirror.output_vlan}`);
}

function mirrorTable(mirrors: readonly MirrorInfo[]): string[] {
  const duplicate = (name: string) => mirrors.filter((mirror) => mirror.name === name).length > 1;
  return tableLines(
    ["mirror", "bridge", "sources", "output", "only", "packets", "bytes", "health", ""],
    mirrors.map((mirror) => [
      duplicate(mirror.name) ? `${mirror.name} (${mirror.uuid})` : mirror.name,
      mirror.bridge,
      sourcesText(mirror),
      outputText(mirror),
      optionsText(mirror),
      mirror.packets,
      mirror.bytes,
      mirror.health,
      [...(mirror.owned ? [] : ["foreign"]), ...(mirror.why === null ? [] : [mirror.why])].join("; "),
    ]),
  );
}
