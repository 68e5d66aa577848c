/** Whether some bytes are the start of a sane IP packet. */
import { u8At, u16At } from "../bytes";

/**
 * The EtherType (0x0800, 0x86dd) of an IP packet that begins at `at` and fits before `wireEnd`, 0 if it is none:
 * the test before anything is taken for a tunnel because of a port number.
 */
export function ipAt(at: i32, end: i32, wireEnd: i32): i32 {
  if (at + 20 > end) return 0;
  const first = u8At(at);
  if (first >> 4 === 4) {
    const header = (first & 15) * 4;
    const length = u16At(at + 2);
    return header >= 20 && length >= header && at + length <= wireEnd ? 0x0800 : 0;
  }
  if (first >> 4 === 6 && at + 40 <= end) {
    return at + 40 + u16At(at + 4) <= wireEnd ? 0x86dd : 0;
  }
  return 0;
}
