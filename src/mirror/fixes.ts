/** Commands that cure what doctor finds: ready to paste where the user is, and such that no mirror is left without source or output. */
import { pasteLine } from "../core/announce.ts";
import type { Place } from "../core/place.ts";
import { removalCommands } from "./mirror.ts";
import { type MirrorInfo, rememberedSources } from "./mirror-info.ts";
import { type VsctlCommand, vsctlArgv } from "./ovs-vsctl.ts";
import { isOwned, roleOf } from "./ownership.ts";
import type { Session } from "./session.ts";
import { findPort, type MirrorRow, type PortRow, type SwitchState } from "./state.ts";
import { tapscopeCommand } from "./target.ts";

/** A change of the switch by ovs-vsctl. */
export function vsctlLine({ target }: Session, ...commands: readonly VsctlCommand[]): string {
  return pasteLine(vsctlArgv(target, commands), target.place);
}

/** ip(8) commands where a device is. */
export function ipLine(place: Place, ...lines: readonly string[]): string {
  return lines.map((line) => pasteLine(["ip", ...line.split(" ")], place)).join(" && ");
}

/** Removes a port, with the mirrors that would lose their output or last source. An internal tap of ours is made again. */
export function removePortLine(session: Session, state: SwitchState, port: PortRow): string {
  const mirrors = state.mirrors.filter(({ outputPort, selectAll, selectSrc, selectDst }) => {
    const selected = [...selectSrc, ...selectDst];
    return (
      outputPort === port.uuid || (!selectAll && selected.length > 0 && selected.every((uuid) => uuid === port.uuid))
    );
  });
  const removal = vsctlLine(session, ...mirrors.flatMap((mirror) => removalCommands(state, mirror)), [
    "--if-exists",
    "del-port",
    port.bridge,
    port.name,
  ]);
  const tap = roleOf(port) === "tap" && port.interfaces[0]?.type === "internal" && Buffer.byteLength(port.name) <= 15;
  if (!tap) return removal;
  const again = ["tap", "create", String(port.tag ?? 0), "--name", port.name, "--bridge", port.bridge];
  // In a second transaction: in one, OVS would keep the device it has lost.
  return `${removal} && ${tapscopeCommand(session.target, ...again)}`;
}

export function deleteMirrorLine({ target }: Session, mirror: MirrorRow): string {
  return tapscopeCommand(target, "mirror", "delete", mirror.uuid, ...(isOwned(mirror) ? [] : ["--force"]));
}

/** Cures a mirror that is not well, by its health. */
export function mirrorFix(
  session: Session,
  state: SwitchState,
  mirror: MirrorRow,
  { health, sources }: MirrorInfo,
): string {
  if (health === "stale") return tapscopeCommand(session.target, "clean");
  if (health !== "dangling-source") return deleteMirrorLine(session, mirror);
  const present = new Set(sources.map(({ port }) => port));
  const gone = rememberedSources(mirror).filter(({ port }) => !present.has(port));
  const back = gone.filter(({ port }) => findPort(state, port)?.bridge === mirror.bridge);
  if (back.length > 0) {
    return back
      .map(({ port, direction }) =>
        tapscopeCommand(session.target, "mirror", "add", mirror.uuid, port, "--direction", direction),
      )
      .join(" && ");
  }
  if (present.size === 0) return deleteMirrorLine(session, mirror);
  return tapscopeCommand(session.target, "mirror", "remove", mirror.uuid, ...gone.map(({ port }) => port));
}

/** Gives all that a mirror copies to another one, and removes it. */
export function joinLine(session: Session, state: SwitchState, from: MirrorRow, to: MirrorRow): string {
  if (from.selectAll || to.selectAll) return deleteMirrorLine(session, from.selectAll ? to : from);
  const names = (uuids: readonly string[]) => uuids.flatMap((uuid) => state.ports.get(uuid)?.name ?? []);
  const [entering, leaving] = [names(from.selectSrc), names(from.selectDst)];
  const both = entering.filter((name) => leaving.includes(name));
  const only = (some: readonly string[]) => some.filter((name) => !both.includes(name));
  const groups = [
    ["both", both],
    ["in", only(entering)],
    ["out", only(leaving)],
  ] as const;
  return [
    ...groups.flatMap(([direction, ports]) =>
      ports.length === 0
        ? []
        : [tapscopeCommand(session.target, "mirror", "add", to.uuid, ...ports, "--direction", direction)],
    ),
    deleteMirrorLine(session, from),
  ].join(" && ");
}
