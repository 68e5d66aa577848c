/** ONC RPC (RFC 5531 §9): a call of version 2; over TCP behind a record mark. */
import { u8At, u32At } from "../bytes";
import { at, captured, end } from "./payload";

/** What is called there is RPC's own port mapper or another of its first thousand programs. */
const FIRST_PROGRAM: u32 = 100_000;

export function overTcp(): bool {
  return program(true) !== 0;
}

export function overUdp(): bool {
  return program(false) !== 0;
}

/** The program that the payload calls, 0 where it is no call. */
export function program(overTcp: bool): u32 {
  if (overTcp && (captured() < 20 || (u8At(at) & 0x80) === 0)) return 0;
  const call = overTcp ? at + 4 : at;
  if (end - call < 16 || u32At(call + 4) !== 0 || u32At(call + 8) !== 2) return 0;
  const called = u32At(call + 12);
  return called - FIRST_PROGRAM < 1000 ? called : 0;
}
