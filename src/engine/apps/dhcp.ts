/** DHCP (RFC 2131 §2), BOOTP included: on its ports, a header that can be; elsewhere its magic cookie. */
import { u8At, u32At } from "../bytes";
import { at, captured, onPort } from "./payload";

const COOKIE: u32 = 0x63825363;

export function overUdp(): bool {
  const operation = u8At(at);
  if (operation < 1 || operation > 2) return false;
  if (captured() >= 240 && u32At(at + 236) === COOKIE) return true;
  return (onPort(67) || onPort(68)) && captured() >= 44 && u8At(at + 1) <= 32;
}
