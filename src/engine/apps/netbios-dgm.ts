/** The NetBIOS datagram service (RFC 1002 §4.4). */
import { u8At } from "../bytes";
import { at, onPort } from "./payload";

export function overUdp(): bool {
  return onPort(138) && u8At(at) >= 0x10 && u8At(at) <= 0x16;
}
