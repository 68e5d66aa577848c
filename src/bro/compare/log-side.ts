/** The log's side of a comparison: the rows of conn.log, and what other logs and the log's damage say of its completeness. */
import { TapscopeError } from "../../core/errors.ts";
import { openUs } from "../format/time.ts";
import { type LogSummary, readRows } from "../log/reader.ts";
import { Column, type Row } from "../log/row.ts";
import { Rows } from "../log/rows.ts";
import type { LogKind } from "../log/set.ts";
import { numberOf, textOf, timeUs } from "../log/values.ts";
import { type Conn, endText, type KeyColumns, keyOf, type Sent, services } from "./conn.ts";

export interface LogSide {
  readonly conns: readonly Conn[];
  readonly summaries: readonly LogSummary[];
  /** Earliest start and latest end of its connections, microseconds since the epoch; NaN when there is none. */
  readonly startUs: number;
  readonly endUs: number;
  /** Rows that could not be read. */
  readonly badRows: number;
  /** The last file was closed by its writer: connections that were still open have been written. */
  readonly closed: boolean;
  /** When it was closed, by the clock of its rows; NaN where that cannot be known. */
  readonly closedUs: number;
  readonly columns: KeyColumns;
  /** Columns it has none of: they are not compared. */
  readonly lacks: readonly string[];
  /** Where another log records that Bro lost packets: one sentence each. */
  readonly drops: readonly string[];
}

const column = (name: string) => new Column(name);
const TS = column("ts");
const UID = column("uid");
const DURATION = column("duration");
const ORIG = column("id.orig_h");
const ORIG_P = column("id.orig_p");
const RESP = column("id.resp_h");
const RESP_P = column("id.resp_p");
const PROTO = column("proto");
const IP_PROTO = column("ip_proto");
const SERVICE = column("service");
const STATE = column("conn_state");
const HISTORY = column("history");
const MISSED = column("missed_bytes");
const COMMUNITY_ID = column("community_id");
const COUNTS = [
  [column("orig_pkts"), column("orig_ip_bytes"), column("orig_bytes")],
  [column("resp_pkts"), column("resp_ip_bytes"), column("resp_bytes")],
] as const;

/** @throws TapscopeError `E_LOG_NOT_FOUND` when there is no conn.log, `E_LOG_FIELDS` when it cannot be compared */
export async function readConnLogs(kinds: readonly LogKind[], signal?: AbortSignal): Promise<LogSide> {
  const logs = kinds.find(({ kind }) => kind === "conn")?.logs ?? [];
  if (logs.length === 0) throw new TapscopeError("E_LOG_NOT_FOUND", "there is no conn.log to compare with");
  const fields = new Set(logs.flatMap((log) => log.fields));
  const columns: KeyColumns = {
    proto: fields.has("proto"),
    ipProto: fields.has("ip_proto"),
    origPort: fields.has("id.orig_p"),
    respPort: fields.has("id.resp_p"),
    communityId: !fields.has("id.orig_h") && fields.has("community_id"),
  };
  if (!columns.communityId && !(fields.has("id.orig_h") && fields.has("id.resp_h"))) {
    throw new TapscopeError("E_LOG_FIELDS", "cannot compare conn.log: it has neither addresses nor Community IDs");
  }
  const conns: Conn[] = [];
  const summaries: LogSummary[] = [];
  let startUs = Number.POSITIVE_INFINITY;
  let endUs = Number.NEGATIVE_INFINITY;
  let badRows = 0;
  /** When the first connection of the last file ended: about when it was opened. */
  let lastFirstEnd = Number.NaN;
  for (const { input } of logs) {
    lastFirstEnd = Number.NaN;
    const rows = new Rows((row) => {
      const conn = connOf(row, columns);
      if (conn === null) return;
      if (Number.isNaN(lastFirstEnd)) lastFirstEnd = conn.endUs;
      if (conn.startUs < startUs) startUs = conn.startUs;
      if (conn.endUs > endUs) endUs = conn.endUs;
      conns.push(conn);
    });
    summaries.push(await readRows(input, rows, signal ? { signal } : {}));
    badRows += rows.badRows;
  }
  const damage = summaries.at(-1)!.damage;
  const compared = COUNTS.flat().concat(STATE, SERVICE);
  return {
    conns,
    summaries,
    startUs: Number.isFinite(startUs) ? startUs : Number.NaN,
    endUs: Number.isFinite(endUs) ? endUs : Number.NaN,
    badRows,
    closedUs: closedAt(summaries.at(-1)!, lastFirstEnd),
    closed: !damage.some((sentence) => sentence.startsWith("no #close")),
    columns,
    lacks: logs.some(({ format }) => format === "json")
      ? []
      : compared.map(({ name }) => name).filter((name) => !fields.has(name)),
    drops: await dropsIn(kinds, signal),
  };
}

function connOf(row: Row, columns: KeyColumns): Conn | null {
  const text = (of: Column) => (of.in(row) ? textOf(row, of.of(row)) : "");
  const number = (of: Column) => (of.in(row) ? numberOf(row, of.of(row)) : Number.NaN);
  const proto = text(PROTO) || "unknown_transport";
  const ends = {
    proto,
    ipProto: columns.ipProto ? number(IP_PROTO) : null,
    orig: text(ORIG),
    origPort: number(ORIG_P),
    resp: text(RESP),
    respPort: number(RESP_P),
  };
  const { key, swapped } = columns.communityId ? { key: text(COMMUNITY_ID), swapped: false } : keyOf(ends, columns);
  if (key === "" || (!columns.communityId && ends.orig === "")) return null;
  const [sent, received] = COUNTS.map(([packets, ipBytes, bytes]) => ({
    packets: counted(row, packets, number(packets)),
    ipBytes: counted(row, ipBytes, number(ipBytes)),
    bytes: number(bytes),
  })) as [Sent, Sent];
  const startUs = timeUs(row, TS.of(row));
  const duration = number(DURATION);
  return {
    key,
    uid: text(UID),
    parents: [],
    startUs,
    endUs: startUs + (Number.isNaN(duration) ? 0 : Math.round(duration * 1e6)),
    proto,
    orig: endText(ends.orig, ends.origPort, proto),
    resp: endText(ends.resp, ends.respPort, proto),
    swapped,
    ends: swapped ? [received, sent] : [sent, received],
    state: text(STATE),
    service: services(text(SERVICE)),
    history: text(HISTORY),
    missedBytes: MISSED.in(row) ? number(MISSED) : 0,
    fragments: 0,
    badChecksums: 0,
    retransmits: 0,
  };
}

const QUARTER_US = 900e6;

/**
 * `#open` and `#close` are local times of a zone that is not written. A log is opened when its first connection has ended: that shows
 * the zone, to the quarter of an hour; unless Bro read a capture later, which is no zone at all.
 */
function closedAt({ open, close }: LogSummary, firstEndUs: number): number {
  const zoneUs = Math.round((openUs(open ?? "") - firstEndUs) / QUARTER_US) * QUARTER_US;
  return Math.abs(zoneUs) <= 14 * 3600e6 ? openUs(close ?? "") - zoneUs : Number.NaN;
}

/** NaN for a column that the log does not have, 0 for one that is unset. */
function counted(row: Row, of: Column, value: number): number {
  return of.of(row) >= 0 && !of.in(row) ? 0 : value;
}

/** What capture_loss.log, stats.log and notice.log record of lost packets. */
async function dropsIn(kinds: readonly LogKind[], signal?: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  const sum = async (kind: string, name: string, sentence: (sum: number, most: number) => string) => {
    const field = column(name);
    let total = 0;
    let most = 0;
    const rows = new Rows((row) => {
      if (!field.in(row)) return;
      const value = numberOf(row, field.of(row));
      if (value > 0) {
        total += value;
        most = Math.max(most, value);
      }
    });
    for (const { input } of kinds.find((one) => one.kind === kind)?.logs ?? []) {
      await readRows(input, rows, signal ? { signal } : {});
    }
    if (total > 0) found.push(sentence(total, most));
  };
  await sum("capture_loss", "percent_lost", (_, most) => `capture_loss.log records up to ${most} % of lost packets`);
  await sum("stats", "pkts_dropped", (total) => `stats.log records ${total} dropped packets`);
  const note = column("note");
  let notices = 0;
  const rows = new Rows((row) => {
    if (note.in(row) && /Dropped_Packets|Too_Much_Loss/.test(textOf(row, note.of(row)))) notices++;
  });
  for (const { input } of kinds.find((one) => one.kind === "notice")?.logs ?? []) {
    await readRows(input, rows, signal ? { signal } : {});
  }
  if (notices > 0) found.push(`notice.log has ${notices} notices of dropped packets`);
  return found;
}
