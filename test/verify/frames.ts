/** Frames for the tests of the matcher: made by hand, fed as captures would be. */
import { Frame } from "../../src/capture/frame.ts";
import { Matcher, type MatcherOptions } from "../../src/verify/match/matcher.ts";
import type { Tally } from "../../src/verify/match/tally.ts";
import { MONITOR } from "../../src/verify/match/window.ts";

export interface TestFrame {
  /** Nanoseconds after the start. */
  readonly time: number;
  readonly bytes: Uint8Array;
  /** Default: all of it. */
  readonly wire?: number;
}

export const START_SEC = 1_700_000_000;
export const START_NS = BigInt(START_SEC) * 1_000_000_000n;

/** Feeds captures to a matcher as the job does: always the one that is behind in time. `streams[0]` is the monitor's. */
export function matchAll(
  streams: readonly (readonly TestFrame[])[],
  options: Partial<MatcherOptions> & Pick<MatcherOptions, "streams">,
): Tally {
  const matcher = new Matcher({
    fromNs: START_NS,
    toNs: START_NS + 1_000_000_000_000n,
    windowFrames: 1 << 12,
    ...options,
  });
  feed(matcher, streams);
  return matcher.finish();
}

export function feed(matcher: Matcher, streams: readonly (readonly TestFrame[])[]): void {
  const next = streams.map(() => 0);
  const frame = new Frame();
  frame.linktype = 1;
  for (let stream = matcher.hungriest; stream !== undefined; stream = matcher.hungriest) {
    const at = next[stream]!++;
    const test = streams[stream]![at];
    if (!test) {
      matcher.end(stream);
      continue;
    }
    frame.data = test.bytes;
    frame.caplen = test.bytes.length;
    frame.origLen = test.wire ?? test.bytes.length;
    frame.sec = START_SEC + Math.floor(test.time / 1e9);
    frame.nsec = Math.round(test.time % 1e9);
    matcher.push(stream, frame);
  }
}

export { MONITOR };

const hex = (text: string): number[] => [...Buffer.from(text.replaceAll(/[\s:]/g, ""), "hex")];

/** An Ethernet frame of a to b, or with `back` of b to a. */
export function ethernet(etherType: number, payload: Uint8Array, back = false): Uint8Array {
  const [a, b] = [hex("02:00:00:00:00:0a"), hex("02:00:00:00:00:0b")];
  return Uint8Array.from([...(back ? a : b), ...(back ? b : a), etherType >>> 8, etherType & 255, ...payload]);
}

/** An IPv4 packet of 10.0.0.1 to 10.0.0.2, or with `back` the other way. */
export function ipv4(proto: number, id: number, payload: Uint8Array, back = false): Uint8Array {
  const length = 20 + payload.length;
  const ends = back ? [10, 0, 0, 2, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 2];
  const head = [0x45, 0, length >>> 8, length & 255, id >>> 8, id & 255, 0, 0, 64, proto, 0, 0];
  return ethernet(0x0800, Uint8Array.from([...head, ...ends, ...payload]), back);
}

/** An ICMP echo request, or with `back` the reply. */
export function echo(id: number, sequence: number, back = false): Uint8Array {
  const head = [back ? 0 : 8, 0, 0, 0, id >>> 8, id & 255, sequence >>> 8, sequence & 255];
  const payload = Array.from({ length: 56 }, (_, i) => (i * 7 + sequence) & 255);
  return ipv4(1, 1000 + sequence, Uint8Array.from([...head, ...payload]), back);
}

/** A TCP segment from port 1000 to 80. */
export function tcp(sequence: number, id: number, data: Uint8Array, checksum = 0x1234): Uint8Array {
  const seq = [sequence >>> 24, (sequence >>> 16) & 255, (sequence >>> 8) & 255, sequence & 255];
  const head = [3, 232, 0, 80, ...seq, 0, 0, 0, 1, 0x50, 0x10, 1, 0, checksum >>> 8, checksum & 255, 0, 0];
  return ipv4(6, id, Uint8Array.from([...head, ...data]));
}

/** The frame with an 802.1Q tag. */
export function tagged(bytes: Uint8Array, vid: number, tpid = 0x8100): Uint8Array {
  return Uint8Array.from([
    ...bytes.subarray(0, 12),
    tpid >>> 8,
    tpid & 255,
    vid >>> 8,
    vid & 255,
    ...bytes.subarray(12),
  ]);
}
