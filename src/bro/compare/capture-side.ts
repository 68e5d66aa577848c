/** The capture's side of a comparison: its connections, and what is known of the capture itself. The only place that reads flow records. */
import type { CaptureSummary } from "../../capture/format/summary.ts";
import type { Frame, FrameSink } from "../../capture/frame.ts";
import { meterCapture, openMeter } from "../../capture/meter.ts";
import { readCapture } from "../../capture/source/file.ts";
import { FlowSelection } from "../../capture/write-flows.ts";
import type { ConnectionRecord } from "../../engine/host/connection-record.ts";
import { type Conn, endText, type KeyColumns, keyOf, services } from "./conn.ts";

export interface CaptureSide {
  readonly conns: readonly Conn[];
  readonly summaries: readonly CaptureSummary[];
  /** Earliest and latest packet of any connection, microseconds since the epoch; NaN when there is none. */
  readonly startUs: number;
  readonly endUs: number;
  /** Packets that the capturing programs counted as dropped; null where no file says. */
  readonly dropped: number | null;
}

export interface CaptureOptions {
  /** Packets with bad checksums are ignored, as Bro does without -C. */
  readonly verifyChecksums: boolean;
  readonly columns: KeyColumns;
  readonly signal?: AbortSignal;
}

/**
 * Reads the captures, which are in the order of time, into one table: connections go on from one file of a ring to the next.
 * @throws TapscopeError when one cannot be opened or read
 */
export async function readCaptures(paths: readonly string[], options: CaptureOptions): Promise<CaptureSide> {
  const conns: Conn[] = [];
  const summaries: CaptureSummary[] = [];
  let startUs = Number.POSITIVE_INFINITY;
  let endUs = Number.NEGATIVE_INFINITY;
  const take = (record: ConnectionRecord) => {
    const conn = connOf(record, options);
    startUs = Math.min(startUs, conn.startUs);
    endUs = Math.max(endUs, conn.endUs);
    conns.push(conn);
  };
  const meter = openMeter({ verifyChecksums: options.verifyChecksums, onEnd: (row) => take(meter.record(row)) });
  for (const path of paths) {
    summaries.push(await meterCapture(meter, path, options.signal ? { signal: options.signal } : {}));
  }
  meter.finish();
  const counts = summaries
    .flatMap(({ interfaces }) => interfaces.map((one) => one.dropped))
    .filter((count) => count !== null);
  const dropped = counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0);
  return { conns, summaries, startUs: finite(startUs), endUs: finite(endUs), dropped };
}

const finite = (us: number) => (Number.isFinite(us) ? us : Number.NaN);

function connOf(record: ConnectionRecord, { columns }: CaptureOptions): Conn {
  const { proto, "id.orig_h": orig, "id.orig_p": origPort, "id.resp_h": resp, "id.resp_p": respPort } = record;
  const ends = { proto, ipProto: record.ip_proto, orig, origPort, resp, respPort };
  const { key, swapped } = columns.communityId ? { key: record.community_id, swapped: false } : keyOf(ends, columns);
  const sent = {
    packets: record.orig_pkts,
    ipBytes: record.orig_ip_bytes,
    bytes: record.orig_bytes ?? 0,
  };
  const received = {
    packets: record.resp_pkts,
    ipBytes: record.resp_ip_bytes,
    bytes: record.resp_bytes ?? 0,
  };
  return {
    key,
    uid: record.uid,
    parents: record.tunnel_parents ?? [],
    startUs: Number(BigInt(record.first_ns) / 1000n),
    endUs: Number(BigInt(record.last_ns) / 1000n),
    proto,
    orig: endText(orig, origPort, proto),
    resp: endText(resp, respPort, proto),
    swapped,
    ends: swapped ? [received, sent] : [sent, received],
    state: record.conn_state,
    service: services(record.service ?? ""),
    history: record.history ?? "",
    missedBytes: record.missed_bytes,
    fragments: record.frag_pkts,
    badChecksums: record.bad_csum,
    retransmits: record.retransmits ?? 0,
  };
}

/** Hands on the packets of connections, by their uids, in the order of the captures. */
export async function readPacketsOf(
  paths: readonly string[],
  uids: ReadonlySet<string>,
  sink: FrameSink,
  signal?: AbortSignal,
): Promise<void> {
  const selection = new FlowSelection(uids);
  for (const path of paths) {
    const wanted = (frame: Frame) => {
      for (const each of selection.take(frame)) sink(each);
    };
    await readCapture(path, wanted, signal ? { signal } : {});
  }
}
