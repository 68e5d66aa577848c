/** A port's own counters as OVS publishes them (Interface:statistics, every 5 s): what the switch gave to the device, and what it could not. */
import { OvsdbClient } from "./ovsdb/client.ts";
import { map, type Row } from "./ovsdb/values.ts";
import type { Session } from "./session.ts";
import { endpointOf } from "./target.ts";

export interface PortCounts {
  /** Sent out of the switch by this port. */
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
  /** Received by the switch from it: nothing should come out of a mirror's output. */
  readonly received: number;
  /** When they came, ms since the epoch. */
  readonly atMs: number;
}

/** Follows the counters of the interface named `port` over a connection of its own; when that is lost they only grow old. */
export class PortCounter implements AsyncDisposable {
  readonly #client: OvsdbClient;
  #uuid: string | null = null;
  /** Null before OVS has published them. */
  counts: PortCounts | null = null;

  private constructor(client: OvsdbClient) {
    this.#client = client;
  }

  /** @throws TapscopeError `E_OVSDB_UNREACHABLE` */
  static async open(session: Session, port: string): Promise<PortCounter> {
    const counter = new PortCounter(await OvsdbClient.connect(endpointOf(session.target)));
    await counter.#client.monitor("Interface", ["name", "statistics"], (change) => {
      for (const [uuid, row] of change) {
        if (row?.name === port) counter.#uuid = uuid;
        if (row && uuid === counter.#uuid) counter.#take(row);
      }
    });
    return counter;
  }

  #take(row: Row): void {
    const statistics = map<number>(row.statistics);
    const packets = statistics.get("tx_packets");
    if (packets === undefined) return;
    this.counts = {
      packets,
      bytes: statistics.get("tx_bytes") ?? 0,
      dropped: statistics.get("tx_dropped") ?? 0,
      received: statistics.get("rx_packets") ?? 0,
      atMs: Date.now(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}
