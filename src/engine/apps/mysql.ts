/** MySQL's greeting: length, packet number 0, protocol 10, then a version in digits. */
import { u8At } from "../bytes";
import { at, captured } from "./payload";

export function overTcp(): bool {
  if (captured() < 16 || u8At(at + 3) !== 0 || u8At(at + 4) !== 10) return false;
  const digit = u8At(at + 5);
  return digit >= 0x33 && digit <= 0x39 && u8At(at + 6) === 0x2e;
}
