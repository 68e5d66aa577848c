/** The library's face of capture files: packets as objects, in batches. */
import { toNs } from "../../core/time.ts";
import type { CaptureSummary } from "../format/summary.ts";
import type { Frame } from "../frame.ts";
import { batchesOf } from "./batches.ts";
import { readCapture } from "./file.ts";

/** One packet of a capture; it is the receiver's own. */
export interface CapturedPacket {
  /** Nanoseconds since the epoch; null for records without a time. */
  readonly ns: bigint | null;
  readonly data: Buffer;
  /** Length on the wire, bytes; `data` may be shorter. */
  readonly origLen: number;
  /** LINKTYPE_ value. */
  readonly linktype: number;
  /** Ordinal of the capture interface over the whole file: an index of the summary's `interfaces`. */
  readonly interfaceId: number;
  readonly direction: "in" | "out" | null;
}

export interface OpenCaptureOptions {
  /** A capture filter (pcap-filter(7)), which tcpdump compiles; it means the same for tagged and untagged frames. */
  readonly filter?: string;
}

/**
 * Reads a capture file, or standard input for `-`, and yields its packets in batches, in file order. The file is read no faster
 * than the batches are taken. A damaged file yields what comes before the damage; the generator's return value tells (`status`).
 * @throws TapscopeError when the file cannot be opened or read, or the filter is wrong
 */
export function openCapture(
  path: string,
  options: OpenCaptureOptions = {},
): AsyncGenerator<readonly CapturedPacket[], CaptureSummary, void> {
  return batchesOf((emit, pace) => readCapture(path, (frame) => emit(packetOf(frame)), { ...options, ...pace }));
}

const DIRECTIONS = [null, "in", "out"] as const;

function packetOf(frame: Frame): CapturedPacket {
  const { data, offset, caplen, origLen, linktype, interfaceId } = frame;
  return {
    ns: frame.hasTime ? toNs(frame.sec, frame.nsec) : null,
    data: Buffer.from(data.subarray(offset, offset + caplen)),
    origLen,
    linktype,
    interfaceId,
    direction: DIRECTIONS[frame.direction],
  };
}
