/**
 * `bro follow`: one connection through all logs. Rows are found by the bytes of its uid; the ids of files and certificates that
 * they name lead to further rows (files.log, x509.log, …), but not to those of other connections.
 */
import { communityId } from "../../capture/community-id.ts";
import type { LogSchema } from "../format/header.ts";
import { writeJson } from "./cut/cells.ts";
import { OutputBuffer } from "./cut/output.ts";
import type { JsonSchema } from "./json.ts";
import type { PeekedLog } from "./peek.ts";
import { type LogSummary, type RowSink, readRows } from "./reader.ts";
import { Column, Row, splitLine } from "./row.ts";
import { Rows } from "./rows.ts";
import { elementsOf, numberOf, textOf, timeUs } from "./values.ts";

const NEWLINE = 0x0a;
const LINE_AND_HASH = Buffer.from("\n#");
/** From the connection to its files, to their certificates, and what those name. */
const ROUNDS = 4;
/** Ids looked for at a time: each is looked for on its own. */
const MAX_IDS = 1000;

/** Fields that name something which belongs to the connection, and where else it is found. */
const LINKS = [
  ...["fuid", "orig_fuids", "resp_fuids", "parent_fuid", "cert_chain_fuids", "client_cert_chain_fuids"],
  ...["cert_chain_fps", "client_cert_chain_fps"],
];
/** Fields that say which connections a row is about. */
const OWNERS = ["uid", "conn_uids", "uids"];

/** A row of some log that belongs to the connection. */
export interface FollowedRow {
  /** The kind of log. */
  readonly log: string;
  /** `ts`, microseconds since the epoch; NaN where there is none. */
  readonly us: number;
  /** The set fields as text, in the order of the log. */
  readonly fields: readonly (readonly [name: string, text: string])[];
  /** The row as a JSON object, its values exact. */
  readonly json: string;
}

export interface FollowOptions {
  readonly signal?: AbortSignal;
  onLog?(summary: LogSummary): void;
}

/** The rows of the connection with this uid or Community ID, in the order of time; none when it is in no log. */
export async function followConnection(
  logs: readonly PeekedLog[],
  id: string,
  options: FollowOptions = {},
): Promise<FollowedRow[]> {
  const uids = id.startsWith("1:") ? await uidsOf(logs, id, options) : new Set([id]);
  const found = new Map<string, FollowedRow>();
  const known = new Set<string>();
  let ids = uids;
  for (let round = 0; round < ROUNDS && ids.size > 0 && !options.signal?.aborted; round++) {
    const next = new Set<string>();
    for (const id of ids) known.add(id);
    for (const { input, kind } of logs) {
      const sink = new FollowSink(ids, (row) => {
        const key = `${input.name}\n${row.buffer.toString("latin1", row.start, row.end)}`;
        if (found.has(key) || !isOwn(row, uids)) return;
        found.set(key, followed(row, row.schema.path ?? kind));
        for (const link of linksOf(row)) if (!known.has(link) && next.size < MAX_IDS) next.add(link);
      });
      const summary = await readRows(input, sink, options.signal ? { signal: options.signal } : {});
      if (round === 0) options.onLog?.(summary);
    }
    ids = next;
  }
  return [...found.values()].sort((a, b) => order(a.us) - order(b.us));
}

const order = (us: number) => (Number.isNaN(us) ? Number.MAX_VALUE : us);

/** The uids of connections with this Community ID: by the field of that name, else by their addresses and ports. */
async function uidsOf(logs: readonly PeekedLog[], id: string, { signal }: FollowOptions): Promise<Set<string>> {
  const uids = new Set<string>();
  const uid = new Column("uid");
  const written = new Column("community_id");
  for (const { input, kind } of logs) {
    if (kind !== "conn") continue;
    const rows = new Rows((row) => {
      const matches =
        written.of(row) >= 0 ? written.in(row) && textOf(row, written.of(row)) === id : computed(row) === id;
      if (matches && uid.in(row)) uids.add(textOf(row, uid.of(row)));
    });
    await readRows(input, rows, signal ? { signal } : {});
  }
  return uids;
}

const ENDS = ["id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"].map((name) => new Column(name));
const PROTOCOL: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1 };

function computed(row: Row): string | null {
  if (!ENDS.every((column) => column.in(row))) return null;
  const [source, sourcePort, target, targetPort, proto] = ENDS.map((column) => column.of(row)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const from = textOf(row, source);
  const number = PROTOCOL[textOf(row, proto)];
  if (number === undefined) return null;
  try {
    return communityId({
      protocol: number === 1 && from.includes(":") ? 58 : number,
      source: from,
      target: textOf(row, target),
      sourcePort: numberOf(row, sourcePort),
      targetPort: numberOf(row, targetPort),
    });
  } catch {
    return null;
  }
}

const LINK_COLUMNS = LINKS.map((name) => new Column(name));
const OWNER_COLUMNS = OWNERS.map((name) => new Column(name));

/** A row that names connections is about ours only if it names it. */
function isOwn(row: Row, uids: ReadonlySet<string>): boolean {
  const owners = OWNER_COLUMNS.filter((column) => column.in(row));
  return owners.length === 0 || owners.some((column) => elementsOf(row, column.of(row)).some((uid) => uids.has(uid)));
}

function linksOf(row: Row): string[] {
  return LINK_COLUMNS.filter((column) => column.in(row)).flatMap((column) => elementsOf(row, column.of(row)));
}

const TS = new Column("ts");
const text = new OutputBuffer(() => true);

function followed(row: Row, log: string): FollowedRow {
  const fields: [string, string][] = [];
  text.length = 0;
  row.schema.fields.forEach((name, index) => {
    if (!row.has(index)) return;
    fields.push([name, textOf(row, index)]);
    text.text(`,${JSON.stringify(name)}:`);
    writeJson(text, row, index);
  });
  const json = `{"log":${JSON.stringify(log)}${text.bytes.toString("utf8", 0, text.length)}}`;
  return { log, us: timeUs(row, TS.of(row)), fields, json };
}

/** Finds the rows in which one of some ids is a field, or an element of one. */
class FollowSink implements RowSink {
  readonly rows = 0;
  readonly badRows = 0;
  readonly firstBadRow = 0;
  readonly #ids: ReadonlySet<string>;
  readonly #needles: readonly Buffer[];
  readonly #each: (row: Row) => void;
  readonly #row = new Row();

  constructor(ids: ReadonlySet<string>, each: (row: Row) => void) {
    this.#ids = ids;
    this.#needles = [...ids].map((id) => Buffer.from(id));
    this.#each = each;
  }

  schema(schema: LogSchema): void {
    this.#row.schema = schema;
  }

  tsv(buffer: Buffer, start: number, end: number): number {
    const hash = buffer.indexOf(LINE_AND_HASH, start);
    const stop = hash === -1 || hash >= end ? end : hash + 1;
    const lines = new Set<number>();
    for (const needle of this.#needles) {
      for (let at = buffer.indexOf(needle, start); at !== -1 && at < stop; ) {
        lines.add(Math.max(start, buffer.lastIndexOf(NEWLINE, at) + 1));
        const next = buffer.indexOf(NEWLINE, at);
        at = next === -1 ? -1 : buffer.indexOf(needle, next);
      }
    }
    for (const line of [...lines].sort((a, b) => a - b)) {
      splitLine(this.#row, buffer, line);
      if (this.#row.count === this.#row.schema.fields.length) this.#look();
    }
    return stop;
  }

  json(schema: JsonSchema, buffer: Buffer, start: number, end: number): void {
    const line = buffer.subarray(start, end);
    if (this.#needles.some((needle) => line.includes(needle)) && schema.scan(this.#row, buffer, start, end))
      this.#look();
  }

  #look(): void {
    const row = this.#row;
    for (let index = 0; index < row.count; index++) {
      if (!row.has(index) || !elementsOf(row, index).some((element) => this.#ids.has(element))) continue;
      this.#each(row);
      return;
    }
  }
}
