/** Describes a capture file as a whole: what `tapscope info` tells. */
import { toNs } from "../../core/time.ts";
import { linktypeName } from "../format/linktypes.ts";
import type { CaptureFormat, CaptureStatus, Compression } from "../format/summary.ts";
import type { Frame } from "../frame.ts";
import { type ReadCaptureOptions, readCapture } from "./file.ts";

export interface InterfaceDescription {
  readonly name: string | null;
  readonly description: string | null;
  readonly filter: string | null;
  readonly linktype: number;
  readonly linktype_name: string;
  /** Bytes; 0 for no limit. */
  readonly snaplen: number | null;
  /** Seconds a tick lasts. */
  readonly time_resolution: number | null;
  readonly packets: number;
  readonly received: number | null;
  readonly dropped: number | null;
}

/** Keys as `info --json` prints them; times in nanoseconds since the epoch, null where no packet carries a time. */
export interface CaptureDescription {
  readonly file: string;
  readonly format: CaptureFormat | null;
  readonly compression: Compression | null;
  readonly interfaces: readonly InterfaceDescription[];
  readonly packets: number;
  /** Sum of the lengths on the wire. */
  readonly bytes: number;
  readonly captured_bytes: number;
  readonly first_ns: bigint | null;
  readonly last_ns: bigint | null;
  readonly earliest_ns: bigint | null;
  readonly latest_ns: bigint | null;
  /** Packets earlier than the one before them. */
  readonly out_of_order: number;
  readonly status: CaptureStatus;
  readonly error: string | null;
  readonly warnings: readonly string[];
}

/** Counts frames without keeping any. */
class Tally {
  packets = 0;
  bytes = 0;
  capturedBytes = 0;
  outOfOrder = 0;
  readonly packetsOf: number[] = [];
  #timed = false;
  #first = [0, 0];
  #lastSec = 0;
  #lastNsec = 0;
  #earliestSec = 0;
  #earliestNsec = 0;
  #latestSec = 0;
  #latestNsec = 0;

  readonly add = (frame: Frame): void => {
    const { sec, nsec, interfaceId } = frame;
    this.packets++;
    this.bytes += frame.origLen;
    this.capturedBytes += frame.caplen;
    this.packetsOf[interfaceId] = (this.packetsOf[interfaceId] ?? 0) + 1;
    if (!frame.hasTime) return;
    if (!this.#timed) {
      this.#timed = true;
      this.#first = [sec, nsec];
      this.#earliestSec = this.#latestSec = sec;
      this.#earliestNsec = this.#latestNsec = nsec;
    } else if (sec < this.#lastSec || (sec === this.#lastSec && nsec < this.#lastNsec)) {
      this.outOfOrder++;
      if (sec < this.#earliestSec || (sec === this.#earliestSec && nsec < this.#earliestNsec)) {
        this.#earliestSec = sec;
        this.#earliestNsec = nsec;
      }
    } else if (sec > this.#latestSec || (sec === this.#latestSec && nsec > this.#latestNsec)) {
      this.#latestSec = sec;
      this.#latestNsec = nsec;
    }
    this.#lastSec = sec;
    this.#lastNsec = nsec;
  };

  times() {
    const at = (sec: number, nsec: number) => (this.#timed ? toNs(sec, nsec) : null);
    return {
      first_ns: at(this.#first[0]!, this.#first[1]!),
      last_ns: at(this.#lastSec, this.#lastNsec),
      earliest_ns: at(this.#earliestSec, this.#earliestNsec),
      latest_ns: at(this.#latestSec, this.#latestNsec),
    };
  }
}

/**
 * Reads a whole capture file (`-`: standard input) and describes it; a damaged one as far as it goes.
 * @throws TapscopeError as `readCapture` does.
 */
export async function describeCapture(path: string, options: ReadCaptureOptions = {}): Promise<CaptureDescription> {
  const tally = new Tally();
  const summary = await readCapture(path, tally.add, options);
  const interfaces = summary.interfaces.map((info, index) => ({
    name: info.name,
    description: info.description,
    filter: info.filter,
    linktype: info.linktype,
    linktype_name: linktypeName(info.linktype),
    snaplen: info.snaplen,
    time_resolution: info.timeResolution,
    packets: tally.packetsOf[index] ?? 0,
    received: info.received,
    dropped: info.dropped,
  }));
  return {
    file: path,
    format: summary.format,
    compression: summary.compression,
    interfaces,
    packets: tally.packets,
    bytes: tally.bytes,
    captured_bytes: tally.capturedBytes,
    ...tally.times(),
    out_of_order: tally.outOfOrder,
    status: summary.status,
    error: summary.error,
    warnings: summary.warnings,
  };
}
