/** TFTP (RFC 1350, RFC 2347): on its port, a known operation. */
import { u16At } from "../bytes";
import { at, captured, onPort } from "./payload";

export function overUdp(): bool {
  return onPort(69) && captured() >= 4 && u16At(at) >= 1 && u16At(at) <= 6;
}
