/** BGP (RFC 4271 §4.1): on its port, the marker of all ones. */
import { u32At } from "../bytes";
import { at, captured, onPort } from "./payload";

export function overTcp(): bool {
  return onPort(179) && captured() >= 19 && u32At(at) === 0xffffffff && u32At(at + 12) === 0xffffffff;
}
