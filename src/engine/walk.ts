/** Takes captured frames from the chunk: the records of a classic pcap file as they are, or frames that the host has laid there. */
import { get32, put32 } from "./bytes";
import { FRAME_BYTES, Frame } from "./generated/layouts";
import { TRACE } from "./generated/memory";
import { countFrame, innerRow, outerRow } from "./meter";
import { options } from "./options";
import { SECOND, timeOf } from "./time";

const RECORD_HEADER: i32 = 16;
const TRACE_ENTRY: usize = 12;

/** Frames of the latest call of which TRACE tells. */
let traceCount: i32 = 0;

export function framesTraced(): i32 {
  return traceCount;
}

/**
 * Takes the whole records between `start` and `end` that are plain: a fraction below a second, at least as long on the wire as captured,
 * not all zeros, not longer than there can be. What is strange is left to the reader, which knows what to say of it.
 * @returns where the first record begins that was not taken
 */
export function takeRecords(start: i32, end: i32): i32 {
  traceCount = 0;
  const bigEndian = options.bigEndian;
  const unitNs = options.unitNs;
  const fractions = <u32>(SECOND / <i64>unitNs);
  const mostCaptured = options.mostCaptured;
  const linktype = options.linktype;
  const fcsLength = options.fcsLength;
  const traced = options.trace;
  let at = start;
  while (at + RECORD_HEADER <= end) {
    const seconds = word(at, bigEndian);
    const fraction = word(at + 4, bigEndian);
    const captured = word(at + 8, bigEndian);
    const wire = word(at + 12, bigEndian);
    if (fraction >= fractions || captured > mostCaptured || wire < captured || captured === 0) break;
    const next = at + RECORD_HEADER + <i32>captured;
    if (next > end) break;
    countFrame(at + RECORD_HEADER, <i32>captured, wire, timeOf(seconds, fraction * unitNs), true, linktype, fcsLength);
    if (traced) trace(at);
    at = next;
  }
  return at;
}

/** Takes the frames that the host has laid between `start` and `end`. */
export function takeFrames(start: i32, end: i32): void {
  traceCount = 0;
  const traced = options.trace;
  let at = start;
  while (at < end) {
    const frame = changetype<Frame>(<usize>at);
    const bytes = frame.bytes;
    const captured = frame.captured;
    const time = timeOf(frame.seconds, frame.nanoseconds);
    countFrame(bytes, captured, frame.wireLength, time, frame.hasTime, frame.linktype, frame.fcsLength);
    if (traced) trace(at);
    at += FRAME_BYTES;
    if (bytes === at) at = (at + captured + 7) & ~7;
  }
}

function word(at: i32, bigEndian: bool): u32 {
  const value = get32(<usize>at);
  return bigEndian ? bswap<u32>(value) : value;
}

function trace(at: i32): void {
  const entry = <usize>TRACE + <usize>traceCount * TRACE_ENTRY;
  put32(entry, at);
  put32(entry + 4, <u32>outerRow);
  put32(entry + 8, <u32>innerRow);
  traceCount++;
}
