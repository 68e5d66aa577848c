/** RADIUS (RFC 2865 §3): on its ports (the older ones and dynamic authorization, RFC 5176, too), a code and a length that can be. */
import { u8At, u16At } from "../bytes";
import { at, captured, onPort, wire } from "./payload";

export function overUdp(): bool {
  if (!(onPort(1812) || onPort(1813) || onPort(1645) || onPort(1646) || onPort(3799))) return false;
  return captured() >= 20 && u16At(at + 2) <= wire && u8At(at) > 0 && u8At(at) <= 45;
}
