/** NTP (RFC 5905 §7.3): on its port, a message of version 1 to 4. */
import { u8At } from "../bytes";
import { Row } from "../generated/layouts";
import { flipRoles } from "../table/roles";
import { AGAIN, DONE } from "./follow";
import { at, captured, fromOriginator, onPort, wire } from "./payload";

/** Modes: a client's question, a server's answer. */
const CLIENT: i32 = 3;
const SERVER: i32 = 4;

export function overUdp(): bool {
  if (!onPort(123)) return false;
  const version = (u8At(at) >> 3) & 7;
  return (captured() >= 48 || wire >= 12) && version >= 1 && version <= 4;
}

/** As Zeek has it: a server that comes first, or a client that comes second, means that the roles are the other way round. */
export function follow(row: Row): i32 {
  const mode = u8At(at) & 7;
  if (mode !== (fromOriginator() ? SERVER : CLIENT)) return AGAIN;
  flipRoles(row);
  return DONE;
}
