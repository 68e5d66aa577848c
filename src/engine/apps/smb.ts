/** SMB 1 to 3 over TCP (MS-SMB2 §2.1): a length in four bytes, then the protocol's name behind 0xff or 0xfe. */
import { u8At } from "../bytes";
import { at, captured, end, startsWith } from "./payload";

export function overTcp(): bool {
  if (captured() < 8 || u8At(at) !== 0) return false;
  return (u8At(at + 4) === 0xff || u8At(at + 4) === 0xfe) && startsWith(at + 5, end, "SMB");
}
