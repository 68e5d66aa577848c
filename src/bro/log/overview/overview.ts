/** `bro logs`: what is in a set of logs. Each is read once; large ones by several threads. */
import { availableParallelism } from "node:os";
import type { LogInput } from "../input.ts";
import { type PieceReader, PieceThread, readPieces } from "../pieces/pool.ts";
import { divisible } from "../pieces/split.ts";
import { addCounts, type LogSummary, type ReadCounts, readRows, summarize } from "../reader.ts";
import type { Counted } from "./byte-counter.ts";
import { COUNTED_FIELDS, type PlainTally, Sum, Tally } from "./tally.ts";

/** A log by itself. */
export interface LogOverview extends LogSummary {
  /** Earliest and latest `ts`, microseconds since the epoch; null when no row has one. */
  readonly firstUs: number | null;
  readonly lastUs: number | null;
}

/** All logs of one kind together. */
export interface KindOverview {
  readonly kind: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  readonly firstUs: number | null;
  readonly lastUs: number | null;
  /** How many files are damaged. */
  readonly damaged: number;
}

/** The most frequent values of a field. */
export interface TopValues {
  readonly kind: string;
  readonly field: string;
  /** Distinct values. */
  readonly distinct: number;
  /** Distinct values were too many to count all: the figures of the rarer ones are too low. */
  readonly estimated: boolean;
  readonly top: readonly Counted[];
}

export interface Overview {
  readonly kinds: readonly KindOverview[];
  readonly values: readonly TopValues[];
  /** IP bytes of connections over time, by the time they began; null without conn.log. */
  readonly bytesOverTime: {
    readonly startUs: number;
    readonly widthSeconds: number;
    readonly bytes: readonly number[];
  } | null;
}

export interface OverviewOptions {
  /** Values listed of each field. */
  readonly top: number;
  /** Parts that the time is divided into. */
  readonly parts: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Called with each log when it has been read, in the order of the inputs; not with what is no Zeek log. */
  onLog(log: LogOverview): void;
  /** A log that cannot be read; the others go on. */
  onError(error: unknown, input: LogInput): void;
}

/** Files below this size are read by the main thread: it is done before a thread has started. */
const SMALL = 1e6;

export async function overviewOf(inputs: readonly LogInput[], options: OverviewOptions): Promise<Overview> {
  const threads = options.threads ?? Math.min(2, availableParallelism());
  const readers: PieceReader[] = [];
  const large = inputs.some(({ path, size }) => path !== null && (size ?? 0) >= SMALL);
  if (threads > 1 && large) for (let i = 0; i < threads; i++) readers.push(new PieceThread());
  const sums = new Map<string, Sum>();
  const kinds = new Map<string, KindOverview>();
  try {
    // As many logs at a time as there are threads; what was found is handed on in their order.
    const running: Promise<Read | null>[] = [];
    for (let next = 0, done = 0; done < inputs.length && !options.signal?.aborted; done++) {
      while (next < inputs.length && running.length < Math.max(1, readers.length)) {
        running.push(readOne(inputs[next]!, next, readers, sums, options));
        next++;
      }
      const read = await running.shift();
      if (read) addUp(read, kinds, options);
    }
  } finally {
    for (const reader of readers) await reader[Symbol.asyncDispose]();
  }
  return {
    kinds: [...kinds.values()].sort((a, b) => (a.kind < b.kind ? -1 : 1)),
    values: valuesOf(sums, options.top),
    bytesOverTime: overTime(sums.get("conn"), options.parts),
  };
}

interface Read {
  readonly summary: LogSummary;
  readonly span: Sum;
}

/** Reads a log, and adds what is in it to the sums of its kind. Null when it cannot be read; the caller has been told. */
async function readOne(
  input: LogInput,
  turn: number,
  readers: readonly PieceReader[],
  sums: Map<string, Sum>,
  options: OverviewOptions,
): Promise<Read | null> {
  const { signal } = options;
  const span = new Sum();
  const add = (tally: PlainTally, { path }: { readonly path: string | null }, kind: string) => {
    const name = path ?? kind;
    const sum = sums.get(name) ?? new Sum();
    sums.set(name, sum);
    sum.add(tally);
    span.span(tally);
  };
  try {
    const kind = summarize(input, NO_COUNTS, null).kind;
    const task = { kind: "tally", logKind: kind } as const;
    const divided = readers.length > 1 ? await divisible(input) : null;
    if (divided) {
      let counts: ReadCounts | null = null;
      await readPieces(
        divided,
        task,
        readers,
        (result) => {
          counts = counts === null ? result.counts : addCounts(counts, result.counts);
          add(result.tally!, result.counts, kind);
        },
        signal,
      );
      return { summary: summarize(input, counts ?? NO_COUNTS, null), span };
    }
    if (readers.length > 1 && input.path !== null && (input.size ?? 0) >= SMALL) {
      const reader = readers[turn % readers.length]!;
      const { counts, fault, tally } = await reader.read({ path: input.path, range: null, schema: null, task });
      add(tally!, counts, kind);
      return { summary: summarize(input, counts, fault), span };
    }
    const tally = new Tally(kind);
    const summary = await readRows(input, tally, signal ? { signal } : {});
    add(tally.plain(), { path: summary.kind }, kind);
    return { summary, span };
  } catch (error) {
    options.onError(error, input);
    return null;
  }
}

const NO_COUNTS: ReadCounts = {
  format: null,
  path: null,
  bytes: 0,
  lines: 0,
  rows: 0,
  badLines: 0,
  firstBadLine: 0,
  zerosInside: 0,
  zerosAtEnd: 0,
  overlong: 0,
  unfinished: false,
  cut: false,
  closed: false,
  open: null,
  close: null,
  stopped: false,
};

function addUp({ summary, span }: Read, kinds: Map<string, KindOverview>, options: OverviewOptions): void {
  if (summary.format === "other") return;
  const firstUs = finite(span.firstUs);
  const lastUs = finite(span.lastUs);
  options.onLog({ ...summary, firstUs, lastUs });
  const before = kinds.get(summary.kind);
  kinds.set(summary.kind, {
    kind: summary.kind,
    files: (before?.files ?? 0) + 1,
    rows: (before?.rows ?? 0) + summary.rows,
    bytes: (before?.bytes ?? 0) + (summary.size ?? 0),
    firstUs: least(before?.firstUs ?? null, firstUs, Math.min),
    lastUs: least(before?.lastUs ?? null, lastUs, Math.max),
    damaged: (before?.damaged ?? 0) + (summary.damage.length > 0 ? 1 : 0),
  });
}

function least(a: number | null, b: number | null, choose: (a: number, b: number) => number): number | null {
  return a === null ? b : b === null ? a : choose(a, b);
}

const finite = (us: number) => (Number.isFinite(us) ? us : null);

function valuesOf(sums: ReadonlyMap<string, Sum>, top: number): TopValues[] {
  const found: TopValues[] = [];
  for (const [kind, sum] of sums) {
    const order = kind === "conn" ? ["hosts", "ports", ...COUNTED_FIELDS.conn!] : (COUNTED_FIELDS[kind] ?? []);
    for (const field of order) {
      const counter = sum.counters.get(field);
      if (!counter || counter.size === 0) continue;
      const by = field === "hosts" || field === "ports" ? "bytes" : "rows";
      found.push({ kind, field, distinct: counter.size, estimated: counter.others > 0, top: counter.top(top, by) });
    }
  }
  return found;
}

function overTime(sum: Sum | undefined, parts: number): Overview["bytesOverTime"] {
  if (!sum) return null;
  const { start, width, sums } = sum.bins.parts(parts);
  return sums.length === 0 ? null : { startUs: start * 1e6, widthSeconds: width, bytes: sums };
}
