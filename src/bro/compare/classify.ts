/**
 * Puts what differs between capture and log into a class. A class explains a difference only by evidence in the inputs; without
 * evidence it stays unexplained (docs/reference/compare.md).
 */
import { type Cluster, same, sameCounts, sumOf } from "./align.ts";
import type { CaptureSide } from "./capture-side.ts";
import type { Conn, Sent } from "./conn.ts";
import type { LogSide } from "./log-side.ts";

export const CLASSES = [
  "equal",
  "split_equal",
  "checksum",
  "fragment",
  "payload_meaning",
  "retransmission",
  "drops",
  "analysis_ended",
  "capture_only",
  "log_only",
  "different",
] as const;
export type CompareClass = (typeof CLASSES)[number];

export interface Judged {
  readonly class: CompareClass;
  readonly explained: boolean;
  /** The evidence, or the likely cause, one sentence. */
  readonly cause: string;
}

/** What is known besides the connections themselves. */
export interface Facts {
  readonly capture: Omit<CaptureSide, "conns">;
  readonly log: Omit<LogSide, "conns">;
  readonly offsetUs: number;
  /** Connections of a key as Bro counts them that ignores bad checksums; null when it was not run so. */
  readonly verified: ReadonlyMap<string, readonly Conn[]> | null;
  /** Rows that only the capture has are no more than rows of the log that could not be read. */
  readonly badRowsSuffice: boolean;
}

export function classify({ key, capture, log }: Cluster, facts: Facts): Judged {
  if (log.length === 0) return captureOnly(capture, facts);
  if (capture.length === 0) return logOnly(log, facts);
  const [ours, theirs] = [sumOf(capture), sumOf(log)];
  if (sameCounts(ours, theirs)) {
    return {
      class: "split_equal",
      explained: true,
      cause: `${capture.length} in the capture, ${log.length} in the log: the sums are equal`,
    };
  }
  return (
    checksum(key, capture, log, facts) ??
    fragment(capture, ours.ends, theirs.ends) ??
    payloadMeaning(ours.ends, theirs.ends) ??
    analysisEnded(capture, log, ours.ends, theirs.ends) ??
    retransmission(capture, ours.ends, theirs.ends) ??
    drops(ours.ends, theirs.ends, log, facts) ??
    different(ours.ends, theirs.ends)
  );
}

type Ends = readonly [Sent, Sent];
const packetsOf = ([a, b]: Ends) => a.packets + b.packets;
const total = (conns: readonly Conn[], count: (conn: Conn) => number) =>
  conns.reduce((sum, conn) => sum + count(conn), 0);
/** Packets of the capture that the log lacks; below 0 the other way round. NaN where the log does not count packets. */
const missing = (ours: Ends, theirs: Ends) => packetsOf(ours) - packetsOf(theirs);
const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

function checksum(key: string, capture: readonly Conn[], log: readonly Conn[], { verified }: Facts): Judged | null {
  const bad = total(capture, (conn) => conn.badChecksums);
  if (verified === null || bad === 0) return null;
  // Bro writes C where it ignores a packet, but not for what a tunnel's packet carried.
  const recount = verified.get(key) ?? [];
  if (!sameCounts(sumOf(recount), sumOf(log))) return null;
  return {
    class: "checksum",
    explained: true,
    cause: `Bro ignored ${plural(bad, "packet")} with a bad checksum (it was run without -C)`,
  };
}

function fragment(capture: readonly Conn[], ours: Ends, theirs: Ends): Judged | null {
  const fragments = total(capture, (conn) => conn.fragments);
  if (fragments === 0 || Math.abs(missing(ours, theirs)) > fragments) return null;
  return { class: "fragment", explained: true, cause: `the capture has ${plural(fragments, "IP fragment")} of it` };
}

function payloadMeaning(ours: Ends, theirs: Ends): Judged | null {
  const all = (test: (a: Sent, b: Sent) => boolean) => ours.every((sent, i) => test(sent, theirs[i]!));
  if (!all((a, b) => same(a.packets, b.packets) && !Number.isNaN(b.packets))) return null;
  if (all((a, b) => same(a.ipBytes, b.ipBytes))) {
    return {
      class: "payload_meaning",
      explained: true,
      cause: "packets and IP bytes are equal: payload is counted in another way",
    };
  }
  if (all((a, b) => same(a.bytes, b.bytes) && !(b.ipBytes > a.ipBytes))) {
    const cause =
      "packets and payload are equal: Bro counts no IP bytes where the length field is 0 (segmentation offload)";
    return { class: "payload_meaning", explained: true, cause };
  }
  return null;
}

/** Bro's scripts may end the analysis of a connection (of bulk data, of encrypted payload): it counts no packets after that. */
function analysisEnded(capture: readonly Conn[], log: readonly Conn[], ours: Ends, theirs: Ends): Judged | null {
  const [conn, row] = [capture[0]!, log[0]!];
  if (capture.length !== 1 || log.length !== 1 || !(missing(ours, theirs) > 0)) return null;
  const ended = row.history !== "" && row.history.length < conn.history.length && conn.history.startsWith(row.history);
  if (!ended || /[gG]/.test(row.history) || row.missedBytes > 0) return null;
  const cause = `the log's history ${row.history} is the beginning of the capture's ${conn.history}: its analysis was ended`;
  return { class: "analysis_ended", explained: true, cause };
}

function retransmission(capture: readonly Conn[], ours: Ends, theirs: Ends): Judged | null {
  const again = total(capture, (conn) => conn.retransmits);
  const more = missing(ours, theirs);
  if (again === 0 || !(more > 0 && more <= again) || !ours.every((sent, i) => same(sent.bytes, theirs[i]!.bytes)))
    return null;
  return {
    class: "retransmission",
    explained: true,
    cause: `the capture has ${plural(again, "segment")} a second time; the payload is equal`,
  };
}

function drops(ours: Ends, theirs: Ends, log: readonly Conn[], { capture, log: side }: Facts): Judged | null {
  const more = missing(ours, theirs);
  if (more > 0 && side.drops.length > 0) return { class: "drops", explained: true, cause: side.drops.join("; ") };
  if (more < 0 && (capture.dropped ?? 0) > 0) {
    return { class: "drops", explained: true, cause: `the capture records ${capture.dropped} dropped packets` };
  }
  if (more > 0) {
    const gaps = total(log, (conn) => conn.missedBytes);
    if (gaps > 0)
      return {
        class: "different",
        explained: false,
        cause: `the log lacks ${plural(more, "packet")}, ${gaps} bytes of payload: Bro did not get them`,
      };
  }
  return null;
}

function different(ours: Ends, theirs: Ends): Judged {
  const more = missing(ours, theirs);
  const cause =
    more > 0
      ? `the log lacks ${plural(more, "packet")}`
      : more < 0
        ? `the capture lacks ${plural(-more, "packet")}`
        : "bytes differ";
  return { class: "different", explained: false, cause };
}

function captureOnly(capture: readonly Conn[], facts: Facts): Judged {
  const { log, offsetUs } = facts;
  const judged = (explained: boolean, cause: string): Judged => ({ class: "capture_only", explained, cause });
  const start = Math.min(...capture.map(({ startUs }) => startUs)) + offsetUs;
  const end = Math.max(...capture.map(({ endUs }) => endUs)) + offsetUs;
  if (log.columns.proto && !log.columns.ipProto && !["tcp", "udp", "icmp"].includes(capture[0]!.proto)) {
    return judged(true, "this log has no column ip_proto: that Bro logs TCP, UDP and ICMP only");
  }
  if (capture[0]!.key.startsWith("ip59 "))
    return judged(true, "IPv6 packets without a next header: Bro makes no connection of them");
  if (facts.verified !== null && !facts.verified.has(capture[0]!.key)) {
    return judged(true, "all its packets have a bad checksum, or were carried by one that has: Bro was run without -C");
  }
  if (start > log.closedUs) return judged(true, "it began after the log was closed");
  if (!log.closed && end >= log.endUs) {
    return judged(
      true,
      "it was open, or had not begun, when the log ended: Bro was killed before it could write the row",
    );
  }
  if (facts.badRowsSuffice) return judged(true, `the log has ${plural(log.badRows, "row")} that cannot be read`);
  if (log.drops.length > 0) return judged(true, log.drops.join("; "));
  const late =
    end < log.startUs
      ? "Bro was started, or the mirror added, after it: it ended before the log's first connection began"
      : null;
  const early =
    start > log.endUs ? "the mirror was taken away: it began after the log's last connection had ended" : null;
  return judged(false, late ?? early ?? "Bro did not see it: a filter, another port, or lost packets");
}

function logOnly(log: readonly Conn[], { capture, offsetUs }: Facts): Judged {
  const judged = (explained: boolean, cause: string): Judged => ({ class: "log_only", explained, cause });
  const start = Math.min(...log.map(({ startUs }) => startUs)) - offsetUs;
  const end = Math.max(...log.map(({ endUs }) => endUs)) - offsetUs;
  if (Number.isNaN(capture.startUs)) {
    const packets = capture.summaries.reduce((sum, summary) => sum + summary.packets, 0);
    const why =
      packets > 0 ? `tapscope finds no IP in the capture's ${plural(packets, "packet")}` : "the capture is empty";
    return judged(true, why);
  }
  if (end < capture.startUs) return judged(true, "it ended before the capture's first packet");
  if (start > capture.endUs) return judged(true, "it began after the capture's last packet");
  if ((capture.dropped ?? 0) > 0) return judged(true, `the capture records ${capture.dropped} dropped packets`);
  return judged(false, "the capture did not see it: a capture filter, another port, or lost packets");
}
