/** TLS of a connection whose beginning was not seen: records whose lengths add up to the segment's, or lead to another record. */
import { u8At, u16At } from "../bytes";
import { at, end, wire } from "./payload";
import { MAX_RECORD } from "./tls";

const CHANGE_CIPHER_SPEC: i32 = 20;
const APPLICATION_DATA: i32 = 23;
/** Records that are looked at. */
const ENOUGH: i32 = 4;

export function overTcp(): bool {
  const wireEnd = at + wire;
  let i = at;
  for (let records = 0; records < ENOUGH; records++) {
    if (i === wireEnd) return records > 0;
    if (i + 5 > end) return records > 1;
    const type = u8At(i);
    const version = u16At(i + 1);
    const length = u16At(i + 3);
    if (type < CHANGE_CIPHER_SPEC || type > APPLICATION_DATA || version < 0x0301 || version > 0x0303) return false;
    if (length === 0 || length > MAX_RECORD) return false;
    i += 5 + length;
    // A record may go on in the next segment.
    if (i > wireEnd) return records > 0;
  }
  return true;
}
