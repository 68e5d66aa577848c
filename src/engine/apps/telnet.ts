/** Telnet (RFC 854): on its port, a negotiation of options. */
import { u8At } from "../bytes";
import { at, captured, onPort } from "./payload";

const IAC: i32 = 0xff;
const SUBNEGOTIATION: i32 = 0xfa;

export function overTcp(): bool {
  return onPort(23) && u8At(at) === IAC && (captured() < 4 || u8At(at + 1) >= SUBNEGOTIATION);
}
