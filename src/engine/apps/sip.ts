/**
 * SIP (RFC 3261 §7): a response, or a request, whose line ends with the version. Where its media will go is said by the session
 * descriptions (RFC 8866) in its bodies; the host reads these (service/sdp.ts).
 */
import { Row } from "../generated/layouts";
import { ALWAYS } from "./follow";
import { sessionDescription } from "./host";
import { at, begins, contains, end } from "./payload";

/** Bytes in which a request's line ends. */
const LINE: i32 = 200;

export function overTcp(): bool {
  return begins("SIP/2.0") || contains(" SIP/2.0\r", LINE);
}

export function overUdp(): bool {
  return begins("SIP/2.0 ") || contains(" SIP/2.0\r", LINE);
}

export function follow(_row: Row): i32 {
  if (contains("\nM=")) sessionDescription(at, end - at);
  return ALWAYS;
}
