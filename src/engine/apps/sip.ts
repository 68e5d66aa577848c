/** SIP (RFC 3261 §7): a response, or a request, whose line ends with the version. */
import { begins, contains } from "./payload";

/** Bytes in which a request's line ends. */
const LINE: i32 = 200;

export function overTcp(): bool {
  return begins("SIP/2.0") || contains(" SIP/2.0\r", LINE);
}

export function overUdp(): bool {
  return begins("SIP/2.0 ") || contains(" SIP/2.0\r", LINE);
}
