/** Which connections of the capture and rows of the log are about the same: by key, and by time once the clocks' offset is known. */
import type { Conn, Sent } from "./conn.ts";

/** Connections of one key whose times overlap, of both sides. */
export interface Cluster {
  readonly key: string;
  readonly capture: readonly Conn[];
  readonly log: readonly Conn[];
}

export interface Aligned {
  /** One of each side, with equal counts. */
  readonly pairs: readonly (readonly [Conn, Conn])[];
  /** All others. */
  readonly clusters: readonly Cluster[];
  readonly clock: ClockOffset;
}

/** How far the log's clock is ahead of the capture's, from pairs that are alone with their key. */
export interface ClockOffset {
  /** Microseconds: the median; 0 when there are no pairs. */
  readonly offsetUs: number;
  readonly pairs: number;
  /** The median distance from the median, microseconds. */
  readonly spreadUs: number;
}

/** What lies this close together in time may belong together: timers of both sides end connections at different times. */
const SLACK_US = 5e6;

export function align(capture: readonly Conn[], log: readonly Conn[]): Aligned {
  const groups = new Map<string, { capture: Conn[]; log: Conn[] }>();
  const group = (key: string) => {
    let found = groups.get(key);
    if (!found) groups.set(key, (found = { capture: [], log: [] }));
    return found;
  };
  for (const conn of capture) group(conn.key).capture.push(conn);
  for (const conn of log) group(conn.key).log.push(conn);
  const clock = clockOf(groups.values());
  const pairs: (readonly [Conn, Conn])[] = [];
  const clusters: Cluster[] = [];
  for (const [key, both] of groups) {
    const rest = takePairs(both.capture.sort(byStart), both.log.sort(byStart), clock.offsetUs, pairs);
    if (rest.capture.length + rest.log.length > 0) clusters.push(...clustersOf(key, rest, clock.offsetUs));
  }
  return { pairs, clusters, clock };
}

const byStart = (a: Conn, b: Conn) => a.startUs - b.startUs || 0;

function clockOf(groups: Iterable<{ capture: readonly Conn[]; log: readonly Conn[] }>): ClockOffset {
  const offsets: number[] = [];
  for (const { capture, log } of groups) {
    if (capture.length !== 1 || log.length !== 1 || !sameCounts(capture[0]!, log[0]!)) continue;
    const offset = log[0]!.startUs - capture[0]!.startUs;
    if (!Number.isNaN(offset)) offsets.push(offset);
  }
  const offsetUs = median(offsets);
  return { offsetUs, pairs: offsets.length, spreadUs: median(offsets.map((offset) => Math.abs(offset - offsetUs))) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** Equal ones of both sides, nearest in time first, are paired; what is left is returned. Both are sorted by their start. */
function takePairs(
  capture: readonly Conn[],
  log: readonly Conn[],
  offsetUs: number,
  pairs: (readonly [Conn, Conn])[],
): { capture: Conn[]; log: Conn[] } {
  const byCounts = new Map<string, Conn[]>();
  for (const conn of capture) {
    const counts = packetsText(conn);
    const same = byCounts.get(counts);
    if (same) same.push(conn);
    else byCounts.set(counts, [conn]);
  }
  const taken = new Set<Conn>();
  const left: Conn[] = [];
  for (const row of log) {
    const candidates = byCounts.get(packetsText(row)) ?? capture;
    const match = candidates.find((conn) => !taken.has(conn) && sameCounts(conn, row) && near(conn, row, offsetUs));
    if (!match) left.push(row);
    else {
      taken.add(match);
      pairs.push([match, row]);
    }
  }
  return { capture: capture.filter((conn) => !taken.has(conn)), log: left };
}

const packetsText = ({ ends: [a, b] }: Conn) => `${a.packets} ${b.packets}`;

function near(conn: Conn, row: Conn, offsetUs: number): boolean {
  if (Number.isNaN(row.startUs) || Number.isNaN(conn.startUs)) return true;
  return conn.startUs <= row.endUs - offsetUs + SLACK_US && row.startUs - offsetUs <= conn.endUs + SLACK_US;
}

/** Connections that overlap in time, however many. Without times all belong together. */
function clustersOf(key: string, { capture, log }: { capture: Conn[]; log: Conn[] }, offsetUs: number): Cluster[] {
  if (log.some(({ startUs }) => Number.isNaN(startUs))) return [{ key, capture, log }];
  const all = [
    ...capture.map((conn) => ({ conn, isLog: false, start: conn.startUs, end: conn.endUs })),
    ...log.map((conn) => ({ conn, isLog: true, start: conn.startUs - offsetUs, end: conn.endUs - offsetUs })),
  ].sort((a, b) => a.start - b.start);
  const clusters: { key: string; capture: Conn[]; log: Conn[] }[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const one of all) {
    if (one.start > end + SLACK_US) clusters.push({ key, capture: [], log: [] });
    end = Math.max(end, one.end);
    clusters.at(-1)![one.isLog ? "log" : "capture"].push(one.conn);
  }
  return clusters;
}

/** All that the log says of packets and bytes is what the capture says. */
export function sameCounts(capture: Pick<Conn, "ends">, log: Pick<Conn, "ends">): boolean {
  return [0, 1].every((end) => {
    const [a, b] = [capture.ends[end]!, log.ends[end]!];
    return same(a.packets, b.packets) && same(a.ipBytes, b.ipBytes) && same(a.bytes, b.bytes);
  });
}

/** What one side does not have is not compared. */
export function same(capture: number, log: number): boolean {
  return Number.isNaN(log) || Number.isNaN(capture) || capture === log;
}

/** The sums of several connections, by end. */
export function sumOf(conns: readonly Conn[]): { readonly ends: readonly [Sent, Sent] } {
  const sum = (end: 0 | 1): Sent => {
    const total = { packets: 0, ipBytes: 0, bytes: 0 };
    for (const { ends } of conns) {
      total.packets += ends[end].packets;
      total.ipBytes += ends[end].ipBytes;
      total.bytes += ends[end].bytes;
    }
    return total;
  };
  return { ends: [sum(0), sum(1)] };
}
