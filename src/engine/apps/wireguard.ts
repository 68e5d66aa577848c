/** WireGuard: the first message of a handshake, by type and size. */
import { u32At } from "../bytes";
import { at, captured } from "./payload";

export function overUdp(): bool {
  return captured() === 148 && u32At(at) === 0x01000000;
}
