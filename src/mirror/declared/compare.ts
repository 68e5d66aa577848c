/** What a declared mirror and the one that is there differ in, and the commands that change the latter in place. Pure. */

import { formatSources, mirrorInfo } from "../mirror-info.ts";
import { givenOptions, type MirrorOption, OPTION_ROWS } from "../mirror-options.ts";
import { directionOf, type ResolvedRequest, selectedPorts } from "../mirror-plan.ts";
import { externalIds, type VsctlCommand } from "../ovs-vsctl.ts";
import { DECLARED, MADE_PORT, ONCE, SOURCES, TAG_BEFORE } from "../ownership.ts";
import type { MirrorRow, SwitchState } from "../state.ts";

export interface Difference {
  /** What differs, as people read it: `sources`, `output`, … */
  readonly what: readonly string[];
  /** The commands that change the mirror where it stands; null: it has to be made anew. */
  readonly commands: readonly VsctlCommand[] | null;
}

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && new Set([...a, ...b]).size === new Set(a).size;

/** Undefined where there is none. */
export function compareMirror(state: SwitchState, row: MirrorRow, wanted: ResolvedRequest): Difference | undefined {
  const { request, bridge, sources, output } = wanted;
  const what: string[] = [];
  const commands: VsctlCommand[] = [];
  let anew = row.bridge !== bridge.name;
  if (anew) what.push("bridge");

  const { entering, leaving } = selectedPorts(sources, request);
  const setPorts = (column: string, has: readonly string[], ports: readonly { readonly uuid: string }[]) => {
    const want = ports.map(({ uuid }) => uuid);
    if (sameSet(has, want)) return false;
    commands.push(
      want.length === 0
        ? ["clear", "mirror", row.uuid, column]
        : ["set", "mirror", row.uuid, `${column}=${want.join(",")}`],
    );
    return true;
  };
  const changed = [
    setPorts("select_src_port", row.selectSrc, entering),
    setPorts("select_dst_port", row.selectDst, leaving),
  ].some(Boolean);
  const all = request.all ?? false;
  if (row.selectAll !== all) commands.push(["set", "mirror", row.uuid, `select_all=${all}`]);
  if (changed || row.selectAll !== all) what.push("sources");

  const info = mirrorInfo(state, row);
  // Both lists of VLANs are one column.
  const done = new Set<string>();
  for (const [key, option] of OPTION_ROWS) {
    const has = option.of(info);
    const want = request[key];
    if (text(option, has) === text(option, want)) continue;
    if (!what.includes(key)) what.push(key);
    if (done.has(option.column)) continue;
    done.add(option.column);
    const given = givenOptions(request).find(({ row: { column } }) => column === option.column);
    commands.push(
      given
        ? ["set", "mirror", row.uuid, `${option.column}=${given.row.write(given.value)}`]
        : ["clear", "mirror", row.uuid, option.column],
    );
  }

  if (output) {
    if (row.outputPort !== output.uuid) {
      what.push("output");
      // What was made for the old output alone goes with it.
      if (row.ids.has(MADE_PORT) || row.ids.has(TAG_BEFORE) || row.outputVlan !== null || request.stripVlan)
        anew = true;
      else commands.push(["set", "mirror", row.uuid, `output_port=${output.uuid}`]);
    } else if ((request.stripVlan ?? false) !== row.ids.has(TAG_BEFORE)) {
      what.push("strip_vlan");
      anew = true;
    }
  } else if ("vlan" in request.output) {
    if (row.outputVlan !== request.output.vlan || row.outputPort !== null) {
      what.push("output");
      anew = true;
    }
  } else if ("remote" in request.output && !leadsTo(state, row, request.output.remote)) {
    what.push("output");
    anew = true;
  }
  if (what.length === 0) return undefined;
  if (anew) return { what, commands: null };
  const ids = {
    [SOURCES]: formatSources(sources.map(({ name }) => ({ port: name, direction: directionOf(name, request) }))),
    ...(request.once ? { [ONCE]: "yes" } : {}),
    ...(request.declaredIn === undefined ? {} : { [DECLARED]: request.declaredIn }),
  };
  return { what, commands: [...commands, ["set", "mirror", row.uuid, ...externalIds(ids)]] };
}

function text(option: MirrorOption<unknown>, value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "";
  return option.show(Array.isArray(value) ? [...value].sort((a, b) => a - b) : value);
}

function leadsTo(
  state: SwitchState,
  row: MirrorRow,
  { type, remoteIp, key }: { readonly type: string; readonly remoteIp: string; readonly key?: number | undefined },
): boolean {
  const entry = state.ports.get(row.outputPort ?? "")?.interfaces[0];
  const has = entry?.options.get("key");
  return (
    entry?.type === type &&
    entry.options.get("remote_ip") === remoteIp &&
    has === (key === undefined ? undefined : String(key))
  );
}
