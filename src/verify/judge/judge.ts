/** Judges: from what the matching found and what ping said to a verdict. Why it is so is looked for in causes.ts. */
import type { EchoSeen } from "../match/echo.ts";
import type { DirectionTally, Tally } from "../match/tally.ts";
import type { PingWords } from "./ping.ts";
import type { DirectionReport, PingReport, PingSequence, Verdict } from "./report.ts";

/** Sequence numbers a report lists one by one. */
const LISTED = 1000;

export function directionReport(direction: "in" | "out", tally: DirectionTally): DirectionReport {
  return {
    direction,
    source_frames: tally.sourceFrames,
    monitor_frames: tally.monitorFrames,
    missing: tally.missing,
    duplicated: tally.duplicated,
    reordered: tally.reordered,
    altered: tally.altered,
    truncated: tally.truncated,
    checksum_offloaded: tally.offloaded,
    resegmented: tally.resegmented,
    vlan: tally.monitorFrames > 0 ? tally.vlanChange() : null,
    vlan_frames: { ...tally.vlan },
    delay_ns: tally.delaySummary(),
    differences: tally.differences.map(({ timeNs, ...rest }) => ({ time_ns: timeNs, ...rest })),
    missing_frames: tally.missed.map(({ timeNs, ...rest }) => ({ time_ns: timeNs, ...rest })),
  };
}

/** Puts together what ping said and what was seen of it. `source` is null when no source was captured. */
export function pingReport(
  words: PingWords,
  seen: EchoSeen,
  source: EchoSeen | null,
  where: Pick<PingReport, "address" | "from" | "largest">,
): PingReport {
  const sent = words.sent ?? 0;
  const sequences: PingSequence[] = [];
  const missing: number[] = [];
  for (let seq = 1; seq <= Math.min(sent, 65_535); seq++) {
    const requestSeen = !Number.isNaN(seen.request[seq]!);
    const replySeen = !Number.isNaN(seen.reply[seq]!);
    const rtt = words.rttMs.get(seq);
    const answered = rtt !== undefined;
    const left = answered || (source !== null && !Number.isNaN(source.request[seq]!));
    if ((left && !requestSeen) || (answered && !replySeen)) missing.push(seq);
    if (sequences.length < LISTED) {
      sequences.push({
        seq,
        request_seen: requestSeen,
        reply_seen: replySeen,
        wire_rtt_ns: seen.roundTrip(seq),
        ping_rtt_ns: rtt === undefined ? null : Math.round(rtt * 1e6),
      });
    }
  }
  return {
    ...where,
    sent,
    received: words.received ?? 0,
    requests_seen: seen.requests,
    replies_seen: seen.replies,
    missing_seq: missing,
    sequences,
    complaint: words.complaint,
  };
}

export interface Evidence {
  readonly tally: Tally;
  /** Null when no ping was run. */
  readonly ping: PingReport | null;
  /** ICMP echo requests the sources' captures saw; null when no source was captured or no ping was run. */
  readonly requestsLeft: number | null;
  /** Both directions are judged. */
  readonly bothDirections: boolean;
  readonly inject: { readonly sent: number; readonly seen: number } | null;
  /** Copies OVS says it made while the traffic ran; null when it has no count. */
  readonly copied: number | null;
  /** Frames of the monitor's capture, from before OVS's first count to after its second. */
  readonly monitorCaptured: number;
  /** Frames the kernel dropped from the captures of the monitor and of the sources. */
  readonly monitorDrops: number;
  readonly sourceDrops: number;
  /** Frames that sources' devices dropped after they were captured, before they entered the switch. */
  readonly queueDrops: number;
  readonly hasSources: boolean;
  /** Ping left by a device that is no port of the switch, or not at all. */
  readonly pingElsewhere: boolean;
}

/** True when something the sources sent did not come, came more than once, or came changed. */
function differs(tally: Tally): boolean {
  return [tally.in, tally.out].some((d) => d.missing + d.duplicated + d.altered + d.truncated > 0);
}

export function verdictOf(evidence: Evidence): Verdict {
  const { tally, ping, hasSources, inject, copied } = evidence;
  const sent = tally.in.sourceFrames + tally.out.sourceFrames;
  if (ping) {
    // A ping that never left shows nothing, whatever ARP said meanwhile.
    if (ping.received === 0 && evidence.requestsLeft === 0) return "untested";
    if (evidence.pingElsewhere && sent === 0 && ping.requests_seen === 0) return "untested";
    if (!hasSources && ping.received === 0 && ping.requests_seen === 0) return "untested";
  }
  if (inject && inject.sent === 0) return "untested";
  if (differs(tally)) return onlyCaptureDrops(evidence) ? "untested" : "unfaithful";
  if (ping && evidence.bothDirections && ping.missing_seq.length > 0) return "unfaithful";
  if (hasSources) return sent === 0 ? withoutSourceFrames(evidence) : "faithful";
  if (ping) return "faithful";
  if (inject) return inject.seen < inject.sent ? "unfaithful" : "faithful";
  if (copied === null || copied === 0) return "untested";
  return evidence.monitorCaptured < copied ? "unfaithful" : "faithful";
}

/** Nothing passed the sources: what else is known of the traffic decides. */
function withoutSourceFrames({ ping, inject }: Evidence): Verdict {
  if (ping && ping.received > 0) return ping.missing_seq.length > 0 ? "unfaithful" : "faithful";
  if (inject) return inject.seen < inject.sent ? "unfaithful" : "faithful";
  return "untested";
}

/** Frames are missing, nothing else is wrong, and our own capture of the monitor dropped as many: nobody can tell. */
function onlyCaptureDrops({ tally, monitorDrops }: Evidence): boolean {
  const both = [tally.in, tally.out];
  const missing = both.reduce((sum, d) => sum + d.missing, 0);
  const others = both.reduce((sum, d) => sum + d.duplicated + d.altered + d.truncated, 0);
  return others === 0 && missing > 0 && missing <= monitorDrops;
}
