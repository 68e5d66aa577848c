/** `bro compare`: did Bro see what the capture saw? */
import type { LogKind } from "../log/set.ts";
import { align, type ClockOffset, type Cluster, sumOf } from "./align.ts";
import { type CaptureOptions, type CaptureSide, readCaptures } from "./capture-side.ts";
import { CLASSES, type CompareClass, classify, type Facts, type Judged } from "./classify.ts";
import type { Conn } from "./conn.ts";
import { type LogSide, readConnLogs } from "./log-side.ts";

/** What differs: connections of one 5-tuple, close in time, on either side or both. */
export interface Difference extends Judged, Cluster {
  /** Packets of the capture that the log lacks; below 0 the other way round; NaN where the log does not count packets. */
  readonly missingPackets: number;
}

export interface Comparison {
  readonly verdict: "agree" | "explained" | "differ";
  /** Connections of each class; only classes that occur. */
  readonly connections: Readonly<Partial<Record<CompareClass, number>>>;
  readonly packets: { readonly capture: number; readonly log: number };
  readonly clock: ClockOffset;
  /** All that is not equal, the worst first. */
  readonly differences: readonly Difference[];
  /** What the log lacks, null when it lacks no packet. */
  readonly loss: Loss | null;
  /** Pairs with equal counts whose other fields differ, by field; originator and responder may be swapped. */
  readonly fields: { readonly state: number; readonly service: number; readonly roles: number };
  readonly capture: Omit<CaptureSide, "conns">;
  readonly log: Omit<LogSide, "conns">;
}

/** Packets of the capture that the log lacks, and when: by the capture's clock. */
export interface Loss {
  readonly packets: number;
  readonly connections: number;
  /** From the first packet of the first of these connections to the last packet of the last, microseconds since the epoch. */
  readonly firstUs: number;
  readonly lastUs: number;
}

/** @throws TapscopeError when an input cannot be opened or read, or there is no conn.log among the logs */
export async function compareLogs(
  captures: readonly string[],
  kinds: readonly LogKind[],
  signal?: AbortSignal,
): Promise<Comparison> {
  const { conns: rows, ...log } = await readConnLogs(kinds, signal);
  const options = { columns: log.columns, ...(signal && { signal }) };
  const { conns, ...capture } = await readCaptures(captures, { ...options, verifyChecksums: false });
  const { pairs, clusters, clock } = align(conns, rows);
  const verified = await recount(captures, rows, options);
  const onlyInCapture = clusters.filter((cluster) => cluster.log.length === 0).length;
  const facts: Facts = {
    capture,
    log,
    offsetUs: clock.offsetUs,
    verified,
    badRowsSuffice: log.badRows > 0 && onlyInCapture <= log.badRows,
  };
  const counts = new Map<CompareClass, number>([["equal", pairs.length]]);
  const differences: Difference[] = [];
  for (const cluster of clusters) {
    const judged = classify(cluster, facts);
    counts.set(judged.class, (counts.get(judged.class) ?? 0) + Math.max(cluster.capture.length, cluster.log.length));
    if (judged.class !== "split_equal") differences.push({ ...cluster, ...judged, missingPackets: missingOf(cluster) });
  }
  differences.sort(worstFirst);
  const unexplained = differences.some((difference) => !difference.explained);
  return {
    verdict: differences.length === 0 ? "agree" : unexplained ? "differ" : "explained",
    connections: Object.fromEntries(CLASSES.filter((name) => counts.has(name)).map((name) => [name, counts.get(name)])),
    packets: { capture: packetsOf(conns), log: packetsOf(rows) },
    clock,
    differences,
    loss: lossOf(differences),
    fields: {
      state: pairs.filter(([a, b]) => b.state !== "" && a.state !== b.state).length,
      service: pairs.filter(([a, b]) => a.service !== b.service).length,
      roles: pairs.filter(([a, b]) => a.swapped !== b.swapped).length,
    },
    capture,
    log,
  };
}

/** The captures counted as Bro does without -C, by key; null where no history says that it ignored a packet. */
async function recount(
  captures: readonly string[],
  rows: readonly Conn[],
  options: Omit<CaptureOptions, "verifyChecksums">,
): Promise<Map<string, Conn[]> | null> {
  // Standard input cannot be read again.
  if (!rows.some(({ history }) => /[cC]/.test(history)) || captures.includes("-")) return null;
  const { conns } = await readCaptures(captures, { ...options, verifyChecksums: true });
  const byKey = new Map<string, Conn[]>();
  for (const conn of conns) {
    const found = byKey.get(conn.key);
    if (found) found.push(conn);
    else byKey.set(conn.key, [conn]);
  }
  return byKey;
}

function packetsOf(conns: readonly Conn[]): number {
  return conns.reduce((sum, { ends: [a, b] }) => sum + (a.packets || 0) + (b.packets || 0), 0);
}

function missingOf({ capture, log }: Cluster): number {
  const packets = (conns: readonly Conn[]) => {
    const { ends } = sumOf(conns);
    return ends[0].packets + ends[1].packets;
  };
  return packets(capture) - packets(log);
}

/** The classes in which packets that the log lacks are packets that Bro did not get. */
const LOST: readonly CompareClass[] = ["drops", "capture_only", "different"];

function lossOf(differences: readonly Difference[]): Loss | null {
  const lost = differences.filter((one) => LOST.includes(one.class) && one.missingPackets > 0);
  if (lost.length === 0) return null;
  const conns = lost.flatMap(({ capture }) => capture);
  return {
    packets: lost.reduce((sum, { missingPackets }) => sum + missingPackets, 0),
    connections: lost.length,
    firstUs: conns.reduce((first, { startUs }) => Math.min(first, startUs), Number.POSITIVE_INFINITY),
    lastUs: conns.reduce((last, { endUs }) => Math.max(last, endUs), Number.NEGATIVE_INFINITY),
  };
}

function worstFirst(a: Difference, b: Difference): number {
  if (a.explained !== b.explained) return a.explained ? 1 : -1;
  return (Math.abs(b.missingPackets) || 0) - (Math.abs(a.missingPackets) || 0) || (a.key < b.key ? -1 : 1);
}
