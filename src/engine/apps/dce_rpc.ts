/** DCE/RPC (C706 §12.6): version 5.0 or 5.1, a known PDU type, and a fragment length that is the segment's. */
import { u8At } from "../bytes";
import { at, captured, wire } from "./payload";

export function overTcp(): bool {
  if (captured() < 16 || u8At(at) !== 5 || u8At(at + 1) > 1 || u8At(at + 2) > 19) return false;
  return (u8At(at + 8) | (u8At(at + 9) << 8)) === wire;
}
