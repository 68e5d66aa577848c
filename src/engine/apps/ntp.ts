/** NTP (RFC 5905 §7.3): on its port, a message of version 1 to 4. */
import { u8At } from "../bytes";
import { at, captured, onPort, wire } from "./payload";

export function overUdp(): bool {
  if (!onPort(123)) return false;
  const version = (u8At(at) >> 3) & 7;
  return (captured() >= 48 || wire >= 12) && version >= 1 && version <= 4;
}
