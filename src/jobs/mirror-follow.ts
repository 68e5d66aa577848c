/** Follows a watched mirror: OVS's counts, those of its output port and of the capture, judged and put in the order of the packets' way. */
import type { Snapshot } from "../capture/live/snapshot.ts";
import type { Cleanup } from "../core/cleanup.ts";
import { listMacs } from "../mirror/bridge.ts";
import type { MirrorInfo } from "../mirror/mirror-info.ts";
import { type MirrorStatistics, MirrorWatch } from "../mirror/monitor.ts";
import { PortCounter, type PortCounts } from "../mirror/port-counts.ts";
import type { Session } from "../mirror/session.ts";
import type { MirrorFunnel, MirrorStage, MirrorStatus } from "../mirror/status.ts";
import { MirrorJudge } from "./mirror-judge.ts";

/** How often the switch is asked where MAC addresses are. */
const PORTS_MS = 10_000;

/** Brought up to date with each snapshot. */
export interface MirrorFollower {
  readonly see: (snapshot: Snapshot) => MirrorStatus;
  readonly funnel: (snapshot: Snapshot) => MirrorFunnel;
}

/** @param own the mirror was made for this capture: OVS has counted nothing before; `dedup`: copies are left out of the capture */
export async function followMirror(
  session: Session,
  mirror: MirrorInfo,
  own: boolean,
  filter: string | undefined,
  cleanup: Cleanup,
  dedup = false,
): Promise<MirrorFollower> {
  const { name, uuid, packets, bytes } = mirror;
  const judge = new MirrorJudge(
    {
      name,
      sources: sourcesOf(mirror),
      incomparable: filter !== undefined ? "a capture filter is set" : dedup ? "copies are left out" : null,
      before: own ? 0 : (packets ?? 0),
    },
    Date.now(),
  );
  let counts: MirrorStatistics | null = null;
  const watching = await MirrorWatch.open(session, uuid, (now) => {
    counts = now;
    if (now.present === null) judge.publish(null);
    else if (!now.present) judge.remove();
    else if (now.packets !== null) {
      judge.publish({ packets: now.packets, atMs: performance.timeOrigin + now.atMs });
    }
  });
  cleanup.use("close the connection to OVSDB", watching);
  const port = mirror.output === null ? null : await PortCounter.open(session, mirror.output);
  if (port) cleanup.use("close the connection to OVSDB", port);
  const before = { mirror: own ? 0 : (bytes ?? 0), port: own ? null : (port?.counts ?? null) };
  let lastBpf: string | null = filter ?? null;
  return {
    see: (snapshot) => {
      if (snapshot.bpf !== lastBpf) {
        lastBpf = snapshot.bpf;
        judge.incomparable(lastBpf === null ? "the capture filter was changed" : "a capture filter is set");
      }
      judge.sample(snapshot.packets, snapshot.atMs);
      return judge.status(Date.now());
    },
    funnel: (snapshot) => ({
      stages: stagesOf(
        snapshot,
        judge.status(Date.now()),
        counts,
        before.mirror,
        port?.counts ?? null,
        before.port,
        mirror,
      ),
      facts: factsOf(mirror),
      warnings: warningsOf(mirror, port?.counts ?? null, before.port),
    }),
  };
}

function sourcesOf({ all, bridge, sources }: MirrorInfo): string {
  return all ? `all of ${bridge}` : sources.map(({ port, direction }) => `${port}:${direction}`).join(" ");
}

function stagesOf(
  snapshot: Snapshot,
  { mirrored }: MirrorStatus,
  counts: MirrorStatistics | null,
  bytesBefore: number,
  port: PortCounts | null,
  portBefore: PortCounts | null,
  { output }: MirrorInfo,
): MirrorStage[] {
  const { drops, recording } = snapshot;
  const countsMs = counts === null || counts.packets === null ? null : performance.timeOrigin + counts.atMs;
  const since = (now: number | undefined, before: number | undefined): number | null =>
    now === undefined ? null : Math.max(0, now - (before ?? 0));
  return [
    {
      title: "selected by OVS",
      packets: mirrored,
      bytes: counts?.bytes == null ? null : Math.max(0, counts.bytes - bytesBefore),
      dropped: null,
      source: "OVSDB Mirror.statistics tx_packets, every 5 s",
      ageMs: countsMs === null ? null : Date.now() - countsMs,
    },
    {
      title: `delivered to ${output ?? "a VLAN"}`,
      packets: since(port?.packets, portBefore?.packets),
      bytes: since(port?.bytes, portBefore?.bytes),
      dropped: since(port?.dropped, portBefore?.dropped),
      source: "OVSDB Interface.statistics tx_packets, tx_dropped, every 5 s",
      ageMs: port === null ? null : Date.now() - port.atMs,
    },
    {
      title: "received by the capture",
      packets: drops?.received ?? null,
      bytes: null,
      dropped: drops === null ? null : drops.kernel + drops.interface,
      source: "tcpdump: pcap_stats(3PCAP), every second",
      ageMs: null,
    },
    {
      title: "decoded",
      packets: snapshot.packets - snapshot.malformed,
      bytes: snapshot.bytes,
      dropped: snapshot.malformed,
      source: "counted here; dropped: headers that contradict themselves",
      ageMs: null,
    },
    {
      title: "recorded",
      packets: recording?.packets ?? null,
      bytes: recording?.bytes ?? null,
      dropped: null,
      source: recording === null ? "w begins" : recording.path,
      ageMs: null,
    },
  ];
}

function factsOf(mirror: MirrorInfo): [string, string][] {
  const { bridge, vlans, snaplen, filter, output, output_vlan, owner } = mirror;
  return [
    ["bridge", bridge],
    ["select", sourcesOf(mirror)],
    ["vlan", vlans.length === 0 ? "all" : vlans.join(",")],
    ["output", output ?? `VLAN ${output_vlan}`],
    ["snaplen", snaplen === null ? "none" : String(snaplen)],
    ["filter", filter ?? "none"],
    ["owner", owner === null ? "nobody" : `pid ${owner.pid}`],
  ];
}

/** What makes counts differ, or copies useless (docs/guide/watch.md). */
function warningsOf(
  { all, sources, snaplen, output }: MirrorInfo,
  port: PortCounts | null,
  before: PortCounts | null,
): string[] {
  const warnings: string[] = [];
  const returned = port === null ? 0 : port.received - (before?.received ?? port.received);
  if (returned > 0) {
    warnings.push(
      `${returned} frames came out of ${output}: OVS throws them away (is IPv6 on there? sysctl disable_ipv6)`,
    );
  }
  if (all && sources.length > 0) warnings.push("the whole bridge is selected: the ports named add nothing");
  if (snaplen !== null) warnings.push(`OVS cuts the copies after ${snaplen} bytes`);
  return warnings;
}

/** Reports which port each MAC address of the bridge was learned on, now and then. */
export function followPorts(
  session: Session,
  bridge: string,
  report: (ports: ReadonlyMap<string, string>) => void,
  cleanup: Cleanup,
): void {
  const look = async (): Promise<void> => {
    try {
      const macs = await listMacs(session, bridge);
      report(new Map(macs.map(({ mac, port }) => [mac, port])));
    } catch {
      // A switch that cannot be asked: the talkers' key by OVS port says "not known".
    }
  };
  void look();
  const timer = setInterval(() => void look(), PORTS_MS);
  cleanup.add("stop asking for MAC addresses", () => clearInterval(timer));
}
