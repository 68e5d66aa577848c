/** The flow meter as captures are run through it: the engine with readers of payload, and one capture after another. */
import type { EngineOptions } from "../engine/host/engine.ts";
import { FlowMeter } from "../engine/host/meter.ts";
import { payloadReaders } from "../service/payload-readers.ts";
import type { CaptureSummary } from "./format/summary.ts";
import { type ReadCaptureOptions, readCapture } from "./source/file.ts";

export type MeterOptions = Omit<EngineOptions, "readers">;

export function openMeter(options: MeterOptions = {}): FlowMeter {
  return new FlowMeter({ ...options, readers: payloadReaders });
}

/**
 * Counts a capture file, or standard input for `-`, in the meter; several in the order of time are one capture. `meter.finish()` ends it.
 * @throws as `readCapture`
 */
export async function meterCapture(
  meter: FlowMeter,
  path: string,
  options: ReadCaptureOptions = {},
): Promise<CaptureSummary> {
  const summary = await readCapture(path, meter, options);
  meter.flush();
  return summary;
}
