/** IMAP (RFC 9051 §7.1): the server's greeting. */
import { begins } from "./payload";

export function overTcp(): bool {
  return begins("* OK") || begins("* PREAUTH") || begins("* BYE");
}
