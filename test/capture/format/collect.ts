/** Feeds bytes to a CaptureReader and keeps what it hands on. */
import { CaptureReader } from "../../../src/capture/format/reader.ts";
import type { CaptureSummary } from "../../../src/capture/format/summary.ts";
import { toNs } from "../../../src/core/time.ts";

export interface Seen {
  ns: bigint | null;
  caplen: number;
  origLen: number;
  linktype: number;
  interfaceId: number;
  direction: number;
  fcsLength: number;
  data: string;
}

/** Reads `bytes` cut at `cuts` (chunk lengths, repeated; default one chunk). */
export function collect(bytes: Uint8Array, cuts: readonly number[] = []): { seen: Seen[]; summary: CaptureSummary } {
  const seen: Seen[] = [];
  const reader = new CaptureReader((frame) => {
    const { caplen, origLen, linktype, interfaceId, direction, fcsLength } = frame;
    if (frame.offset < 0 || frame.offset + caplen > frame.data.length) throw new Error("frame outside its data");
    const data = Buffer.from(frame.data.subarray(frame.offset, frame.offset + caplen)).toString("hex");
    const ns = frame.hasTime ? toNs(frame.sec, frame.nsec) : null;
    seen.push({ ns, caplen, origLen, linktype, interfaceId, direction, fcsLength, data });
  });
  let position = 0;
  for (let i = 0; position < bytes.length; i++) {
    const length = cuts.length === 0 ? bytes.length : Math.max(1, cuts[i % cuts.length]!);
    // A copy that is overwritten afterwards: the reader must keep nothing of a chunk.
    const chunk = Buffer.from(bytes.subarray(position, position + length));
    reader.push(chunk);
    chunk.fill(0xee);
    position += length;
  }
  reader.end();
  return { seen, summary: reader.summary("x.pcap") };
}
