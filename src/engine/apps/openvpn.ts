/** OpenVPN: on its port, a known operation. */
import { u8At } from "../bytes";
import { at, onPort } from "./payload";

export function overUdp(): bool {
  return onPort(1194) && u8At(at) >> 3 >= 1 && u8At(at) >> 3 <= 10;
}
