/**
 * A file of declared mirrors, in YAML or JSON (YAML 1.2 holds JSON): read with an error that says which mirror and which key is wrong, and
 * written from the mirrors there are. docs/reference/declared-mirrors.md describes the keys.
 */
import { parseDocument, stringify } from "yaml";
import { UsageError } from "../../core/errors.ts";
import { sanitize } from "../../core/text.ts";
import type { Direction, MirrorInfo } from "../mirror-info.ts";
import { type MirrorOptionKey, OPTION_ROWS } from "../mirror-options.ts";
import { parseRemote, type TunnelSpec } from "../tunnel.ts";

/** A source as declared: a port, `vm:NAME[:NIC]`, or `vlan:N`. */
export interface DeclaredSource {
  readonly port: string;
  readonly direction: Direction;
}

export type DeclaredOutput = { readonly port: string } | { readonly vlan: number } | { readonly remote: TunnelSpec };

export interface DeclaredMirror {
  readonly name: string;
  readonly bridge: string | undefined;
  readonly all: boolean;
  readonly once: boolean;
  readonly sources: readonly DeclaredSource[];
  readonly output: DeclaredOutput;
  readonly stripVlan: boolean;
  readonly force: boolean;
  /** Values of MIRROR_OPTIONS as a command line would have them. */
  readonly options: ReadonlyMap<MirrorOptionKey, string>;
}

/** The key of an option in the file: `notVlans` is `not_vlans`. */
const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const OPTION_KEYS = new Map(OPTION_ROWS.map(([key]) => [snake(key), key]));
const KEYS = new Set([
  "name",
  "bridge",
  "all",
  "once",
  "sources",
  "output",
  "strip_vlan",
  "force",
  ...OPTION_KEYS.keys(),
]);
/** Mirrors of 32 bridges; more is not a file of mirrors. */
const MAX_MIRRORS = 1024;

/** @param file its name, for messages @throws UsageError saying what is wrong, and where */
export function parseDeclared(text: string, file: string): DeclaredMirror[] {
  // Aliases could stand for more than memory holds.
  const document = parseDocument(text, { maxAliasCount: 100 } as never);
  const wrong = (why: string): never => {
    throw new UsageError(`${sanitize(file)}: ${why}`, { hint: "docs/reference/declared-mirrors.md shows such a file" });
  };
  const [error] = document.errors;
  if (error) wrong(sanitize(error.message.split("\n")[0]!));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    wrong(sanitize((cause as Error).message));
  }
  const list = isRecord(value) ? value.mirrors : undefined;
  if (!Array.isArray(list)) return wrong("it has no list 'mirrors'");
  if (list.length > MAX_MIRRORS) wrong(`it declares ${list.length} mirrors: at most ${MAX_MIRRORS}`);
  const mirrors = list.map((entry, index) =>
    parseMirror(entry, (key, why) => wrong(`mirrors[${index}]${key === "" ? "" : `.${key}`}: ${why}`)),
  );
  const twice = mirrors.find(({ name }, index) => mirrors.findIndex((mirror) => mirror.name === name) < index);
  if (twice) wrong(`two mirrors are called '${sanitize(twice.name)}'`);
  return mirrors;
}

type Wrong = (key: string, why: string) => never;

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function parseMirror(entry: unknown, wrong: Wrong): DeclaredMirror {
  if (!isRecord(entry)) return wrong("", "it is not a mapping");
  for (const key of Object.keys(entry))
    if (!KEYS.has(key)) wrong(sanitize(key), `there is no such key: one of ${[...KEYS].join(", ")}`);
  const flag = (key: string): boolean => {
    const value = entry[key] ?? false;
    return typeof value === "boolean" ? value : wrong(key, "true or false is wanted");
  };
  const { name, bridge } = entry;
  if (typeof name !== "string" || name === "" || /[\p{C}]/u.test(name)) return wrong("name", "a text is wanted");
  if (bridge !== undefined && typeof bridge !== "string") return wrong("bridge", "a text is wanted");
  const options = new Map<MirrorOptionKey, string>();
  for (const [written, key] of OPTION_KEYS) {
    const value = entry[written];
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    const words = Array.isArray(value) ? value : [value];
    if (!words.every((word) => typeof word === "string" || typeof word === "number"))
      wrong(written, "numbers or texts are wanted");
    options.set(key, words.join(","));
  }
  const [all, once] = [flag("all"), flag("once")];
  const sources = entry.sources === undefined ? [] : entry.sources;
  if (!Array.isArray(sources)) return wrong("sources", "a list is wanted");
  if (sources.length === 0 && !all && !once) wrong("sources", "at least one is wanted, or all: true, or once: true");
  if (sources.length > 0 && (all || once)) wrong("sources", "there are none with all or once");
  return {
    name,
    bridge,
    all,
    once,
    sources: sources.map((source, index) => parseSource(source, (why) => wrong(`sources[${index}]`, why))),
    output: parseOutput(entry.output, wrong),
    stripVlan: flag("strip_vlan"),
    force: flag("force"),
    options,
  };
}

function parseSource(source: unknown, wrong: (why: string) => never): DeclaredSource {
  if (typeof source === "string" && source !== "") return { port: source, direction: "both" };
  if (!isRecord(source)) return wrong("a port is wanted, or {port, direction}");
  const { port, direction = "both", ...rest } = source;
  if (typeof port !== "string" || port === "" || Object.keys(rest).length > 0)
    return wrong("{port, direction} is wanted");
  if (direction !== "in" && direction !== "out" && direction !== "both") return wrong("direction is in, out or both");
  return { port, direction };
}

function parseOutput(output: unknown, wrong: Wrong): DeclaredOutput {
  if (typeof output === "string" && output !== "") return { port: output };
  if (!isRecord(output)) return wrong("output", "a port is wanted, or {vlan: n}, or {to: <tunnel>}");
  const { vlan, to, ...rest } = output;
  if (Object.keys(rest).length > 0 || (vlan === undefined) === (to === undefined))
    return wrong("output", "a port is wanted, or {vlan: n}, or {to: <tunnel>}");
  if (to !== undefined) {
    if (typeof to !== "string") return wrong("output.to", "<gre|erspan|vxlan|geneve>:<ip>[:key] is wanted");
    return { remote: parseRemote(to) };
  }
  if (!(Number.isInteger(vlan) && (vlan as number) >= 1 && (vlan as number) <= 4095))
    return wrong("output.vlan", "a number from 1 to 4095 is wanted");
  return { vlan: vlan as number };
}

/** A mirror as it is to be written: ports by the names the file should have. */
export interface ExportedMirror {
  readonly mirror: MirrorInfo;
  readonly output: string | { readonly vlan: number } | { readonly to: string };
  readonly stripVlan: boolean;
  readonly nameOf: (port: string) => string;
}

/** The file that declares these mirrors. */
export function formatDeclared(mirrors: readonly ExportedMirror[]): string {
  return stringify({ mirrors: mirrors.map(entryOf) }, { lineWidth: 0 });
}

function entryOf({ mirror, output, stripVlan, nameOf }: ExportedMirror): Record<string, unknown> {
  const sources = mirror.sources.map(({ port, direction }) =>
    direction === "both" ? nameOf(port) : { port: nameOf(port), direction },
  );
  const options = OPTION_ROWS.flatMap(([key, row]) => {
    const value = row.of(mirror);
    return value === undefined ? [] : [[snake(key), value]];
  });
  const chosen = mirror.all || mirror.once;
  return {
    name: mirror.name,
    ...(chosen ? { bridge: mirror.bridge } : {}),
    ...(mirror.all ? { all: true } : mirror.once ? { once: true } : { sources }),
    output,
    ...Object.fromEntries(options),
    ...(stripVlan ? { strip_vlan: true } : {}),
  };
}
