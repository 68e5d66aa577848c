/** The library's face of flow records: connections of a capture as objects, in batches. */
import type { ConnectionRecord } from "../engine/host/connection-record.ts";
import type { CaptureSummary } from "./format/summary.ts";
import { type MeterOptions, meterCapture, openMeter } from "./meter.ts";
import { batchesOf } from "./source/batches.ts";

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
  return batchesOf<ConnectionRecord, CaptureSummary>(async (emit, pace) => {
    const meter = openMeter({ ...options, onEnd: (row) => emit(meter.record(row)) });
    const summary = await meterCapture(meter, path, pace);
    meter.finish();
    return summary;
  });
}
