/**
 * One frame of a capture, as a format reader hands it on. The reader owns a single Frame and refills it for each
 * record: whoever receives it reads what it needs during the call and keeps nothing but numbers.
 */

import type { PcapRecords } from "../engine/host/feed.ts";

const EMPTY: Uint8Array = Buffer.alloc(0);

export class Frame {
  /** The chunk that holds the captured bytes: `data[offset]` to `data[offset + caplen - 1]`. */
  data: Uint8Array = EMPTY;
  offset = 0;
  /** Captured bytes. */
  caplen = 0;
  /** Length on the wire. */
  origLen = 0;
  /** Seconds since the epoch (unsigned; 0 when `hasTime` is false). */
  sec = 0;
  /** Nanoseconds, 0 to 999 999 999. */
  nsec = 0;
  /** False for records that carry no time (pcapng Simple Packet Blocks). */
  hasTime = true;
  /** LINKTYPE_ value (https://www.tcpdump.org/linktypes.html). */
  linktype = 0;
  /** Bytes of frame check sequence at the end of the frame on the wire. */
  fcsLength = 0;
  /** Ordinal of the capture interface over the whole file, from 0. */
  interfaceId = 0;
  /** How the interface saw it, where the file tells: 0 unknown, 1 inbound, 2 outbound (pcapng epb_flags). */
  direction: 0 | 1 | 2 = 0;
  /** What the file remarks on this packet (pcapng opt_comment, UTF-8): `data[commentOffset]` and on; 0 bytes for nothing. */
  commentOffset = 0;
  commentLength = 0;
}

/** Receives each frame; the argument is valid only during the call. */
export type FrameSink = (frame: Frame) => void;

/** What receives frames in bulk: one after another, or whole stretches of the records of a classic pcap file as they are. */
export interface BulkSink {
  /** Packets received. */
  readonly packets: number;
  frame(frame: Frame): void;
  /** Takes plain records at the beginning of `data[start, end)`. @returns where the first begins that it leaves to the reader */
  takeRecords(data: Uint8Array, start: number, end: number, records: PcapRecords): number;
  /** The bytes of the frames so far are valid no longer. */
  flush(): void;
  /** Where a file may be read to; asked for before each read. */
  room(): Buffer;
}

export type CaptureSink = FrameSink | BulkSink;
