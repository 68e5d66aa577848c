/** The library's face of flow records: connections of a capture as objects, in batches. */

import type { CaptureSummary } from "../format/summary.ts";
import type { Frame } from "../frame.ts";
import { batchesOf } from "../source/batches.ts";
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

/**
 * Reads a capture file, or standard input for `-`, and yields its connections in batches, in the order in which they end.
 * The file is read no faster than the batches are taken. A damaged file yields what comes before the damage; the generator's return value tells (`status`).
 * @throws TapscopeError when the file cannot be opened or read
 */
export function readConnections(
  path: string,
  options: ReadConnectionsOptions = {},
): AsyncGenerator<readonly ConnectionRecord[], CaptureSummary, void> {
  const writer = new ByteWriter();
  return batchesOf<ConnectionRecord, CaptureSummary>(async (emit, pace) => {
    const meter: FlowMeter = new FlowMeter({
      ...options,
      onEnd: (row) => {
        writer.length = 0;
        jsonFormat.write(writer, meter.table, row, meter.labels);
        emit(JSON.parse(writer.bytes.toString("utf8", 0, writer.length)) as ConnectionRecord);
      },
    });
    const sink = (frame: Frame) => {
      meter.add(frame);
    };
    const summary = await readCapture(path, sink, pace);
    meter.finish();
    return summary;
  });
}
