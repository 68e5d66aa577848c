/** A mirror as people see it: its sources, its output, OVS's own counts, and whether it works. */
import { type Device, findDevices } from "./devices.ts";
import { outputTrouble } from "./output-health.ts";
import { CREATED, isOwned, ONCE, type Owner, ownerOf, SOURCES } from "./ownership.ts";
import type { Session } from "./session.ts";
import { compareNames, hasDevice, type MirrorRow, type SwitchState } from "./state.ts";
import { otherVlans, VLANS } from "./vlans.ts";

type Devices = ReadonlyMap<string, Device>;

/** Of the monitored machine's port as OVS sees it: "in" = frames that enter the switch by that port (select_src_port). */
export type Direction = "in" | "out" | "both";

export interface MirrorSource {
  readonly port: string;
  readonly direction: Direction;
}

/**
 * - `ok` applied, and has copied packets
 * - `waiting` nothing wrong is seen, nothing was copied so far (OVS counts every 5 s)
 * - `dangling-source` a port it mirrored is gone
 * - `dangling-output` its output port is gone
 * - `not-applied` OVS ignores it
 * - `stale` the process it was made for has ended
 */
export type MirrorHealth = "ok" | "waiting" | "dangling-source" | "dangling-output" | "not-applied" | "stale";

export interface MirrorInfo {
  readonly name: string;
  readonly uuid: string;
  readonly bridge: string;
  /** The whole bridge is mirrored. */
  readonly all: boolean;
  readonly sources: readonly MirrorSource[];
  /** Its sources were chosen so that each frame is copied once. */
  readonly once: boolean;
  /** Only frames of these VLANs; empty: of all. */
  readonly vlans: readonly number[];
  /** All frames but those of these VLANs; empty: none is left out. */
  readonly not_vlans: readonly number[];
  readonly snaplen: number | null;
  readonly filter: string | null;
  /** The output port, or null. */
  readonly output: string | null;
  readonly output_vlan: number | null;
  /** OVS's own counts, null before the first. */
  readonly packets: number | null;
  readonly bytes: number | null;
  readonly health: MirrorHealth;
  /** Why it is not `ok`, a sentence; null when it is. */
  readonly why: string | null;
  readonly owned: boolean;
  readonly owner: Owner | null;
}

/** Open vSwitch applies this many mirrors of a bridge and ignores the rest (ofproto-dpif-mirror.h, MAX_MIRRORS). */
export const MAX_MIRRORS = 32;
/** Statistics come round every 5 s; a mirror that has none after twice that is not applied. */
const STATISTICS_LATE_S = 10;

/** The mirrors of a switch, by bridge and name. */
export function mirrorsOf(state: SwitchState, nowS?: number, devices?: Devices): MirrorInfo[] {
  return state.mirrors.map((row) => mirrorInfo(state, row, nowS, devices));
}

/** As `mirrorsOf`, with a look at the outputs' devices: whether something reads them is not in OVSDB. */
export async function listMirrors(session: Session): Promise<MirrorInfo[]> {
  const state = await session.state();
  return mirrorsOf(state, undefined, await outputDevices(session, state, state.mirrors));
}

/**
 * The devices of mirrors' outputs that may not be read, as far as they can be seen from here. What OVSDB says is up is up: only of devices
 * that are down, or were moved into another namespace, is the kernel asked.
 */
export async function outputDevices(
  session: Session,
  state: SwitchState,
  mirrors: readonly MirrorRow[],
): Promise<Devices> {
  if (!session.target.remote.startsWith("unix:")) return new Map();
  const outputs = mirrors.flatMap(({ outputPort }) => state.ports.get(outputPort ?? "") ?? []);
  const wanted = outputs
    .flatMap(({ interfaces }) => interfaces.slice(0, 1))
    .filter((entry) => hasDevice(entry) && (entry.linkState !== "up" || entry.adminState !== "up"));
  return wanted.length === 0 ? new Map() : await findDevices(session.place, wanted);
}

/** @param devices of the outputs, where they were looked at */
export function mirrorInfo(
  state: SwitchState,
  row: MirrorRow,
  nowS = Date.now() / 1000,
  devices: Devices = new Map(),
): MirrorInfo {
  const selected = [...row.selectVlan].sort((a, b) => a - b);
  const mostly = selected.length > VLANS / 2;
  const nameOf = (uuid: string) => state.ports.get(uuid)?.name ?? uuid;
  const { health, why } = healthOf(state, row, nowS, devices);
  return {
    name: row.name,
    uuid: row.uuid,
    bridge: row.bridge,
    all: row.selectAll,
    sources: sourcesOf(row, nameOf),
    once: row.ids.has(ONCE),
    vlans: mostly ? [] : selected,
    not_vlans: mostly ? otherVlans(selected) : [],
    snaplen: row.snaplen,
    filter: row.filter,
    output: row.outputPort === null ? null : nameOf(row.outputPort),
    output_vlan: row.outputVlan,
    packets: row.statistics.get("tx_packets") ?? null,
    bytes: row.statistics.get("tx_bytes") ?? null,
    health,
    why,
    owned: isOwned(row),
    owner: ownerOf(row),
  };
}

function sourcesOf(row: MirrorRow, nameOf: (uuid: string) => string): MirrorSource[] {
  const entering = new Set(row.selectSrc);
  const leaving = new Set(row.selectDst);
  return [...new Set([...entering, ...leaving])]
    .map((uuid): MirrorSource => {
      const direction = !leaving.has(uuid) ? "in" : !entering.has(uuid) ? "out" : "both";
      return { port: nameOf(uuid), direction };
    })
    .sort((a, b) => compareNames(a.port, b.port));
}

/** The sources a mirror of ours was made with, as `external_ids` keep them. */
export function rememberedSources(row: MirrorRow): MirrorSource[] {
  return (row.ids.get(SOURCES) ?? "").split(" ").flatMap((word): MirrorSource[] => {
    const match = /^(.+):(in|out|both)$/.exec(word);
    return match ? [{ port: match[1]!, direction: match[2] as Direction }] : [];
  });
}

export function formatSources(sources: readonly MirrorSource[]): string {
  return sources.map(({ port, direction }) => `${port}:${direction}`).join(" ");
}

interface Health {
  readonly health: MirrorHealth;
  readonly why: string | null;
}

function healthOf(state: SwitchState, row: MirrorRow, nowS: number, devices: Devices): Health {
  const owner = ownerOf(row);
  if (owner?.alive === false) return { health: "stale", why: `process ${owner.pid}, for which it was made, has ended` };
  if (row.outputPort === null && row.outputVlan === null)
    return { health: "dangling-output", why: "its output port is gone" };
  const selected = [...new Set([...row.selectSrc, ...row.selectDst])];
  if (!row.selectAll && selected.length === 0) return { health: "dangling-source", why: goneSources(row) };
  const present = new Set(selected.map((uuid) => state.ports.get(uuid)?.name));
  const gone = rememberedSources(row).filter(({ port }) => !present.has(port));
  if (gone.length > 0) {
    return {
      health: "dangling-source",
      why: `gone: ${gone.map(({ port }) => port).join(", ")}; the others are mirrored`,
    };
  }
  const refusal = ignoredBecause(state, row, selected);
  if (refusal !== null) return { health: "not-applied", why: refusal };
  const output = row.outputPort === null ? undefined : state.ports.get(row.outputPort);
  const device = devices.get(output?.interfaces[0]?.name ?? "");
  const trouble = device ? outputTrouble(device) : null;
  if (trouble) return { health: "not-applied", why: trouble.why };
  const packets = row.statistics.get("tx_packets");
  if (packets === undefined) {
    if (!state.applied)
      return { health: "not-applied", why: "ovs-vswitchd has not applied the last change: does it run?" };
    const created = Number(row.ids.get(CREATED));
    if (created > 0 && nowS - created > STATISTICS_LATE_S) {
      return {
        health: "not-applied",
        why: "OVS keeps no statistics of it: is the output port up, and does something read it?",
      };
    }
    return { health: "waiting", why: "OVS has not counted yet (it does every 5 s)" };
  }
  return packets > 0 ? { health: "ok", why: null } : { health: "waiting", why: "no packet was copied so far" };
}

function goneSources(row: MirrorRow): string {
  const names = rememberedSources(row).map(({ port }) => port);
  return names.length > 0 ? `gone: ${names.join(", ")}` : "it has no source";
}

/** Why ovs-vswitchd ignores a mirror that OVSDB took without a word (vswitchd/bridge.c, mirror_configure), or null. */
function ignoredBecause(state: SwitchState, row: MirrorRow, selected: readonly string[]): string | null {
  if (row.outputPort !== null) {
    const output = state.ports.get(row.outputPort);
    if (output?.bridge !== row.bridge) {
      return `its output ${output?.name ?? row.outputPort} is on bridge ${output?.bridge ?? "none"}, not on ${row.bridge}`;
    }
    if (selected.includes(row.outputPort)) return `${output.name} is source and output at once`;
  }
  const elsewhere = selected.map((uuid) => state.ports.get(uuid)).find((port) => port?.bridge !== row.bridge);
  if (elsewhere) return `its source ${elsewhere.name} is on bridge ${elsewhere.bridge}, not on ${row.bridge}`;
  const siblings = state.bridges.find(({ name }) => name === row.bridge)?.mirrors.length ?? 0;
  if (siblings > MAX_MIRRORS && row.statistics.size === 0) {
    return `bridge ${row.bridge} has ${siblings} mirrors, OVS applies ${MAX_MIRRORS}`;
  }
  return null;
}
