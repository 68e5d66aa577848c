/** DTLS (RFC 6347 §4.1): a record of a known type and version. */
import { u8At, u16At } from "../bytes";
import { at, captured } from "./payload";

export function overUdp(): bool {
  if (captured() < 13) return false;
  const type = u8At(at);
  const version = u16At(at + 1);
  // 1.0, 1.2, and OpenSSL's before the standard.
  if (version !== 0xfeff && version !== 0xfefd && version !== 0x0100) return false;
  return type >= 20 && type <= 23 && u16At(at + 11) > 0;
}
