/** An OVSDB client (RFC 7047): reads in one transaction, watches with `monitor_cond`, and asks who holds a lock. */
import { TapscopeError } from "../../core/errors.ts";
import { type Endpoint, JsonRpc, RpcError } from "./json-rpc.ts";
import type { Row } from "./values.ts";

/** The database of ovs-vswitchd.conf.db(5). */
const DATABASE = "Open_vSwitch";
/** ovs-vswitchd holds this lock for as long as it runs (vswitchd/bridge.c). */
const VSWITCHD_LOCK = "ovs_vswitchd";

export interface Select {
  readonly table: string;
  /** All columns when absent: how to read one that older schemas lack. */
  readonly columns?: readonly string[];
}

/** What changed in a watched table: rows by UUID, only the columns asked for; a removed row is `null`. */
export type TableChange = ReadonlyMap<string, Row | null>;

export class OvsdbClient implements AsyncDisposable {
  readonly #rpc: JsonRpc;
  readonly #watches = new Map<string, (change: TableChange) => void>();
  /** Called once when the connection is lost. */
  onLost: ((error: Error) => void) | undefined;

  private constructor(rpc: JsonRpc) {
    this.#rpc = rpc;
    rpc.onNotification = (method, params) => {
      if (method !== "update2" || !Array.isArray(params)) return;
      this.#watches.get(JSON.stringify(params[0]))?.(changesOf(params[1]));
    };
    rpc.onLost = (error) => this.onLost?.(error);
  }

  /** @throws TapscopeError `E_OVSDB_UNREACHABLE` */
  static async connect(endpoint: Endpoint, timeoutMs?: number): Promise<OvsdbClient> {
    return new OvsdbClient(await JsonRpc.connect(endpoint, timeoutMs));
  }

  /**
   * The rows of several tables as they were at one moment.
   * @throws RpcError when a table or a column is not in the server's schema.
   */
  async select(selects: readonly Select[]): Promise<Row[][]> {
    const operations = selects.map(({ table, columns }) => ({
      op: "select",
      table,
      where: [],
      ...(columns ? { columns } : {}),
    }));
    const results = await this.#rpc.call("transact", [DATABASE, ...operations]);
    if (!Array.isArray(results) || results.length < selects.length) {
      throw new TapscopeError("E_OVSDB_PROTOCOL", "could not read OVSDB: the answer is not one of this protocol");
    }
    return results.slice(0, selects.length).map((result: unknown) => {
      const { rows, error } = (result ?? {}) as { rows?: unknown; error?: unknown };
      if (error !== undefined && error !== null) throw new RpcError("transact", result);
      return Array.isArray(rows) ? (rows as Row[]) : [];
    });
  }

  /** The columns of a table in the server's schema, or none when it has no such table. */
  async columnsOf(table: string): Promise<ReadonlySet<string>> {
    const schema = (await this.#rpc.call("get_schema", [DATABASE])) as {
      tables?: Record<string, { columns?: Record<string, unknown> }>;
    } | null;
    return new Set(Object.keys(schema?.tables?.[table]?.columns ?? {}));
  }

  /** Whether an ovs-vswitchd is attached to this database: it alone holds the lock (RFC 7047 §4.1.8). A stopped process still does. */
  async vswitchdAttached(): Promise<boolean> {
    const answer = (await this.#rpc.call("lock", [VSWITCHD_LOCK])) as { locked?: unknown } | null;
    await this.#rpc.call("unlock", [VSWITCHD_LOCK]);
    return answer?.locked === false;
  }

  /** Watches columns of a table: `onChange` gets all rows first, then each change as the server tells it, until the client is closed. */
  async monitor(table: string, columns: readonly string[], onChange: (change: TableChange) => void): Promise<void> {
    const id = `${table}#${this.#watches.size}`;
    // Changes may follow the answer in the same packet: they wait until the answer has been handed on.
    const early: TableChange[] = [];
    this.#watches.set(JSON.stringify(id), (change) => early.push(change));
    const initial = await this.#rpc.call("monitor_cond", [DATABASE, id, { [table]: [{ columns }] }]);
    this.#watches.set(JSON.stringify(id), onChange);
    for (const change of [changesOf(initial), ...early]) onChange(change);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rpc[Symbol.asyncDispose]();
  }
}

// <table-updates2>: {table: {uuid: {initial|insert|modify: row} | {delete: null}}} (ovsdb-server(7), "monitor_cond").
function changesOf(updates: unknown): TableChange {
  const changes = new Map<string, Row | null>();
  if (updates === null || typeof updates !== "object") return changes;
  for (const rows of Object.values(updates)) {
    for (const [uuid, update] of Object.entries((rows ?? {}) as Record<string, Record<string, Row | null>>)) {
      changes.set(uuid, update.initial ?? update.insert ?? update.modify ?? null);
    }
  }
  return changes;
}
