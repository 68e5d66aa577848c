/** Kerberos (RFC 4120): on its port, the application tag of a message; over TCP behind its length. */
import { u8At, u32At } from "../bytes";
import { at, captured, onPort, wire } from "./payload";

export function overTcp(): bool {
  return onPort(88) && captured() > 8 && u32At(at) + 4 === <u32>wire && isMessageTag(u8At(at + 4));
}

export function overUdp(): bool {
  return onPort(88) && isMessageTag(u8At(at));
}

/** Exchanges with the authentication and ticket services, with applications, and errors. */
function isMessageTag(tag: i32): bool {
  return (tag >= 0x6a && tag <= 0x6f) || (tag >= 0x74 && tag <= 0x76) || tag === 0x7e;
}
