/** Makes the mirrors of a switch what a file declares: makes what is missing, changes what differs, and does nothing where nothing does. */
import { messageOf, TapscopeError } from "../../core/errors.ts";
import { createMirror, removalCommands } from "../mirror.ts";
import { gatherFacts } from "../mirror-facts.ts";
import type { Direction } from "../mirror-info.ts";
import { MIRROR_OPTIONS, type MirrorOptionKey, type MirrorOptions } from "../mirror-options.ts";
import { planMirror, resolveRequest } from "../mirror-plan.ts";
import type { MirrorRequest } from "../mirror-request.ts";
import { DECLARED, isOwned, TAG_BEFORE } from "../ownership.ts";
import type { Session } from "../session.ts";
import { findPort, type MirrorRow, type PortRow, type SwitchState } from "../state.ts";
import { compareMirror } from "./compare.ts";
import type { DeclaredMirror } from "./document.ts";

/** Looks up what a declared name stands for: machines' NICs and VLANs. */
export interface NameLookup {
  /** @throws TapscopeError when a name stands for nothing now */
  ports(words: readonly string[]): Promise<string[]>;
  vlans(text: string): Promise<string>;
}

export interface EnsureRequest {
  readonly mirrors: readonly DeclaredMirror[];
  /** The file, as what it made is marked. */
  readonly file: string;
  /** Remove what this file declared before and does not any more. */
  readonly prune: boolean;
  readonly names: NameLookup;
}

/** Names of mirrors, by what was done. */
export interface EnsureOutcome {
  readonly made: readonly string[];
  readonly changed: readonly { readonly name: string; readonly what: readonly string[] }[];
  readonly removed: readonly string[];
  readonly unchanged: readonly string[];
  /** Mirrors that are not whole, and why: a source or the output is not there. */
  readonly incomplete: readonly { readonly name: string; readonly why: string }[];
}

/** Does it once. One mirror that cannot be does not stop the others. */
export async function ensureMirrors(session: Session, request: EnsureRequest): Promise<EnsureOutcome> {
  const outcome = {
    made: [] as string[],
    changed: [] as { name: string; what: readonly string[] }[],
    removed: [] as string[],
    unchanged: [] as string[],
    incomplete: [] as { name: string; why: string }[],
  };
  for (const mirror of request.mirrors) {
    try {
      const { done, missing } = await ensureOne(session, mirror, request);
      if (done === "made") outcome.made.push(mirror.name);
      else if (done === "unchanged") outcome.unchanged.push(mirror.name);
      else if (done !== "nothing") outcome.changed.push({ name: mirror.name, what: done });
      if (missing.length > 0) outcome.incomplete.push({ name: mirror.name, why: missing.join("; ") });
    } catch (error) {
      if (!(error instanceof TapscopeError) || isOfSwitch(error)) throw error;
      outcome.incomplete.push({ name: mirror.name, why: messageOf(error) });
    }
  }
  if (request.prune) outcome.removed.push(...(await prune(session, request)));
  return outcome;
}

/** It is the switch that cannot be asked or changed, not this mirror. */
function isOfSwitch({ code }: TapscopeError): boolean {
  return code.startsWith("E_OVSDB_") || code.startsWith("E_VSWITCHD_");
}

interface Done {
  readonly done: "made" | "unchanged" | "nothing" | readonly string[];
  /** What of the mirror is not there now. */
  readonly missing: readonly string[];
}

async function ensureOne(session: Session, declared: DeclaredMirror, { file, names }: EnsureRequest): Promise<Done> {
  const state = await session.state();
  const rows = state.mirrors.filter(({ name }) => name === declared.name);
  if (rows.length > 1) throw new TapscopeError("E_AMBIGUOUS", `${rows.length} mirrors are called ${declared.name}`);
  const [row] = rows;
  if (row && !isOwned(row) && !declared.force)
    throw new TapscopeError("E_FOREIGN", "a mirror of that name is there, and tapscope did not make it");
  const { request, missing } = await toRequest(state, declared, file, names);
  if (!request) return { done: "nothing", missing };
  const without = row ? withoutMirror(state, row) : state;
  // An output that it has already is in use by itself.
  const keeps =
    row !== undefined && "port" in request.output && findPort(state, request.output.port)?.uuid === row.outputPort;
  const asked: MirrorRequest = keeps ? { ...request, force: true } : request;
  const wanted = resolveRequest(without, asked);
  if (!row) {
    await createMirror(session, asked);
    return { done: "made", missing };
  }
  const difference = compareMirror(state, row, wanted);
  if (!difference) return { done: "unchanged", missing };
  const planned = planMirror(without, await gatherFacts(session, without, asked), asked);
  if ("refusal" in planned) throw planned.refusal;
  if (difference.commands) {
    await session.ip(planned.plan.prepare);
    await session.change(`change mirror ${row.name}`, difference.commands, [row.bridge]);
  } else {
    await session.ip(planned.plan.prepare);
    const commands = [...removalCommands(state, row), ...planned.plan.commands];
    await session.change(`make mirror ${row.name} anew`, commands, [...new Set([row.bridge, planned.plan.bridge])]);
    await session.ip(planned.plan.finish);
  }
  return { done: difference.what, missing };
}

/** The state as if a mirror were not there: to see whether what is declared could be made. */
function withoutMirror(state: SwitchState, row: MirrorRow): SwitchState {
  const left = (mirrors: readonly MirrorRow[]) => mirrors.filter((mirror) => mirror !== row);
  const tag = row.ids.get(TAG_BEFORE);
  const before = (port: PortRow): PortRow =>
    tag !== undefined && port.uuid === row.outputPort ? { ...port, tag: tag === "none" ? null : Number(tag) } : port;
  const ports = new Map([...state.ports].map(([uuid, port]) => [uuid, before(port)]));
  return {
    ...state,
    ports,
    mirrors: left(state.mirrors),
    bridges: state.bridges.map((bridge) => ({
      ...bridge,
      ports: bridge.ports.map(({ uuid }) => ports.get(uuid)!),
      mirrors: left(bridge.mirrors),
    })),
  };
}

/** The request for what is there of a declared mirror; undefined when that is not enough for one. */
async function toRequest(
  state: SwitchState,
  declared: DeclaredMirror,
  file: string,
  names: NameLookup,
): Promise<{ readonly request: MirrorRequest | undefined; readonly missing: readonly string[] }> {
  const missing: string[] = [];
  const look = async (word: string, what: string): Promise<string[]> => {
    try {
      const ports = await names.ports([word]);
      const there = ports.filter((port) => findPort(state, port) !== undefined);
      for (const port of ports) if (!there.includes(port)) missing.push(`${what} ${word}: no port is called ${port}`);
      return there;
    } catch (error) {
      if (!(error instanceof TapscopeError)) throw error;
      missing.push(`${what} ${word}: ${error.message}`);
      return [];
    }
  };
  const directions = new Map<string, Direction>();
  for (const { port, direction } of declared.sources)
    for (const name of await look(port, "source")) directions.set(name, direction);
  const { output } = declared;
  const [outputPort] = "port" in output ? await look(output.port, "output") : [];
  directions.delete(outputPort ?? "");
  const sources = [...directions.keys()];
  const enough =
    (declared.all || declared.once || sources.length > 0) && (!("port" in output) || outputPort !== undefined);
  if (!enough) return { request: undefined, missing };
  const options: Partial<Record<MirrorOptionKey, unknown>> = {};
  for (const [key, text] of declared.options) {
    const row = MIRROR_OPTIONS[key];
    options[key] = row.parse(row.ofVlans ? await names.vlans(text) : text);
  }
  const request: MirrorRequest = {
    ...(options as MirrorOptions),
    name: declared.name,
    sources,
    directions,
    output: outputPort === undefined ? (output as Exclude<typeof output, { port: string }>) : { port: outputPort },
    bridge: declared.bridge,
    all: declared.all,
    once: declared.once,
    stripVlan: declared.stripVlan,
    force: declared.force,
    declaredIn: file,
  };
  return { request, missing };
}

async function prune(session: Session, { mirrors, file }: EnsureRequest): Promise<string[]> {
  const state = await session.state();
  const names = new Set(mirrors.map(({ name }) => name));
  const rows = state.mirrors.filter((row) => isOwned(row) && row.ids.get(DECLARED) === file && !names.has(row.name));
  await session.change(
    "remove mirrors that are not declared any more",
    rows.flatMap((row) => removalCommands(state, row)),
    [...new Set(rows.map(({ bridge }) => bridge))],
  );
  return rows.map(({ name }) => name);
}
