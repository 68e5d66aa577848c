/** Capture files and standard input as sources: plain or compressed, whole or still being written. */

import { readDecompressed } from "../compression/read.ts";
import { CaptureReader } from "../format/reader.ts";
import type { CaptureSummary, Compression } from "../format/summary.ts";
import type { CaptureSink } from "../frame.ts";
import { ByteSource } from "./bytes.ts";
import { type FollowEnd, fileChunks, followChunks, paced, stdinChunks } from "./chunks.ts";

export interface ReadCaptureOptions {
  /** Hands on only frames that pass this capture filter (pcap-filter(7)), tagged and untagged ones alike. */
  readonly filter?: string;
  /** Ends the reading early; what was read is summed up as if the file ended there. */
  readonly signal?: AbortSignal;
  /** Asked between chunks; reading goes on when the promise resolves. */
  readonly pause?: () => Promise<void> | undefined;
  /** The file is still being written: at its end, waits for more until `signal`, or until the file is replaced or shrinks. */
  readonly follow?: boolean;
}

/**
 * Reads a capture file, or standard input for `-`, and hands each frame to `sink` in file order.
 * A damaged file is no exception: everything before the damage is handed on, and the summary tells.
 * @throws TapscopeError `E_CAPTURE_OPEN` or `E_CAPTURE_READ` when the file cannot be opened or read; UsageError when the
 * filter is wrong, ProcessError when there is no tcpdump to compile it.
 */
export async function readCapture(
  path: string,
  sink: CaptureSink,
  options: ReadCaptureOptions = {},
): Promise<CaptureSummary> {
  const { signal, follow = false } = options;
  const filter = options.filter ? new (await import("../filter/bpf.ts")).CaptureFilter(options.filter) : null;
  const reader = new CaptureReader(filter ? filter.sink(sink) : sink);
  const room = typeof sink === "function" ? undefined : () => sink.room();
  const followEnd: FollowEnd = { shrunk: null, replaced: null };
  const source =
    path === "-"
      ? new ByteSource(paced(stdinChunks(signal), options.pause))
      : follow
        ? new ByteSource(paced(followChunks(path, followEnd, signal), options.pause))
        : new ByteSource(
            paced(fileChunks(path, undefined, room), options.pause),
            () => new ByteSource(fileChunks(path)),
          );
  let compression: Compression | null = null;
  try {
    compression = await readDecompressed(source, {
      push: (chunk) => reader.push(chunk),
      get stopped() {
        return reader.stopped || signal?.aborted === true;
      },
      fault: (status, cause) => reader.fault(status, cause),
      warn: (sentence) => reader.warn(sentence),
    });
  } finally {
    await source.close();
  }
  if (followEnd.shrunk !== null) reader.fault("corrupt", followEnd.shrunk);
  if (followEnd.replaced !== null) reader.warn(followEnd.replaced);
  for (const warning of filter?.warnings ?? []) reader.warn(warning);
  // What ends in mid-record while it is being written is "not yet", and what we stop reading is not cut short.
  reader.end({ partial: signal?.aborted ?? false });
  return reader.summary(path, compression);
}
