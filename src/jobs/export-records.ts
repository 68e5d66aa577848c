/** Connection records on their way to others: an IPFIX collector, a NATS server. */

import type { ConnectionRecord } from "../engine/host/connection-record.ts";
import { type CollectorAddress, type ExporterOptions, IpfixExporter } from "../export/ipfix/exporter.ts";
import { type NatsOptions, NatsPublisher } from "../export/nats.ts";

export interface ExportOptions {
  readonly collector?: CollectorAddress | undefined;
  readonly ipfix?: ExporterOptions;
  readonly nats?: NatsOptions | undefined;
}

/** What became of the records given to one receiver. */
export interface Exported {
  readonly to: "ipfix" | "nats";
  readonly records: number;
  readonly lost: number;
  readonly lastError: string | null;
}

export class RecordExport {
  readonly #ipfix: IpfixExporter | null;
  readonly #nats: NatsPublisher | null;

  private constructor(ipfix: IpfixExporter | null, nats: NatsPublisher | null) {
    this.#ipfix = ipfix;
    this.#nats = nats;
  }

  /** @throws TapscopeError when there is no NATS server at the address */
  static async open({ collector, ipfix, nats }: ExportOptions): Promise<RecordExport> {
    const publisher = nats ? await NatsPublisher.open(nats) : null;
    return new RecordExport(collector ? new IpfixExporter(collector, ipfix) : null, publisher);
  }

  add(record: ConnectionRecord): void {
    this.#ipfix?.add(record);
    this.#nats?.add(record);
  }

  /** To be awaited between pieces of a file, which is read faster than a network takes records. */
  async pause(): Promise<void> {
    this.#ipfix?.flush();
    do await new Promise((resolve) => setTimeout(resolve, 1));
    while ((this.#nats?.counters.inFlight ?? 0) > MOST_IN_FLIGHT);
  }

  /** Sends what is held, and waits for what is on its way. */
  async close(): Promise<readonly Exported[]> {
    await this.#ipfix?.close();
    await this.#nats?.[Symbol.asyncDispose]();
    return [
      ...(this.#ipfix ? [{ to: "ipfix" as const, ...this.#ipfix.counters }] : []),
      ...(this.#nats ? [{ to: "nats" as const, ...this.#nats.counters }] : []),
    ];
  }
}

/** Records of a file that may be on their way to a NATS server before more of it is read. */
const MOST_IN_FLIGHT = 1000;
