/** STUN (RFC 8489 §5): its magic cookie, and a length that is the datagram's. */
import { u8At, u16At, u32At } from "../bytes";
import { at, captured, wire } from "./payload";

const COOKIE: u32 = 0x2112a442;

export function overUdp(): bool {
  return captured() >= 20 && (u8At(at) & 0xc0) === 0 && u32At(at + 4) === COOKIE && u16At(at + 2) + 20 === wire;
}
