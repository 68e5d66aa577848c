/** A monitor port of one's own: port and mirror appear in one transaction and go in one, and say nothing themselves. */
import { TapscopeError } from "../core/errors.ts";
import { ownerId } from "../core/identity.ts";
import { type Device, requireDevice } from "./devices.ts";
import { createMirror, removalCommands } from "./mirror.ts";
import type { MirrorInfo } from "./mirror-info.ts";
import type { MirrorRequest } from "./mirror-request.ts";
import { freeNames } from "./names.ts";
import { OvsdbClient } from "./ovsdb/client.ts";
import { map, type Row } from "./ovsdb/values.ts";
import type { Session } from "./session.ts";
import { takenNames } from "./state.ts";
import { endpointOf } from "./target.ts";

/** A port that gets copies for as long as it is not disposed of. */
export interface Monitor extends AsyncDisposable {
  readonly port: string;
  /** Its device, and the place to capture in. */
  readonly device: Device;
  readonly mirror: MirrorInfo;
}

export type MonitorRequest = Omit<MirrorRequest, "output" | "owner" | "force">;

/** What the names of such ports begin with. */
export const MONITOR_NAME = "ts-mon";
/** Two processes may choose one name at once: the loser chooses again. */
const ATTEMPTS = 3;

/**
 * Makes an internal port and a mirror to it. Flows that already run are copied at once.
 * Dispose of it on every way out; after kill -9, `clean` knows it by its owner.
 */
export async function makeMonitor(session: Session, request: MonitorRequest): Promise<Monitor> {
  for (let attempt = 1; ; attempt++) {
    const name = freeNames(MONITOR_NAME, attempt, takenNames(await session.state())).at(-1)!;
    try {
      const mirror = await createMirror(session, { ...request, output: { monitor: name }, owner: ownerId() });
      if (!mirror) throw new TapscopeError("E_DRY_RUN", "a monitor port cannot be made in a dry run");
      const remove = () => removeMonitor(session, mirror.uuid);
      try {
        const device = await requireDevice(session.place, name, null);
        return { port: name, device, mirror, [Symbol.asyncDispose]: remove };
      } catch (error) {
        await remove();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof TapscopeError && error.code === "E_EXISTS") || attempt === ATTEMPTS) throw error;
    }
  }
}

async function removeMonitor(session: Session, uuid: string): Promise<void> {
  const state = await session.state();
  const row = state.mirrors.find((mirror) => mirror.uuid === uuid);
  if (row) await session.change("remove the monitor port", removalCommands(state, row), [row.bridge]);
}

/** OVS's own counts of a mirror, as they were when they last changed. */
export interface MirrorStatistics {
  /** Null: OVS has not counted yet. */
  readonly packets: number | null;
  readonly bytes: number | null;
  /** When they came, in ms as performance.now() counts; OVS renews them every 5 s. */
  readonly atMs: number;
  /** The mirror is there; null while the connection to OVSDB is lost (it is tried again every second). */
  readonly present: boolean | null;
}

/** Follows a mirror's counts over a connection of its own. */
export class MirrorWatch implements AsyncDisposable {
  readonly #session: Session;
  readonly #uuid: string;
  readonly #onChange: (counts: MirrorStatistics) => void;
  #client: OvsdbClient | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #counts: MirrorStatistics = { packets: null, bytes: null, atMs: performance.now(), present: null };

  private constructor(session: Session, uuid: string, onChange: (counts: MirrorStatistics) => void) {
    this.#session = session;
    this.#uuid = uuid;
    this.#onChange = onChange;
  }

  /** @throws TapscopeError `E_OVSDB_UNREACHABLE` when OVSDB cannot be reached now */
  static async open(
    session: Session,
    uuid: string,
    onChange: (counts: MirrorStatistics) => void = () => {},
  ): Promise<MirrorWatch> {
    const watch = new MirrorWatch(session, uuid, onChange);
    await watch.#connect();
    return watch;
  }

  get counts(): MirrorStatistics {
    return this.#counts;
  }

  async #connect(): Promise<void> {
    const client = await OvsdbClient.connect(endpointOf(this.#session.target));
    if (this.#closed) return await client[Symbol.asyncDispose]();
    this.#client = client;
    client.onLost = () => this.#reconnect();
    let first = true;
    await client.monitor("Mirror", ["statistics"], (change) => {
      const row = change.get(this.#uuid);
      if (row !== undefined) this.#take(row);
      else if (first) this.#take(null);
      first = false;
    });
  }

  #take(row: Row | null): void {
    const statistics = map<number>(row?.statistics);
    this.#set({
      packets: statistics.get("tx_packets") ?? (row ? null : this.#counts.packets),
      bytes: statistics.get("tx_bytes") ?? (row ? null : this.#counts.bytes),
      atMs: performance.now(),
      present: row !== null,
    });
  }

  #set(counts: MirrorStatistics): void {
    this.#counts = counts;
    this.#onChange(counts);
  }

  #reconnect(): void {
    if (this.#closed) return;
    this.#set({ ...this.#counts, present: null });
    const again = () => {
      this.#connect().catch(() => {
        if (!this.#closed) this.#retry = setTimeout(again, 1000);
      });
    };
    this.#retry = setTimeout(again, 1000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#client?.[Symbol.asyncDispose]();
  }
}
