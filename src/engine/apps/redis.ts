/** Redis's RESP: `*3\r\n$3\r\nSET\r\n…`, `$5\r\nhello\r\n`, and on its port an answer that POP3's begins like. */
import { u8At } from "../bytes";
import { at, begins, end, isDigit, onPort, startsWith } from "./payload";

const ARRAY: i32 = 0x2a;
const BULK: i32 = 0x24;

export function overTcp(): bool {
  const first = u8At(at);
  if (first !== ARRAY && first !== BULK) return onPort(6379) && begins("+OK");
  let i = at + 1;
  while (i < end && isDigit(u8At(i))) i++;
  if (i === at + 1 || !startsWith(i, end, "\r\n")) return false;
  return first === BULK ? startsWith(end - 2, end, "\r\n") : i + 2 < end && u8At(i + 2) === BULK;
}
