/** RDP (MS-RDPBCGR §2.2.1): a connection request or confirm of X.224 in a TPKT (RFC 1006). */
import { u8At, u16At } from "../bytes";
import { at, captured, contains, onPort, wire } from "./payload";

const REQUEST: i32 = 0xe0;
const CONFIRM: i32 = 0xd0;

export function overTcp(): bool {
  if (captured() < 7 || u8At(at) !== 3 || u8At(at + 1) !== 0 || u16At(at + 2) > wire) return false;
  const code = u8At(at + 5) & 0xf0;
  if (onPort(3389)) return code === REQUEST || code === CONFIRM;
  return code === REQUEST && contains("COOKIE: MSTSHASH");
}
