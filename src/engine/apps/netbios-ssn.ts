/** The NetBIOS session service (RFC 1002 §4.3): a session request. */
import { u8At } from "../bytes";
import { at, captured, onPort } from "./payload";

export function overTcp(): bool {
  return onPort(139) && captured() >= 4 && u8At(at) === 0x81;
}
