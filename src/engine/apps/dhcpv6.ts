/** DHCP for IPv6 (RFC 8415): on its ports, a known message type. */
import { u8At } from "../bytes";
import { at, onPort } from "./payload";

export function overUdp(): bool {
  return (onPort(546) || onPort(547)) && u8At(at) >= 1 && u8At(at) <= 13;
}
