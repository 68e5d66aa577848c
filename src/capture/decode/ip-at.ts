/** Whether some bytes are the start of a sane IP packet. */
import { u16 } from "./packet.ts";

/**
 * The EtherType (0x0800, 0x86dd) of an IP packet that begins at `offset` and fits before `wireEnd`, 0 if it is none:
 * the test before anything is taken for a tunnel because of a port number.
 */
export function ipAt(data: Uint8Array, offset: number, end: number, wireEnd: number): number {
  if (offset + 20 > end) return 0;
  const first = data[offset]!;
  if (first >> 4 === 4) {
    const header = (first & 15) * 4;
    const length = u16(data, offset + 2);
    return header >= 20 && length >= header && offset + length <= wireEnd ? 0x0800 : 0;
  }
  if (first >> 4 === 6 && offset + 40 <= end) {
    return offset + 40 + u16(data, offset + 4) <= wireEnd ? 0x86dd : 0;
  }
  return 0;
}
