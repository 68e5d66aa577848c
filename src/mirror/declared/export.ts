/** Writes the mirrors of a switch as a file that `mirror ensure` takes. */
import { mirrorInfo } from "../mirror-info.ts";
import { MADE_PORT, TAG_BEFORE } from "../ownership.ts";
import { findPort, type MirrorRow, type SwitchState } from "../state.ts";
import { type ExportedMirror, formatDeclared } from "./document.ts";

export interface ExportResult {
  readonly text: string;
  /** Mirrors that no file can declare, and why. */
  readonly left: readonly { readonly name: string; readonly why: string }[];
}

/** @param nameOf what a port is to be called in the file: itself, or `vm:NAME[:NIC]` */
export function exportMirrors(state: SwitchState, nameOf: (port: string) => string): ExportResult {
  const exported: ExportedMirror[] = [];
  const left: { name: string; why: string }[] = [];
  for (const row of state.mirrors) {
    const mirror = mirrorInfo(state, row);
    const output = outputOf(state, row, nameOf);
    if (mirror.owner !== null)
      left.push({ name: row.name, why: `it lives only as long as process ${mirror.owner.pid}` });
    else if (typeof output === "object" && "why" in output) left.push({ name: row.name, why: output.why });
    else if (!mirror.all && mirror.sources.length === 0) left.push({ name: row.name, why: "it has no source" });
    else exported.push({ mirror, output, stripVlan: row.ids.has(TAG_BEFORE), nameOf });
  }
  return { text: formatDeclared(exported), left };
}

function outputOf(
  state: SwitchState,
  row: MirrorRow,
  nameOf: (port: string) => string,
): ExportedMirror["output"] | { readonly why: string } {
  if (row.outputPort === null)
    return row.outputVlan === null ? { why: "its output is gone" } : { vlan: row.outputVlan };
  const port = state.ports.get(row.outputPort);
  if (!port) return { why: "its output is gone" };
  const made = row.ids.get(MADE_PORT);
  const entry = made === undefined ? undefined : findPort(state, made)?.interfaces[0];
  const remote = entry?.options.get("remote_ip");
  if (!entry || remote === undefined) return nameOf(port.name);
  const key = entry.options.get("key");
  return { to: `${entry.type}:${remote.includes(":") ? `[${remote}]` : remote}${key === undefined ? "" : `:${key}`}` };
}
