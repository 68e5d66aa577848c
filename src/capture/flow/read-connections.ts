/** The library's face of flow records: connections of a capture as objects, in batches. */

import type { CaptureSummary } from "../format/summary.ts";
import { readCapture } from "../source/file.ts";
import { ByteWriter } from "./byte-writer.ts";
import { FlowMeter, type MeterOptions } from "./meter.ts";
import { jsonFormat } from "./record-formats.ts";

/**
 * A connection as `tapscope flows --format json` writes it (docs/reference/conn-records.md): Zeek's conn.log fields, and more.
 * An unset field is absent. Nanosecond times are decimal strings.
 */
export interface ConnectionRecord {
  readonly ts: number;
  readonly uid: string;
  readonly "id.orig_h": string;
  readonly "id.orig_p": number;
  readonly "id.resp_h": string;
  readonly "id.resp_p": number;
  readonly proto: string;
  readonly service?: string;
  readonly duration?: number;
  readonly orig_bytes?: number;
  readonly resp_bytes?: number;
  readonly conn_state: string;
  readonly local_orig: boolean;
  readonly local_resp: boolean;
  readonly missed_bytes: number;
  readonly history?: string;
  readonly orig_pkts: number;
  readonly orig_ip_bytes: number;
  readonly resp_pkts: number;
  readonly resp_ip_bytes: number;
  readonly tunnel_parents?: readonly string[];
  readonly ip_proto: number;
  readonly community_id: string;
  readonly vlan?: number;
  readonly inner_vlan?: number;
  readonly vlans?: readonly number[];
  readonly orig_l2_addr?: string;
  readonly resp_l2_addr?: string;
  readonly app?: string;
  readonly service_basis?: string;
  readonly server_name?: string;
  readonly tcp_rtt?: number;
  readonly retransmits?: number;
  readonly frag_pkts: number;
  readonly bad_csum: number;
  readonly first_ns: string;
  readonly last_ns: string;
  readonly close_reason: string;
}

export type ReadConnectionsOptions = Pick<MeterOptions, "dedup" | "inner" | "vlanKey" | "verifyChecksums">;

/** Records that are handed on at a time. */
const BATCH = 1000;

/**
 * Reads a capture file, or standard input for `-`, and yields its connections in batches, in the order in which they end.
 * Reading goes on while a batch is being handled. A damaged file yields what comes before the damage; the generator's return value tells (`summary.status`).
 * @throws TapscopeError when the file cannot be opened or read
 */
export async function* readConnections(
  path: string,
  options: ReadConnectionsOptions = {},
): AsyncGenerator<readonly ConnectionRecord[], CaptureSummary, void> {
  const writer = new ByteWriter();
  let batch: ConnectionRecord[] = [];
  const batches: ConnectionRecord[][] = [];
  const meter: FlowMeter = new FlowMeter({
    ...options,
    onEnd: (row) => {
      writer.length = 0;
      jsonFormat.write(writer, meter.table, row, undefined);
      batch.push(JSON.parse(writer.bytes.toString("utf8", 0, writer.length)) as ConnectionRecord);
      if (batch.length < BATCH) return;
      batches.push(batch);
      batch = [];
    },
  });
  let done = false;
  const reading = readCapture(path, (frame) => {
    meter.add(frame);
  }).finally(() => {
    done = true;
  });
  // The reader parses a chunk between two turns of the event loop: what it left is handed on in the meantime.
  while (!done) {
    await Promise.race([reading, new Promise((resolve) => setImmediate(resolve))]);
    yield* batches.splice(0);
  }
  const summary = await reading;
  meter.finish();
  yield* batches.splice(0);
  if (batch.length > 0) yield batch;
  return summary;
}
