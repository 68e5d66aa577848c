/** What reading a capture file tells besides its frames: format, interfaces, and whether the file is whole. */

/** `truncated`: ends in mid-record. `corrupt`: a field contradicts the format. `unsupported`: not a format or version we read. */
export type CaptureStatus = "ok" | "truncated" | "corrupt" | "unsupported";
export type CaptureFormat = "pcap" | "pcapng" | "snoop";
export type Compression = "gzip" | "zstd" | "lz4";

/** One capture interface of a file. A pcap or snoop file has exactly one. Text is as found in the file: sanitize before showing. */
export interface CaptureInterface {
  name: string | null;
  description: string | null;
  /** The capture filter it was recorded with, where the file tells. */
  filter: string | null;
  /** LINKTYPE_ value. */
  linktype: number;
  /** Longest capture in bytes as the file says it; 0 for "no limit", null where the format has no such field. */
  snaplen: number | null;
  /** Seconds a tick of its clock lasts, e.g. 1e-6; null when the file gives one that cannot be. */
  timeResolution: number | null;
  /** Packets the capturing program counted as received and as dropped, null where the file does not tell. */
  received: number | null;
  dropped: number | null;
}

export interface CaptureSummary {
  /** The path as given; `-` for standard input. */
  readonly file: string;
  /** Null when the format was not recognised. */
  readonly format: CaptureFormat | null;
  readonly compression: Compression | null;
  readonly interfaces: readonly CaptureInterface[];
  /** Frames handed to the sink. */
  readonly packets: number;
  readonly status: CaptureStatus;
  /** One sentence: file, what is wrong, and at which offset. Null when the status is `ok`. */
  readonly error: string | null;
  /** What is odd but did not stop the reading, one sentence each. */
  readonly warnings: readonly string[];
  /** Names of addresses the file itself carries (pcapng Name Resolution Blocks): hints, never to be trusted. */
  readonly names: ReadonlyMap<string, string>;
}
