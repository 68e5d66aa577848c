/** The library's face of flow records: connections of a capture as objects, in batches. */
import type { ConnectionRecord } from "../engine/host/connection-record.ts";
import { flowFilter } from "./filter/display-rows.ts";
import type { CaptureSummary } from "./format/summary.ts";
import { type MeterOptions, meterCapture, openMeter } from "./meter.ts";
import { batchesOf } from "./source/batches.ts";

export interface ReadConnectionsOptions extends Pick<MeterOptions, "dedup" | "inner" | "vlanKey" | "verifyChecksums"> {
  /** Only connections that match this display filter (docs/reference/display-filter.md). */
  readonly where?: string;
  /** Only packets that match this capture filter (pcap-filter(7)). */
  readonly filter?: string;
  /** Ends the reading early; the connections open then are yielded, too. */
  readonly signal?: AbortSignal;
}

/**
 * Reads a capture file, or standard input for `-`, and yields its connections in batches, in the order in which they end.
 * The file is read no faster than the batches are taken. A damaged file yields what comes before the damage; the generator's return value tells (`status`).
 * @throws TapscopeError when the file cannot be opened or read; UsageError when a filter is wrong
 */
export function readConnections(
  path: string,
  { where, filter, signal, ...options }: ReadConnectionsOptions = {},
): AsyncGenerator<readonly ConnectionRecord[], CaptureSummary, void> {
  return batchesOf<ConnectionRecord, CaptureSummary>(async (emit, pace) => {
    const meter = openMeter({
      ...options,
      onEnd: (row) => {
        if (accept(row)) emit(meter.record(row));
      },
    });
    const accept = where === undefined ? () => true : flowFilter(where, meter.table);
    const summary = await meterCapture(meter, path, {
      pause: pace.pause,
      signal: signal ? AbortSignal.any([pace.signal, signal]) : pace.signal,
      ...(filter === undefined ? {} : { filter }),
    });
    meter.finish();
    return summary;
  });
}
