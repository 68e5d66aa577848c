/** The payload that is looked at: what was captured of one TCP segment or UDP datagram, and the ports it went between. */
import { u8At } from "../bytes";
import { packet } from "../packet";

/** Where it begins and where what was captured of it ends. */
export let at: i32 = 0;
export let end: i32 = 0;
/** Its length on the wire. */
export let wire: i32 = 0;
export let srcPort: i32 = 0;
export let dstPort: i32 = 0;
/** A segment's, not a datagram's. */
export let isTcp: bool = false;

export function setPayload(from: i32, captured: i32, length: i32, source: i32, target: i32, tcp: bool): void {
  at = from;
  end = from + captured;
  wire = length;
  srcPort = source;
  dstPort = target;
  isTcp = tcp;
}

/** Whether the originator of the connection sent it. */
export function fromOriginator(): bool {
  return packet.fromOrig;
}

/** Whether one of the two ends has this port. */
export function onPort(port: i32): bool {
  return srcPort === port || dstPort === port;
}

/** Bytes that were captured. */
export function captured(): i32 {
  return end - at;
}

/** Whether the payload begins with these ASCII bytes. */
export function begins(text: string): bool {
  return startsWith(at, end, text);
}

/** As `begins`, letters of either case; `text` is in upper case. */
export function beginsAnyCase(text: string): bool {
  return startsWithAnyCase(at, end, text);
}

/** Whether this ASCII text (upper case; either is found) stands in the first `most` bytes of the payload. */
export function contains(text: string, most: i32 = i32.MAX_VALUE): bool {
  return indexOfAnyCase(at, most < end - at ? at + most : end, text) >= 0;
}

/** Whether the bytes from `from` to `to` begin with this ASCII text. */
export function startsWith(from: i32, to: i32, text: string): bool {
  const length = text.length;
  if (to - from < length) return false;
  for (let i = 0; i < length; i++) if (u8At(from + i) !== code(text, i)) return false;
  return true;
}

function startsWithAnyCase(from: i32, to: i32, text: string): bool {
  const length = text.length;
  if (to - from < length) return false;
  for (let i = 0; i < length; i++) if (upper(u8At(from + i)) !== code(text, i)) return false;
  return true;
}

/** Where this ASCII text (upper case; either is found) first stands between `from` and `to`, -1 for nowhere. */
export function indexOfAnyCase(from: i32, to: i32, text: string): i32 {
  const first = code(text, 0);
  const last = to - text.length;
  for (let i = from; i <= last; i++) {
    if (upper(u8At(i)) === first && startsWithAnyCase(i, to, text)) return i;
  }
  return -1;
}

/** Whether the byte is a decimal digit in ASCII. */
export function isDigit(byte: i32): bool {
  return byte >= 0x30 && byte <= 0x39;
}

/** The end of the line that begins at `from`: its line feed, or `to`. */
export function lineEnd(from: i32, to: i32): i32 {
  let i = from;
  while (i < to && u8At(i) !== 0x0a) i++;
  return i;
}

function upper(byte: i32): i32 {
  return byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte;
}

/** The character of a text that is ASCII; read in place, as `charCodeAt` checks more than is needed. */
function code(text: string, i: i32): i32 {
  return load<u16>(changetype<usize>(text) + ((<usize>i) << 1));
}
