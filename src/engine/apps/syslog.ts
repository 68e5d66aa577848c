/** Syslog (RFC 5424 §6, RFC 3164): `<priority>`, then text. */
import { u8At } from "../bytes";
import { at, end, isDigit } from "./payload";

/** Characters behind the priority that must be printable. */
const TEXT: i32 = 7;

export function overUdp(): bool {
  if (u8At(at) !== 0x3c) return false;
  let i = at + 1;
  while (i < end && i < at + 4 && isDigit(u8At(i))) i++;
  if (i === at + 1 || i + 1 + TEXT > end || u8At(i) !== 0x3e) return false;
  for (let text = i + 1; text < i + 1 + TEXT; text++) if (u8At(text) < 0x20 || u8At(text) > 0x7e) return false;
  return true;
}
